#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "roost/base/clock.h"
#include "roost/base/error.h"
#include "upload/source_reader.h"
#include "upload/source_tree.h"

namespace roost::upload {

/// A file that is at the destination already.
struct Held {
  std::uint64_t size = 0;
  /// It is the local file itself, seen through the destination (a mount, a link, a hard link): nothing to
  /// send, and no second copy that would allow the local one to go.
  bool is_source = false;
};

/// Called with the number of bytes sent since the last call; false asks to give up.
using Moved = std::function<bool(std::uint64_t bytes)>;

/// How sure Remote::Matches has to be.
enum class Proof {
  kAsSeen,  ///< what a reader gets now, perhaps out of some memory: enough to send nothing
  kOnDisk   ///< as after Put(): enough to delete the source
};

/// A place that results are sent to. Owns its connections. Paths are relative to the destination, with '/'
/// between names. Used from one thread.
///
/// What goes wrong with one file is a returned Error. Error is thrown where nothing more can be stored:
/// full, read-only, signed out, away.
class Remote {
 public:
  virtual ~Remote() = default;

  /// As the user wrote it after --to, with relative names made absolute: "folder:/mnt/archive".
  virtual std::string Name() const = 0;

  /// Throws Error (usage) where sending `root` here makes no sense: a folder into itself.
  virtual void CheckSource(const SourceRoot& root) const = 0;

  /// Makes the destination ready to take files: creates it where missing. Called once, before any file is
  /// put; not at all in a dry run.
  virtual void Open() = 0;

  /// Removes what killed uploads left half-done in `folder` (a path; empty = the destination itself). What
  /// may still be under way, here or on another host, stays.
  virtual void RemoveLeftovers(const std::string& folder) = 0;

  /// What is there under the path of `file`. Changes nothing.
  virtual Result<std::optional<Held>> Find(const SourceFile& file) = 0;

  /// Whether what is there under `path` has the digest of `source`, which is read to its end. Changes no
  /// content.
  virtual Result<bool> Matches(const std::string& path, SourceReader& source, Proof proof) = 0;

  /// Stores `source`, from its start, under `path`, in place of what was there. When this returns well the
  /// destination itself has confirmed the digest and a power cut does not undo it. Until then, and after an
  /// Error, `path` is as it was before; nobody ever sees a part of the file under it.
  virtual Result<void> Put(const std::string& path, SourceReader& source, const Moved& moved) = 0;
};

/// The destination that `text` (the value of --to) names. Throws Error (usage) where it names none.
/// `clock` outlives it.
std::unique_ptr<Remote> MakeRemote(const std::string& text, const Clock& clock);

}  // namespace roost::upload
