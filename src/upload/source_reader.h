#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <sys/types.h>

#include "roost/base/digest.h"
#include "roost/base/files.h"
#include "upload/source_tree.h"

namespace roost::upload {

/// What tells whether a file is still the one that was read.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

/// The stamp of the file under `path`, links followed; nothing where there is none.
std::optional<FileStamp> StampOf(const Path& path);

/// Reads one file to be sent, from its start to its end, and computes its digest on the way. Remembers when
/// reading failed, so that a failed delivery can be put down to the source or to the destination.
class SourceReader {
 public:
  /// Opens a regular file.
  static Result<SourceReader> Open(const Path& path);

  /// As it was when opened.
  const FileStamp& stamp() const { return stamp_; }
  const Path& path() const { return path_; }

  /// Fills the front of `buffer`; 0 at the end. At the end the file must be as long and as old as it was when
  /// opened: a file that is still being written is an Error, not a delivery.
  Result<std::size_t> Read(std::span<char> buffer);
  /// Begins again, the digest too.
  Result<void> Rewind();
  /// Reads what is left. Lower-case hexadecimal SHA-256 of the whole file.
  Result<std::string> Sha256();

  /// Bytes read so far: the size, once the end was read. Files of /proc have more than they say.
  std::uint64_t size() const { return size_; }

  bool failed() const { return failed_; }

 private:
  SourceReader(Path path, FileDescriptor file, FileStamp stamp)
      : path_(std::move(path)), file_(std::move(file)), stamp_(stamp) {}
  Error Fail(Error error);

  Path path_;
  FileDescriptor file_;
  FileStamp stamp_;
  Digest digest_{DigestKind::kSha256};
  std::string sha256_;  ///< empty until the end was read
  std::uint64_t size_ = 0;
  bool failed_ = false;
};

}  // namespace roost::upload
