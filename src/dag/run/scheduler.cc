#include "dag/run/scheduler.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "dag/run/job_files.h"
#include "dag/run/own_logs.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

using std::chrono::seconds;

/// How long the loop sleeps at most: progress is shown, and the halt file looked for, that often.
constexpr seconds kHousekeeping{1};
constexpr seconds kScriptGrace{10};
/// So many nodes are started before the loop looks around: a chain of NOOP nodes never has to wait.
constexpr int kStartsAtOnce = 1000;
constexpr std::size_t kNodesShown = 8;
constexpr std::size_t kTailLines = 8;  ///< of what a failed job wrote to its error file
constexpr std::size_t kTailBytes = 4096;
constexpr int kNodesLookedAt = 64;     ///< in search of those that are shown
constexpr int kNoopProc = 2147483647;  // DAGMan's id of a NOOP job: (0.2147483647.n)

std::string ProcText(const JobId& id) { return std::to_string(id.cluster) + "." + std::to_string(id.proc); }

int ValueOf(const ExitStatus& status) { return status.signaled ? -status.value : status.value; }

/// Whether a run of the job is over, however.
bool HasStopped(const JobEvent& event) {
  return event.type == EventType::kTerminated || event.type == EventType::kAborted ||
         event.type == EventType::kEvicted;
}

Path InFolderOf(const Job& job, const Path& file) { return file.empty() ? Path() : job.initial_dir / file; }

/// DAGMan's words for how a proc failed.
std::string ProcFailureText(const JobEvent& event) {
  const std::string proc = "(" + ProcText(event.id) + ".0)";
  if (event.type == EventType::kAborted)
    return "HTCondor reported ULOG_JOB_ABORTED event for job proc " + proc;
  return "Job proc " + proc + " failed with " + (event.status.signaled ? "signal " : "status ") +
         std::to_string(event.status.value);
}

/// And for how a script did. `job_value`: of the jobs that POST followed.
std::string ScriptFailureText(Step::Kind kind, const ExitStatus& status, int job_value) {
  std::string end = std::string(KindName(KindOf(kind))) + " Script " +
                    (status.signaled ? "died on signal " : "failed with status ") +
                    std::to_string(status.value);
  if (kind == Step::Kind::kPre) return end;
  constexpr int kLastSignal = 64;
  std::string job = "Job failed due to DAGMAN error " + std::to_string(job_value);
  if (job_value > 0) job = "Job exited with status " + std::to_string(job_value);
  if (job_value < 0 && job_value >= -kLastSignal) job = "Job died on signal " + std::to_string(-job_value);
  return job + " and " + end;
}

}  // namespace

Scheduler::Scheduler(const SchedulerParts& parts, SchedulerOptions options)
    : plan_(parts.plan),
      queue_(parts.queue),
      scripts_(parts.scripts),
      journal_(parts.journal),
      reporter_(parts.reporter),
      clock_(parts.clock),
      pending_signal_(parts.pending_signal),
      next_cluster_(parts.next_cluster),
      control_(parts.control),
      options_(std::move(options)),
      narrator_({.log = parts.log, .reporter = parts.reporter, .observers = parts.observers}, *this, clock_),
      rescue_(options_.rescue, plan_, clock_),
      started_(clock_.Now()) {}

void Scheduler::Resume(const Recovered& recovered) {
  resumed_ = true;
  last_noop_ = recovered.highest_noop;
  for (const auto& [node, outcome] : recovered.awaiting_post) {
    NodeRun& run = runs_[node];
    run.outcome = outcome;
    run.value = plan_.value(node);
    run.id = {.cluster = outcome.cluster, .proc = outcome.last_proc};
  }
  narrator_.Began(options_.facts.dag_id);
  narrator_.RecoveryStarts();
  OwnLogs own_logs([this](NodeIndex node, int cluster) { return Expand(node, cluster); });
  for (const Error& error : own_logs.CatchUp(recovered)) narrator_.Warn(error.message());
  for (const Recovered::LostJob& lost : recovered.lost) {
    Record({.type = EventType::kAborted, .id = lost.id, .text = std::string(kLostReason)}, lost.node,
           own_logs.Of(lost.node, lost.id));
    repeats_.try_emplace(lost.node, 1);
  }
  for (const auto& [node, cluster] : recovered.failed_factories) {
    const JobId id{.cluster = cluster, .proc = -1, .subproc = -1};
    Record({.type = EventType::kClusterRemove, .id = id, .text = std::string(kLostReason)}, node,
           own_logs.Of(node, id));
  }
  narrator_.RecoveryEnds();
  for (NodeIndex node = 0; node < plan_.dag().end(); ++node) {
    if (plan_.state(node) != NodeState::kFailed || plan_.IsHelper(node)) continue;
    NodeFailure failure = FailureOf(TryOf(node));
    failure.what = "failed before dagrun was interrupted";
    failures_.push_back(std::move(failure));
    status_ = RunEnd::Status::kNodeFailed;
  }
  if (recovered.abort) TestForAbort(recovered.abort->first, recovered.abort->second, "NODE");
}

/// Repeated: start every node that the plan and the queue allow, then wait for something to happen and tell
/// the plan. Where nothing can go on the next stage begins: what is left is removed, the FINAL node runs.
RunEnd Scheduler::Run() try {
  if (!resumed_) narrator_.Began(options_.facts.dag_id);
  while (stage_ != Stage::kOver) {
    LookOutside();
    StartReadyNodes();
    if (StageIsOver()) {
      NextStage();
    } else {
      WaitForSomething();
      narrator_.Status(CurrentProgress());
    }
  }
  return Conclude();
} catch (const Error& error) {
  return GiveUpWithoutJournal(error);
}

/// What people and other programs want of this run.
void Scheduler::LookOutside() {
  if (const int signal = pending_signal_()) TakeSignal(signal);
  LookForHalt();
  if (control_ == nullptr) return;
  std::vector<std::string> warnings;
  for (const ControlRequest& request : control_->Take(warnings)) Obey(request);
  for (const std::string& warning : warnings) narrator_.Warn(warning);
}

void Scheduler::TakeSignal(int signal) {
  const std::string why = std::string("received ") + ::strsignal(signal);
  if (stage_ == Stage::kNodes) {
    ending_ = Ending{RunEnd::Status::kRemoved, 2, why};
    return;
  }
  narrator_.Stopping("asked again: stopping everything at once");
  if (ending_->status != RunEnd::Status::kRemoved) ending_ = Ending{RunEnd::Status::kRemoved, 2, why};
  StopAtOnce();
}

void Scheduler::LookForHalt() {
  if (stage_ != Stage::kNodes) return;
  const Path file = options_.dag_file.string() + ".halt";
  std::error_code ignored;
  const bool halt = std::filesystem::exists(file, ignored);
  if (halt == halted_) return;
  halted_ = halt;
  if (halt) {
    narrator_.Halted(file);
  } else {
    narrator_.Resumed();
  }
}

void Scheduler::Obey(const ControlRequest& request) {
  using Action = ControlRequest::Action;
  if (request.action == Action::kRemove && request.target.empty()) {
    if (stage_ == Stage::kNodes) ending_ = Ending{RunEnd::Status::kRemoved, 2, request.reason};
    return;
  }
  bool known = false;
  for (const ProcId id : Meant(request.target)) {
    switch (request.action) {
      case Action::kHold:
        known = queue_.Hold(id, request.reason) || known;
        break;
      case Action::kRelease:
        known = queue_.Release(id, request.reason) || known;
        break;
      case Action::kRemove:
        known = queue_.Remove(id, request.reason) || known;
        break;
    }
  }
  if (!known) narrator_.Warn("a request named '" + request.target + "', which has no job in the queue");
}

/// The procs that a request is about: of a node, a cluster, one proc, or all.
std::vector<ProcId> Scheduler::Meant(const std::string& target) const {
  std::vector<ProcId> meant;
  const NodeIndex named = plan_.dag().Find(target);
  for (const auto& [cluster, node] : node_of_cluster_) {
    if (target.empty() || node == named || target == std::to_string(cluster)) meant.push_back({cluster});
  }
  if (!meant.empty()) return meant;
  const std::vector<std::string> parts = Split(target, '.');
  if (parts.size() != 2) return {};
  const auto cluster = ParseInt(parts[0]);
  const auto proc = ParseInt(parts[1]);
  if (!cluster || !proc) return {};
  return {{static_cast<int>(*cluster), static_cast<int>(*proc)}};
}

void Scheduler::StartReadyNodes() {
  more_to_start_ = false;
  for (int started = 0; !ending_ || stage_ == Stage::kFinal; ++started) {
    if (started == kStartsAtOnce) {
      more_to_start_ = true;
      return;
    }
    const auto step = plan_.Next(WhatMayStart());
    if (!step) return;
    if (step->kind != Step::Kind::kPost && step->kind != Step::Kind::kHold) AboutToStart(step->node);
    if (step->kind == Step::Kind::kJob) {
      SubmitJobs(step->node);
    } else {
      StartScript(*step);
    }
  }
}

MayStart Scheduler::WhatMayStart() const {
  if (stage_ == Stage::kFinal) return MayStart::kEverything;
  if (halted_) return MayStart::kOnlyWhatFollows;
  const bool enough = options_.max_idle > 0 && queue_.counts().idle >= options_.max_idle;
  const bool too_early = options_.submit_delay > seconds(0) && clock_.Now() < next_submit_;
  return enough || too_early ? MayStart::kNoJobs : MayStart::kEverything;
}

/// A save point stands for the moment before the first step of its node.
void Scheduler::AboutToStart(NodeIndex node) {
  const bool first = plan_.attempt(node) == 0 && !runs_.contains(node);
  if (!first || options_.dry_run || !plan_.dag().Rules(Definition(node)).save_point) return;
  if (const auto file = rescue_.WriteSavePoint(node); !file) narrator_.Warn(file.error().message());
}

void Scheduler::WaitForSomething() {
  const Clock::TimePoint now = clock_.Now();
  Clock::TimePoint deadline = more_to_start_ || scripts_.ended() ? now : now + kHousekeeping;
  for (const DeferredScript& script : deferred_) deadline = std::min(deadline, script.due);
  if (next_submit_ > now) deadline = std::min(deadline, next_submit_);
  journal_.WriteOut();
  for (const QueueEvent& event : queue_.Wait(deadline)) Settle(event);
  for (const ScriptRunner::Ended& ended : scripts_.TakeEnded()) Settle(ended);
  if (clock_.Now() - synced_ >= kHousekeeping) {
    synced_ = clock_.Now();
    journal_.Flush();
    narrator_.Flush();
  }

  std::erase_if(deferred_, [&](const DeferredScript& script) {
    if (script.due > clock_.Now()) return false;
    plan_.Undefer(script.step);
    return true;
  });
  if (clock_.Now() >= kill_scripts_at_) scripts_.Signal(SIGKILL);
  if (clock_.Now() - table_shown_ >= options_.status_interval) {
    table_shown_ = clock_.Now();
    narrator_.Table();
  }
}

/// Before anything is started: an end that something was waiting for must be on record, whatever happens to
/// the machine. Ends that nothing waits for are put on disk together, once a second.
void Scheduler::PutOnDisk() {
  if (plan_.released() == released_on_disk_) return;
  released_on_disk_ = plan_.released();
  journal_.Flush();
}

const Script& Scheduler::ScriptOf(Step step) const {
  const Dag& dag = plan_.dag();
  const Node& node = Definition(step.node);
  switch (step.kind) {
    case Step::Kind::kPre:
      return *dag.Pre(node);
    case Step::Kind::kPost:
      return *dag.Post(node);
    case Step::Kind::kHold:
    case Step::Kind::kJob:
      break;
  }
  return *dag.Hold(node);
}

/// The attempt at a node that is under way, for those who are told of it.
Try Scheduler::TryOf(NodeIndex node) const {
  Try attempt{.node = node, .attempt = plan_.attempt(node)};
  const auto repeats = repeats_.find(node);
  attempt.submission = 1 + attempt.attempt + (repeats == repeats_.end() ? 0 : repeats->second);
  if (const auto run = runs_.find(node); run != runs_.end() && run->second.outcome.cluster >= 0) {
    attempt.id = run->second.id;
  }
  return attempt;
}

void Scheduler::StartScript(Step step) {
  PutOnDisk();
  const Node& node = Definition(step.node);
  const Script& script = ScriptOf(step);
  NodeRun& run = runs_[step.node];
  narrator_.ScriptStarts(TryOf(step.node), KindOf(step.kind));
  auto words =
      ExpandScript(script, {.kind = step.kind,
                            .node = node.name,
                            .retry = plan_.attempt(step.node),
                            .max_retries = node.retries,
                            .dag_status = dag_status(),
                            .counts = plan_.counts(),
                            .dag_id = options_.facts.dag_id,
                            .outcome = run.outcome,
                            .value = step.kind == Step::Kind::kHold ? run.value : plan_.value(step.node),
                            .pre_value = run.pre_value});
  if (!words) {
    narrator_.Say("Warning: " + words.error().message());
    ending_ = Ending{RunEnd::Status::kError, 1, words.error().message()};
    return;
  }
  if (options_.dry_run) return scripts_.Pretend(step);
  if (const auto started = scripts_.Start(step, node.name, script, *words, DirectoryOf(plan_.dag(), node));
      !started) {
    narrator_.ScriptNotStarted(TryOf(step.node), KindOf(step.kind), started.error().message());
    run.script_not_started = started.error().message();
  }
}

Submission Scheduler::Expand(NodeIndex node, int cluster) const {
  if (Definition(node).kind == NodeKind::kSubdag) {
    auto job = NestedRunJob(plan_.dag(), Definition(node), cluster, TryOf(node).submission, options_.nested);
    if (job) return {.jobs = {std::move(*job)}};
    return {.faults = {{.where = plan_.dag().Where(Definition(node)), .message = job.error().message()}}};
  }
  SubmitFacts facts = options_.facts;
  facts.cluster = cluster;
  facts.retry = plan_.attempt(node);
  facts.dag_status = dag_status();
  facts.failed_count = plan_.counts()[NodeState::kFailed];
  facts.time = clock_.WallNow();
  return ExpandNode(plan_.dag(), Definition(node), facts);
}

std::string Scheduler::WhyNot(const Submission& submission) const {
  if (HasErrors(submission.faults)) return FaultsError(submission.faults).message();
  if (submission.jobs.empty()) return "the submit file queues no jobs";
  if (options_.prohibit_multi_jobs && submission.jobs.size() > 1) {
    return "the submit file queues " + std::to_string(submission.jobs.size()) +
           " jobs, and DAGMAN_PROHIBIT_MULTI_JOBS allows one";
  }
  for (const Job& job : submission.jobs) {
    const auto possible = queue_.CanEverRun(job);
    if (!possible) {
      return "job " + std::to_string(job.proc) + " " + possible.error().message() + ". " +
             possible.error().hint();
    }
  }
  return {};
}

void Scheduler::SubmitJobs(NodeIndex node) {
  narrator_.Submitting(TryOf(node));
  if (Definition(node).noop) return RunNoop(node);
  PutOnDisk();

  const int cluster = next_cluster_();
  Submission submission = Expand(node, cluster);
  for (const Fault& fault : submission.faults) {
    if (fault.severity == Fault::Severity::kWarning) narrator_.Warn(fault.Describe());
  }
  if (options_.dry_run && (Definition(node).pre >= 0 || WhyNot(submission).empty())) return RunNoop(node);
  if (const std::string why = WhyNot(submission); !why.empty()) return FailSubmit(node, why);

  NodeRun& run = runs_[node];
  const int procs = static_cast<int>(submission.jobs.size());
  const auto& tolerance = plan_.dag().Rules(Definition(node)).tolerance;
  run.tolerated = ToleratedFailures(plan_.dag(), Definition(node), procs, options_.failure_tolerance);
  run.fail_fast = tolerance ? tolerance->fail_fast : options_.remove_jobs_on_failure;
  run.id = {.cluster = cluster, .proc = procs - 1};
  run.outcome = {.cluster = cluster, .last_proc = procs - 1, .procs = procs};
  run.outcome.exit_values.resize(submission.jobs.size());
  for (const Job& job : submission.jobs) {
    run.files.push_back({.output = InFolderOf(job, job.output),
                         .error = InFolderOf(job, job.error),
                         .log = InFolderOf(job, job.log)});
  }
  if (std::ranges::any_of(submission.jobs, &Job::hold)) {
    narrator_.Warn("node '" + Definition(node).name +
                   "' has jobs that are submitted on hold: let them go with: " + "dagrun release " +
                   options_.dag_file.string() + " " + Definition(node).name);
  }
  node_of_cluster_[cluster] = node;
  if (plan_.attempt(node) == 0) ++totals_.nodes_run;
  if (options_.submit_delay > seconds(0)) next_submit_ = clock_.Now() + options_.submit_delay;
  // All of them are in the journal before the first can start: recovery tells by that how many there were.
  for (const QueueEvent& event : queue_.Submit(std::move(submission.jobs), plan_.attempt(node)))
    Settle(event);
}

/// A NOOP node: its scripts run, its job counts as an instant success.
void Scheduler::RunNoop(NodeIndex node) {
  NodeRun& run = runs_[node];
  run.id = {.cluster = 0, .proc = kNoopProc, .subproc = ++last_noop_};
  run.outcome = {.cluster = 0, .last_proc = kNoopProc, .procs = 1, .exit_values = {0}};
  Record({.type = EventType::kSubmit,
          .id = run.id,
          .node = Definition(node).name,
          .text = "<dummy-submit-for-noop-job>"},
         node);
  Record({.type = EventType::kTerminated, .id = run.id}, node);
  JobsOver(node);
}

void Scheduler::FailSubmit(NodeIndex node, const std::string& why) {
  const Try attempt = TryOf(node);
  narrator_.SubmitFailed(attempt, why);
  NodeRun& run = runs_[node];
  run.value = kSubmitFailedValue;
  run.failed_because = why;
  run.dagman_words = "Job submit failed";
  plan_.SubmitFailed(node);
  Conclude(attempt);
}

/// Writes the record down and draws the conclusions.
void Scheduler::Settle(const QueueEvent& event) {
  const auto it = node_of_cluster_.find(event.record.id.cluster);
  if (it == node_of_cluster_.end()) return;
  const NodeIndex node = it->second;
  Record(event.record, node, event.own_log);
  if (Definition(node).kind == NodeKind::kSubdag && HasStopped(event.record)) {
    EndLeftoversOfNestedRun(plan_.dag(), Definition(node));
  }
  NodeRun& run = runs_.at(node);
  switch (event.record.type) {
    case EventType::kSubmit:
      ++run.left;
      ++totals_.submitted;
      return;
    case EventType::kClusterSubmit:
      run.has_factory = true;
      return;
    case EventType::kClusterRemove:
      run.has_factory = false;
      if (run.left == 0) JobsLeft(node);
      return;
    case EventType::kExecute:
      if (node == plan_.dag().provisioner) plan_.ProvisionerReady();
      return;
    case EventType::kHeld:
      return ProcHeld(node, event);
    case EventType::kTerminated:
    case EventType::kAborted:
      return ProcLeft(node, event);
    default:
      return;  // changes nothing about the node
  }
}

void Scheduler::ProcHeld(NodeIndex node, const QueueEvent& event) {
  const int cluster = event.record.id.cluster;
  if (stage_ == Stage::kRemoving) return;
  if (Definition(node).hold >= 0) plan_.HoldWanted(node);
  if (options_.max_job_holds == 0 || queue_.counts(cluster).held < options_.max_job_holds) return;
  NodeRun& run = runs_.at(node);
  run.failed_because = std::to_string(options_.max_job_holds) + " of its jobs were on hold at once";
  queue_.Remove({cluster}, "DAG Limit: total number of held jobs for node " + Definition(node).name +
                               " has reached " + std::to_string(options_.max_job_holds));
}

void Scheduler::ProcLeft(NodeIndex node, const QueueEvent& event) {
  NodeRun& run = runs_.at(node);
  const JobEvent& record = event.record;
  const bool ended = record.type == EventType::kTerminated;
  const int value = ended ? ValueOf(record.status) : kJobRemovedValue;
  narrator_.ProcEnded(TryOf(node), record, event.what);
  --run.left;
  if (ended) {
    ++totals_.ended;
    const auto proc = static_cast<std::size_t>(record.id.proc);
    if (proc < run.outcome.exit_values.size()) run.outcome.exit_values[proc] = value;
  } else {
    ++run.outcome.aborted;
  }
  if (value != 0) NoteFailure(node, run, event, value);

  const bool last = run.left == 0 && !run.has_factory && queue_.counts(record.id.cluster).total() == 0;
  if (last) JobsLeft(node);
  if (ended && Definition(node).post < 0) TestForAbort(node, value, "NODE");
}

/// The first failure decides what the node is worth; one too many, and the rest of the cluster works in vain.
void Scheduler::NoteFailure(NodeIndex node, NodeRun& run, const QueueEvent& event, int value) {
  const JobEvent& record = event.record;
  const bool had_failed = run.JobPartFailed();
  ++run.failures;
  if (stage_ == Stage::kRemoving) return;
  if (run.failures == 1) {
    run.value = value;
    const std::string what = "job " + ProcText(record.id) + ": " + event.what;
    run.failed_because = run.failed_because.empty() ? what : run.failed_because + "; " + what;
    run.dagman_words = ProcFailureText(record);
    const auto proc = static_cast<std::size_t>(record.id.proc);
    const NodeRun::Files files = proc < run.files.size() ? run.files[proc] : NodeRun::Files{};
    run.failed_procs.push_back({.id = ProcText(record.id),
                                .what = event.what,
                                .output = files.output,
                                .error = files.error,
                                .log = files.log,
                                .error_tail = value == kJobRemovedValue
                                                  ? std::string()
                                                  : TailOfFile(files.error, kTailLines, kTailBytes)});
  }
  if (had_failed || !run.JobPartFailed() || !run.fail_fast) return;
  queue_.Remove({record.id.cluster}, "Node Error: DAG node " + Definition(node).name + " (" +
                                         ProcText(record.id) + ".0) failed: " + event.what);
}

/// The last job of the attempt has left the queue.
void Scheduler::JobsLeft(NodeIndex node) {
  const NodeRun& run = runs_.at(node);
  // What is removed at the end of a run has neither failed nor succeeded, unless it had just succeeded.
  if (stage_ == Stage::kRemoving && run.failures > 0) return;
  node_of_cluster_.erase(run.outcome.cluster);
  JobsOver(node);
}

/// The job part of the attempt is over, with jobs or without.
void Scheduler::JobsOver(NodeIndex node) {
  const Try attempt = TryOf(node);
  const NodeRun& run = runs_.at(node);
  const int value = run.JobPartFailed() ? run.value : 0;
  narrator_.JobsOver(attempt, value);
  plan_.JobEnded(node, value);
  Conclude(attempt);
}

void Scheduler::Settle(const ScriptRunner::Ended& ended) {
  const NodeIndex node = ended.step.node;
  const Script& script = ScriptOf(ended.step);
  const Try attempt = TryOf(node);
  const int value = ValueOf(ended.status);
  if (stage_ == Stage::kRemoving) return;  // killed, or as good as
  if (script.defer_status == value) {
    narrator_.ScriptDeferred(attempt, script);
    plan_.Defer(ended.step);
    deferred_.push_back({clock_.Now() + seconds(script.defer_seconds), ended.step});
    return;
  }
  if (ended.step.kind == Step::Kind::kPost) RecordPost(node, ended.status);
  narrator_.ScriptEnded(attempt, KindOf(ended.step.kind), ended.status);
  if (ended.step.kind == Step::Kind::kHold) return plan_.HoldEnded();
  if (value != 0) NoteScriptFailure(node, ended);
  if (ended.step.kind == Step::Kind::kPre) {
    PreEnded(node, value);
  } else {
    plan_.PostEnded(node, value);
    TestForAbort(node, value, "POST script");
  }
  Conclude(attempt);
}

void Scheduler::NoteScriptFailure(NodeIndex node, const ScriptRunner::Ended& ended) {
  NodeRun& run = runs_[node];
  const std::string why = run.script_not_started.empty() ? ended.status.Describe() : run.script_not_started;
  const std::string told = std::string(KindName(KindOf(ended.step.kind))) + " script: " + why;
  run.failed_because = run.failed_because.empty() ? told : run.failed_because + "; then " + told;
  run.dagman_words = ScriptFailureText(ended.step.kind, ended.status, plan_.value(node));
}

void Scheduler::PreEnded(NodeIndex node, int value) {
  runs_[node].pre_value = value;
  const bool skips = value != 0 && plan_.dag().Rules(Definition(node)).pre_skip == value;
  if (skips) {
    narrator_.Say("PRE_SKIP return value " + std::to_string(value) +
                  " indicates we are done (successfully) with node " + Definition(node).name);
    Record({.type = EventType::kPreSkip,
            .id = {.cluster = 0, .proc = kNoopProc, .subproc = ++last_noop_},
            .node = Definition(node).name},
           node);
  }
  plan_.PreEnded(node, value);
  TestForAbort(node, skips ? 0 : value, "PRE script");
}

void Scheduler::RecordPost(NodeIndex node, const ExitStatus& status) {
  const NodeRun& run = runs_[node];
  // HTCondor writes proc 0 here, except for NOOP jobs.
  const JobId id = run.outcome.cluster == 0 ? run.id : JobId{.cluster = run.outcome.cluster};
  Record(
      {.type = EventType::kPostScriptTerminated, .id = id, .node = Definition(node).name, .status = status},
      node);
}

/// After the plan was told of an end in this attempt at a node: tells people, where that was the end of the
/// attempt.
void Scheduler::Conclude(const Try& attempt) {
  const NodeIndex node = attempt.node;
  const NodeState state = plan_.state(node);
  const bool retried = plan_.attempt(node) != attempt.attempt;
  if (state != NodeState::kDone && state != NodeState::kFailed && !retried) return;

  NodeFailure failure = state == NodeState::kDone ? NodeFailure() : FailureOf(attempt);
  if (state == NodeState::kFailed) {
    why_failed_[node] = runs_[node].dagman_words;
    if (Definition(node).retries > 0) {
      why_failed_[node] += " (after " + std::to_string(attempt.attempt) + " node retries)";
    }
    if (status_ == RunEnd::Status::kOk) status_ = RunEnd::Status::kNodeFailed;
  }
  runs_.erase(node);
  if (plan_.IsHelper(node)) {
    failure.node = Definition(node).name;
    narrator_.HelperEnded(attempt, failure);
  } else if (state == NodeState::kDone) {
    narrator_.NodeDone(attempt, CurrentProgress());
  } else if (retried) {
    narrator_.NodeRetried(attempt, failure, CurrentProgress());
  } else {
    narrator_.NodeFailed(attempt, failure, CurrentProgress());
    failures_.push_back(std::move(failure));
  }
}

void Scheduler::TestForAbort(NodeIndex node, int value, const char* whose) {
  const AbortOn* rule = plan_.AbortBy(node, value);
  if (rule == nullptr || ending_) return;
  const int exit_code = rule->return_code.value_or(value);
  narrator_.Say(std::string("Aborting DAG because we got the ABORT exit value from a ") + whose);
  ending_ = Ending{exit_code == 0 ? RunEnd::Status::kOk : RunEnd::Status::kAborted, exit_code,
                   "node " + Definition(node).name + " ended with " + std::to_string(value) +
                       ", by which ABORT-DAG-ON ends the DAG"};
}

/// Whether nothing more can come of the stage that the run is in.
bool Scheduler::StageIsOver() const {
  switch (stage_) {
    case Stage::kNodes:
      return ending_ || NothingUnderWay();
    case Stage::kRemoving:
      return queue_.counts().total() == 0 && !scripts_.busy();
    case Stage::kFinal:
      return plan_.Finished() || NothingUnderWay();
    case Stage::kOver:
      break;
  }
  return true;
}

/// Nothing runs that is waited for. Helpers are not, but for the provisioner until it is ready.
bool Scheduler::NothingUnderWay() const {
  if (more_to_start_ || scripts_.busy() || !deferred_.empty()) return false;
  if (next_submit_ > clock_.Now() && !halted_ && plan_.counts()[NodeState::kReady] > 0) return false;
  int helpers = 0;
  for (const auto& [cluster, node] : node_of_cluster_) {
    if (!plan_.IsHelper(node)) return false;
    if (++helpers > static_cast<int>(plan_.dag().services.size())) break;
  }
  const NodeIndex provisioner = plan_.dag().provisioner;
  return !plan_.provisioner_awaited() || plan_.state(provisioner) != NodeState::kQueued;
}

void Scheduler::NextStage() {
  switch (stage_) {
    case Stage::kNodes:
      if (!ending_) ending_ = Verdict();
      return BeginRemoval();
    case Stage::kRemoving:
      if (plan_.has_final() && !skip_final_) {
        narrator_.Say("Starting final node...");
        if (!plan_.final_started()) plan_.StartFinal();  // recovery may have
        stage_ = Stage::kFinal;
        return;
      }
      break;
    case Stage::kFinal:
      ConcludeFinal();
      break;
    case Stage::kOver:
      break;
  }
  stage_ = Stage::kOver;
}

/// How the DAG has ended, where nobody ended it.
Scheduler::Ending Scheduler::Verdict() const {
  using Status = RunEnd::Status;
  const NodeCounts& counts = plan_.counts();
  if (plan_.AllDone()) return {Status::kOk, 0, {}};
  if (plan_.provisioner_awaited())
    return {Status::kError, 1, "the PROVISIONER node ended before it was ready"};
  if (halted_) return {Status::kHalted, 1, "the DAG is halted and nothing runs any more"};
  if (counts[NodeState::kFailed] > 0) return {Status::kNodeFailed, 1, {}};
  if (counts.active() > 0) {
    return {Status::kError, 1,
            "nothing runs and nothing may start: a category with MAXJOBS 0 holds the ready nodes back"};
  }
  return {Status::kCycle, 1, "the DAG has a cycle: nodes wait for each other"};
}

/// It is decided how the nodes ended. Nothing more is started; what runs is removed, once the rescue file
/// says what is done.
void Scheduler::BeginRemoval() {
  stage_ = Stage::kRemoving;
  // An ending that comes from outside is news; the others only put a name to what is seen.
  const bool cut_short = !NothingUnderWay();
  status_ = ending_->status;
  if (status_ == RunEnd::Status::kNodeFailed) narrator_.FailedNodes(failures_);
  if (status_ == RunEnd::Status::kCycle) {
    narrator_.Say("ERROR: DAG finished but not all nodes are complete -- checking for a cycle...");
    narrator_.Say("... ERROR: a cycle exists in the dag, please check input");
  }
  if (cut_short) narrator_.Stopping(ending_->reason);
  if (ending_->exit_code != 0) WriteRescue();
  plan_.GiveUp();
  deferred_.clear();
  if (node_of_cluster_.empty() && !scripts_.busy()) return;
  narrator_.Say("Removing submitted jobs...");
  const std::string reason = std::string(kStoppedReason) + ending_->reason;
  for (const auto& [cluster, node] : node_of_cluster_) queue_.Remove({cluster}, reason);
  scripts_.Signal(SIGTERM);
  kill_scripts_at_ = clock_.Now() + kScriptGrace;
}

/// The outcome of FINAL replaces that of the DAG; the DAG status stays.
void Scheduler::ConcludeFinal() {
  if (plan_.state(plan_.dag().final_node) == NodeState::kDone) {
    ending_->exit_code = 0;
    return;
  }
  const bool removed = ending_->status == RunEnd::Status::kRemoved;
  ending_->exit_code = removed ? 2 : 1;
  if (ending_->status == RunEnd::Status::kOk) status_ = RunEnd::Status::kNodeFailed;
  narrator_.FailedNodes(failures_);
  WriteRescue();
}

/// Asked to stop while already stopping, or while FINAL runs: no grace, no FINAL.
void Scheduler::StopAtOnce() {
  skip_final_ = true;
  status_ = RunEnd::Status::kRemoved;
  if (stage_ == Stage::kFinal) {
    stage_ = Stage::kRemoving;
    WriteRescue();
  }
  queue_.KillAll();
  scripts_.Signal(SIGKILL);
}

void Scheduler::WriteRescue() {
  if (options_.dry_run || rescue_.NextFile().empty()) return;
  narrator_.Say("Writing Rescue DAG to " + rescue_.NextFile().string() + "...");
  done_in_rescue_ = plan_.counts()[NodeState::kDone];
  const auto written = rescue_.Write();
  orderly_ = written.ok();
  if (!written) narrator_.Warn(written.error().message());
}

RunEnd Scheduler::Conclude() {
  // A job may have come to a good end while it was being removed.
  if (!rescue_.written().empty() && plan_.counts()[NodeState::kDone] > done_in_rescue_) WriteRescue();
  journal_.Flush();
  if (ending_->exit_code == 0) {
    narrator_.Say("All jobs Completed!");
    orderly_ = true;
  }
  narrator_.Ended(ending_->exit_code);
  narrator_.Flush();
  return {.status = status_,
          .exit_code = ending_->exit_code,
          .reason = ending_->reason,
          .counts = plan_.counts(),
          .failures = failures_,
          .duration = clock_.Now() - started_,
          .rescue_file = rescue_.written()};
}

/// Nothing can be written down any more, so nothing may go on. What the journal has is what the next run
/// starts from; it finds and ends what is left.
RunEnd Scheduler::GiveUpWithoutJournal(const Error& error) {
  orderly_ = false;
  narrator_.Stopping(error.message());
  queue_.KillAll();
  scripts_.Signal(SIGKILL);
  while (queue_.counts().total() > 0 || scripts_.busy()) {
    queue_.Wait(clock_.Now() + kHousekeeping);
    scripts_.TakeEnded();
  }
  return {.status = RunEnd::Status::kError,
          .exit_code = 1,
          .reason = error.message(),
          .counts = plan_.counts(),
          .failures = failures_,
          .duration = clock_.Now() - started_};
}

void Scheduler::Record(const JobEvent& event, NodeIndex node, const Path& own_log) {
  JobEvent timed = event;
  if (timed.time == Clock::WallTime()) timed.time = clock_.WallNow();
  if (const auto written = journal_.Write(timed, own_log); !written)
    narrator_.Warn(written.error().message());
  narrator_.Recorded(TryOf(node), timed);
}

NodeFailure Scheduler::FailureOf(const Try& attempt) const {
  const Node& definition = Definition(attempt.node);
  NodeFailure failure{
      .node = definition.name,
      .attempt = attempt.attempt,
      .retries = definition.retries,
      .submit_file = (plan_.dag().Directory(definition) / plan_.dag().Submit(definition).file).string()};
  if (const auto it = runs_.find(attempt.node); it != runs_.end()) {
    failure.what = it->second.failed_because;
    failure.procs = it->second.failed_procs;
  }
  return failure;
}

NodeFacts Scheduler::Facts(NodeIndex node) const {
  NodeFacts facts{.state = plan_.state(node), .attempt = plan_.attempt(node)};
  if (const auto why = why_failed_.find(node); why != why_failed_.end()) facts.failure = why->second;
  const auto run = runs_.find(node);
  if (run == runs_.end() || run->second.outcome.cluster <= 0) return facts;
  const QueueCounts counts = queue_.counts(run->second.outcome.cluster);
  facts.queued = counts.queued();
  facts.held = counts.held;
  facts.first_proc_running = queue_.IsRunning({run->second.outcome.cluster, 0});
  return facts;
}

Progress Scheduler::CurrentProgress() const {
  Progress progress{
      .counts = plan_.counts(), .running_jobs = queue_.counts().running, .elapsed = clock_.Now() - started_};
  int looked_at = 0;
  for (const auto& [node, run] : runs_) {
    if (progress.running_nodes.size() == kNodesShown || ++looked_at > kNodesLookedAt) break;
    if (run.left > 0) progress.running_nodes.push_back(Definition(node).name);
  }
  std::sort(progress.running_nodes.begin(), progress.running_nodes.end());
  return progress;
}

}  // namespace roost::dag
