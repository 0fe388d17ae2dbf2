#include "dag/run/node_status_file.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace roost::dag {
namespace {

constexpr std::size_t kPiece = 1 << 20;

/// "  Name = value;", with a note "  Name = value; /* "note" */".
void AddLine(std::string& text, std::string_view name, std::string_view value, std::string_view note = {}) {
  text.append("  ").append(name).append(" = ").append(value).append(";");
  if (!note.empty()) text.append(" /* \"").append(note).append("\" */");
  text.push_back('\n');
}

void AddLine(std::string& text, std::string_view name, int value, std::string_view note = {}) {
  AddLine(text, name, std::to_string(value), note);
}

void AddTime(std::string& text, std::string_view name, Clock::WallTime time) {
  AddLine(text, name, std::to_string(std::chrono::system_clock::to_time_t(time)),
          FormatTime(time, "%a %b %e %H:%M:%S %Y"));
}

struct Shown {
  int number;
  std::string_view name;
  std::string details;
};

/// What is still under way when the run ends counts as an error, with a note of what it was.
Shown UnderWay(int number, std::string_view name, std::string details, bool last) {
  if (last) return {6, "STATUS_ERROR", "Was " + std::string(name)};
  return {number, name, std::move(details)};
}

Shown StateOf(const NodeFacts& facts, const Node& node, bool last) {
  switch (facts.state) {
    case NodeState::kUnready:
      return {0, "STATUS_NOT_READY", ""};
    case NodeState::kReady:
      return {1, "STATUS_READY", ""};
    case NodeState::kPre:
      return UnderWay(2, "STATUS_PRERUN", "", last);
    case NodeState::kQueued:
      return UnderWay(3, "STATUS_SUBMITTED", facts.first_proc_running ? "not_idle" : "idle", last);
    case NodeState::kPost:
      return UnderWay(4, "STATUS_POSTRUN", "", last);
    case NodeState::kDone:
      return {5, "STATUS_DONE", node.done ? "User defined as DONE" : ""};
    case NodeState::kFailed:
      return {6, "STATUS_ERROR", facts.failure};
    case NodeState::kFutile:
      return {7, "STATUS_FUTILE", "Had an ancestor node fail"};
  }
  return {6, "STATUS_ERROR", ""};
}

bool Succeeded(const Plan& plan) {
  const NodeIndex final_node = plan.dag().final_node;
  if (final_node >= 0) return plan.state(final_node) == NodeState::kDone;
  return plan.counts()[NodeState::kDone] == plan.counts().total();
}

/// `reason` is a value of $DAG_STATUS.
std::string_view WhyEnded(int reason) {
  switch (reason) {
    case 3:
      return "aborted";
    case 4:
      return "removed";
    case 5:
      return "cycle";
    default:
      return "failed";
  }
}

void AddDagStatus(std::string& text, const RunView& run, bool last) {
  if (last && Succeeded(run.plan())) {
    return AddLine(text, "DagStatus", 5, "STATUS_DONE (success)");
  }
  if (last) {
    return AddLine(text, "DagStatus", 6, "STATUS_ERROR (" + std::string(WhyEnded(run.dag_status())) + ")");
  }
  // Only these two are known while something, the FINAL node, still runs.
  const bool stopped = run.dag_status() == 3 || run.dag_status() == 4;
  const std::string why(stopped ? WhyEnded(run.dag_status()) : "");
  AddLine(text, "DagStatus", 3, "STATUS_SUBMITTED (" + why + ")");
}

void AddDag(std::string& text, const RunView& run, Clock::WallTime now, bool last) {
  const NodeCounts& counts = run.plan().counts();
  text += "[\n";
  AddLine(text, "Type", "\"DagStatus\"");
  text += "  DagFiles = {\n";
  const std::vector<Path>& files = run.plan().dag().files;
  for (std::size_t i = 0; i < files.size(); ++i) {
    text += "    " + ClassAdString(files[i].string()) + (i + 1 < files.size() ? ",\n" : "\n");
  }
  text += "  };\n";
  AddTime(text, "Timestamp", now);
  AddDagStatus(text, run, last);
  AddLine(text, "NodesTotal", counts.total());
  AddLine(text, "NodesDone", counts[NodeState::kDone]);
  AddLine(text, "NodesPre", counts[NodeState::kPre]);
  AddLine(text, "NodesQueued", counts[NodeState::kQueued]);
  AddLine(text, "NodesPost", counts[NodeState::kPost]);
  AddLine(text, "NodesReady", counts[NodeState::kReady]);
  AddLine(text, "NodesUnready", counts[NodeState::kUnready]);
  AddLine(text, "NodesFutile", counts[NodeState::kFutile]);
  AddLine(text, "NodesFailed", counts[NodeState::kFailed]);
  AddLine(text, "JobProcsHeld", run.held_procs());
  text += "  JobProcsIdle = " + std::to_string(run.idle_procs()) + "; /* includes held */\n]\n";
}

void AddNode(std::string& text, const Node& node, const NodeFacts& facts, bool last) {
  const Shown shown = StateOf(facts, node, last);
  text += "[\n";
  AddLine(text, "Type", "\"NodeStatus\"");
  AddLine(text, "Node", ClassAdString(node.name));
  AddLine(text, "NodeStatus", shown.number, shown.name);
  AddLine(text, "StatusDetails", ClassAdString(shown.details));
  AddLine(text, "RetryCount", facts.attempt);
  AddLine(text, "JobProcsQueued", last ? 0 : facts.queued);
  AddLine(text, "JobProcsHeld", last ? 0 : facts.held);
  text += "]\n";
}

}  // namespace

std::string ClassAdString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c == '\n' ? ' ' : c);
  }
  return quoted + '"';
}

void FormatNodeStatus(const RunView& run, Clock::WallTime now, std::optional<Clock::WallTime> next_update,
                      const std::function<void(std::string_view)>& write) {
  const bool last = !next_update;
  std::string text;
  AddDag(text, run, now, last);
  const Dag& dag = run.plan().dag();
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    if (dag.At(node).kind == NodeKind::kService) continue;
    AddNode(text, dag.At(node), run.Facts(node), last);
    if (text.size() < kPiece) continue;
    write(text);
    text.clear();
  }
  text += "[\n";
  AddLine(text, "Type", "\"StatusEnd\"");
  AddTime(text, "EndTime", now);
  if (last) {
    AddLine(text, "NextUpdate", 0, "none");
  } else {
    AddTime(text, "NextUpdate", *next_update);
  }
  text += "]\n";
  write(text);
}

NodeStatusWriter::NodeStatusWriter(NodeStatusFile settings, const Clock& clock,
                                   std::function<void(const std::string&)> warn)
    : settings_(std::move(settings)),
      clock_(clock),
      warn_(std::move(warn)),
      allowance_(clock),
      next_(clock.Now()) {}

void NodeStatusWriter::On(const RunEvent& event, const RunView& run) {
  changed_ = true;
  if (event.kind == RunEvent::Kind::kRunStarted) started_ = true;
  if (event.kind == RunEvent::Kind::kRunEnded) Write(run, true);
}

void NodeStatusWriter::Tick(const RunView& run) {
  if (!started_ || !(changed_ || settings_.always_update)) return;
  if (clock_.Now() < next_ || !allowance_.Allows()) return;
  Write(run, false);
}

void NodeStatusWriter::Write(const RunView& run, bool last) {
  const std::chrono::seconds interval(settings_.min_seconds);
  const Clock::WallTime now = clock_.WallNow();
  Result<void> written;
  allowance_.Spend([&] {
    try {
      AtomicFile file(settings_.file);
      FormatNodeStatus(run, now, last ? std::nullopt : std::optional(now + interval),
                       [&](std::string_view piece) {
                         if (written) written = file.Write(piece);
                       });
      if (written) written = file.Commit(last ? AtomicFile::Sync::kYes : AtomicFile::Sync::kNo);
    } catch (const Error& error) {
      written = error;
    }
  });
  next_ = clock_.Now() + interval;
  changed_ = false;
  if (written || warned_) return;
  warned_ = true;
  warn_("the node status file is not kept up to date: " + written.error().message());
}

}  // namespace roost::dag
