#include "dag/run/job_queue.h"

#include <algorithm>
#include <utility>

namespace roost::dag {
namespace {

constexpr int kSubmittedOnHold = 15;  // HTCondor's hold reason codes

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

JobEvent TerminatedRecord(const Job& job, const ExitStatus& status, const ResourceUsage& usage) {
  JobEvent record{.type = EventType::kTerminated, .status = status, .usage = usage};
  if (!job.local) record.request = job.request;
  return record;
}

}  // namespace

JobQueue::JobQueue(Executor& executor, const Clock& clock, Options options)
    : executor_(executor), clock_(clock), options_(std::move(options)) {}

Result<void> JobQueue::CanEverRun(const Job& job) const { return executor_.CanEverRun(job); }

std::vector<QueueEvent> JobQueue::Submit(std::vector<Job> jobs, int attempt) {
  if (jobs.empty()) return {};
  std::vector<QueueEvent> submitted;
  std::swap(submitted, events_);  // what Wait() has yet to report stays for it
  Cluster& cluster = clusters_[jobs.front().cluster];
  cluster.attempt = attempt;
  cluster.procs.reserve(jobs.size());
  for (Job& job : jobs) {
    ROOST_CHECK(job.proc == static_cast<int>(cluster.procs.size()), "procs are numbered from 0");
    Proc& proc = cluster.procs.emplace_back(Proc{.job = std::move(job), .order = next_order_++});
    proc.history.submitted = clock_.WallNow();
    ++cluster.counts.idle;
    ++counts_.idle;
    Report(proc, SubmitRecord(proc.job, options_.submit_host), {});
    if (proc.job.hold) {
      proc.history.hold_code = kSubmittedOnHold;
      proc.history.hold_reason = "submitted on hold at user's request";
      SetState(proc, State::kHeld);
    } else {
      LineOf(proc).insert({proc.job.priority, proc.order, &proc});
    }
  }
  std::swap(submitted, events_);
  return submitted;
}

std::vector<QueueEvent> JobQueue::Wait(Clock::TimePoint deadline) {
  for (const int cluster : std::exchange(emptied_, {})) clusters_.erase(cluster);
  HandOver();
  const Clock::TimePoint until = events_.empty() ? deadline : clock_.Now();
  for (ExecutorEvent& event : executor_.Wait(until)) Apply(std::move(event));
  return std::exchange(events_, {});
}

/// Strictly in order: a job that needs many CPUs is not overtaken for ever by small ones.
void JobQueue::HandOver() {
  while (!local_.empty()) Start(*local_.begin()->proc);
  while (!ready_.empty() && executor_.HasRoom(ready_.begin()->proc->job)) Start(*ready_.begin()->proc);
}

void JobQueue::Start(Proc& proc) {
  const Job& job = proc.job;
  if (job.noop) {
    proc.history.status = job.noop;
    Report(proc, {.type = EventType::kTerminated, .status = *job.noop}, job.noop->Describe());
    SetState(proc, State::kGone);
    return;
  }
  SetState(proc, State::kHandedOver);
  const int attempt = clusters_.at(job.cluster).attempt;
  if (const auto taken = executor_.Submit({.job = job, .attempt = attempt}); !taken) {
    Apply({AttemptOf(job), clock_.WallNow(), Refused{.reason = taken.error().message()}});
  }
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
    Stopped(*proc, removed->reason, event.time);
  }
}

void JobQueue::Began(Proc& proc, const Started& started, Clock::WallTime time) {
  JobHistory& history = proc.history;
  if (history.starts++ == 0) history.first_start = time;
  history.start = time;
  SetState(proc, State::kRunning);
  JobEvent record = ExecuteRecord(proc.job, started);
  record.time = time;
  Report(proc, std::move(record), {});
}

void JobQueue::Ended(Proc& proc, const Exited& exited, Clock::WallTime time) {
  proc.intent.reset();
  JobEvent record = TerminatedRecord(proc.job, exited.status, exited.usage);
  record.time = time;
  Report(proc, std::move(record), exited.status.Describe());
  SetState(proc, State::kGone);
}

void JobQueue::Stopped(Proc& proc, const std::string& reason, Clock::WallTime time) {
  const Intent intent = std::exchange(proc.intent, {}).value_or(Intent{.reason = reason});
  if (proc.state == State::kRunning) {
    Report(proc, {.type = EventType::kEvicted, .time = time}, "evicted: " + intent.reason);
  }
  switch (intent.what) {
    case StopFor::kRemove:
      Leave(proc, intent.reason, "removed: " + intent.reason, time);
      return;
    case StopFor::kHold:
      PutOnHold(proc, intent.reason, intent.code, intent.subcode, time);
      return;
    case StopFor::kVacate:
      SetState(proc, State::kIdle);
      return;
  }
}

bool JobQueue::Remove(ProcId id, const std::string& reason) {
  return ForEach(id, [&](Proc& proc) {
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
    if (proc.state == State::kHeld) return false;
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
    if (proc.state != State::kHeld) return false;
    Report(proc, {.type = EventType::kReleased, .text = reason}, {});
    SetState(proc, State::kIdle);
    return true;
  });
}

void JobQueue::KillAll() {
  const std::string reason = "stopped at once";
  for (auto& [number, cluster] : clusters_) {
    for (Proc& proc : cluster.procs) {
      if (proc.state == State::kGone) continue;
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
      (of == State::kRunning ? counts->running : of == State::kHeld ? counts->held : counts->idle) += change;
    }
  };
  const Turn turn{proc.job.priority, proc.order, &proc};
  if (proc.state == State::kIdle) LineOf(proc).erase(turn);
  count(proc.state, -1);
  proc.state = state;
  count(proc.state, 1);
  if (proc.state == State::kIdle) LineOf(proc).insert(turn);
  if (cluster.counts.total() == 0) emptied_.push_back(proc.job.cluster);
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

void JobQueue::Leave(Proc& proc, const std::string& reason, const std::string& what, Clock::WallTime time) {
  Report(proc, {.type = EventType::kAborted, .time = time, .text = reason}, what);
  SetState(proc, State::kGone);
}

void JobQueue::Report(const Proc& proc, JobEvent record, std::string what) {
  record.id = {.cluster = proc.job.cluster, .proc = proc.job.proc};
  if (record.time == Clock::WallTime()) record.time = clock_.WallNow();
  events_.push_back({.record = std::move(record), .own_log = OwnLog(proc.job), .what = std::move(what)});
}

}  // namespace roost::dag
