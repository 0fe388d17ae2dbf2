#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "roost/base/clock.h"
#include "roost/base/process.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// One try at one job. Identity of work is (node, proc, attempt); only the current attempt's result counts.
struct JobAttempt {
  Job job;
  int attempt = 0;  ///< of the node: 0, then 1 for its first retry, ...

  /// "node/proc", the same for every attempt: given to the job as DAGRUN_JOB_KEY, so that a job that is run
  /// again can recognise what an earlier attempt left.
  std::string Key() const { return job.node + "/" + std::to_string(job.proc); }
};

/// Identifies an attempt at an executor: (cluster, proc) is unique in a run, since a retry gets a new
/// cluster.
struct AttemptId {
  int cluster = 0;
  int proc = 0;
  auto operator<=>(const AttemptId&) const = default;
};

/// The attempt has begun to run.
struct Started {
  std::string host;
  std::string slot;
  Path scratch;  ///< empty where the job runs in place
};
/// It ran to its end.
struct Exited {
  ExitStatus status;
  ResourceUsage usage;
};
/// It could not be started, or its files could not be moved: HTCondor would hold the job and wait for a
/// person. Nobody releases jobs here, so it is the end of the attempt. `code` and `subcode` are HTCondor's
/// hold reason codes.
struct Refused {
  std::string reason;
  int code = 0;
  int subcode = 0;
};
/// It was stopped because of Remove() or KillAll().
struct Removed {
  std::string reason;
  ResourceUsage usage;
};

struct ExecutorEvent {
  AttemptId id;
  Clock::WallTime time;
  std::variant<Started, Exited, Refused, Removed> what;

  /// Exited, Refused and Removed end the attempt; exactly one of them is reported.
  bool final() const { return !std::holds_alternative<Started>(what); }
};

/// What an attempt is stopped for: a job may want another signal for each.
enum class StopFor { kRemove, kHold, kVacate };

/// Where and how attempts at jobs run. Owns the processes or queue entries it started. Used from the
/// scheduler's thread only.
class Executor {
 public:
  virtual ~Executor() = default;

  /// Says now what can never run here (more CPUs than any slot has, an unsupported universe), or nothing.
  virtual Result<void> CanEverRun(const Job& job) const = 0;

  /// What the jobs run on, as ClassAd expressions see it: TARGET of `requirements`, source of $$().
  virtual Ad Machine() const = 0;

  /// Whether Submit() would start the job at once. Jobs beside the slots (`local`) always have room.
  virtual bool HasRoom(const Job& job) const = 0;

  /// Hands the attempt over: it is queued here and starts when its resources are free, in order of
  /// submission. An Error means nothing was taken.
  virtual Result<void> Submit(JobAttempt attempt) = 0;

  /// What happened since the last call; blocks until there is something, `deadline` passes or a signal
  /// arrives.
  virtual std::vector<ExecutorEvent> Wait(Clock::TimePoint deadline) = 0;

  /// Asks for the attempt to be stopped, or taken from the queue. Does not wait; unknown ids are ignored.
  virtual void Remove(AttemptId id, const std::string& reason, StopFor stop = StopFor::kRemove) = 0;

  /// Asks for everything to be stopped at once, without the grace that Remove() gives. Does not wait: each
  /// attempt still reports its end.
  virtual void KillAll() = 0;

  /// Attempts that were submitted and whose end Wait() has not reported yet.
  virtual int InFlight() const = 0;
  /// Of those, how many run.
  virtual int Running() const = 0;
};

}  // namespace roost::dag
