#include "dag/run/job_queue.h"

#include <algorithm>
#include <utility>

#include "dag/run/dataflow.h"

namespace roost::dag {
namespace {

using std::chrono::seconds;

AttemptId AttemptOf(const Job& job) { return {job.cluster, job.proc}; }

Path OwnLog(const Job& job) { return job.log.empty() ? Path() : job.initial_dir / job.log; }

JobEvent SubmitRecord(const Job& job, const std::string& host) {
  JobEvent record{.type = EventType::kSubmit, .node = job.node, .text = host};
  if (!job.user_notes.empty()) record.details.push_back(job.user_notes);
  return record;
}

JobEvent ExecuteRecord(const Job& job, const Started& started) {
  JobEvent record{.type = EventType::kExecute, .text = "<dagrun:" + started.host + ">"};
  if (job.local) return record;  // it has no slot
  record.details.push_back("SlotName: " + started.slot + "@" + started.host);
  if (!started.scratch.empty()) {
    record.details.push_back("CondorScratchDir = \"" + started.scratch.string() + "\"");
  }
  record.details.push_back("Cpus = " + std::to_string(job.request.cpus));
  return record;
}

/// The end of a run: event 005, or 004.
JobEvent EndRecord(EventType type, const Job& job, const JobHistory& history, const ResourceUsage& usage,
                   Clock::WallTime time) {
  JobEvent record{.type = type, .time = time, .usage = usage};
  if (job.local) return record;
  record.request = job.request;
  record.executed = std::chrono::duration_cast<seconds>(time - history.start);
  return record;
}

bool HasExitPolicy(const JobPolicy& policy) {
  return policy.on_exit_hold.has_value() || policy.on_exit_remove.has_value();
}

}  // namespace

JobQueue::JobQueue(Executor& executor, const Clock& clock, Options options)
    : executor_(executor), clock_(clock), options_(std::move(options)), machine_(executor.Machine()) {}

Result<void> JobQueue::CanEverRun(const Job& job) const {
  if (!job.requirements || job.requirements->Holds(MakeJobAd(job), &machine_))
    return executor_.CanEverRun(job);
  return Error("its requirements do not hold on this machine: " + job.requirements->text(), ExitCode::kFailed,
               "HTCondor would wait for another machine; this one has Arch = " + machine_.Get("Arch").Text() +
                   ", OpSys = " + machine_.Get("OpSys").Text() + ", Cpus = " + machine_.Get("Cpus").Text() +
                   ", Memory = " + machine_.Get("Memory").Text() + ".");
}

std::vector<QueueEvent> JobQueue::Submit(std::vector<Job> jobs, int attempt) {
  if (jobs.empty()) return {};
  std::vector<QueueEvent> submitted;
  std::swap(submitted, events_);  // what Wait() has yet to report stays for it
  Cluster& cluster = clusters_[jobs.front().cluster];
  cluster.attempt = attempt;
  cluster.procs.reserve(jobs.size());
  for (Job& job : jobs) {
    ROOST_CHECK(job.proc == static_cast<int>(cluster.procs.size()), "procs are numbered from 0");
    cluster.procs.push_back({.job = std::move(job), .order = next_order_++});
  }
  cluster.counts.late = static_cast<int>(cluster.procs.size());
  counts_.late += cluster.counts.late;
  if (cluster.factory()) {
    ReportCluster(cluster, {.type = EventType::kClusterSubmit,
                            .node = cluster.procs.front().job.node,
                            .text = options_.submit_host});
  }
  Materialise(cluster);
  std::swap(submitted, events_);
  return submitted;
}

/// Takes in as many of the cluster's procs as it may have in the queue.
void JobQueue::Materialise(Cluster& cluster) {
  const Job& first = cluster.procs.front().job;
  while (cluster.counts.late > 0) {
    if (first.max_materialize && cluster.counts.queued() >= *first.max_materialize) return;
    if (first.max_idle && cluster.counts.idle >= *first.max_idle) return;
    // Out of turn came those that were removed before it was theirs.
    while (cluster.procs[cluster.next].state != State::kLate) ++cluster.next;
    Admit(cluster.procs[cluster.next]);
  }
}

void JobQueue::Admit(Proc& proc) {
  proc.history.submitted = clock_.WallNow();
  Report(proc, SubmitRecord(proc.job, options_.submit_host), {});
  if (proc.job.policy.periodic()) {
    if (periodic_.empty()) next_round_ = clock_.Now() + options_.periodic_interval;
    periodic_.insert({proc.job.cluster, proc.job.proc});
  }
  if (proc.job.hold) {
    proc.history.hold_code = kHeldAtSubmission;
    proc.history.hold_reason = "submitted on hold at user's request";
  }
  SetState(proc, proc.job.hold ? State::kHeld : State::kIdle);
}

std::vector<QueueEvent> JobQueue::Wait(Clock::TimePoint deadline) {
  for (const int cluster : std::exchange(emptied_, {})) clusters_.erase(cluster);
  LookAtClock();
  HandOver();
  const Clock::TimePoint until = events_.empty() ? NextLook(deadline) : clock_.Now();
  for (ExecutorEvent& event : executor_.Wait(until)) Apply(std::move(event));
  LookAtClock();
  for (const int number : std::exchange(may_grow_, {})) {
    if (const auto cluster = clusters_.find(number); cluster != clusters_.end()) Materialise(cluster->second);
  }
  return std::exchange(events_, {});
}

/// Strictly in order: a job that needs many CPUs is not overtaken for ever by small ones.
void JobQueue::HandOver() {
  while (!local_.empty()) Start(*local_.begin()->proc);
  while (!ready_.empty() && executor_.HasRoom(ready_.begin()->proc->job)) Start(*ready_.begin()->proc);
}

void JobQueue::Start(Proc& proc) {
  if (proc.job.noop) return EndWithoutRunning(proc, *proc.job.noop, proc.job.noop->Describe());
  if (proc.job.deferral && !DeferralIsOver(proc)) return;
  JobAttempt attempt{.job = proc.job, .attempt = clusters_.at(proc.job.cluster).attempt};
  if (attempt.job.match_time_macros) {
    if (const auto expanded = ExpandMatchTime(attempt.job, AdOf(proc), machine_); !expanded) {
      return PutOnHold(proc, expanded.error().message(), kHeldPolicyUndefined, 0, clock_.WallNow());
    }
  }
  if (attempt.job.skip_if_dataflow && OutputsAreNewer(attempt.job)) {
    return EndWithoutRunning(proc, {}, "skipped: its outputs are newer than its inputs");
  }
  SetState(proc, State::kHandedOver);
  if (const auto taken = executor_.Submit(std::move(attempt)); !taken) {
    Apply({AttemptOf(proc.job), clock_.WallNow(), Refused{.reason = taken.error().message()}});
  }
}

bool JobQueue::DeferralIsOver(Proc& proc) {
  const Deferral& deferral = *proc.job.deferral;
  const Clock::WallTime now = clock_.WallNow();
  const auto now_seconds = std::chrono::duration_cast<seconds>(now.time_since_epoch());
  const Value value = deferral.time.Evaluate(AdOf(proc), nullptr, now_seconds.count());
  const auto* time = std::get_if<std::int64_t>(&value);
  if (time == nullptr) {
    PutOnHold(proc, "deferral_time is not a time: " + deferral.time.text(), kHeldMissedDeferral, 0, now);
    return false;
  }
  if (now_seconds - deferral.window > seconds(*time)) {
    PutOnHold(proc, "Job missed its execution time", kHeldMissedDeferral, 0, now);
    return false;
  }
  if (now_seconds >= seconds(*time)) return true;
  // Looks again every day: the clock cannot count to every time that a user may write.
  constexpr seconds kDay{86400};
  const auto left = Clock::WallTime(std::min(seconds(*time), now_seconds + kDay)) - now;
  alarms_.emplace(clock_.Now() + left, ProcId{proc.job.cluster, proc.job.proc});
  LineOf(proc).erase({proc.job.priority, proc.order, &proc});
  return false;
}

void JobQueue::EndWithoutRunning(Proc& proc, ExitStatus status, std::string what) {
  proc.history.status = status;
  Report(proc, {.type = EventType::kTerminated, .status = status}, std::move(what));
  SetState(proc, State::kGone);
}

void JobQueue::LookAtClock() {
  const Clock::TimePoint now = clock_.Now();
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    const ProcId id = alarms_.extract(alarms_.begin()).mapped();
    if (Proc* proc = Find(id)) Wake(*proc);
  }
  if (now < next_round_) return;
  for (const ProcId id : std::vector(periodic_.begin(), periodic_.end())) {
    Proc& proc = *Find(id);
    if (proc.intent) continue;
    Enforce(proc, Periodically(proc.job.policy, AdOf(proc), StatusOf(proc), proc.history.hold_code,
                               clock_.WallNow()));
  }
  next_round_ = periodic_.empty() ? Clock::TimePoint::max() : now + options_.periodic_interval;
}

/// Its deferral time has come, or a run of it has lasted as long as it may; or neither any more.
void JobQueue::Wake(Proc& proc) {
  if (proc.state == State::kIdle) {
    LineOf(proc).insert({proc.job.priority, proc.order, &proc});
  } else if (proc.state == State::kRunning && !proc.intent) {
    const auto limit = LimitOfRun(proc.job.policy);
    if (limit && clock_.Now() >= proc.began + limit->duration) Enforce(proc, limit->verdict);
  }
}

void JobQueue::Enforce(Proc& proc, const Verdict& verdict) {
  const ProcId id{proc.job.cluster, proc.job.proc};
  switch (verdict.action) {
    case Verdict::Action::kNone:
    case Verdict::Action::kRequeue:
      return;
    case Verdict::Action::kHold:
      Hold(id, verdict.reason, verdict.code, verdict.subcode);
      return;
    case Verdict::Action::kRelease:
      Release(id, verdict.reason);
      return;
    case Verdict::Action::kRemove:
      Remove(id, verdict.reason);
      return;
    case Verdict::Action::kVacate:
      Stop(proc, {.what = StopFor::kVacate, .reason = verdict.reason});
      return;
  }
}

Clock::TimePoint JobQueue::NextLook(Clock::TimePoint deadline) const {
  if (!alarms_.empty()) deadline = std::min(deadline, alarms_.begin()->first);
  return std::min(deadline, next_round_);
}

Ad JobQueue::AdOf(const Proc& proc) const {
  return QueuedJobAd(proc.job, proc.history, StatusOf(proc), clock_.WallNow());
}

JobStatus JobQueue::StatusOf(const Proc& proc) {
  if (proc.state == State::kHeld) return JobStatus::kHeld;
  return proc.state == State::kRunning ? JobStatus::kRunning : JobStatus::kIdle;
}

void JobQueue::Apply(ExecutorEvent event) {
  Proc* proc = Find({event.id.cluster, event.id.proc});
  if (proc == nullptr || !AtExecutor(*proc)) return;
  if (event.time == Clock::WallTime()) event.time = clock_.WallNow();
  if (const auto* started = std::get_if<Started>(&event.what)) {
    Began(*proc, *started, event.time);
  } else if (const auto* exited = std::get_if<Exited>(&event.what)) {
    Ended(*proc, *exited, event.time);
  } else if (const auto* refused = std::get_if<Refused>(&event.what)) {
    // HTCondor would hold the job until a person releases it. Here it ends.
    PutOnHold(*proc, refused->reason, refused->code, refused->subcode, event.time);
    Leave(*proc, refused->reason, refused->reason, event.time);
  } else if (const auto* removed = std::get_if<Removed>(&event.what)) {
    Stopped(*proc, *removed, event.time);
  }
}

void JobQueue::Began(Proc& proc, const Started& started, Clock::WallTime time) {
  JobHistory& history = proc.history;
  if (history.starts++ == 0) history.first_start = time;
  history.start = time;
  proc.began = clock_.Now();
  SetState(proc, State::kRunning);
  JobEvent record = ExecuteRecord(proc.job, started);
  record.time = time;
  Report(proc, std::move(record), {});
  if (const auto limit = LimitOfRun(proc.job.policy)) {
    alarms_.emplace(proc.began + limit->duration, ProcId{proc.job.cluster, proc.job.proc});
  }
}

void JobQueue::Ended(Proc& proc, const Exited& exited, Clock::WallTime time) {
  const Job& job = proc.job;
  JobHistory& history = proc.history;
  ++history.completions;
  history.status = exited.status;
  history.usage = exited.usage;
  history.ran += std::chrono::duration_cast<seconds>(time - history.start);
  const auto intent = std::exchange(proc.intent, {});
  const bool removed = intent && intent->what == StopFor::kRemove;
  const Verdict verdict =
      HasExitPolicy(job.policy) && !removed ? AtExit(job.policy, AdOf(proc), time) : Verdict();
  if (verdict.action == Verdict::Action::kHold) {
    return PutOnHold(proc, verdict.reason, verdict.code, verdict.subcode, time);
  }
  const bool requeued = verdict.action == Verdict::Action::kRequeue;
  JobEvent record =
      EndRecord(requeued ? EventType::kEvicted : EventType::kTerminated, job, history, exited.usage, time);
  record.status = exited.status;
  record.requeued = requeued;
  record.text = verdict.reason;
  Report(proc, std::move(record), (requeued ? "requeued after " : "") + exited.status.Describe());
  if (requeued && intent && intent->what == StopFor::kHold) {
    return HoldStopped(proc, *intent, time);
  }
  SetState(proc, requeued ? State::kIdle : State::kGone);
}

void JobQueue::Stopped(Proc& proc, const Removed& removed, Clock::WallTime time) {
  const Intent intent = std::exchange(proc.intent, {}).value_or(Intent{.reason = removed.reason});
  if (proc.state == State::kRunning) {
    proc.history.usage = removed.usage;
    proc.history.ran += std::chrono::duration_cast<seconds>(time - proc.history.start);
    Report(proc, EndRecord(EventType::kEvicted, proc.job, proc.history, removed.usage, time),
           "evicted: " + intent.reason);
  }
  switch (intent.what) {
    case StopFor::kRemove:
      Leave(proc, intent.reason, "removed: " + intent.reason, time);
      return;
    case StopFor::kHold:
      HoldStopped(proc, intent, time);
      return;
    case StopFor::kVacate:
      SetState(proc, State::kIdle);
      return;
  }
}

bool JobQueue::Remove(ProcId id, const std::string& reason) {
  return ForEach(id, [&](Proc& proc) {
    if (proc.state == State::kLate) Admit(proc);  // what ends has been submitted
    if (AtExecutor(proc)) {
      Stop(proc, {.what = StopFor::kRemove, .reason = reason});
    } else {
      Leave(proc, reason, "removed: " + reason, clock_.WallNow());
    }
    return true;
  });
}

bool JobQueue::Hold(ProcId id, const std::string& reason, int code, int subcode) {
  return ForEach(id, [&](Proc& proc) {
    if (proc.state == State::kHeld || proc.state == State::kLate) return false;
    if (AtExecutor(proc)) {
      Stop(proc, {.what = StopFor::kHold, .reason = reason, .code = code, .subcode = subcode});
    } else {
      PutOnHold(proc, reason, code, subcode, clock_.WallNow());
    }
    return true;
  });
}

bool JobQueue::Release(ProcId id, const std::string& reason) {
  return ForEach(id, [&](Proc& proc) {
    if (proc.intent && proc.intent->what == StopFor::kHold && !proc.intent->released) {
      proc.intent->released = reason;
    } else if (proc.state == State::kHeld) {
      LetGo(proc, reason);
    } else {
      return false;
    }
    return true;
  });
}

void JobQueue::KillAll() {
  const std::string reason = "stopped at once";
  for (auto& [number, cluster] : clusters_) {
    for (Proc& proc : cluster.procs) {
      if (proc.state == State::kGone) continue;
      if (proc.state == State::kLate) Admit(proc);
      if (!AtExecutor(proc)) {
        Leave(proc, reason, "removed: " + reason, clock_.WallNow());
      } else if (!proc.intent || proc.intent->what != StopFor::kRemove) {
        proc.intent = Intent{.what = StopFor::kRemove, .reason = reason};
      }
    }
  }
  executor_.KillAll();
}

QueueCounts JobQueue::counts(int cluster) const {
  const auto it = clusters_.find(cluster);
  return it == clusters_.end() ? QueueCounts() : it->second.counts;
}

bool JobQueue::IsRunning(ProcId id) const {
  const auto it = clusters_.find(id.cluster);
  if (it == clusters_.end()) return false;
  const auto proc = static_cast<std::size_t>(id.proc);
  return proc < it->second.procs.size() && it->second.procs[proc].state == State::kRunning;
}

JobQueue::Proc* JobQueue::Find(ProcId id) {
  const auto it = clusters_.find(id.cluster);
  if (it == clusters_.end()) return nullptr;
  const auto proc = static_cast<std::size_t>(id.proc);
  return proc < it->second.procs.size() ? &it->second.procs[proc] : nullptr;
}

template <typename Act>
bool JobQueue::ForEach(ProcId id, Act&& act) {
  const auto it = clusters_.find(id.cluster);
  if (it == clusters_.end()) return false;
  bool any = false;
  const auto visit = [&](Proc& proc) {
    if (proc.state != State::kGone && act(proc)) any = true;
  };
  if (id.proc < 0) {
    for (Proc& proc : it->second.procs) visit(proc);
  } else if (Proc* proc = Find(id)) {
    visit(*proc);
  }
  return any;
}

bool JobQueue::AtExecutor(const Proc& proc) {
  return proc.state == State::kHandedOver || proc.state == State::kRunning;
}

/// The one place where a proc changes its state: keeps the lines and the counts.
void JobQueue::SetState(Proc& proc, State state) {
  Cluster& cluster = clusters_.at(proc.job.cluster);
  const auto count = [&](State of, int change) {
    if (of == State::kGone) return;
    for (QueueCounts* counts : {&counts_, &cluster.counts}) {
      int& number = of == State::kLate      ? counts->late
                    : of == State::kRunning ? counts->running
                    : of == State::kHeld    ? counts->held
                                            : counts->idle;
      number += change;
    }
  };
  const Turn turn{proc.job.priority, proc.order, &proc};
  if (proc.state == State::kIdle) LineOf(proc).erase(turn);
  count(proc.state, -1);
  proc.state = state;
  proc.history.status_since = clock_.WallNow();
  count(proc.state, 1);
  if (proc.state == State::kIdle) LineOf(proc).insert(turn);

  if (proc.state == State::kGone) periodic_.erase({proc.job.cluster, proc.job.proc});
  if (cluster.counts.late > 0) may_grow_.insert(proc.job.cluster);
  if (cluster.counts.total() > 0) return;
  emptied_.push_back(proc.job.cluster);
  if (!cluster.factory()) return;
  const std::string procs = std::to_string(cluster.procs.size());
  ReportCluster(cluster,
                {.type = EventType::kClusterRemove,
                 .details = {"Materialized " + procs + " jobs from " + procs + " items.\tComplete"}});
}

/// The wish to remove a proc is final; others give way to a newer one.
void JobQueue::Stop(Proc& proc, Intent intent) {
  if (proc.intent && proc.intent->what == StopFor::kRemove) return;
  proc.intent = std::move(intent);
  executor_.Remove(AttemptOf(proc.job), proc.intent->reason, proc.intent->what);
}

void JobQueue::PutOnHold(Proc& proc, const std::string& reason, int code, int subcode, Clock::WallTime time) {
  JobHistory& history = proc.history;
  ++history.holds;
  history.hold_code = code;
  history.hold_subcode = subcode;
  history.hold_reason = reason;
  Report(proc,
         {.type = EventType::kHeld, .time = time, .text = reason, .hold_code = code, .hold_subcode = subcode},
         reason);
  SetState(proc, State::kHeld);
}

void JobQueue::HoldStopped(Proc& proc, const Intent& intent, Clock::WallTime time) {
  PutOnHold(proc, intent.reason, intent.code, intent.subcode, time);
  if (intent.released) LetGo(proc, *intent.released);
}

void JobQueue::LetGo(Proc& proc, const std::string& reason) {
  Report(proc, {.type = EventType::kReleased, .text = reason}, {});
  SetState(proc, State::kIdle);
}

void JobQueue::Leave(Proc& proc, const std::string& reason, const std::string& what, Clock::WallTime time) {
  Report(proc, {.type = EventType::kAborted, .time = time, .text = reason}, what);
  SetState(proc, State::kGone);
}

void JobQueue::Report(const Proc& proc, JobEvent record, std::string what) {
  record.id = {.cluster = proc.job.cluster, .proc = proc.job.proc};
  if (record.time == Clock::WallTime()) record.time = clock_.WallNow();
  events_.push_back({.record = std::move(record), .own_log = OwnLog(proc.job), .what = std::move(what)});
}

/// An event of the cluster as a whole.
void JobQueue::ReportCluster(const Cluster& cluster, JobEvent record) {
  const Job& job = cluster.procs.front().job;
  record.id = {.cluster = job.cluster, .proc = -1, .subproc = -1};
  record.time = clock_.WallNow();
  events_.push_back({.record = std::move(record), .own_log = OwnLog(job)});
}

}  // namespace roost::dag
