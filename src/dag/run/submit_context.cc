#include "dag/run/submit_context.h"

namespace roost::dag {

Path DirectoryOf(const Dag& dag, const Node& node) {
  const Path& directory = dag.Directory(node);
  return std::filesystem::absolute(directory.empty() ? "." : directory).lexically_normal();
}

namespace {

Submission ExpandDescription(const Dag& dag, const Node& node, const SubmitFacts& facts) {
  SubmitContext context{.cluster = facts.cluster,
                        .node = node.name,
                        .directory = DirectoryOf(dag, node),
                        .environment = facts.environment,
                        .method = facts.method,
                        .time = facts.time,
                        .folders_may_come = facts.folders_may_come};
  context.before = {{"JOB", node.name},
                    {"RETRY", std::to_string(facts.retry)},
                    {"DAG_STATUS", std::to_string(facts.dag_status)},
                    {"FAILED_COUNT", std::to_string(facts.failed_count)},
                    {"DAGManJobId", std::to_string(facts.dag_id)}};
  const auto index = static_cast<NodeIndex>(&node - dag.nodes.data());
  if (const auto edges = dag.parents.Of(index); !edges.empty()) {
    std::vector<std::string> parents;
    parents.reserve(edges.size());
    for (const Edge& parent : edges) parents.push_back(dag.At(parent.index()).name);
    const std::string names = Join(parents, ",");
    context.before.push_back({"DAG_PARENT_NAMES", names});
    context.before.push_back({"My.DAGParentNodeNames", "\"" + names + "\""});
  }
  if (const int priority = facts.priority + node.priority; priority != 0) {
    context.before.push_back({"priority", std::to_string(priority)});
  }
  if (!facts.batch_name.empty()) context.before.push_back({"batch_name", facts.batch_name});
  context.after = {{"dag_node_name", node.name}};
  for (const Var& var : node.vars) {
    (var.append ? context.after : context.before).push_back({var.name, var.value});
  }
  const SubmitSource& source = dag.Submit(node);
  if (source.text) return ExpandSubmit(*source.text, source.file, context);
  return ReadSubmit(source.file, context);
}

}  // namespace

Submission ExpandNode(const Dag& dag, const Node& node, const SubmitFacts& facts) {
  Submission submission = ExpandDescription(dag, node, facts);
  if (facts.suppress_job_logs) {
    for (Job& job : submission.jobs) job.log.clear();
  }
  return submission;
}

}  // namespace roost::dag
