#pragma once

#include <string>
#include <string_view>

#include "dag/report/history.h"
#include "roost/base/terminal.h"

namespace roost::dag {

/// How a run stands as a whole.
enum class Verdict { kNeverRan, kRunning, kSucceeded, kFailed, kStopped, kInterrupted };

Verdict VerdictOf(const RunRecord& record);
/// "running", "succeeded", ...
std::string_view NameOf(Verdict verdict);

struct StatusStyle {
  Terminal terminal;
  bool all = false;  ///< also the nodes of a large DAG of which there is nothing to tell
};

/// For people: a summary, and a line for each node.
std::string FormatStatus(const RunRecord& record, const StatusStyle& style, Clock::WallTime now);

/// The whole record as one JSON document; times are UTC, as in 2026-11-21T14:08:56Z.
std::string FormatStatusJson(const RunRecord& record);

/// "2026-11-21T14:08:56Z", or with milliseconds.
std::string UtcTime(Clock::WallTime time, bool milliseconds = false);

}  // namespace roost::dag
