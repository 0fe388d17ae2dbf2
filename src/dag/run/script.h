#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dag/executors/children.h"
#include "dag/plan/plan.h"
#include "roost/base/files.h"
#include "roost/dag/dag.h"

namespace roost::dag {

/// The script that a step runs; not for kJob.
Script::Kind KindOf(Step::Kind kind);

/// "PRE", "POST" or "HOLD".
const char* KindName(Script::Kind kind);

/// How the procs of one attempt at a node ended, for judging it and for the macros of POST.
struct ClusterOutcome {
  int cluster = -1;  ///< -1: nothing was submitted
  int last_proc = 0;
  int procs = 0;
  int aborted = 0;
  std::vector<std::optional<int>> exit_values;  ///< by proc; nothing = aborted, or not ended
};

/// What the macros of a SCRIPT line stand for (spec: DAG language 5.1).
struct ScriptFacts {
  Step::Kind kind = Step::Kind::kPre;  ///< not kJob
  std::string node;
  int retry = 0;
  int max_retries = 0;
  int dag_status = 0;
  NodeCounts counts;
  int dag_id = 0;
  // POST and HOLD only.
  ClusterOutcome outcome;
  int value = 0;  ///< $RETURN
  std::optional<int> pre_value;
};

/// The command line of a script, macros replaced where they are a whole word. An Error names a macro that
/// does not exist, or not for this kind of script.
Result<std::vector<std::string>> ExpandScript(const Script& script, const ScriptFacts& facts);

/// Runs the scripts of nodes as child processes.
class ScriptRunner {
 public:
  struct Ended {
    Step step;
    ExitStatus status;
  };

  /// Scripts get `environment` ("NAME=value") and nothing else. `children` must outlive the runner.
  ScriptRunner(Children& children, std::vector<std::string> environment);

  /// Starts `words` in `directory`, where the program is looked for before PATH. A program that cannot be
  /// started ends with exit code 1, as under DAGMan; its reason is returned for the log. What a script with
  /// DEBUG prints is appended to its file when it ends, below a line that says how.
  Result<void> Start(Step step, const std::string& node, const Script& script,
                     const std::vector<std::string>& words, const Path& directory);
  /// Ends well at once: for a dry run.
  void Pretend(Step step) { ended_.push_back({step, ExitStatus()}); }

  /// The scripts that ended since the last call.
  std::vector<Ended> TakeEnded() { return std::exchange(ended_, {}); }
  std::size_t running() const { return running_.size(); }
  /// Something has ended and was not taken yet.
  bool ended() const { return !ended_.empty(); }
  /// Something is running, or has ended and was not taken yet.
  bool busy() const { return !running_.empty() || !ended_.empty(); }

  void Signal(int signal);

 private:
  Children& children_;
  std::vector<std::string> environment_;
  std::vector<pid_t> running_;
  std::vector<Ended> ended_;
  std::optional<TemporaryDirectory> debug_folder_;  ///< what scripts with DEBUG print, while they run
  int debug_files_ = 0;
};

}  // namespace roost::dag
