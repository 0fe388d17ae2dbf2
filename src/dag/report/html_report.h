#pragma once

#include <string>
#include <vector>

#include "dag/report/history.h"

namespace roost::dag {

/// A job of a failed node: what a person would look at first.
struct FailedJob {
  std::string id;  ///< "12.0"; empty for a node that submitted nothing
  std::string what;
  Path error, output;  ///< empty where there is none
  std::string error_tail;
};

/// A node that failed, for the report.
struct FailedNode {
  NodeIndex node = -1;
  std::vector<FailedJob> jobs;
};

/// One page about a run: summary, timeline, failures, graph, critical path and all nodes. Everything is in
/// it: no other file and no network is needed to show it.
std::string FormatHtmlReport(const RunRecord& record, const std::vector<FailedNode>& failures,
                             Clock::WallTime now);

}  // namespace roost::dag
