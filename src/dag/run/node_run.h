#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dag/report/reporter.h"
#include "dag/run/script.h"
#include "roost/base/clock.h"
#include "roost/dag/event_log.h"

namespace roost::dag {

/// What is known of the attempt at a node that is under way.
struct NodeRun {
  /// Where a job leaves its traces, for the failure report; absolute.
  struct Files {
    Path output, error, log;
  };
  std::vector<Files> files;  ///< by proc

  int left = 0;              ///< procs in the queue
  bool has_factory = false;  ///< more of them are to be materialised
  int failures = 0;          ///< procs that failed
  int tolerated = 0;
  bool fail_fast = true;
  int value = 0;  ///< of the first proc that failed
  JobId id;       ///< for the events of the attempt as a whole
  ClusterOutcome outcome;
  std::optional<int> pre_value;

  std::string failed_because;      ///< for people
  std::string dagman_words;        ///< the same as DAGMan puts it, for its files
  std::string script_not_started;  ///< why, where a script could not be run at all
  std::vector<ProcFailure> failed_procs;

  bool JobPartFailed() const { return failures > tolerated; }
};

}  // namespace roost::dag
