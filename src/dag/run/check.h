#pragma once

#include <string>

#include "roost/dag/dag.h"

namespace roost::dag {

/// What can be said about a DAG without running it.
struct CheckResult {
  Faults faults;  ///< of the DAG file and of every node's submit file
  int nodes = 0;
  int jobs = 0;  ///< queued by all submit files together
};

/// Parses `dag_file` and expands the submit file of every node as it would be when the node starts. A submit
/// file that a PRE script makes is missing now: that is a fault all the same.
CheckResult CheckDag(const Path& dag_file, const std::vector<std::string>& environment);

}  // namespace roost::dag
