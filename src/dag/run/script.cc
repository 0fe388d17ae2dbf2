#include "dag/run/script.h"

#include <algorithm>
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

bool IsRegularFile(const Path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

Result<std::vector<std::string>> ExpandScript(const Script& script, const ScriptFacts& facts) {
  const Macros macros = MacrosOf(facts);
  std::vector<std::string> words;
  words.reserve(script.words.size());
  for (const std::string& word : script.words) {
    const auto macro = macros.find(word);
    if (macro != macros.end()) {
      words.push_back(macro->second);
    } else if (word.starts_with('$')) {
      const char* kind = facts.kind == Step::Kind::kPre ? "PRE" : "POST";
      return Error(script.where.file + ":" + std::to_string(script.where.line) + ": " + word +
                   " is not a macro of a " + kind + " script");
    } else {
      words.push_back(word);
    }
  }
  return words;
}

ScriptRunner::ScriptRunner(Children& children, std::vector<std::string> environment)
    : children_(children), environment_(std::move(environment)) {}

Result<void> ScriptRunner::Start(Step step, const Script& script, std::vector<std::string> words,
                                 const Path& directory) {
  ProcessOptions process;
  process.argv = std::move(words);
  // "SCRIPT PRE A check.sh" means the file in the node's folder, although a shell would look in PATH only.
  std::string& program = process.argv.front();
  if (program.find('/') == std::string::npos && IsRegularFile(directory / program)) program.insert(0, "./");
  process.environment = environment_;
  process.working_directory = directory;
  if (!script.debug_file.empty()) {
    using Debug = Script::DebugOutput;
    process.append_output = true;
    if (script.debug_output == Debug::kStdout || script.debug_output == Debug::kAll)
      process.output = script.debug_file;
    if (script.debug_output == Debug::kStderr || script.debug_output == Debug::kAll)
      process.error = script.debug_file;
  }

  const auto pid = children_.Start(process, [this, step](const ProcessSet::Finished& finished) {
    std::erase(running_, finished.pid);
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
