#pragma once

#include <set>
#include <string>
#include <vector>

#include "dag/report/reporter.h"
#include "dag/report/run_observer.h"
#include "dag/run/node_run.h"
#include "roost/base/clock.h"
#include "roost/base/log.h"

namespace roost::dag {

/// One try at a node, as it is told of.
struct Try {
  NodeIndex node = 0;
  int attempt = 0;             ///< from 0
  int submission = 1;          ///< from 1; recovery adds to it without using up a retry
  JobId id = {.cluster = -1};  ///< of its jobs; cluster -1 = none
};

/// What is told of the run rather than of a node.
inline constexpr Try kWholeRun = {.node = -1, .submission = 0, .id = {.cluster = -1}};

/// Tells the run to all who listen: DAGMan's log (P.dagman.out, whose texts other programs match on), the
/// people at the terminal, and the observers that write files. Decides nothing.
class Narrator {
 public:
  struct Listeners {
    Logger log;
    Reporter& reporter;
    std::vector<RunObserver*> observers;
  };
  /// `run` is what the observers may look at.
  Narrator(Listeners listeners, const RunView& run, const Clock& clock);

  void Began(int dag_id);
  void RecoveryStarts();
  void RecoveryEnds();
  void ScriptStarts(const Try& attempt, Script::Kind kind);
  void ScriptNotStarted(const Try& attempt, Script::Kind kind, const std::string& why);
  void ScriptDeferred(const Try& attempt, const Script& script);
  void ScriptEnded(const Try& attempt, Script::Kind kind, const ExitStatus& status);
  void Submitting(const Try& attempt);
  void SubmitFailed(const Try& attempt, const std::string& why);
  /// A record of the nodes log.
  void Recorded(const Try& attempt, const JobEvent& event);
  /// `what` says it for people.
  void ProcEnded(const Try& attempt, const JobEvent& event, const std::string& what);
  void JobsOver(const Try& attempt, int value);
  void NodeDone(const Try& attempt, const Progress& progress);
  void NodeRetried(const Try& attempt, const NodeFailure& failure, const Progress& progress);
  void NodeFailed(const Try& attempt, const NodeFailure& failure, const Progress& progress);
  /// A SERVICE or PROVISIONER node came to an end.
  void HelperEnded(const Try& attempt, const NodeFailure& failure);

  void Warn(const std::string& text);  ///< once for each text, up to a limit
  void Halted(const Path& halt_file);
  void Resumed();
  void Stopping(const std::string& why);
  /// The failed nodes, as DAGMan lists them.
  void FailedNodes(const std::vector<NodeFailure>& failures);
  void Status(const Progress& progress);
  void Table();
  void Ended(int exit_code);
  void Flush() { log_->flush(); }
  void Say(const std::string& text) { log_->info("{}", text); }

 private:
  const std::string& NameOf(const Try& attempt) const { return run_.plan().dag().At(attempt.node).name; }
  void Tell(const Try& attempt, RunEvent event);

  Logger log_;
  Reporter& reporter_;
  std::vector<RunObserver*> observers_;
  const RunView& run_;
  const Clock& clock_;
  std::set<std::string> warned_;
};

/// The same as DAGMan's name, "DAG_STATUS_OK".
std::string_view StatusName(RunEnd::Status status);

}  // namespace roost::dag
