#pragma once

#include <string>
#include <vector>

#include "roost/dag/dag.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// What of a run shows in the macros around a submit file.
struct SubmitFacts {
  int cluster = 0;
  int retry = 0;
  int dag_status = 0;
  int failed_count = 0;
  int dag_id = 0;
  Clock::WallTime time;                  ///< of the submission
  std::vector<std::string> environment;  ///< of dagrun, "NAME=value"
  int priority = 0;                      ///< -Priority: added to that of the node
  std::string batch_name;                ///< empty = none
  SubmitMethod method = SubmitMethod::kDirect;
  bool suppress_job_logs = false;
  bool folders_may_come = false;  ///< SubmitContext::folders_may_come
};

/// The folder that `node` is submitted from and its scripts run in; absolute.
Path DirectoryOf(const Dag& dag, const Node& node);

/// Expands the submit file of a node with the macros that DAGMan puts around it (spec: DAG language 6.4).
Submission ExpandNode(const Dag& dag, const Node& node, const SubmitFacts& facts);

}  // namespace roost::dag
