#include "dag/run/metrics.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "dag/run/node_status_file.h"

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

/// One JSON object, a key per line as DAGMan writes it.
class MetricsText {
 public:
  void Add(const std::string& key, const std::string& raw_value) {
    text_ += (text_.empty() ? "{\n    \"" : ",\n    \"") + key + "\":" + raw_value;
  }
  void Add(const std::string& key, int value) { Add(key, std::to_string(value)); }
  std::string Finish() { return text_ + "\n}\n"; }

 private:
  std::string text_;
};

struct Tally {
  int total = 0;
  int failed = 0;
  int done = 0;
};

/// Of the nodes of one kind; join nodes and the FINAL node count as plain ones.
Tally Count(const Plan& plan, bool (*wanted)(NodeKind)) {
  Tally tally;
  for (NodeIndex node = 0; node < plan.dag().end(); ++node) {
    if (!wanted(plan.dag().At(node).kind)) continue;
    ++tally.total;
    if (plan.state(node) == NodeState::kFailed) ++tally.failed;
    if (plan.state(node) == NodeState::kDone) ++tally.done;
  }
  return tally;
}

bool IsPlain(NodeKind kind) { return kind == NodeKind::kJob || kind == NodeKind::kFinal; }
bool IsSubdag(NodeKind kind) { return kind == NodeKind::kSubdag; }
bool IsService(NodeKind kind) { return kind == NodeKind::kService; }
bool IsProvisioner(NodeKind kind) { return kind == NodeKind::kProvisioner; }

void AddTally(MetricsText& text, const std::string& name, const Tally& tally) {
  text.Add(name, tally.total);
  text.Add(name + "_failed", tally.failed);
  text.Add(name + "_succeeded", tally.done);
}

void AddNodesVersion1(MetricsText& text, const Plan& plan) {
  const Tally plain = Count(plan, IsPlain);
  const Tally subdags = Count(plan, IsSubdag);
  AddTally(text, "jobs", plain);
  AddTally(text, "dag_jobs", subdags);
  text.Add("total_jobs", plain.total + subdags.total);
  // Those that earlier runs finished are among them.
  text.Add("total_jobs_run", plain.failed + plain.done + subdags.failed + subdags.done);
}

void AddNodesVersion2(MetricsText& text, const Plan& plan, const JobTotals& jobs) {
  const Tally plain = Count(plan, IsPlain);
  const Tally subdags = Count(plan, IsSubdag);
  const Tally provisioners = Count(plan, IsProvisioner);
  AddTally(text, "nodes", plain);
  AddTally(text, "dag_nodes", subdags);
  text.Add("provisioner_nodes", provisioners.total);
  AddTally(text, "service_nodes", Count(plan, IsService));
  text.Add("total_nodes", plain.total + subdags.total + provisioners.total);
  text.Add("total_nodes_run", jobs.nodes_run);
  text.Add("jobs_submitted", jobs.submitted);
  // DAGMan's own reading of the words: every job that came to an end of its own "succeeded".
  text.Add("jobs_succeeded", jobs.ended);
  text.Add("jobs_failed", jobs.submitted - jobs.ended);
}

void AddGraph(MetricsText& text, const Dag& dag) {
  const GraphShape shape = ShapeOf(dag);
  text.Add("graph_height", shape.height);
  text.Add("graph_width", shape.width);
  text.Add("graph_num_edges", static_cast<int>(dag.children.size()));
  text.Add("graph_num_vertices", static_cast<int>(dag.nodes.size()));
}

}  // namespace

GraphShape ShapeOf(const Dag& dag) {
  std::vector<std::size_t> parents_left;
  std::vector<NodeIndex> level;
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    parents_left.push_back(dag.parents.Of(node).size());
    if (parents_left.back() == 0) level.push_back(node);
  }
  GraphShape shape;
  while (!level.empty()) {
    ++shape.height;
    shape.width = std::max(shape.width, static_cast<int>(level.size()));
    std::vector<NodeIndex> next;
    for (const NodeIndex node : level) {
      for (const Edge& edge : dag.children.Of(node)) {
        if (--parents_left[static_cast<std::size_t>(edge.index())] == 0) next.push_back(edge.index());
      }
    }
    level = std::move(next);
  }
  return shape;
}

std::string FormatMetrics(const MetricsFacts& facts, const Plan& plan, const RunEnd& end) {
  MetricsText text;
  text.Add("client", ClassAdString("condor_dagman"));
  text.Add("version", ClassAdString("dagrun " ROOST_VERSION));
  text.Add("type", ClassAdString("metrics"));
  if (facts.version >= 2) text.Add("metrics_version", facts.version);
  text.Add("start_time", Milliseconds(Seconds(facts.start)));
  text.Add("end_time", Milliseconds(Seconds(facts.end)));
  text.Add("duration", Milliseconds(Seconds(facts.end) - Seconds(facts.start)));
  text.Add("exitcode", end.exit_code);
  text.Add("dagman_id", ClassAdString(std::to_string(facts.dag_id)));
  text.Add("parent_dagman_id",
           ClassAdString(facts.parent_dag_id > 0 ? std::to_string(facts.parent_dag_id) : ""));
  text.Add("rescue_dag_number", facts.rescue_number);
  if (facts.version >= 2) {
    text.Add("has_final_node", plan.dag().final_node >= 0 ? "true" : "false");
    AddNodesVersion2(text, plan, facts.jobs);
  } else {
    AddNodesVersion1(text, plan);
  }
  if (facts.graph) AddGraph(text, plan.dag());
  text.Add("DagStatus", static_cast<int>(end.status));
  return text.Finish();
}

}  // namespace roost::dag
