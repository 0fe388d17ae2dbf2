#include "dag/run/script.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <system_error>
#include <utility>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

using Macros = std::map<std::string, std::string, LessIgnoreCase>;

std::string ExitCodes(const ClusterOutcome& outcome, bool with_counts) {
  std::map<int, int> counts;
  for (const auto& value : outcome.exit_values) {
    if (value) ++counts[*value];
  }
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [code, count] : counts) {
    parts.push_back(std::to_string(code) + (with_counts ? ":" + std::to_string(count) : ""));
  }
  return Join(parts, ",");
}

std::string ExitCodeList(const ClusterOutcome& outcome) {
  std::vector<std::string> parts;
  parts.reserve(outcome.exit_values.size());
  for (const auto& value : outcome.exit_values) parts.push_back(value ? std::to_string(*value) : "");
  return Join(parts, ",");
}

Macros MacrosOf(const ScriptFacts& facts) {
  const auto count = [&](NodeState state) { return std::to_string(facts.counts[state]); };
  Macros macros = {{"$NODE", facts.node},
                   {"$JOB", facts.node},
                   {"$RETRY", std::to_string(facts.retry)},
                   {"$MAX_RETRIES", std::to_string(facts.max_retries)},
                   {"$DAG_STATUS", std::to_string(facts.dag_status)},
                   {"$FAILED_COUNT", count(NodeState::kFailed)},
                   {"$FUTILE_COUNT", count(NodeState::kFutile)},
                   {"$DONE_COUNT", count(NodeState::kDone)},
                   {"$QUEUED_COUNT", count(NodeState::kQueued)},
                   {"$NODE_COUNT", std::to_string(facts.counts.total())},
                   {"$DAGID", std::to_string(facts.dag_id)}};
  if (facts.kind == Step::Kind::kPre) return macros;

  const ClusterOutcome& outcome = facts.outcome;
  const std::string cluster = std::to_string(outcome.cluster);
  macros["$JOBID"] = cluster + "." + std::to_string(outcome.last_proc);
  macros["$CLUSTERID"] = cluster;
  macros["$JOB_COUNT"] = std::to_string(outcome.procs);
  macros["$JOB_ABORT_COUNT"] = std::to_string(outcome.aborted);
  macros["$SUCCESS"] = facts.value == 0 ? "True" : "False";
  macros["$RETURN"] = std::to_string(facts.value);
  macros["$EXIT_CODES"] = ExitCodes(outcome, /*with_counts=*/false);
  macros["$EXIT_CODE_COUNTS"] = ExitCodes(outcome, /*with_counts=*/true);
  macros["$EXIT_CODE_LIST"] = ExitCodeList(outcome);
  macros["$PRE_SCRIPT_RETURN"] = std::to_string(facts.pre_value.value_or(-1));
  return macros;
}

/// "*** Node=A Type=PRE ExitCode=0 Completion=1700000000 Cmd='check.sh A'", as DAGMan puts above what a
/// script printed.
std::string DebugHeader(const std::string& node, Step::Kind kind, const ExitStatus& status,
                        const std::vector<std::string>& words) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return "*** Node=" + node + " Type=" + KindName(KindOf(kind)) +
         (status.signaled ? " Signal=" : " ExitCode=") + std::to_string(status.value) +
         " Completion=" + std::to_string(now) + " Cmd='" + Join(words, " ") + "'\n";
}

/// What goes wrong here is not the script's fault, nor worth more than its output.
void AppendOutput(const Path& file, const std::string& header, const Path& printed) {
  const auto text = ReadFile(printed);
  std::error_code ignored;
  std::filesystem::remove(printed, ignored);
  try {
    (void)AppendFile(file).Append(header + (text ? *text : std::string()));
  } catch (const Error&) {
    return;
  }
}

bool IsRegularFile(const Path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

Script::Kind KindOf(Step::Kind kind) {
  switch (kind) {
    case Step::Kind::kPre:
      return Script::Kind::kPre;
    case Step::Kind::kPost:
      return Script::Kind::kPost;
    case Step::Kind::kHold:
    case Step::Kind::kJob:
      break;
  }
  return Script::Kind::kHold;
}

const char* KindName(Script::Kind kind) {
  switch (kind) {
    case Script::Kind::kPre:
      return "PRE";
    case Script::Kind::kPost:
      return "POST";
    case Script::Kind::kHold:
      return "HOLD";
  }
  return "";
}

Result<std::vector<std::string>> ExpandScript(const Script& script, const ScriptFacts& facts) {
  const Macros macros = MacrosOf(facts);
  std::vector<std::string> words;
  words.reserve(script.words.size());
  for (const std::string& word : script.words) {
    const auto macro = macros.find(word);
    if (macro != macros.end()) {
      words.push_back(macro->second);
    } else if (word.starts_with('$')) {
      return Error(script.where.file + ":" + std::to_string(script.where.line) + ": " + word +
                   " macro should not be used as a " + KindName(KindOf(facts.kind)) + " script argument!");
    } else {
      words.push_back(word);
    }
  }
  return words;
}

ScriptRunner::ScriptRunner(Children& children, std::vector<std::string> environment)
    : children_(children), environment_(std::move(environment)) {}

Result<void> ScriptRunner::Start(Step step, const std::string& node, const Script& script,
                                 const std::vector<std::string>& words, const Path& directory) {
  ProcessOptions process;
  process.argv = words;
  // "SCRIPT PRE A check.sh" means the file in the node's folder, although a shell would look in PATH only.
  std::string& program = process.argv.front();
  if (program.find('/') == std::string::npos && IsRegularFile(directory / program)) program.insert(0, "./");
  process.environment = environment_;
  process.working_directory = directory;
  Path printed;
  if (!script.debug_file.empty()) {
    using Debug = Script::DebugOutput;
    if (!debug_folder_) debug_folder_.emplace("dagrun-script");
    printed = debug_folder_->path() / std::to_string(++debug_files_);
    if (script.debug_output == Debug::kStdout || script.debug_output == Debug::kAll) process.output = printed;
    if (script.debug_output == Debug::kStderr || script.debug_output == Debug::kAll) process.error = printed;
  }

  const Path debug_file = directory / script.debug_file;
  const auto pid = children_.Start(process, [=, this](const ProcessSet::Finished& finished) {
    std::erase(running_, finished.pid);
    if (!printed.empty()) {
      AppendOutput(debug_file, DebugHeader(node, step.kind, finished.status, words), printed);
    }
    ended_.push_back({step, finished.status});
  });
  if (!pid) {
    ended_.push_back({step, ExitStatus{.signaled = false, .value = 1}});
    return pid.error();
  }
  running_.push_back(*pid);
  return {};
}

void ScriptRunner::Signal(int signal) {
  for (const pid_t pid : running_) children_.Signal(pid, signal);
}

}  // namespace roost::dag
