#include "dag/run/status_files.h"

#include <chrono>
#include <cstdio>
#include <map>

namespace roost::dag {
namespace {

double Seconds(Clock::WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string Milliseconds(double seconds) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3f", seconds);
  return text;
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c == '\n' ? ' ' : c);
  }
  return quoted + '"';
}

/// One JSON object, a key per line as DAGMan writes it.
class MetricsText {
 public:
  void Add(const char* key, const std::string& raw_value) {
    text_ += (text_.empty() ? "{\n    \"" : ",\n    \"") + std::string(key) + "\":" + raw_value;
  }
  void Add(const char* key, int value) { Add(key, std::to_string(value)); }
  std::string Finish() { return text_ + "\n}\n"; }

 private:
  std::string text_;
};

/// A line "  Name = value;" or, with a note, "  Name = value; /* "note" */".
std::string Line(const char* name, const std::string& value, const std::string& note = {}) {
  std::string line = std::string("  ") + name + " = " + value + ";";
  if (!note.empty()) line += " /* \"" + note + "\" */";
  return line + "\n";
}

std::string Line(const char* name, int value) { return Line(name, std::to_string(value)); }

std::string TimeLine(const char* name, Clock::WallTime time) {
  const auto epoch = std::chrono::system_clock::to_time_t(time);
  return Line(name, std::to_string(epoch), FormatTime(time, "%a %b %e %H:%M:%S %Y"));
}

struct ShownState {
  int number;
  const char* name;
  std::string details;
};

/// In the last write what was still going on counts as an error, with a note of what it was.
ShownState Shown(NodeState state, bool premarked, const std::string& failure) {
  switch (state) {
    case NodeState::kUnready:
    case NodeState::kReady:
      return {state == NodeState::kUnready ? 0 : 1,
              state == NodeState::kUnready ? "STATUS_NOT_READY" : "STATUS_READY", ""};
    case NodeState::kPre:
      return {6, "STATUS_ERROR", "Was STATUS_PRERUN"};
    case NodeState::kQueued:
      return {6, "STATUS_ERROR", "Was STATUS_SUBMITTED"};
    case NodeState::kPost:
      return {6, "STATUS_ERROR", "Was STATUS_POSTRUN"};
    case NodeState::kDone:
      return {5, "STATUS_DONE", premarked ? "User defined as DONE" : ""};
    case NodeState::kFailed:
      return {6, "STATUS_ERROR", failure};
    case NodeState::kFutile:
      return {7, "STATUS_FUTILE", "Had an ancestor node fail"};
  }
  return {6, "STATUS_ERROR", ""};
}

std::string DagStatusNote(RunEnd::Status status) {
  switch (status) {
    case RunEnd::Status::kOk:
      return "STATUS_DONE (success)";
    case RunEnd::Status::kAborted:
      return "STATUS_ERROR (aborted)";
    case RunEnd::Status::kRemoved:
      return "STATUS_ERROR (removed)";
    case RunEnd::Status::kCycle:
      return "STATUS_ERROR (cycle)";
    case RunEnd::Status::kError:
    case RunEnd::Status::kNodeFailed:
    case RunEnd::Status::kHalted:
      return "STATUS_ERROR (failed)";
  }
  return "STATUS_ERROR (failed)";
}

}  // namespace

std::string FormatMetrics(const MetricsFacts& facts, const RunEnd& end) {
  const NodeCounts& counts = end.counts;
  MetricsText text;
  text.Add("client", Quoted("dagrun"));
  text.Add("version", Quoted(ROOST_VERSION));
  text.Add("type", Quoted("metrics"));
  text.Add("metrics_version", 2);
  text.Add("start_time", Milliseconds(Seconds(facts.start)));
  text.Add("end_time", Milliseconds(Seconds(facts.end)));
  text.Add("duration", Milliseconds(Seconds(facts.end) - Seconds(facts.start)));
  text.Add("exitcode", end.exit_code);
  text.Add("dagman_id", Quoted(std::to_string(facts.dag_id)));
  text.Add("parent_dagman_id", Quoted(""));
  text.Add("rescue_dag_number", facts.rescue_number);
  text.Add("has_final_node", "false");
  text.Add("nodes", counts.total());
  text.Add("nodes_failed", counts[NodeState::kFailed]);
  text.Add("nodes_succeeded", counts[NodeState::kDone]);
  for (const char* none : {"dag_nodes", "dag_nodes_failed", "dag_nodes_succeeded", "provisioner_nodes",
                           "service_nodes", "service_nodes_failed", "service_nodes_succeeded"}) {
    text.Add(none, 0);
  }
  text.Add("total_nodes", counts.total());
  text.Add("total_nodes_run", facts.jobs.nodes_run);
  text.Add("jobs_submitted", facts.jobs.submitted);
  // DAGMan's own reading of the words: every job that came to an end of its own "succeeded".
  text.Add("jobs_succeeded", facts.jobs.ended);
  text.Add("jobs_failed", facts.jobs.submitted - facts.jobs.ended);
  text.Add("DagStatus", static_cast<int>(end.status));
  return text.Finish();
}

std::string FormatNodeStatus(const Plan& plan, const RunEnd& end, const std::string& dag_file,
                             Clock::WallTime now) {
  const NodeCounts& counts = plan.counts();
  std::map<std::string, std::string> reasons;
  for (const NodeFailure& failure : end.failures) reasons[failure.node] = failure.what;

  std::string text =
      "[\n" + Line("Type", Quoted("DagStatus")) + "  DagFiles = {\n    " + Quoted(dag_file) + "\n  };\n";
  text += TimeLine("Timestamp", now);
  text += Line("DagStatus", end.status == RunEnd::Status::kOk ? "5" : "6", DagStatusNote(end.status));
  text += Line("NodesTotal", counts.total());
  text += Line("NodesDone", counts[NodeState::kDone]);
  text += Line("NodesPre", counts[NodeState::kPre]);
  text += Line("NodesQueued", counts[NodeState::kQueued]);
  text += Line("NodesPost", counts[NodeState::kPost]);
  text += Line("NodesReady", counts[NodeState::kReady]);
  text += Line("NodesUnready", counts[NodeState::kUnready]);
  text += Line("NodesFutile", counts[NodeState::kFutile]);
  text += Line("NodesFailed", counts[NodeState::kFailed]);
  text += Line("JobProcsHeld", 0) + Line("JobProcsIdle", "0", "includes held") + "]\n";

  for (NodeIndex index = 0; index < static_cast<NodeIndex>(plan.dag().nodes.size()); ++index) {
    const Node& node = plan.dag().nodes[static_cast<std::size_t>(index)];
    const auto reason = reasons.find(node.name);
    const ShownState shown =
        Shown(plan.state(index), node.done, reason == reasons.end() ? std::string() : reason->second);
    text += "[\n" + Line("Type", Quoted("NodeStatus")) + Line("Node", Quoted(node.name));
    text += Line("NodeStatus", std::to_string(shown.number), shown.name);
    text += Line("StatusDetails", Quoted(shown.details)) + Line("RetryCount", plan.attempt(index));
    text += Line("JobProcsQueued", 0) + Line("JobProcsHeld", 0) + "]\n";
  }
  text += "[\n" + Line("Type", Quoted("StatusEnd")) + TimeLine("EndTime", now);
  return text + Line("NextUpdate", "0", "none") + "]\n";
}

}  // namespace roost::dag
