#include "dag/report/run_numbers.h"

#include <algorithm>
#include <set>
#include <string>

namespace roost::dag {
namespace {

constexpr Clock::WallTime kNever{};

}  // namespace

RunNumbers NumbersOf(const RunRecord& record, Clock::WallTime now) {
  const RunHistory& history = *record.history;
  RunNumbers numbers{.begun = history.first_event(), .ended = record.running ? now : history.last_event()};
  std::set<std::string> slots;
  for (NodeIndex node = 0; node < record.dag.end(); ++node) {
    const auto& attempts = history.At(node).attempts;
    numbers.retries += std::max(0, static_cast<int>(attempts.size()) - 1);
    for (const AttemptHistory& attempt : attempts) {
      for (const ProcHistory& proc : attempt.procs) {
        numbers.cpu += proc.usage.user + proc.usage.system;
        if (proc.over() && !proc.ok()) ++numbers.failed_jobs;
        if (proc.started == kNever) continue;
        ++numbers.jobs;
        slots.insert(proc.slot);
        numbers.busy += (proc.over() ? proc.ended : numbers.ended) - proc.started;
      }
    }
  }
  numbers.slots = static_cast<int>(slots.size());
  numbers.wall = numbers.ended - numbers.begun;
  // Written with more digits than the events, where it is that of the same run.
  if (!record.running && record.duration && Seconds(*record.duration) >= numbers.wall) {
    numbers.wall = Seconds(*record.duration);
  }
  return numbers;
}

std::vector<NodeIndex> CriticalPath(const RunRecord& record) {
  const RunHistory& history = *record.history;
  NodeIndex last = -1;
  for (NodeIndex node = 0; node < record.dag.end(); ++node) {
    const Clock::WallTime ended = history.At(node).ended();
    if (ended != kNever && (last < 0 || ended >= history.At(last).ended())) last = node;
  }
  std::vector<NodeIndex> path;
  while (last >= 0) {
    path.push_back(last);
    NodeIndex before = -1;
    for (const Edge& parent : record.dag.parents.Of(last)) {
      const Clock::WallTime ended = history.At(parent.index()).ended();
      if (ended != kNever && (before < 0 || ended > history.At(before).ended())) before = parent.index();
    }
    last = before;
  }
  std::ranges::reverse(path);
  return path;
}

}  // namespace roost::dag
