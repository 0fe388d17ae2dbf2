#pragma once

#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "dag/plan/plan.h"
#include "dag/report/reporter.h"
#include "dag/run/journal.h"
#include "dag/run/recovery.h"
#include "dag/run/script.h"
#include "roost/base/clock.h"
#include "roost/base/log.h"
#include "roost/dag/executor.h"

namespace roost::dag {

struct SchedulerOptions {
  Path dag_file;        ///< the primary DAG file, as named on the command line
  int max_idle = 1000;  ///< nothing more is submitted while this many jobs wait at the executor; 0 = no limit
  int dag_id = 0;       ///< the cluster number that stands for the run itself
  std::vector<std::string> environment;  ///< of dagrun, "NAME=value": for $ENV() and getenv
};

/// What the scheduler works with. Everything outlives it.
struct SchedulerParts {
  Plan& plan;
  Executor& executor;
  ScriptRunner& scripts;
  Journal& journal;
  Reporter& reporter;
  const Clock& clock;
  Logger log;                           ///< P.dagman.out
  std::function<int()> pending_signal;  ///< StopSignals::Next
  std::function<int()> next_cluster;    ///< ClusterNumbers::Next
};

/// For the metrics file.
struct JobTotals {
  int submitted = 0;
  int ended = 0;
  int nodes_run = 0;
};

/// Runs a DAG to its end: asks the plan what to start, hands jobs to the executor and scripts to the runner,
/// writes down what happens and tells the plan.
class Scheduler {
 public:
  Scheduler(const SchedulerParts& parts, SchedulerOptions options);

  /// Goes on from what an earlier dagrun left (its processes are gone by now): closes the lost jobs in the
  /// journal. Before Run().
  void Resume(const Recovered& recovered);

  /// Returns when nothing runs any more. The rescue file is written where the run did not succeed; the exit
  /// code is DAGMan's.
  RunEnd Run();

  const JobTotals& totals() const { return totals_; }

 private:
  /// The attempt at a node that is under way.
  struct Attempt {
    std::vector<Job> jobs;
    int left = 0;   ///< jobs that have not ended
    int value = 0;  ///< of the first job that failed
    JobId id;       ///< for the events of the attempt as a whole
    ClusterOutcome outcome;
    std::optional<int> pre_value;
    std::string failed_because;
    std::string script_not_started;  ///< why, where a script could not be run at all
    std::vector<ProcFailure> failures;
  };
  struct DeferredScript {
    Clock::TimePoint due;
    NodeIndex node;
  };

  const Node& Definition(NodeIndex node) const { return plan_.dag().nodes[static_cast<std::size_t>(node)]; }

  void StartReadyNodes();
  void StartScript(Step step);
  void SubmitJobs(NodeIndex node);
  void RunNoop(NodeIndex node);
  void FailSubmit(NodeIndex node, const std::string& why);
  Submission Expand(NodeIndex node, int cluster) const;
  /// Why these jobs cannot be run at all, or nothing.
  std::string WhyNot(const Submission& submission) const;

  void Settle(const ExecutorEvent& event);
  void JobLeft(NodeIndex node, int proc, std::optional<int> exit_value, const std::string& what);
  void Settle(const ScriptRunner::Ended& ended);
  void Conclude(NodeIndex node, int attempt);

  void Write(const JobEvent& event, NodeIndex node, const Path& own_log);
  void Warn(const std::string& text);
  void WaitForSomething();
  void PutOnDisk();
  RunEnd Stop(RunEnd::Status status, int exit_code, const std::string& why);
  RunEnd Finish();
  RunEnd MakeEnd(RunEnd::Status status, int exit_code);
  Path WriteRescue() const;

  NodeFailure FailureOf(NodeIndex node, int attempt) const;
  Progress CurrentProgress() const;
  void LogStatus();
  int StatusNow() const;

  Plan& plan_;
  Executor& executor_;
  ScriptRunner& scripts_;
  Journal& journal_;
  Reporter& reporter_;
  const Clock& clock_;
  Logger log_;
  std::function<int()> pending_signal_;
  std::function<int()> next_cluster_;
  SchedulerOptions options_;

  int last_noop_ = 0;
  bool stopping_ = false;
  std::string abort_reason_;  ///< not empty: a state in which the run must not go on
  std::unordered_map<NodeIndex, Attempt> attempts_;
  std::unordered_map<int, NodeIndex> node_of_cluster_;
  std::vector<DeferredScript> deferred_;
  std::vector<NodeFailure> failures_;
  std::set<std::string> warned_;
  JobTotals totals_;
  Clock::TimePoint started_;
  Clock::TimePoint status_logged_;
  Clock::TimePoint synced_;
  std::uint64_t released_on_disk_ = 0;  ///< Plan::released() when the journal was last put on disk
  Path rescue_;
};

/// The same as DAGMan's name, "DAG_STATUS_OK".
std::string_view StatusName(RunEnd::Status status);

}  // namespace roost::dag
