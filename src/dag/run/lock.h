#pragma once

#include <optional>
#include <string>

#include "roost/base/files.h"

namespace roost::dag {

/// What P.lock says about the dagrun that owns, or owned, the run.
struct LockRecord {
  long pid = 0;
  std::string
      start;  ///< when it was started, as the kernel counts it: tells it from a later process of that pid
  std::string host;
  std::string run_id;  ///< every process of the run has it in its environment as DAGRUN_RUN_ID
  int rescue = 0;      ///< number of the rescue file that was applied; 0 = none of those with numbers
  Path rescue_file;    ///< that file, or the save point, that was applied; empty = none
  Path scratch;        ///< folder of its sandboxes
};

/// The record in a lock file, for others to look at; nothing where there is no such file, or one whose owner
/// has only just made it. Reads without locking: the owner never leaves it half written.
std::optional<LockRecord> ReadLock(const Path& file);

/// Whether the dagrun of the record still lives. One of another host is taken to.
bool OwnerAlive(const LockRecord& record);

/// The lock of a run: a file held with flock(2) while its dagrun lives, gone after an orderly end, and left
/// with its record after a crash.
class RunLock {
 public:
  /// Throws Error where another dagrun, here or on another host, owns the run.
  explicit RunLock(const Path& file);

  /// The record of a dagrun that died: the run is to be recovered.
  const std::optional<LockRecord>& left_by() const { return left_by_; }

  /// Writes our record: pid, start and host are filled in.
  void Claim(LockRecord record);

  /// Removes the file: an orderly end.
  void Release();

 private:
  Path file_;
  FileDescriptor fd_;
  std::optional<LockRecord> left_by_;
};

/// A new name that no other run has. `parent`: that of the run that this one is nested in.
std::string NewRunId(const std::string& parent = {});

/// Kills (SIGKILL) every process of this user that has DAGRUN_RUN_ID=`run_id` in its environment, or the id
/// of a run nested in it, and waits until they are gone. Returns how many there were.
int KillProcessesOfRun(const std::string& run_id);

}  // namespace roost::dag
