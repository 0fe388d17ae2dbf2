#include "dag/run/observed.h"

#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::test {

using dag::EventType;
using dag::JobEvent;

Observed ObserveRun(const Path& nodes_log) {
  Observed seen;
  if (!std::filesystem::exists(nodes_log)) return seen;
  std::map<std::pair<int, int>, std::string> node_of;
  std::size_t place = 0;
  const auto submitted = [&](const JobEvent& event) {
    auto& attempts = seen.attempts[event.node];
    if (attempts.empty() || attempts.back().cluster != event.id.cluster ||
        attempts.back().subproc != event.id.subproc) {
      attempts.push_back({.cluster = event.id.cluster, .subproc = event.id.subproc});
      seen.submit_sequence.push_back(event.node);
    }
    attempts.back().procs[std::to_string(event.id.proc)] = "no end";
    node_of[{event.id.cluster, event.id.subproc}] = event.node;
    seen.first_submit.emplace(event.node, place);
  };
  const auto ended = [&](const JobEvent& event, const std::string& how) {
    const auto node = node_of.find({event.id.cluster, event.id.subproc});
    ASSERT_NE(node, node_of.end()) << "cluster " << event.id.cluster << " ended and was not submitted";
    std::string& end = seen.attempts[node->second].back().procs[std::to_string(event.id.proc)];
    EXPECT_EQ(end, "no end") << "node " << node->second << " proc " << event.id.proc << " ended twice";
    end = how;
    seen.last_end[node->second] = place;
  };
  dag::ParseEvents(ReadText(nodes_log), [&](const JobEvent& event) {
    ++place;
    if (event.type == EventType::kSubmit) submitted(event);
    if (event.type == EventType::kHeld || event.type == EventType::kReleased) {
      auto& attempt = seen.attempts[node_of[{event.id.cluster, event.id.subproc}]].back();
      (event.type == EventType::kHeld ? attempt.held : attempt.released).push_back(event.id.proc);
    }
    if (event.type == EventType::kAborted) ended(event, "removed");
    if (event.type == EventType::kTerminated) {
      ended(event, (event.status.signaled ? "signal " : "exit ") + std::to_string(event.status.value));
    }
    if (event.type == EventType::kPostScriptTerminated) seen.post[event.node].push_back(event.status.value);
  });
  return seen;
}

std::optional<std::string> StatusValue(const std::string& line, const std::string& name) {
  const std::string start = "  " + name + " = ";
  if (!line.starts_with(start)) return std::nullopt;
  std::string value = line.substr(start.size(), line.rfind(';') - start.size());
  std::erase(value, '"');
  return value;
}

std::map<std::string, std::string> NodeStates(const Path& status_file) {
  const std::map<std::string, std::string> names = {
      {"0", "not-run"}, {"1", "not-run"}, {"5", "done"}, {"6", "failed"}, {"7", "futile"}};
  std::map<std::string, std::string> states;
  if (!std::filesystem::exists(status_file)) return states;
  std::string node;
  for (const std::string& line : Split(ReadText(status_file), '\n')) {
    if (const auto name = StatusValue(line, "Node")) node = *name;
    if (const auto status = StatusValue(line, "NodeStatus")) {
      const auto name = names.find(*status);
      states[node] = name == names.end() ? "status " + *status : name->second;
    }
    if (StatusValue(line, "StatusDetails") == "Was STATUS_SUBMITTED") states[node] = "removed";
    if (StatusValue(line, "StatusDetails") == "Was STATUS_PRERUN") states[node] = "not-run";
  }
  return states;
}

}  // namespace roost::test
