#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/stat.h>
#include <sys/types.h>

#include "roost/base/files.h"
#include "roost/dag/executor.h"

namespace roost::dag {

/// The private folder of the attempts that run in one slot, one after the other: empty but for the job ad
/// when each of them starts. Making and removing a folder costs more than starting a process, so it stays for
/// the next one as long as nobody can tell the difference. Moves the job's files in and out where
/// should_transfer_files = YES, and removes the folder when destroyed.
class Sandbox {
 public:
  explicit Sandbox(Path folder) : name_(std::move(folder)) {}
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// Before the start of an attempt. Throws Error.
  void Open(std::string_view job_ad);
  /// After its end: what it left is removed.
  void Empty();

  /// Where it is from Open() to Empty().
  const Path& folder() const { return folder_; }

  /// Copies executable and inputs in: base names only unless preserve_relative_paths, "dir/" gives the
  /// content of dir. Says why not (code 13).
  std::optional<Refused> BringIn(const Job& job);

  /// Copies outputs to the job's initialdir, or where transfer_output_remaps sends them, each file whole or
  /// not at all: the declared ones, or every regular file at the top that is new or changed since BringIn().
  /// Not all that end like `status` have outputs (when_to_transfer_output). Says why not (code 12).
  std::optional<Refused> BringOut(const Job& job, const ExitStatus& status) const;

 private:
  /// What tells whether a file has been written to.
  struct Stamp {
    std::int64_t modified_ns = 0;
    off_t size = 0;
    ino_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::map<std::string, Stamp> StampTopFiles() const;
  bool EmptiedForReuse() const;
  void Remove();

  Path name_;  ///< what the folder is called, as long as nothing is in the way
  Path folder_;
  int renamed_ = 0;
  FileDescriptor ad_;  ///< kept open: rewritten for each attempt
  /// Folder and ad as they were made: a job may have changed anything.
  struct stat made_folder_ {};
  struct stat made_ad_ {};
  std::map<std::string, Stamp> at_start_;
};

}  // namespace roost::dag
