#pragma once

#include <map>
#include <optional>
#include <string>

#include <sys/types.h>

#include "roost/dag/executor.h"

namespace roost::dag {

/// The private folder of one attempt. Moves the job's files in and out where should_transfer_files = YES, and
/// removes the folder when destroyed.
class Sandbox {
 public:
  /// Makes the folder and writes the job ad into it. Throws Error.
  Sandbox(const Path& folder, const JobAttempt& attempt);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const Path& folder() const { return folder_; }

  /// Copies executable and inputs in: base names only, "dir/" gives the content of dir. Says why not (code
  /// 13).
  std::optional<Refused> BringIn(const Job& job);

  /// Copies outputs to the job's initialdir, each file whole or not at all: the declared ones, or every
  /// regular file at the top that is new or changed since BringIn(). Says why not (code 12).
  std::optional<Refused> BringOut(const Job& job) const;

 private:
  /// What tells whether a file has been written to.
  struct Stamp {
    std::int64_t modified_ns = 0;
    off_t size = 0;
    ino_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::map<std::string, Stamp> StampTopFiles() const;

  Path folder_;
  std::map<std::string, Stamp> at_start_;
};

}  // namespace roost::dag
