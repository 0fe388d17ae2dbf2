#pragma once

#include <string>

#include "dag/plan/plan.h"
#include "dag/report/reporter.h"
#include "dag/run/scheduler.h"
#include "roost/base/clock.h"

namespace roost::dag {

/// What P.metrics says besides the states of the nodes and how the run ended.
struct MetricsFacts {
  Clock::WallTime start, end;
  int dag_id = 0;
  int parent_dag_id = 0;  ///< 0 = not nested in another run
  int rescue_number = 0;  ///< of the rescue file that was applied
  JobTotals jobs;
  int version = 1;     ///< DAGMAN_METRICS_FILE_VERSION
  bool graph = false;  ///< DAGMAN_REPORT_GRAPH_METRICS
};

/// DAGMan's metrics file (spec: event-log.md section 4): version 1 with the fields of HTCondor 23, version 2
/// with those of its successors.
std::string FormatMetrics(const MetricsFacts& facts, const Plan& plan, const RunEnd& end);

/// The longest way through a DAG and the most nodes beside each other, counted in nodes. Those of a cycle,
/// and all that comes after it, count for nothing.
struct GraphShape {
  int height = 0;
  int width = 0;
};
GraphShape ShapeOf(const Dag& dag);

}  // namespace roost::dag
