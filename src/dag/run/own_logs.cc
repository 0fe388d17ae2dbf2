#include "dag/run/own_logs.h"

#include <algorithm>
#include <utility>

#include "dag/run/job_logs.h"
#include "roost/base/files.h"

namespace roost::dag {
namespace {

/// An event by what tells it from others of its job; the same may happen to a job twice.
using Mark = std::pair<EventType, JobId>;
using Marks = std::map<Mark, int>;

Marks MarksIn(const Path& log) {
  Marks marks;
  if (const auto text = ReadRegularFile(log)) {
    ParseEvents(*text, [&](const JobEvent& event) { ++marks[{event.type, event.id}]; });
  }
  return marks;
}

}  // namespace

const Path& OwnLogs::Of(NodeIndex node, const JobId& id) {
  static const Path kNone;
  const auto [it, added] = by_cluster_.try_emplace(id.cluster);
  if (added) {
    const Submission submission = expand_(node, id.cluster);
    if (!HasErrors(submission.faults)) {
      for (const Job& job : submission.jobs) {
        it->second.push_back(job.log.empty() ? Path() : job.initial_dir / job.log);
      }
    }
  }
  const auto proc = static_cast<std::size_t>(std::max(id.proc, 0));
  return proc < it->second.size() ? it->second[proc] : kNone;
}

std::vector<Error> OwnLogs::CatchUp(const Recovered& recovered) {
  std::map<Path, Marks> logs;
  auto earlier = recovered.earlier;
  JobLogs written;
  for (const auto& [node, event] : recovered.newest) {
    const Path& log = Of(node, event.id);
    if (log.empty()) continue;
    const auto [it, added] = logs.try_emplace(log);
    if (added) it->second = MarksIn(log);
    int& there = it->second[{event.type, event.id}];
    there -= std::exchange(earlier[event.id][event.type], 0);
    if (there > 0) {
      --there;
    } else {
      written.Add(log, FormatEvent(event));
    }
  }
  written.WriteOut();
  std::vector<Error> errors;
  while (auto error = written.TakeError()) errors.push_back(std::move(*error));
  return errors;
}

}  // namespace roost::dag
