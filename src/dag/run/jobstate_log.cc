#include "dag/run/jobstate_log.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// HTCondor's name of the event, without what all have in front.
std::string_view NameOf(EventType type) {
  constexpr std::string_view kPrefix = "ULOG_";
  std::string_view name = EventName(type);
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return name;
}

std::string IdText(const JobId& id) {
  return id.cluster < 0 ? "-" : std::to_string(id.cluster) + "." + std::to_string(id.proc);
}

std::string Epoch(Clock::WallTime time) { return std::to_string(std::chrono::system_clock::to_time_t(time)); }

std::string WithoutQuotes(std::string_view value) {
  if (value.size() >= 2 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'')) {
    value = value.substr(1, value.size() - 2);
  }
  return std::string(value);
}

/// The value of the last line "name = value" in `description`.
std::optional<std::string> ValueOf(std::string_view description, std::string_view name) {
  std::optional<std::string> value;
  for (const std::string& line : Split(description, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    if (!EqualsIgnoreCase(Trim(std::string_view(line).substr(0, equals)), name)) continue;
    value = WithoutQuotes(Trim(std::string_view(line).substr(equals + 1)));
  }
  return value;
}

}  // namespace

std::string JobTag(std::string_view description) {
  const std::string attribute = ValueOf(description, "+job_tag_name").value_or("+pegasus_site");
  const std::string tag = ValueOf(description, attribute).value_or("");
  return tag.empty() ? "-" : tag;
}

JobstateLog::JobstateLog(Path file, std::function<void(const std::string&)> warn)
    : file_(std::move(file)), warn_(std::move(warn)) {}

void JobstateLog::On(const RunEvent& event, const RunView& run) {
  using Kind = RunEvent::Kind;
  const bool pre = event.script == Script::Kind::kPre;
  const bool post = event.script == Script::Kind::kPost;
  switch (event.kind) {
    case Kind::kRunStarted:
      ReadEarlierRuns();
      return AddInternal(event, "DAGMAN_STARTED " + IdText(event.id));
    case Kind::kRecoveryStarted:
      recovering_ = true;
      return AddInternal(event, "RECOVERY_STARTED");
    case Kind::kRecoveryFinished:
      recovering_ = false;
      written_.clear();
      sequence_of_job_.clear();
      return AddInternal(event, "RECOVERY_FINISHED");
    case Kind::kScriptStarted:
      if (pre) AddStep(event, run, "PRE_SCRIPT_STARTED", "-");
      if (post) AddStep(event, run, "POST_SCRIPT_STARTED", IdText(event.id));
      return;
    case Kind::kScriptEnded:
      if (pre) AddStep(event, run, event.value == 0 ? "PRE_SCRIPT_SUCCESS" : "PRE_SCRIPT_FAILURE", "-");
      if (post) {
        AddStep(event, run, event.value == 0 ? "POST_SCRIPT_SUCCESS" : "POST_SCRIPT_FAILURE",
                IdText(event.id));
      }
      return;
    case Kind::kSubmitFailed:
      return AddStep(event, run, "SUBMIT_FAILURE", "-");
    case Kind::kJobEvent:
      return AddJobEvent(event, run);
    case Kind::kJobsSucceeded:
      return AddStep(event, run, "JOB_SUCCESS", std::to_string(event.value));
    case Kind::kJobsFailed:
      return AddStep(event, run, "JOB_FAILURE", std::to_string(event.value));
    case Kind::kRunEnded:
      AddInternal(event, "DAGMAN_FINISHED " + std::to_string(event.value));
      return Flush();
    case Kind::kScriptDeferred:
    case Kind::kNodeRetried:
    case Kind::kNodeDone:
    case Kind::kNodeFailed:
    case Kind::kWarning:
    case Kind::kHalted:
    case Kind::kResumed:
    case Kind::kStopping:
      return;
  }
}

void JobstateLog::Tick(const RunView& /*run*/) { Flush(); }

/// "<time> <node> <event> <id> <tag> - <sequence>"; internal lines have no sequence.
void JobstateLog::ReadEarlierRuns() {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return;
  const Result<std::string> text = ReadFile(file_);
  if (!text) return Warn(text.error().message());
  if (!text->empty() && text->back() != '\n') pending_ = "\n";  // a line that a crash cut off
  for (const std::string& line : Split(*text, '\n')) {
    const std::vector<std::string> words = SplitAny(line, " ");
    if (words.size() != 7 || words[1] == "INTERNAL") continue;
    const int sequence = static_cast<int>(ParseInt(words[6]).value_or(0));
    last_sequence_ = std::max(last_sequence_, sequence);
    ++written_[line.substr(words[0].size())];
    if (words[2] == "SUBMIT") {
      sequence_of_job_[words[1] + " " + words[3].substr(0, words[3].find('.'))] = sequence;
    }
  }
}

void JobstateLog::AddInternal(const RunEvent& event, const std::string& text) {
  pending_ += Epoch(event.time) + " INTERNAL *** " + text + " ***\n";
}

void JobstateLog::AddStep(const RunEvent& event, const RunView& run, std::string_view name,
                          const std::string& id) {
  const Dag& dag = run.plan().dag();
  const std::string& node = dag.At(event.node).name;
  const std::string line = " " + node + " " + std::string(name) + " " + id + " " + TagOf(dag, event.node) +
                           " - " + std::to_string(SequenceOf(event, node));
  if (recovering_) {
    const auto earlier = written_.find(line);
    if (earlier != written_.end() && earlier->second-- > 0) return;
  }
  pending_ += Epoch(event.time) + line + "\n";
}

void JobstateLog::AddJobEvent(const RunEvent& event, const RunView& run) {
  if (event.job == nullptr || event.node < 0) return;
  AddStep(event, run, NameOf(event.job->type), IdText(event.job->id));
}

/// The number of the attempt: in recovery that which its job has in the file.
int JobstateLog::SequenceOf(const RunEvent& event, const std::string& node) {
  Attempt& attempt = attempts_[event.node];
  if (attempt.number != event.attempt) {
    attempt.number = event.attempt;
    attempt.sequence = 0;
    if (recovering_ && event.id.cluster >= 0) {
      const auto known = sequence_of_job_.find(node + " " + std::to_string(event.id.cluster));
      if (known != sequence_of_job_.end()) attempt.sequence = known->second;
    }
    if (attempt.sequence == 0) attempt.sequence = ++last_sequence_;
  }
  return attempt.sequence;
}

const std::string& JobstateLog::TagOf(const Dag& dag, NodeIndex node) {
  const Node& definition = dag.At(node);
  const auto [tag, added] = tags_.try_emplace({definition.submit, definition.directory}, "-");
  if (!added || definition.kind == NodeKind::kSubdag) return tag->second;
  const SubmitSource& submit = dag.Submit(definition);
  if (submit.text) {
    tag->second = JobTag(*submit.text);
  } else if (const Result<std::string> text = ReadRegularFile(dag.Directory(definition) / submit.file)) {
    tag->second = JobTag(*text);
  }
  return tag->second;
}

void JobstateLog::Flush() {
  if (pending_.empty()) return;
  Result<void> written;
  try {
    if (!out_) out_ = std::make_unique<AppendFile>(file_);
    written = out_->Append(pending_);
  } catch (const Error& error) {
    written = error;
  }
  pending_.clear();
  if (!written) Warn(written.error().message());
}

void JobstateLog::Warn(const std::string& why) {
  if (std::exchange(warned_, true)) return;
  warn_("the jobstate log is not complete: " + why);
}

}  // namespace roost::dag
