#include "dag/run/submit_context.h"

namespace roost::dag {

Path DirectoryOf(const Node& node) {
  return std::filesystem::absolute(node.directory.empty() ? "." : node.directory).lexically_normal();
}

Submission ExpandNode(const Dag& dag, const Node& node, const SubmitFacts& facts) {
  SubmitContext context{
      .cluster = facts.cluster, .node = node.name, .directory = DirectoryOf(node), .time = facts.time};
  context.before = {{"JOB", node.name},
                    {"RETRY", std::to_string(facts.retry)},
                    {"DAG_STATUS", std::to_string(facts.dag_status)},
                    {"FAILED_COUNT", std::to_string(facts.failed_count)},
                    {"DAGManJobId", std::to_string(facts.dag_id)}};
  if (!node.parents.empty()) {
    std::vector<std::string> parents;
    parents.reserve(node.parents.size());
    for (const NodeIndex parent : node.parents) {
      parents.push_back(dag.nodes[static_cast<std::size_t>(parent)].name);
    }
    const std::string names = Join(parents, ",");
    context.before.push_back({"DAG_PARENT_NAMES", names});
    context.before.push_back({"My.DAGParentNodeNames", "\"" + names + "\""});
  }
  if (node.priority != 0) context.before.push_back({"priority", std::to_string(node.priority)});
  context.after = {{"dag_node_name", node.name}};
  for (const Var& var : node.vars) {
    (var.append ? context.after : context.before).push_back({var.name, var.value});
  }
  context.environment = facts.environment;
  return ReadSubmit(node.submit_file, context);
}

}  // namespace roost::dag
