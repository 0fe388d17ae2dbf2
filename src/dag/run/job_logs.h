#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "roost/base/files.h"

namespace roost::dag {

/// The event logs that submit files name: usually one file for all jobs of a DAG, sometimes one for each.
/// Keeps those in use open. Others may write to the same files, on NFS as well.
class JobLogs {
 public:
  /// Adds to what is written next. Creates the file where it is missing, not its folder.
  void Add(const Path& log, std::string_view event);

  /// One write() for each log with new events.
  void WriteOut();

  /// A log that could not be opened or written, or nothing. Each is told about once.
  std::optional<Error> TakeError();

 private:
  struct Log {
    FileDescriptor file;
    dev_t device = 0;
    ino_t inode = 0;
    bool on_nfs = false;
    std::string pending;
    std::uint64_t last_used = 0;
  };

  bool Open(const Path& path, Log& log);
  void Write(const Path& path, Log& log);
  void CloseTheLeastUsed();
  void Fail(const Path& path, const Error& error);

  std::map<Path, Log> logs_;      ///< the open ones, and those with something pending
  std::vector<Path> written_to_;  ///< those with something pending
  std::uint64_t uses_ = 0;
  std::set<Path> told_;
  std::deque<Error> errors_;
};

}  // namespace roost::dag
