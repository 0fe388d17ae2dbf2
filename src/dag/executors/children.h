#pragma once

#include <functional>
#include <unordered_map>

#include "roost/base/clock.h"
#include "roost/base/process.h"

namespace roost::dag {

/// Every child process of this dagrun in one place, so that one wait serves jobs and scripts alike: each end
/// goes to whoever started the process. Kills what still runs when destroyed.
class Children {
 public:
  using OnExit = std::function<void(const ProcessSet::Finished&)>;

  /// `on_exit` is called from Wait(), once.
  Result<pid_t> Start(const ProcessOptions& options, OnExit on_exit);
  /// Signals the process group of a child that has not been reported yet.
  void Signal(pid_t pid, int signal) { processes_.Signal(pid, signal); }

  /// Blocks until a child ends, `deadline` passes or a signal arrives, and reports the ends.
  void Wait(Clock::TimePoint deadline);

 private:
  ProcessSet processes_;
  std::unordered_map<pid_t, OnExit> on_exit_;
};

}  // namespace roost::dag
