#include "dag/run/scheduler.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <utility>

#include "dag/run/submit_context.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

using std::chrono::seconds;

/// How long the loop sleeps at most: progress is shown that often.
constexpr seconds kHousekeeping{1};
constexpr seconds kStatusInterval{5};  // DAGMAN_USER_LOG_SCAN_INTERVAL: how often DAGMan logs its table
constexpr seconds kScriptGrace{10};
constexpr std::size_t kNodesShown = 8;
constexpr int kNoopProc = 2147483647;  // DAGMan's id of a NOOP job: (0.2147483647.n)
constexpr int kHoldUnspecified = 0;

std::string IdText(const JobId& id) {
  return "(" + std::to_string(id.cluster) + "." + std::to_string(id.proc) + "." + std::to_string(id.subproc) +
         ")";
}

int ValueOf(const ExitStatus& status) { return status.signaled ? -status.value : status.value; }

const char* KindName(Step::Kind kind) { return kind == Step::Kind::kPre ? "PRE" : "POST"; }

/// The last lines of a file, fit for a terminal.
std::string TailOf(const Path& file) {
  constexpr std::streamoff kBytes = 4096;
  constexpr std::size_t kLines = 8;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return {};  // a FIFO would keep us waiting
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  if (!stream || size <= 0) return {};
  const std::streamoff wanted = std::min(size, kBytes);
  std::string text(static_cast<std::size_t>(wanted), '\0');
  stream.seekg(size - wanted);
  stream.read(text.data(), wanted);

  std::vector<std::string> lines;
  for (const std::string& line : SplitAny(text, "\n")) lines.push_back(Printable(line));
  const std::size_t skip = lines.size() - std::min(lines.size(), kLines);
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(skip));
  return Join(lines, "\n");
}

Path InFolderOf(const Job& job, const Path& file) { return file.empty() ? Path() : job.initial_dir / file; }

}  // namespace

Scheduler::Scheduler(const SchedulerParts& parts, SchedulerOptions options)
    : plan_(parts.plan),
      executor_(parts.executor),
      scripts_(parts.scripts),
      journal_(parts.journal),
      reporter_(parts.reporter),
      clock_(parts.clock),
      log_(parts.log),
      pending_signal_(parts.pending_signal),
      next_cluster_(parts.next_cluster),
      options_(std::move(options)),
      started_(clock_.Now()) {}

void Scheduler::Resume(const Recovered& recovered) {
  last_noop_ = recovered.highest_noop;
  for (const auto& [node, outcome] : recovered.awaiting_post) {
    Attempt& attempt = attempts_[node];
    attempt.outcome = outcome;
    attempt.value = plan_.value(node);
    attempt.id = {.cluster = outcome.cluster, .proc = outcome.last_proc};
  }
  for (const Recovered::LostJob& lost : recovered.lost) {
    // Its own log is known from its submit file, which may have changed since: then that log stays
    // open-ended.
    const Submission submission = Expand(lost.node, lost.id.cluster);
    const auto proc = static_cast<std::size_t>(lost.id.proc);
    Path own_log;
    if (!HasErrors(submission.faults) && proc < submission.jobs.size()) {
      own_log = InFolderOf(submission.jobs[proc], submission.jobs[proc].log);
    }
    Write({.type = EventType::kAborted, .id = lost.id, .text = std::string(kLostReason)}, lost.node, own_log);
  }
  for (NodeIndex node = 0; node < static_cast<NodeIndex>(plan_.dag().nodes.size()); ++node) {
    if (plan_.state(node) != NodeState::kFailed) continue;
    NodeFailure failure = FailureOf(node, plan_.attempt(node));
    failure.what = "failed before dagrun was interrupted";
    failures_.push_back(std::move(failure));
  }
}

/// Two steps, repeated: start every node that the plan and the executor allow, then wait for something to
/// happen and tell the plan.
RunEnd Scheduler::Run() {
  LogStatus();
  while (!plan_.Finished()) {
    if (const int signal = pending_signal_()) {
      return Stop(RunEnd::Status::kRemoved, 2, std::string("received ") + ::strsignal(signal));
    }
    StartReadyNodes();
    if (!abort_reason_.empty()) return Stop(RunEnd::Status::kError, 1, abort_reason_);
    if (executor_.InFlight() == 0 && !scripts_.busy() && deferred_.empty()) break;
    WaitForSomething();
    reporter_.Status(CurrentProgress());
  }
  return Finish();
}

void Scheduler::StartReadyNodes() {
  while (abort_reason_.empty()) {
    const int idle = executor_.InFlight() - executor_.Running();
    const auto step = plan_.Next(options_.max_idle == 0 || idle < options_.max_idle);
    if (!step) return;
    if (step->kind == Step::Kind::kJob) {
      SubmitJobs(step->node);
    } else {
      StartScript(*step);
    }
  }
}

void Scheduler::WaitForSomething() {
  const Clock::TimePoint now = clock_.Now();
  Clock::TimePoint deadline = now + kHousekeeping;
  for (const DeferredScript& script : deferred_) deadline = std::min(deadline, script.due);
  for (const ExecutorEvent& event : executor_.Wait(deadline)) Settle(event);
  for (const ScriptRunner::Ended& ended : scripts_.TakeEnded()) Settle(ended);
  journal_.Flush();

  std::erase_if(deferred_, [&](const DeferredScript& script) {
    if (script.due > clock_.Now()) return false;
    plan_.Undefer(script.node);
    return true;
  });
  if (clock_.Now() - status_logged_ >= kStatusInterval) LogStatus();
}

void Scheduler::StartScript(Step step) {
  const Node& node = Definition(step.node);
  const Script& script = step.kind == Step::Kind::kPre ? *plan_.dag().Pre(node) : *plan_.dag().Post(node);
  Attempt& attempt = attempts_[step.node];
  log_->info("Running {} script of Node {}...", KindName(step.kind), node.name);
  auto words = ExpandScript(script, {.kind = step.kind,
                                     .node = node.name,
                                     .retry = plan_.attempt(step.node),
                                     .max_retries = node.retries,
                                     .dag_status = StatusNow(),
                                     .counts = plan_.counts(),
                                     .dag_id = options_.dag_id,
                                     .outcome = attempt.outcome,
                                     .value = plan_.value(step.node),
                                     .pre_value = attempt.pre_value});
  if (!words) {
    abort_reason_ = words.error().message();
    log_->error("Error: {}", abort_reason_);
    return;
  }
  if (const auto started = scripts_.Start(step, script, std::move(*words), DirectoryOf(plan_.dag(), node));
      !started) {
    log_->warn("Warning: {} script of Node {}: {}", KindName(step.kind), node.name,
               started.error().message());
    attempt.script_not_started = started.error().message();
  }
}

Submission Scheduler::Expand(NodeIndex node, int cluster) const {
  return ExpandNode(plan_.dag(), Definition(node),
                    {.cluster = cluster,
                     .retry = plan_.attempt(node),
                     .dag_status = StatusNow(),
                     .failed_count = plan_.counts()[NodeState::kFailed],
                     .dag_id = options_.dag_id,
                     .time = clock_.WallNow(),
                     .environment = options_.environment});
}

std::string Scheduler::WhyNot(const Submission& submission) const {
  if (HasErrors(submission.faults)) return FaultsError(submission.faults).message();
  if (submission.jobs.empty()) return "the submit file queues no jobs";
  for (const Job& job : submission.jobs) {
    const auto possible = executor_.CanEverRun(job);
    if (!possible) {
      return "job " + std::to_string(job.proc) + " " + possible.error().message() + ". " +
             possible.error().hint();
    }
  }
  return {};
}

void Scheduler::SubmitJobs(NodeIndex node) {
  log_->info("Submitting HTCondor Node {} job(s)...", Definition(node).name);
  if (Definition(node).noop) return RunNoop(node);

  const int cluster = next_cluster_();
  Submission submission = Expand(node, cluster);
  for (const Fault& fault : submission.faults) {
    if (fault.severity == Fault::Severity::kWarning) Warn(fault.Describe());
  }
  if (const std::string why = WhyNot(submission); !why.empty()) return FailSubmit(node, why);

  Attempt& attempt = attempts_[node];
  attempt.jobs = std::move(submission.jobs);
  attempt.left = static_cast<int>(attempt.jobs.size());
  attempt.id = {.cluster = cluster, .proc = attempt.left - 1};
  attempt.outcome = {.cluster = cluster, .last_proc = attempt.left - 1, .procs = attempt.left};
  attempt.outcome.exit_values.resize(attempt.jobs.size());
  node_of_cluster_[cluster] = node;
  totals_.submitted += attempt.left;
  if (plan_.attempt(node) == 0) ++totals_.nodes_run;

  // All of them are in the journal before the first is handed over: recovery tells by that how many there
  // were.
  for (const Job& job : attempt.jobs) {
    Write({.type = EventType::kSubmit,
           .id = {.cluster = cluster, .proc = job.proc},
           .node = Definition(node).name,
           .text = "<dagrun:" + HostName() + ">"},
          node, InFolderOf(job, job.log));
  }
  std::vector<ExecutorEvent> refused;
  for (const Job& job : attempt.jobs) {
    const auto taken = executor_.Submit({.job = job, .attempt = plan_.attempt(node)});
    if (taken) continue;
    refused.push_back(
        {{cluster, job.proc}, clock_.WallNow(), Refused{taken.error().message(), kHoldUnspecified, 0}});
  }
  for (const ExecutorEvent& event : refused) Settle(event);
}

/// A NOOP node: its scripts run, its job counts as an instant success.
void Scheduler::RunNoop(NodeIndex node) {
  Attempt& attempt = attempts_[node];
  attempt.id = {.cluster = 0, .proc = kNoopProc, .subproc = ++last_noop_};
  attempt.outcome = {.cluster = 0, .last_proc = kNoopProc, .procs = 1, .exit_values = {0}};
  Write({.type = EventType::kSubmit,
         .id = attempt.id,
         .node = Definition(node).name,
         .text = "<dummy-submit-for-noop-job>"},
        node, {});
  Write({.type = EventType::kTerminated, .id = attempt.id}, node, {});
  const int number = plan_.attempt(node);
  plan_.JobEnded(node, 0);
  Conclude(node, number);
}

void Scheduler::FailSubmit(NodeIndex node, const std::string& why) {
  log_->error("ERROR: submit attempt failed for Node {}: {}", Definition(node).name, why);
  const int number = plan_.attempt(node);
  attempts_[node].failed_because = why;
  plan_.SubmitFailed(node);
  Conclude(node, number);
}

void Scheduler::Settle(const ExecutorEvent& event) {
  const auto it = node_of_cluster_.find(event.id.cluster);
  if (it == node_of_cluster_.end()) return;
  const NodeIndex node = it->second;
  const Job& job = attempts_.at(node).jobs.at(static_cast<std::size_t>(event.id.proc));
  const Path own_log = InFolderOf(job, job.log);
  JobEvent entry{.id = {.cluster = event.id.cluster, .proc = event.id.proc}, .time = event.time};

  if (const auto* started = std::get_if<Started>(&event.what)) {
    entry.type = EventType::kExecute;
    entry.text = "<dagrun:" + started->host + ">";
    entry.details = {"SlotName: " + started->slot + "@" + started->host};
    if (!started->scratch.empty()) {
      entry.details.push_back("CondorScratchDir = \"" + started->scratch.string() + "\"");
    }
    entry.details.push_back("Cpus = " + std::to_string(job.request.cpus));
    Write(entry, node, own_log);
  } else if (const auto* exited = std::get_if<Exited>(&event.what)) {
    entry.type = EventType::kTerminated;
    entry.status = exited->status;
    entry.usage = exited->usage;
    entry.request = job.request;
    Write(entry, node, own_log);
    JobLeft(node, event.id.proc, ValueOf(exited->status), exited->status.Describe());
  } else if (const auto* refused = std::get_if<Refused>(&event.what)) {
    // HTCondor would hold the job until a person releases it. Here it ends.
    entry.type = EventType::kHeld;
    entry.text = refused->reason;
    entry.hold_code = refused->code;
    entry.hold_subcode = refused->subcode;
    Write(entry, node, own_log);
    entry.type = EventType::kAborted;
    Write(entry, node, own_log);
    JobLeft(node, event.id.proc, std::nullopt, refused->reason);
  } else if (const auto* removed = std::get_if<Removed>(&event.what)) {
    entry.type = EventType::kAborted;
    entry.text = removed->reason;
    Write(entry, node, own_log);
    JobLeft(node, event.id.proc, std::nullopt, "removed: " + removed->reason);
  }
}

/// `exit_value`: exit code or negative signal number; nothing = it did not come to an end of its own.
void Scheduler::JobLeft(NodeIndex node, int proc, std::optional<int> exit_value, const std::string& what) {
  Attempt& attempt = attempts_.at(node);
  const Job& job = attempt.jobs[static_cast<std::size_t>(proc)];
  const JobId id{.cluster = job.cluster, .proc = proc};
  const std::string& name = Definition(node).name;
  --attempt.left;
  if (exit_value) ++totals_.ended;
  attempt.outcome.exit_values[static_cast<std::size_t>(proc)] = exit_value;
  if (!exit_value) ++attempt.outcome.aborted;

  if (exit_value == 0) {
    log_->info("Node {} job proc {} completed successfully.", name, IdText(id));
  } else if (!exit_value) {
    log_->info("Node {} job proc {} was aborted: {}", name, IdText(id), what);
  } else if (*exit_value < 0) {
    log_->info("Node {} job proc {} died on {}.", name, IdText(id), what);
  } else {
    log_->info("Node {} job proc {} failed with status {}.", name, IdText(id), *exit_value);
  }

  if (exit_value != 0 && attempt.value == 0 && !stopping_) {
    // The first failure decides the node, so the rest of the cluster would work in vain.
    attempt.value = exit_value.value_or(kJobRemovedValue);
    attempt.failed_because = "job " + std::to_string(id.cluster) + "." + std::to_string(proc) + ": " + what;
    attempt.failures.push_back(
        {.id = std::to_string(id.cluster) + "." + std::to_string(proc),
         .what = what,
         .output = InFolderOf(job, job.output),
         .error = InFolderOf(job, job.error),
         .log = InFolderOf(job, job.log),
         .error_tail = exit_value ? TailOf(InFolderOf(job, job.error)) : std::string()});
    const std::string reason = "Node Error: DAG node " + name + " " + IdText(id) + " failed: " + what;
    for (const Job& other : attempt.jobs) executor_.Remove({other.cluster, other.proc}, reason);
  }
  if (attempt.left > 0 || stopping_) return;

  node_of_cluster_.erase(job.cluster);
  const int number = plan_.attempt(node);
  const int value = attempt.value;
  attempt.jobs.clear();
  if (value == 0) log_->info("Node {} job completed", name);
  plan_.JobEnded(node, value);
  Conclude(node, number);
}

void Scheduler::Settle(const ScriptRunner::Ended& ended) {
  const NodeIndex index = ended.step.node;
  const Node& node = Definition(index);
  const bool is_pre = ended.step.kind == Step::Kind::kPre;
  const Script& script = is_pre ? *plan_.dag().Pre(node) : *plan_.dag().Post(node);
  const char* kind = KindName(ended.step.kind);
  const int value = ValueOf(ended.status);
  Attempt& attempt = attempts_[index];
  if (script.defer_status == value) {
    log_->info("Deferring {} script of Node {} for {} seconds", kind, node.name, script.defer_seconds);
    plan_.Defer(index);
    deferred_.push_back({clock_.Now() + seconds(script.defer_seconds), index});
    return;
  }

  const int number = plan_.attempt(index);
  if (value == 0) {
    log_->info("{} Script of node {} completed successfully.", kind, node.name);
  } else {
    log_->info("{} Script of Node {} failed with status {}", kind, node.name, value);
    const std::string why =
        attempt.script_not_started.empty() ? ended.status.Describe() : attempt.script_not_started;
    const std::string told = std::string(kind) + " script: " + why;
    attempt.failed_because =
        attempt.failed_because.empty() ? told : attempt.failed_because + "; then " + told;
  }
  if (is_pre) {
    attempt.pre_value = value;
    if (value != 0 && plan_.dag().Rules(node).pre_skip == value) {
      Write({.type = EventType::kPreSkip,
             .id = {.cluster = 0, .proc = kNoopProc, .subproc = ++last_noop_},
             .node = node.name},
            index, {});
    }
    plan_.PreEnded(index, value);
  } else {
    // HTCondor writes proc 0 here, except for NOOP jobs.
    JobId id = attempt.outcome.cluster == 0 ? attempt.id : JobId{.cluster = attempt.outcome.cluster};
    Write({.type = EventType::kPostScriptTerminated, .id = id, .node = node.name, .status = ended.status},
          index, {});
    plan_.PostEnded(index, value);
  }
  Conclude(index, number);
}

/// After the plan was told of an end in attempt `number` of the node: tells people, where that was the end of
/// the attempt.
void Scheduler::Conclude(NodeIndex node, int number) {
  const std::string& name = Definition(node).name;
  const bool retried = plan_.attempt(node) != number;
  const NodeState state = plan_.state(node);
  if (state == NodeState::kDone) {
    attempts_.erase(node);
    reporter_.NodeDone(name, CurrentProgress());
  } else if (state == NodeState::kFailed) {
    failures_.push_back(FailureOf(node, number));
    attempts_.erase(node);
    reporter_.NodeFailed(failures_.back(), CurrentProgress());
  } else if (retried) {
    const NodeFailure failure = FailureOf(node, number);
    attempts_.erase(node);
    log_->info("Retrying node {} (retry #{} of {})...", name, plan_.attempt(node), Definition(node).retries);
    reporter_.NodeRetried(failure, CurrentProgress());
  }
}

NodeFailure Scheduler::FailureOf(NodeIndex node, int attempt) const {
  const Node& definition = Definition(node);
  NodeFailure failure{
      .node = definition.name,
      .attempt = attempt,
      .retries = definition.retries,
      .submit_file = (plan_.dag().Directory(definition) / plan_.dag().Submit(definition).file).string()};
  if (const auto it = attempts_.find(node); it != attempts_.end()) {
    failure.what = it->second.failed_because;
    failure.procs = it->second.failures;
  }
  return failure;
}

void Scheduler::Write(const JobEvent& event, NodeIndex node, const Path& own_log) {
  JobEvent timed = event;
  if (timed.time == Clock::WallTime()) timed.time = clock_.WallNow();
  if (const auto written = journal_.Write(timed, own_log); !written) Warn(written.error().message());
  log_->info("Event: {} for HTCondor Node {} {} {{{}}}", EventName(event.type), Definition(node).name,
             IdText(event.id), FormatTime(timed.time, "%m/%d/%y %H:%M:%S"));
}

/// Once for each text.
void Scheduler::Warn(const std::string& text) {
  if (!warned_.insert(text).second) return;
  log_->warn("{}", text);
  reporter_.Warning(text);
}

RunEnd Scheduler::Stop(RunEnd::Status status, int exit_code, const std::string& why) {
  stopping_ = true;
  log_->info("Aborting DAG... ({})", why);
  reporter_.Stopping(why);
  rescue_ = WriteRescue();
  log_->info("Removing submitted jobs...");
  for (const auto& [node, attempt] : attempts_) {
    for (const Job& job : attempt.jobs)
      executor_.Remove({job.cluster, job.proc}, std::string(kStoppedReason) + why);
  }
  scripts_.Signal(SIGTERM);
  const Clock::TimePoint kill_scripts_at = clock_.Now() + kScriptGrace;
  while (executor_.InFlight() > 0 || scripts_.running() > 0) {
    if (pending_signal_() != 0) {
      reporter_.Stopping("asked again: stopping everything at once");
      executor_.KillAll();
      scripts_.Signal(SIGKILL);
    }
    if (clock_.Now() >= kill_scripts_at) scripts_.Signal(SIGKILL);
    for (const ExecutorEvent& event : executor_.Wait(clock_.Now() + kHousekeeping)) Settle(event);
    scripts_.TakeEnded();
  }
  journal_.Flush();
  RunEnd end = MakeEnd(status, exit_code);
  end.reason = why;
  return end;
}

RunEnd Scheduler::Finish() {
  const NodeCounts& counts = plan_.counts();
  if (counts[NodeState::kDone] == counts.total()) {
    log_->info("All jobs Completed!");
    return MakeEnd(RunEnd::Status::kOk, 0);
  }
  rescue_ = WriteRescue();
  if (counts[NodeState::kFailed] > 0) {
    log_->info("ERROR: the following job(s) failed:");
    for (const NodeFailure& failure : failures_)
      log_->info("  Node Name: {} Error: {}", failure.node, failure.what);
    return MakeEnd(RunEnd::Status::kNodeFailed, 1);
  }
  if (counts.active() > 0) {
    RunEnd end = MakeEnd(RunEnd::Status::kError, 1);
    end.reason = "nothing runs and nothing may start: a category with MAXJOBS 0 holds the ready nodes back";
    return end;
  }
  log_->info("ERROR: DAG finished but not all nodes are complete -- checking for a cycle...");
  log_->info("... ERROR: a cycle exists in the dag, please check input");
  RunEnd end = MakeEnd(RunEnd::Status::kCycle, 1);
  end.reason = "the DAG has a cycle: nodes wait for each other";
  return end;
}

RunEnd Scheduler::MakeEnd(RunEnd::Status status, int exit_code) {
  LogStatus();
  log_->info("DAG status: {} ({})", static_cast<int>(status), StatusName(status));
  return {.status = status,
          .exit_code = exit_code,
          .counts = plan_.counts(),
          .failures = failures_,
          .duration = clock_.Now() - started_,
          .rescue_file = rescue_};
}

Path Scheduler::WriteRescue() const {
  const Dag& dag = plan_.dag();
  RescueContent content{.dag_file = options_.dag_file.string(),
                        .total_nodes = dag.nodes.size(),
                        .created_utc = FormatTime(clock_.WallNow(), "%-m/%-d/%Y %H:%M:%S UTC", /*utc=*/true)};
  for (NodeIndex index = 0; index < static_cast<NodeIndex>(dag.nodes.size()); ++index) {
    const Node& node = Definition(index);
    const NodeState state = plan_.state(index);
    if (state == NodeState::kDone) {
      content.done.push_back(node.name);
      continue;
    }
    if (state == NodeState::kFailed) content.failed.push_back(node.name);
    if (node.retries == 0) continue;
    const std::string retries = std::to_string(node.retries);
    if (plan_.retries_cut(index)) {
      content.retry_lines.push_back("# " + std::to_string(plan_.attempt(index)) + " of " + retries +
                                    " retries performed; remaining attempts aborted after node returned " +
                                    std::to_string(plan_.value(index)));
    }
    content.retry_lines.push_back("RETRY " + node.name + " " + retries +
                                  (dag.Rules(node).unless_exit
                                       ? " UNLESS-EXIT " + std::to_string(*dag.Rules(node).unless_exit)
                                       : std::string()));
  }
  // DAGMAN_MAX_RESCUE_NUM: the last one is written again and again.
  constexpr int kMaxRescue = 100;
  Path file = RescuePath(options_.dag_file, std::min(NewestRescue(options_.dag_file) + 1, kMaxRescue));
  log_->info("Writing Rescue DAG to {}...", file.string());
  if (auto written = WriteFileAtomically(file, FormatRescue(content)); !written) {
    log_->error("Error: {}", written.error().message());
    reporter_.Warning(written.error().message());
    return {};
  }
  return file;
}

Progress Scheduler::CurrentProgress() const {
  Progress progress{
      .counts = plan_.counts(), .running_jobs = executor_.Running(), .elapsed = clock_.Now() - started_};
  for (const auto& [node, attempt] : attempts_) {
    if (progress.running_nodes.size() == kNodesShown) break;
    if (attempt.left > 0) progress.running_nodes.push_back(Definition(node).name);
  }
  std::sort(progress.running_nodes.begin(), progress.running_nodes.end());
  return progress;
}

int Scheduler::StatusNow() const {
  const bool failed = plan_.counts()[NodeState::kFailed] > 0;
  return static_cast<int>(failed ? RunEnd::Status::kNodeFailed : RunEnd::Status::kOk);
}

void Scheduler::LogStatus() {
  const NodeCounts& counts = plan_.counts();
  status_logged_ = clock_.Now();
  log_->info("Of {} nodes total:", counts.total());
  log_->info(" Done     Pre   Queued    Post   Ready   Un-Ready   Failed   Futile");
  log_->info("  ===     ===      ===     ===     ===        ===      ===      ===");
  log_->info("{:5d}   {:5d}    {:5d}   {:5d}   {:5d}      {:5d}    {:5d}    {:5d}", counts[NodeState::kDone],
             counts[NodeState::kPre], counts[NodeState::kQueued], counts[NodeState::kPost],
             counts[NodeState::kReady], counts[NodeState::kUnready], counts[NodeState::kFailed],
             counts[NodeState::kFutile]);
  log_->info("0 job proc(s) currently held");
}

std::string_view StatusName(RunEnd::Status status) {
  switch (status) {
    case RunEnd::Status::kOk:
      return "DAG_STATUS_OK";
    case RunEnd::Status::kError:
      return "DAG_STATUS_ERROR";
    case RunEnd::Status::kNodeFailed:
      return "DAG_STATUS_NODE_FAILED";
    case RunEnd::Status::kAborted:
      return "DAG_STATUS_ABORTED";
    case RunEnd::Status::kRemoved:
      return "DAG_STATUS_RM";
    case RunEnd::Status::kCycle:
      return "DAG_STATUS_CYCLE";
    case RunEnd::Status::kHalted:
      return "DAG_STATUS_HALTED";
  }
  return "DAG_STATUS_ERROR";
}

}  // namespace roost::dag
