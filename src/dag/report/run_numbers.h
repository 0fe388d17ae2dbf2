#pragma once

#include <chrono>
#include <vector>

#include "dag/report/history.h"

namespace roost::dag {

using Seconds = std::chrono::duration<double>;

/// What a run comes to in numbers.
struct RunNumbers {
  Clock::WallTime begun, ended;  ///< zero where nothing was recorded; `ended` of a run that goes on is now
  Seconds wall{0};
  Seconds busy{0};  ///< the time that jobs ran, added up
  Seconds cpu{0};   ///< the CPU time that they used, added up
  int jobs = 0;     ///< that were started
  int failed_jobs = 0;
  int retries = 0;
  int slots = 0;  ///< that ran something

  /// How much longer the same work would have taken one job after another.
  double speedup() const { return wall.count() > 0 ? busy / wall : 0; }
};

RunNumbers NumbersOf(const RunRecord& record, Clock::WallTime now);

/// The chain of nodes that the end of the run waited for: from the node that ended last back to each one's
/// parent that ended last. First node first; empty where nothing ended.
std::vector<NodeIndex> CriticalPath(const RunRecord& record);

}  // namespace roost::dag
