#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "roost/base/clock.h"
#include "roost/base/process.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// What has happened to a proc since it was submitted.
struct JobHistory {
  Clock::WallTime submitted{};
  Clock::WallTime first_start{};
  Clock::WallTime start{};      ///< of the current or last run
  std::chrono::seconds ran{0};  ///< wall time of the runs that ended
  int starts = 0;
  int completions = 0;               ///< runs that ended by themselves
  std::optional<ExitStatus> status;  ///< of the last one
  ResourceUsage usage;               ///< of the last run
  int holds = 0;
  int hold_code = 0;  ///< of the last hold
  int hold_subcode = 0;
  std::string hold_reason;
};

}  // namespace roost::dag
