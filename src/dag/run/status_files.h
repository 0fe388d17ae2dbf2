#pragma once

#include <string>

#include "dag/plan/plan.h"
#include "dag/report/reporter.h"
#include "dag/run/scheduler.h"

namespace roost::dag {

/// What P.metrics says besides how the run ended.
struct MetricsFacts {
  Clock::WallTime start, end;
  int dag_id = 0;
  int rescue_number = 0;  ///< of the rescue file that was applied
  JobTotals jobs;
};

/// DAGMan's metrics file, version 2 (spec: event-log.md section 4).
std::string FormatMetrics(const MetricsFacts& facts, const RunEnd& end);

/// DAGMan's NODE_STATUS_FILE in the form of its last write: every node with its state and what went wrong
/// (spec: event-log.md section 2).
std::string FormatNodeStatus(const Plan& plan, const RunEnd& end, const std::string& dag_file,
                             Clock::WallTime now);

}  // namespace roost::dag
