#pragma once

#include <chrono>
#include <cstdint>
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

/// Numbers of HTCondor's job event log. Those that dagrun itself never writes are here to be read.
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
  kDisconnected = 22,
  kReconnected = 23,
  kReconnectFailed = 24,
  kJobAdInformation = 28,
  kAttributeUpdate = 33,
  kPreSkip = 34,
  kClusterSubmit = 35,
  kClusterRemove = 36,
  kFactoryPaused = 37,
  kFactoryResumed = 38,
  kFileTransfer = 40,
  kDataflowSkipped = 46,
};

/// "ULOG_JOB_TERMINATED": HTCondor's own name of the event.
std::string_view EventName(EventType type);

/// (cluster.proc.subproc) of an event. A POST script that ran without a submitted job has cluster -1; NOOP
/// jobs have cluster 0 and proc 2147483647; events of a whole cluster have proc and subproc -1.
struct JobId {
  int cluster = 0;
  int proc = 0;
  int subproc = 0;
  auto operator<=>(const JobId&) const = default;
};

/// What was moved to and from where a job ran.
struct TransferredBytes {
  std::int64_t sent = 0;  ///< by the job: its output
  std::int64_t received = 0;
  bool operator==(const TransferredBytes&) const = default;
};

/// One entry of a job event log, in the terms that dagrun writes and needs back. Fields that an event type
/// does not have are ignored when writing and at their defaults after reading.
struct JobEvent {
  EventType type = EventType::kGeneric;
  JobId id;
  Clock::WallTime time;
  std::string node;  ///< "DAG Node: <name>" note (000, 016, 034, 035)
  /// What the event is about: the host (000, 001, 035), the name of where it runs again (023), the reason
  /// (004, 007, 009, 012, 013, 022, 024, 037, 038, 046), notes (036), the whole first line (008, 033:
  /// "Setting job attribute JobPrio to 5", 040: "Started transferring input files").
  std::string text;
  ExitStatus status;             ///< 005, 016; 004 where requeued
  bool requeued = false;         ///< 004: it ended, and is to run again
  std::string core_file;         ///< 005, and 004 where requeued
  ResourceUsage usage;           ///< 004, 005: of this run; 006
  TransferredBytes bytes;        ///< 004, 005, 007: of this run
  TransferredBytes total_bytes;  ///< 005: of all runs
  /// 004, 005: what the resource table says was asked for. Nothing = no table (NOOP jobs have none).
  std::optional<Resources> request;
  std::optional<Resources> allocated;            ///< what it was given; nothing = what it asked for
  std::optional<std::chrono::seconds> executed;  ///< 004, 005: how long it ran, for the table
  int hold_code = 0;                             ///< 012; 004: why; 037: of a cluster on hold
  int hold_subcode = 0;                          ///< 012, 004; 037: the pause code
  /// Further lines, without their indentation: notes (000, 035), attributes in any order (001: "Cpus = 1",
  /// 028), "SlotName: slot1@host" (001), and the rest of 022, 023, 024, 036 and 040 as it stands.
  std::vector<std::string> details;
};

/// The event as HTCondor's own readers accept it: frame, body, "...\n"; ISO local time, whole seconds. Line
/// breaks within the event's texts become blanks, so that one event stays one event.
std::string FormatEvent(const JobEvent& event);

/// Calls `sink` for each whole event of `text`, skipping events of unknown types and damaged ones (a record
/// that was cut off and written over by the next does not take that one with it). A last event without its
/// "..." line is not there yet. Returns how many bytes were consumed: up to the end of the last whole event.
/// Nothing is read beyond a NUL byte: it stands for data that is not there yet (a file on NFS that another
/// host is writing) or that a power cut took, and what follows it may lack what came before.
/// Dates of the old form (08/14 17:03:05) have no year: they get `year`.
std::size_t ParseEvents(std::string_view text, const std::function<void(const JobEvent&)>& sink,
                        int year = 1970);

/// Follows an event log while others write to it.
class EventReader {
 public:
  /// Does not look at the file yet, which may be missing.
  explicit EventReader(Path log) : log_(std::move(log)) {}

  /// Calls `sink` for each event that has become whole since the last call. True where the log is not the one
  /// of the last call, because it was replaced, cut or removed: what was told of that one is void, and this
  /// call began at the beginning. A missing file is an empty one. An Error means that the file cannot be
  /// read.
  Result<bool> Poll(const std::function<void(const JobEvent&)>& sink);

 private:
  Path log_;
  std::uint64_t inode_ = 0;
  std::uint64_t offset_ = 0;  ///< up to the end of the last whole event
};

}  // namespace roost::dag
