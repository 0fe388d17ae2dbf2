#include "dag/run/own_logs.h"

#include <utility>

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
  const auto proc = static_cast<std::size_t>(id.proc);
  return proc < it->second.size() ? it->second[proc] : kNone;
}

std::vector<Error> OwnLogs::CatchUp(const std::deque<Recovered::Newest>& newest) {
  std::map<Path, Marks> logs;
  std::map<Path, std::string> missing;
  for (const Recovered::Newest& record : newest) {
    const Path& log = Of(record.node, record.event.id);
    if (log.empty()) continue;
    const auto [it, added] = logs.try_emplace(log);
    if (added) it->second = MarksIn(log);
    int& there = it->second[{record.event.type, record.event.id}];
    if (there > 0) {
      --there;
    } else {
      missing[log] += FormatEvent(record.event);
    }
  }
  std::vector<Error> errors;
  for (const auto& [log, text] : missing) {
    try {
      AppendFile(log).Append(text).value();
    } catch (const Error& error) {
      errors.push_back(error);
    }
  }
  return errors;
}

}  // namespace roost::dag
