#include "dag/report/json_reporter.h"

#include "dag/report/json.h"
#include "dag/report/run_status.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

using Kind = RunEvent::Kind;

std::string_view NameOfJobEvent(EventType type) {
  switch (type) {
    case EventType::kSubmit:
      return "job_submitted";
    case EventType::kExecute:
      return "job_started";
    case EventType::kTerminated:
      return "job_ended";
    case EventType::kAborted:
      return "job_removed";
    case EventType::kHeld:
      return "job_held";
    case EventType::kReleased:
      return "job_released";
    case EventType::kEvicted:
      return "job_evicted";
    default:
      return "job_event";
  }
}

std::string_view NameOf(const RunEvent& event) {
  switch (event.kind) {
    case Kind::kRunStarted:
      return "run_started";
    case Kind::kRecoveryStarted:
      return "recovery_started";
    case Kind::kRecoveryFinished:
      return "recovery_finished";
    case Kind::kScriptStarted:
      return "script_started";
    case Kind::kScriptEnded:
      return "script_ended";
    case Kind::kScriptDeferred:
      return "script_deferred";
    case Kind::kSubmitFailed:
      return "submit_failed";
    case Kind::kJobEvent:
      return event.job == nullptr ? "job_event" : NameOfJobEvent(event.job->type);
    case Kind::kJobsSucceeded:
      return "jobs_succeeded";
    case Kind::kJobsFailed:
      return "jobs_failed";
    case Kind::kNodeRetried:
      return "node_retried";
    case Kind::kNodeDone:
      return "node_done";
    case Kind::kNodeFailed:
      return "node_failed";
    case Kind::kWarning:
      return "warning";
    case Kind::kHalted:
      return "halted";
    case Kind::kResumed:
      return "resumed";
    case Kind::kStopping:
      return "stopping";
    case Kind::kRunEnded:
      return "run_ended";
  }
  return "";
}

std::string_view NameOf(Script::Kind kind) {
  switch (kind) {
    case Script::Kind::kPre:
      return "pre";
    case Script::Kind::kPost:
      return "post";
    case Script::Kind::kHold:
      return "hold";
  }
  return "";
}

bool IsOfScript(Kind kind) {
  return kind == Kind::kScriptStarted || kind == Kind::kScriptEnded || kind == Kind::kScriptDeferred;
}

bool HasValue(Kind kind) {
  return kind == Kind::kScriptEnded || kind == Kind::kJobsSucceeded || kind == Kind::kJobsFailed ||
         kind == Kind::kRunEnded;
}

bool HasCounts(Kind kind) {
  return kind == Kind::kRunStarted || kind == Kind::kNodeDone || kind == Kind::kNodeFailed ||
         kind == Kind::kRunEnded;
}

void AddJob(JsonText& json, const JobEvent& job) {
  if (NameOfJobEvent(job.type) == "job_event") json.Key("type").String(EventName(job.type));
  if (job.type == EventType::kTerminated) {
    json.Key(job.status.signaled ? "signal" : "exit_code").Number(job.status.value);
  }
  if (job.type == EventType::kExecute) {
    constexpr std::string_view kSlot = "SlotName:";
    constexpr std::string_view kOurs = "<dagrun:";
    std::string_view host = job.text;
    if (host.starts_with(kOurs) && host.ends_with('>')) {
      host = host.substr(kOurs.size(), host.size() - kOurs.size() - 1);
    }
    json.Key("host").String(host);
    for (const std::string& line : job.details) {
      if (line.starts_with(kSlot)) {
        json.Key("slot").String(Trim(std::string_view(line).substr(kSlot.size())));
      }
    }
  } else if (!job.text.empty() && job.type != EventType::kSubmit) {
    json.Key("text").String(job.text);
  }
}

}  // namespace

void JsonReporter::On(const RunEvent& event, const RunView& run) {
  JsonText json;
  json.Begin('{').Key("time").String(UtcTime(event.time, /*milliseconds=*/true));
  json.Key("event").String(NameOf(event));
  if (event.node >= 0) {
    json.Key("node").String(run.plan().dag().At(event.node).name).Key("attempt").Number(event.attempt);
  }
  if (IsOfScript(event.kind)) json.Key("script").String(NameOf(event.script));
  if (event.id.cluster > 0) json.Key("cluster").Number(event.id.cluster);
  if (event.id.cluster > 0 && event.job != nullptr) json.Key("proc").Number(event.id.proc);
  if (HasValue(event.kind)) {
    const bool signal = event.value < 0 && event.kind == Kind::kScriptEnded;
    json.Key(signal ? "signal" : "exit_code").Number(signal ? -event.value : event.value);
  }
  if (event.job != nullptr) {
    AddJob(json, *event.job);
  } else if (!event.text.empty()) {
    json.Key("text").String(event.text);
  }
  if (HasCounts(event.kind)) {
    const NodeCounts& counts = run.plan().counts();
    json.Key("done").Number(counts[NodeState::kDone]).Key("failed").Number(counts[NodeState::kFailed]);
    json.Key("total").Number(counts.total());
  }
  const std::string line = json.End('}').Take() + "\n";
  // A reader that went away is its own affair: the run goes on.
  std::fwrite(line.data(), 1, line.size(), out_);
  if (event.kind == Kind::kRunEnded) std::fflush(out_);
}

void JsonReporter::Tick(const RunView& /*run*/) { std::fflush(out_); }

}  // namespace roost::dag
