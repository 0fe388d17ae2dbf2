#pragma once

#include <string>

#include "dag/plan/plan.h"
#include "dag/report/reporter.h"
#include "roost/base/clock.h"

namespace roost::dag {

/// The NODE_STATUS_FILE of a run that has ended, where there is no observer that keeps one.
std::string FormatNodeStatus(const Plan& plan, const RunEnd& end, Clock::WallTime now);

}  // namespace roost::dag
