#include "dag/executors/children.h"

#include <utility>

namespace roost::dag {

Result<pid_t> Children::Start(const ProcessOptions& options, OnExit on_exit) {
  auto pid = processes_.Start(options);
  if (pid) on_exit_.emplace(*pid, std::move(on_exit));
  return pid;
}

void Children::Wait(Clock::TimePoint deadline) {
  for (const ProcessSet::Finished& finished : processes_.Wait(deadline)) {
    const auto it = on_exit_.find(finished.pid);
    const OnExit on_exit = std::move(it->second);
    on_exit_.erase(it);
    on_exit(finished);
  }
}

}  // namespace roost::dag
