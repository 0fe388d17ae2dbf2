#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "dag/run/job_policy.h"
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
  int late = 0;  ///< not materialised yet: of a cluster in the queue, but not in the queue itself
  int idle = 0;  ///< waits for a slot, or for its deferral time
  int running = 0;
  int held = 0;
  int queued() const { return idle + running + held; }
  int total() const { return late + queued(); }
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
  Result<void> CanEverRun(const Job& job) const;

  /// Takes the procs of one cluster in, 0 first; nothing of them starts before the next call of Wait().
  /// Returns the events of their submission (000; 035 with max_materialize), to be on record by then. As in
  /// HTCondor, that a proc is submitted on hold is no event.
  std::vector<QueueEvent> Submit(std::vector<Job> jobs, int attempt);

  /// Hands over what may start, waits until something happens, `deadline` passes or a signal arrives, and
  /// applies the policies. A requeued proc is evicted (004) and idle again; a proc materialised late is
  /// reported (000) before it is handed over.
  std::vector<QueueEvent> Wait(Clock::TimePoint deadline);

  /// Condor_rm, condor_hold, condor_release. Those of a running proc take effect when the executor has
  /// stopped it; a release may overtake the hold. Return whether any proc was meant. The events come from
  /// the next Wait().
  bool Remove(ProcId id, const std::string& reason);
  bool Hold(ProcId id, const std::string& reason, int code = 1, int subcode = 0);
  bool Release(ProcId id, const std::string& reason);

  /// Kills whatever runs and empties the queue, without grace: each proc still reports its end.
  void KillAll();

  QueueCounts counts() const { return counts_; }
  QueueCounts counts(int cluster) const;
  /// Whether this proc runs (the first one decides what a node status file shows).
  bool IsRunning(ProcId id) const;

 private:
  enum class State {
    kLate,        ///< not materialised yet: not in the queue
    kIdle,        ///< in `ready_`, or waits for its deferral time
    kHandedOver,  ///< the executor has it, but has not started it
    kRunning,
    kHeld,
    kGone,
  };
  /// What is to happen to a proc once the executor has stopped it.
  struct Intent {
    StopFor what = StopFor::kRemove;
    std::string reason;
    int code = 0;
    int subcode = 0;
    std::optional<std::string> released;  ///< why, where the hold is to be over as soon as it has begun
  };
  struct Proc {
    Job job;
    std::uint64_t order = 0;  ///< of submission, over all clusters
    State state = State::kLate;
    JobHistory history;
    Clock::TimePoint began;  ///< the current run
    std::optional<Intent> intent;
  };
  struct Cluster {
    int attempt = 0;
    std::vector<Proc> procs;  ///< by number; never grows, so that pointers into it stay good
    QueueCounts counts;
    std::size_t next = 0;  ///< none before it is late
    /// max_materialize or max_idle was given.
    bool factory() const { return procs.front().job.max_materialize || procs.front().job.max_idle; }
  };
  /// The next one to start is the smallest.
  struct Turn {
    int priority = 0;
    std::uint64_t order = 0;
    Proc* proc = nullptr;
    bool operator<(const Turn& other) const {
      return priority != other.priority ? priority > other.priority : order < other.order;
    }
  };
  using Line = std::set<Turn>;

  Proc* Find(ProcId id);
  /// Calls `act` for each proc that is meant and still in the queue; says whether there was one.
  template <typename Act>
  bool ForEach(ProcId id, Act&& act);
  Line& LineOf(const Proc& proc) { return proc.job.local ? local_ : ready_; }
  void SetState(Proc& proc, State state);

  void Materialise(Cluster& cluster);
  void Admit(Proc& proc);

  void HandOver();
  void Start(Proc& proc);
  /// Whether its deferral time has come. Where not, it waits for it, or is held because it came too late.
  bool DeferralIsOver(Proc& proc);
  void EndWithoutRunning(Proc& proc, ExitStatus status, std::string what);

  void Apply(ExecutorEvent event);
  void Began(Proc& proc, const Started& started, Clock::WallTime time);
  void Ended(Proc& proc, const Exited& exited, Clock::WallTime time);
  void Stopped(Proc& proc, const Removed& removed, Clock::WallTime time);

  /// What is due by now: deferrals, limits of runs, periodic policies.
  void LookAtClock();
  void Wake(Proc& proc);
  void Enforce(Proc& proc, const Verdict& verdict);
  Clock::TimePoint NextLook(Clock::TimePoint deadline) const;
  Ad AdOf(const Proc& proc) const;
  static JobStatus StatusOf(const Proc& proc);

  /// The executor has it: it is stopped first.
  static bool AtExecutor(const Proc& proc);
  void Stop(Proc& proc, Intent intent);
  void PutOnHold(Proc& proc, const std::string& reason, int code, int subcode, Clock::WallTime time);
  /// It was stopped in order to be held.
  void HoldStopped(Proc& proc, const Intent& intent, Clock::WallTime time);
  void LetGo(Proc& proc, const std::string& reason);
  void Leave(Proc& proc, const std::string& reason, const std::string& what, Clock::WallTime time);
  void Report(const Proc& proc, JobEvent record, std::string what);
  void ReportCluster(const Cluster& cluster, JobEvent record);

  Executor& executor_;
  const Clock& clock_;
  Options options_;
  std::unordered_map<int, Cluster> clusters_;
  std::vector<int> emptied_;  ///< clusters without procs, to be forgotten
  QueueCounts counts_;
  std::uint64_t next_order_ = 0;
  Line ready_;  ///< for the executor's slots
  Line local_;  ///< beside the slots
  Ad machine_;
  std::set<int> may_grow_;                                 ///< clusters with room for late procs, perhaps
  std::multimap<Clock::TimePoint, ProcId> alarms_;         ///< when a proc has to be looked at
  std::set<ProcId> periodic_;                              ///< procs with periodic policies
  Clock::TimePoint next_round_ = Clock::TimePoint::max();  ///< of the periodic policies
  std::vector<QueueEvent> events_;
};

}  // namespace roost::dag
