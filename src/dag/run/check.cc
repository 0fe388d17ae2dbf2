#include "dag/run/check.h"

#include <set>

#include "dag/run/submit_context.h"

namespace roost::dag {

CheckResult CheckDag(const Path& dag_file, const std::vector<std::string>& environment) {
  DagParse parse = ReadDag(dag_file);
  CheckResult result{.faults = std::move(parse.faults), .nodes = static_cast<int>(parse.dag.nodes.size())};
  std::set<std::string> told;  // many nodes share a submit file
  for (const Node& node : parse.dag.nodes) {
    if (node.noop || node.done) continue;
    const Submission submission = ExpandNode(
        parse.dag, node, {.cluster = 1, .time = SystemClock().WallNow(), .environment = environment});
    result.jobs += static_cast<int>(submission.jobs.size());
    for (const Fault& fault : submission.faults) {
      if (told.insert(fault.Describe()).second) result.faults.push_back(fault);
    }
    if (submission.jobs.empty() && !HasErrors(submission.faults)) {
      result.faults.push_back(
          {.where = parse.dag.Where(node), .message = "node '" + node.name + "' queues no jobs"});
    }
  }
  return result;
}

}  // namespace roost::dag
