#include "dag/run/narrator.h"

#include <utility>

#include "dag/run/script.h"
#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

/// So many different warnings are told: each submit file of a big DAG may have its own.
constexpr std::size_t kMostWarnings = 1000;

std::string IdText(const JobId& id) {
  return "(" + std::to_string(id.cluster) + "." + std::to_string(id.proc) + "." + std::to_string(id.subproc) +
         ")";
}

}  // namespace

Narrator::Narrator(Listeners listeners, const RunView& run, const Clock& clock)
    : log_(std::move(listeners.log)),
      reporter_(listeners.reporter),
      observers_(std::move(listeners.observers)),
      run_(run),
      clock_(clock) {}

void Narrator::Tell(const Try& attempt, RunEvent event) {
  if (observers_.empty()) return;
  event.time = clock_.WallNow();
  event.node = attempt.node;
  event.attempt = attempt.attempt;
  event.submission = attempt.submission;
  event.id = attempt.id;
  for (RunObserver* observer : observers_) observer->On(event, run_);
}

void Narrator::Began(int dag_id) {
  Tell({.node = -1, .submission = 0, .id = {.cluster = dag_id}}, {.kind = RunEvent::Kind::kRunStarted});
  Table();
}

void Narrator::RecoveryStarts() { Tell(kWholeRun, {.kind = RunEvent::Kind::kRecoveryStarted}); }

void Narrator::RecoveryEnds() { Tell(kWholeRun, {.kind = RunEvent::Kind::kRecoveryFinished}); }

void Narrator::ScriptStarts(const Try& attempt, Script::Kind kind) {
  log_->info("Running {} script of Node {}...", KindName(kind), NameOf(attempt));
  Tell(attempt, {.kind = RunEvent::Kind::kScriptStarted, .script = kind});
}

void Narrator::ScriptNotStarted(const Try& attempt, Script::Kind kind, const std::string& why) {
  log_->warn("Warning: {} script of Node {}: {}", KindName(kind), NameOf(attempt), why);
}

void Narrator::ScriptDeferred(const Try& attempt, const Script& script) {
  log_->info("Deferring {} script of Node {} for {} seconds", KindName(script.kind), NameOf(attempt),
             script.defer_seconds);
  Tell(attempt, {.kind = RunEvent::Kind::kScriptDeferred, .script = script.kind});
}

void Narrator::ScriptEnded(const Try& attempt, Script::Kind kind, const ExitStatus& status) {
  // DAGMan says "Job" of a PRE script, and writes both with a small n where all is well.
  const char* noun = kind == Script::Kind::kPre ? "Job" : "node";
  if (status.ok()) {
    log_->info("{} Script of node {} completed successfully.", KindName(kind), NameOf(attempt));
  } else if (status.signaled) {
    log_->info("{} Script of {} {} died on signal {}", KindName(kind), noun, NameOf(attempt), status.value);
  } else {
    log_->info("{} Script of {} {} failed with status {}", KindName(kind), noun, NameOf(attempt),
               status.value);
  }
  Tell(attempt, {.kind = RunEvent::Kind::kScriptEnded,
                 .script = kind,
                 .value = status.signaled ? -status.value : status.value});
}

void Narrator::Submitting(const Try& attempt) {
  log_->info("Submitting HTCondor Node {} job(s)...", NameOf(attempt));
}

void Narrator::SubmitFailed(const Try& attempt, const std::string& why) {
  log_->error("ERROR: submit attempt failed for Node {}: {}", NameOf(attempt), why);
  log_->info("Shortcutting node {} retries because of submit failure(s)", NameOf(attempt));
  Tell(attempt, {.kind = RunEvent::Kind::kSubmitFailed, .text = why});
}

void Narrator::Recorded(const Try& attempt, const JobEvent& event) {
  log_->info("Event: {} for HTCondor Node {} {} {{{}}}", EventName(event.type), NameOf(attempt),
             IdText(event.id), FormatTime(event.time, "%m/%d/%y %H:%M:%S"));
  Try of_proc = attempt;
  of_proc.id = event.id;
  Tell(of_proc, {.kind = RunEvent::Kind::kJobEvent, .job = &event});
}

void Narrator::ProcEnded(const Try& attempt, const JobEvent& event, const std::string& what) {
  const std::string& name = NameOf(attempt);
  const std::string id = IdText(event.id);
  if (event.type == EventType::kAborted) {
    log_->info("Node {} job proc {} was aborted: {}", name, id, what);
  } else if (event.status.ok()) {
    log_->info("Node {} job proc {} completed successfully.", name, id);
  } else if (event.status.signaled) {
    log_->info("Node {} job proc {} failed with signal {}.", name, id, event.status.value);
  } else {
    log_->info("Node {} job proc {} failed with status {}.", name, id, event.status.value);
  }
}

void Narrator::JobsOver(const Try& attempt, int value) {
  if (value == 0) log_->info("Node {} job completed", NameOf(attempt));
  Tell(attempt,
       {.kind = value == 0 ? RunEvent::Kind::kJobsSucceeded : RunEvent::Kind::kJobsFailed, .value = value});
}

void Narrator::NodeDone(const Try& attempt, const Progress& progress) {
  Tell(attempt, {.kind = RunEvent::Kind::kNodeDone});
  reporter_.NodeDone(NameOf(attempt), progress);
}

void Narrator::NodeRetried(const Try& attempt, const NodeFailure& failure, const Progress& progress) {
  log_->info("Retrying node {} (retry #{} of {})...", failure.node, failure.attempt + 1, failure.retries);
  Tell(attempt, {.kind = RunEvent::Kind::kNodeRetried, .text = failure.what});
  reporter_.NodeRetried(failure, progress);
}

void Narrator::NodeFailed(const Try& attempt, const NodeFailure& failure, const Progress& progress) {
  if (run_.plan().retries_cut(attempt.node)) {
    log_->info("Aborting further retries of node {} (last attempt returned {})", failure.node,
               run_.plan().value(attempt.node));
  }
  Tell(attempt, {.kind = RunEvent::Kind::kNodeFailed, .text = failure.what});
  reporter_.NodeFailed(failure, progress);
}

void Narrator::HelperEnded(const Try& attempt, const NodeFailure& failure) {
  if (run_.plan().state(attempt.node) == NodeState::kDone) {
    Tell(attempt, {.kind = RunEvent::Kind::kNodeDone});
    return;
  }
  Tell(attempt, {.kind = RunEvent::Kind::kNodeFailed, .text = failure.what});
  Warn("SERVICE node " + failure.node + " failed: " + failure.what);
}

void Narrator::Warn(const std::string& text) {
  if (warned_.size() >= kMostWarnings || !warned_.insert(text).second) return;
  log_->warn("{}", text);
  Tell(kWholeRun, {.kind = RunEvent::Kind::kWarning, .text = text});
  reporter_.Warning(text);
}

void Narrator::Halted(const Path& halt_file) {
  log_->info("DAG is halted because halt file {} exists", halt_file.string());
  Tell(kWholeRun, {.kind = RunEvent::Kind::kHalted});
  reporter_.Warning("halted: nothing more is started until '" + halt_file.string() + "' is removed");
}

void Narrator::Resumed() {
  log_->info("DAG going from halted to running state");
  Tell(kWholeRun, {.kind = RunEvent::Kind::kResumed});
  reporter_.Warning("goes on: the halt file is gone");
}

void Narrator::Stopping(const std::string& why) {
  log_->info("Aborting DAG... ({})", why);
  Tell(kWholeRun, {.kind = RunEvent::Kind::kStopping, .text = why});
  reporter_.Stopping(why);
}

void Narrator::FailedNodes(const std::vector<NodeFailure>& failures) {
  log_->info("ERROR: the following job(s) failed:");
  const Dag& dag = run_.plan().dag();
  for (const NodeFailure& failure : failures) {
    const NodeIndex node = dag.Find(failure.node);
    log_->info("---------------------- Job ----------------------");
    log_->info("      Node Name: {}", failure.node);
    log_->info("    Node Status: STATUS_ERROR");
    log_->info("Node return val: {}", run_.plan().value(node));
    log_->info("          Error: {}", run_.Facts(node).failure);
    log_->info("Job Submit File: {}", dag.Submit(dag.At(node)).file);
  }
  log_->info("---------------------------------------	<END>");
}

void Narrator::Status(const Progress& progress) {
  for (RunObserver* observer : observers_) observer->Tick(run_);
  reporter_.Status(progress);
}

void Narrator::Table() {
  const NodeCounts& counts = run_.plan().counts();
  const int status = run_.dag_status();
  log_->info("DAG status: {} ({})", status, StatusName(static_cast<RunEnd::Status>(status)));
  log_->info("Of {} nodes total:", counts.total());
  log_->info(" Done     Pre   Queued    Post   Ready   Un-Ready   Failed   Futile");
  log_->info("  ===     ===      ===     ===     ===        ===      ===      ===");
  log_->info("{:5d}   {:5d}    {:5d}   {:5d}   {:5d}      {:5d}    {:5d}    {:5d}", counts[NodeState::kDone],
             counts[NodeState::kPre], counts[NodeState::kQueued], counts[NodeState::kPost],
             counts[NodeState::kReady], counts[NodeState::kUnready], counts[NodeState::kFailed],
             counts[NodeState::kFutile]);
  log_->info("{} job proc(s) currently held", run_.held_procs());
}

void Narrator::Ended(int exit_code) {
  Table();
  Tell(kWholeRun, {.kind = RunEvent::Kind::kRunEnded, .value = exit_code});
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
      return "DAG_STATUS_ABORT";
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
