#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roost/base/clock.h"
#include "roost/base/files.h"
#include "roost/base/process.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// Numbers of HTCondor's job event log.
enum class EventType {
  kSubmit = 0,
  kExecute = 1,
  kExecutableError = 2,
  kEvicted = 4,
  kTerminated = 5,
  kImageSize = 6,
  kShadowException = 7,
  kGeneric = 8,
  kAborted = 9,
  kSuspended = 10,
  kUnsuspended = 11,
  kHeld = 12,
  kReleased = 13,
  kPostScriptTerminated = 16,
  kPreSkip = 34,
};

/// (cluster.proc.subproc) of an event. A POST script that ran without a submitted job has cluster -1; NOOP
/// jobs have cluster 0 and proc 2147483647.
struct JobId {
  int cluster = 0;
  int proc = 0;
  int subproc = 0;
  auto operator<=>(const JobId&) const = default;
};

/// One entry of a job event log, in the terms that dagrun writes and needs back. Fields that an event type
/// does not have are ignored when writing and at their defaults after reading.
struct JobEvent {
  EventType type = EventType::kGeneric;
  JobId id;
  Clock::WallTime time;
  std::string node;     ///< "DAG Node: <name>" note (000, 016, 034)
  std::string text;     ///< host (000, 001), reason (009, 012, 013, 007), free line (008)
  ExitStatus status;    ///< 005, 016
  ResourceUsage usage;  ///< 005
  /// 005: what the resource table says was asked for and given. Nothing = no table (NOOP jobs have none).
  std::optional<Resources> request;
  int hold_code = 0;  ///< 012
  int hold_subcode = 0;
  std::vector<std::string> details;  ///< 000, 001: further lines such as "SlotName: slot1@host"
};

/// The event as HTCondor's own readers accept it: frame, body, "...\n"; ISO local time, whole seconds. Line
/// breaks within the event's texts become blanks, so that one event stays one event.
std::string FormatEvent(const JobEvent& event);

/// Calls `sink` for each whole event of `text`, skipping events of unknown types and damaged ones (a record
/// that was cut off and written over by the next does not take that one with it). A last event without its
/// "..." line is not there yet. Returns how many bytes were consumed: up to the end of the last whole event.
/// Dates of the old form (08/14 17:03:05) have no year: they get `year`.
std::size_t ParseEvents(std::string_view text, const std::function<void(const JobEvent&)>& sink,
                        int year = 1970);

}  // namespace roost::dag
