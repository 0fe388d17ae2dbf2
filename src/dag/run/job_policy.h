#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "roost/base/clock.h"
#include "roost/base/process.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// HTCondor's hold reason codes, as far as a policy or the queue puts a job on hold.
enum HoldCode : int {
  kHeldByUser = 1,
  kHeldByPolicy = 3,
  kHeldPolicyUndefined = 5,
  kHeldAtSubmission = 15,
  kHeldMissedDeferral = 20,
  kHeldJobDuration = 46,
  kHeldExecuteDuration = 47,
};

/// What has happened to a proc since it was submitted.
struct JobHistory {
  Clock::WallTime submitted{};
  Clock::WallTime first_start{};
  Clock::WallTime start{};         ///< of the current or last run
  Clock::WallTime status_since{};  ///< when it became idle, running, held
  std::chrono::seconds ran{0};     ///< wall time of the runs that ended
  int starts = 0;
  int completions = 0;               ///< runs that ended by themselves
  std::optional<ExitStatus> status;  ///< of the last one
  ResourceUsage usage;               ///< of the last run
  int holds = 0;
  int hold_code = 0;  ///< of the last hold
  int hold_subcode = 0;
  std::string hold_reason;
};

/// HTCondor's numbers of JobStatus.
enum class JobStatus { kIdle = 1, kRunning = 2, kHeld = 5 };

/// The job's ad (MakeJobAd) and what of it changes while it is queued: JobStatus, ExitCode, NumJobStarts, ...
Ad QueuedJobAd(const Job& job, const JobHistory& history, JobStatus status, Clock::WallTime now);

/// What a policy says is to become of a job.
struct Verdict {
  enum class Action { kNone, kRequeue, kHold, kRelease, kRemove, kVacate };
  Action action = Action::kNone;
  std::string reason;
  int code = 0;  ///< of a hold
  int subcode = 0;
};

/// When a job has ended: kNone = it leaves the queue, kHold or kRequeue. on_exit_hold comes first. An
/// expression that comes to no truth value puts the job on hold.
Verdict AtExit(const JobPolicy& policy, const Ad& ad, Clock::WallTime now);

/// From time to time, in the order hold, vacate, release, remove. What a person put on hold is never
/// released.
Verdict Periodically(const JobPolicy& policy, const Ad& ad, JobStatus status, int hold_code,
                     Clock::WallTime now);

/// How long one run may last, and what happens then.
struct RunLimit {
  std::chrono::seconds duration{0};
  Verdict verdict;
};
std::optional<RunLimit> LimitOfRun(const JobPolicy& policy);

}  // namespace roost::dag
