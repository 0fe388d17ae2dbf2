#include "dag/executors/children.h"

#include <csignal>
#include <utility>

namespace roost::dag {

Result<pid_t> Children::Start(const ProcessOptions& options, OnExit on_exit) {
  auto pid = processes_.Start(options);
  if (pid) on_exit_.emplace(*pid, std::move(on_exit));
  return pid;
}

void Children::Wait(Clock::TimePoint deadline) {
  for (const ProcessSet::Finished& finished : processes_.Wait(deadline)) {
    // What it started in the background must not outlive it: those processes would write into files of a job
    // that counts as ended. The group id cannot be anybody else's while a member lives.
    ::kill(-finished.pid, SIGKILL);
    const auto it = on_exit_.find(finished.pid);
    const OnExit on_exit = std::move(it->second);
    on_exit_.erase(it);
    on_exit(finished);
  }
}

}  // namespace roost::dag
