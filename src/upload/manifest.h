#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "roost/base/files.h"

namespace roost::upload {

enum class Outcome {
  kSent,         ///< was not there
  kReplaced,     ///< something else was there under that name
  kSkipped,      ///< was there already, with the same digest
  kFailed,       ///< is not there; see `error`
  kWouldSend,    ///< dry run
  kWouldReplace  ///< dry run
};

std::string_view ToString(Outcome outcome);

/// What became of one file: one line of a manifest.
struct Record {
  std::string path;         ///< relative to the destination
  std::string source;       ///< absolute local name
  std::string destination;  ///< Remote::Name()
  Outcome outcome = Outcome::kFailed;
  bool link = false;          ///< `source` is a symbolic link; what it points to was read
  std::uint64_t size = 0;     ///< of what was read; as the file says where it was not read
  std::int64_t mtime_ns = 0;  ///< of the source, when it was read
  std::string sha256;         ///< confirmed by the destination; empty where kFailed and in dry runs
  std::string error;          ///< only where kFailed

  /// The destination holds the file, and has confirmed its digest.
  bool Confirmed() const;
};

/// "sha256 <tab> size <tab> path <tab> outcome". Backslash, tab and line end in the path are written \\, \t
/// and \n; each byte of other control characters (C0, DEL, C1) and of what is not UTF-8 \xHH. "-" where there
/// is no digest.
std::string TextLine(const Record& record);

/// One JSON object with the fields of Record by their names; `link`, `sha256` and `error` only where they are
/// set. Bytes of names that are not UTF-8 become U+FFFD.
std::string JsonLine(const Record& record);

/// The manifest file: JSON lines, in the order in which files were settled. A later line for the same `path`
/// and `destination` replaces an earlier one, so a rerun appends. A line whose `outcome` is sent, replaced or
/// skipped says: the destination held `sha256` under `path` when the line was written, and the source with
/// that `size` and `mtime_ns` is what was compared. Readers ignore a last line without line end (a killed
/// writer), fields that they do not know, and lines whose `outcome` they do not know.
class ManifestFile {
 public:
  /// Opens or creates the file. Throws Error.
  explicit ManifestFile(const Path& path);

  /// On disk when this returns well.
  Result<void> Append(const Record& record);

 private:
  AppendFile file_;
};

}  // namespace roost::upload
