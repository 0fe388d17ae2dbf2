#pragma once

#include <string>
#include <vector>

#include "roost/dag/dag.h"

namespace roost::dag {

/// What can be said about a DAG without running it.
struct CheckResult {
  Faults faults;  ///< of the DAG files, of every node's submit file, and of the files that both name
  int nodes = 0;
  int jobs = 0;  ///< queued by all submit files together
};

struct CheckOptions {
  std::vector<std::string> environment;  ///< "NAME=value": for $ENV() and getenv
  DagOptions parse;
};

/// Reads `files` as one DAG, looks at its graph, expands the submit file of every node as it would be when
/// the node starts, and looks whether the programs, scripts, inputs and folders are there. Nested DAGs are
/// checked too. What a script or another node may still make is a warning at most.
CheckResult CheckDags(const std::vector<Path>& files, const CheckOptions& options);

/// The faults as a JSON document, for scripts.
std::string FormatCheckJson(const CheckResult& result);

}  // namespace roost::dag
