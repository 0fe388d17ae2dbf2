#pragma once

#include <string>
#include <vector>

#include "roost/dag/dag.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// How SUBDAG EXTERNAL nodes are run: by this same program, as a job of the scheduler universe.
struct NestedRunOptions {
  Path program;
  std::vector<std::string> inherited_words;  ///< options that a nested run has in common with this one
  bool force = false;                        ///< the nested run starts afresh, too
  bool submitter_files = false;              ///< leave the event log that condor_submit_dag's file asks for
  std::vector<std::string> environment;      ///< dagrun's own, "NAME=value"
  int priority = 0;                          ///< of this run: added to that of the node
  int dag_id = 0;                            ///< of this run: the parent of the nested one
};

/// The job that runs the nested DAG of `node`. An Error where its DAG file is missing. `submission`: a nested
/// run starts afresh (-force) at most the first time; after that it goes on from its own rescue file.
Result<Job> NestedRunJob(const Dag& dag, const Node& node, int cluster, int submission,
                         const NestedRunOptions& options);

/// Kills what a nested dagrun has left running: one that was itself killed could not end its own jobs. Does
/// nothing where it came to an orderly end, or where another dagrun runs that DAG.
void EndLeftoversOfNestedRun(const Dag& dag, const Node& node);

}  // namespace roost::dag
