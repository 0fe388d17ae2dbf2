#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "roost/base/clock.h"
#include "roost/dag/event_log.h"
#include "roost/dag/executor.h"

namespace roost::dag {

/// Names a proc, or with proc -1 all procs of a cluster.
struct ProcId {
  int cluster = 0;
  int proc = -1;
  auto operator<=>(const ProcId&) const = default;
};

/// What became of a proc: a record for the event log, and what the scheduler needs to judge it.
struct QueueEvent {
  JobEvent record;  ///< type, id, time, texts, status, usage, hold codes
  Path own_log;     ///< the job's `log`, absolute; empty = none
  /// For people: "exit code 3", "signal 9 (Killed)", a hold reason.
  std::string what;
  /// After this record the proc is no longer in the queue: 005 and 009.
  bool final() const { return record.type == EventType::kTerminated || record.type == EventType::kAborted; }
};

/// How many procs are in which state.
struct QueueCounts {
  int idle = 0;  ///< waits for a slot, for its deferral time or to be materialised
  int running = 0;
  int held = 0;
  int total() const { return idle + running + held; }
};

/// What a schedd is to a pool: the queue of the procs of all submitted clusters. It decides when a proc is
/// handed to the executor, and what its end means: hold, release, requeue (on_exit_*, max_retries), periodic
/// policies, deferral, late materialisation. The executor only runs attempts. Used from the scheduler's
/// thread only; does no logging of its own: every change is reported once, in the order in which it happened,
/// for the caller to journal.
class JobQueue {
 public:
  struct Options {
    /// How often periodic expressions are looked at (PERIODIC_EXPR_INTERVAL).
    std::chrono::seconds periodic_interval{60};
    std::string submit_host;  ///< for event 000: "<dagrun:host>"
  };
  /// Everything passed in must outlive the queue.
  JobQueue(Executor& executor, const Clock& clock, Options options);

  /// Why the job can never run, or nothing.
  Result<void> CanEverRun(const Job& job) const { return executor_.CanEverRun(job); }

  /// Takes the procs of one cluster in; nothing of them starts before the next call of Wait(). Returns the
  /// events of their submission (000; 012 for `hold = true`; 035 with max_materialize), to be on record by
  /// then.
  std::vector<QueueEvent> Submit(std::vector<Job> jobs, int attempt);

  /// Hands over what may start, waits until something happens, `deadline` passes or a signal arrives, and
  /// applies the policies. A requeued proc is evicted (004) and idle again; a proc materialised late is
  /// reported (000) before it is handed over.
  std::vector<QueueEvent> Wait(Clock::TimePoint deadline);

  /// Condor_rm, condor_hold, condor_release. Those of a running proc take effect when the executor has
  /// stopped it. Return whether any proc was meant. The events come from the next Wait().
  bool Remove(ProcId id, const std::string& reason);
  bool Hold(ProcId id, const std::string& reason, int code = 1, int subcode = 0);
  bool Release(ProcId id, const std::string& reason);

  /// Kills whatever runs and empties the queue, without grace: each proc still reports its end.
  void KillAll();

  QueueCounts counts() const;
  QueueCounts counts(int cluster) const;
  /// Whether this proc runs (the first one decides what a node status file shows).
  bool IsRunning(ProcId id) const;

 private:
  Executor& executor_;
  const Clock& clock_;
  Options options_;
};

}  // namespace roost::dag
