#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dag/plan/plan.h"
#include "dag/report/reporter.h"
#include "dag/report/run_observer.h"
#include "dag/run/control.h"
#include "dag/run/job_queue.h"
#include "dag/run/journal.h"
#include "dag/run/narrator.h"
#include "dag/run/node_run.h"
#include "dag/run/recovery.h"
#include "dag/run/rescue_writer.h"
#include "dag/run/script.h"
#include "dag/run/subdag.h"
#include "dag/run/submit_context.h"
#include "roost/base/clock.h"

namespace roost::dag {

struct SchedulerOptions {
  Path dag_file;              ///< the primary DAG file, as named on the command line
  RescueRules rescue;         ///< where and how often rescue files are written
  NestedRunOptions nested;    ///< how SUBDAG EXTERNAL is run
  SubmitFacts facts;          ///< what all nodes have in common in the macros around their submit files
  int max_idle = 1000;        ///< nothing more is submitted while this many jobs are idle; 0 = no limit
  int max_job_holds = 100;    ///< a node with as many jobs on hold at once is removed; 0 = no limit
  int failure_tolerance = 0;  ///< jobs of a node that may fail where it has no TOLERANCE
  bool remove_jobs_on_failure = true;  ///< the rest of the cluster goes as soon as the node has failed
  bool prohibit_multi_jobs = false;
  std::chrono::seconds submit_delay{0};
  std::chrono::seconds status_interval{5};
  bool dry_run = false;  ///< jobs and scripts are not run: each counts as an instant success
};

/// What the scheduler works with. Everything outlives it.
struct SchedulerParts {
  Plan& plan;
  JobQueue& queue;
  ScriptRunner& scripts;
  Journal& journal;
  Reporter& reporter;
  const Clock& clock;
  Logger log;                           ///< P.dagman.out
  std::function<int()> pending_signal;  ///< StopSignals::Next
  std::function<int()> next_cluster;    ///< ClusterNumbers::Next
  std::vector<RunObserver*> observers;
  ControlBox* control = nullptr;  ///< requests of other processes; may be missing
};

/// For the metrics file.
struct JobTotals {
  int submitted = 0;
  int ended = 0;
  int nodes_run = 0;
};

/// Runs a DAG to its end: asks the plan what to start, hands jobs to the queue and scripts to the runner,
/// writes down what happens and tells the plan.
class Scheduler final : public RunView {
 public:
  Scheduler(const SchedulerParts& parts, SchedulerOptions options);

  /// Goes on from what an earlier dagrun left (its processes are gone by now): closes the lost jobs in the
  /// journal. Before Run().
  void Resume(const Recovered& recovered);

  /// Returns when nothing runs any more. Where the run did not succeed a rescue file is written; the exit
  /// code is DAGMan's.
  RunEnd Run();

  /// After Run(): all that is done stands in files that the next run reads on its own, so nothing is left to
  /// recover.
  bool orderly() const { return orderly_; }
  const JobTotals& totals() const { return totals_; }

  const Plan& plan() const override { return plan_; }
  NodeFacts Facts(NodeIndex node) const override;
  int held_procs() const override { return queue_.counts().held; }
  int idle_procs() const override { return queue_.counts().idle + queue_.counts().held; }
  int running_procs() const override { return queue_.counts().running; }
  int dag_status() const override { return static_cast<int>(status_); }

 private:
  enum class Stage {
    kNodes,     ///< the DAG's nodes run
    kRemoving,  ///< it is decided how they ended; what still runs is removed
    kFinal,     ///< the FINAL node runs
    kOver
  };
  struct Ending {
    RunEnd::Status status;
    int exit_code;
    std::string reason;  ///< for people, where it is none of the nodes' fault
  };
  struct DeferredScript {
    Clock::TimePoint due;
    Step step;
  };

  const Node& Definition(NodeIndex node) const { return plan_.dag().At(node); }
  const Script& ScriptOf(Step step) const;
  Try TryOf(NodeIndex node) const;

  void LookOutside();
  void TakeSignal(int signal);
  void LookForHalt();
  void Obey(const ControlRequest& request);
  std::vector<ProcId> Meant(const std::string& target) const;

  void StartReadyNodes();
  void AboutToStart(NodeIndex node);
  MayStart WhatMayStart() const;
  void StartScript(Step step);
  void SubmitJobs(NodeIndex node);
  void RunNoop(NodeIndex node);
  void FailSubmit(NodeIndex node, const std::string& why);
  Submission Expand(NodeIndex node, int cluster) const;
  /// Why these jobs cannot be run at all, or nothing.
  std::string WhyNot(const Submission& submission) const;

  void WaitForSomething();
  void PutOnDisk();
  void Settle(const QueueEvent& event);
  void ProcHeld(NodeIndex node, const QueueEvent& event);
  void ProcLeft(NodeIndex node, const QueueEvent& event);
  void NoteFailure(NodeIndex node, NodeRun& run, const QueueEvent& event, int value);
  void JobsLeft(NodeIndex node);
  void JobsOver(NodeIndex node);
  void Settle(const ScriptRunner::Ended& ended);
  void NoteScriptFailure(NodeIndex node, const ScriptRunner::Ended& ended);
  void PreEnded(NodeIndex node, int value);
  void RecordPost(NodeIndex node, const ExitStatus& status);
  void Conclude(const Try& attempt);
  /// Ends the run where ABORT-DAG-ON says so of this value.
  void TestForAbort(NodeIndex node, int value, const char* whose);

  bool StageIsOver() const;
  bool NothingUnderWay() const;
  void NextStage();
  Ending Verdict() const;
  void BeginRemoval();
  void ConcludeFinal();
  void StopAtOnce();
  void WriteRescue();
  RunEnd Conclude();
  RunEnd GiveUpWithoutJournal(const Error& error);

  void Record(const JobEvent& event, NodeIndex node, const Path& own_log = {});
  NodeFailure FailureOf(const Try& attempt) const;
  Progress CurrentProgress() const;

  Plan& plan_;
  JobQueue& queue_;
  ScriptRunner& scripts_;
  Journal& journal_;
  Reporter& reporter_;
  const Clock& clock_;
  std::function<int()> pending_signal_;
  std::function<int()> next_cluster_;
  ControlBox* control_;
  SchedulerOptions options_;
  Narrator narrator_;
  RescueWriter rescue_;

  Stage stage_ = Stage::kNodes;
  RunEnd::Status status_ = RunEnd::Status::kOk;  ///< $DAG_STATUS: while nodes run, the first that is not OK
  std::optional<Ending> ending_;
  bool resumed_ = false;
  bool halted_ = false;
  bool skip_final_ = false;
  bool more_to_start_ = false;  ///< StartReadyNodes() stopped only to let the loop look around
  bool orderly_ = true;
  Clock::TimePoint kill_scripts_at_ = Clock::TimePoint::max();
  Clock::TimePoint next_submit_;
  int done_in_rescue_ = 0;

  int last_noop_ = 0;
  std::unordered_map<NodeIndex, NodeRun> runs_;
  std::unordered_map<int, NodeIndex> node_of_cluster_;
  std::unordered_map<NodeIndex, int> repeats_;  ///< submissions that recovery repeats without a retry
  std::unordered_map<NodeIndex, std::string> why_failed_;  ///< in DAGMan's words
  std::vector<DeferredScript> deferred_;
  std::vector<NodeFailure> failures_;
  JobTotals totals_;
  Clock::TimePoint started_;
  Clock::TimePoint table_shown_;
  Clock::TimePoint synced_;
  std::uint64_t released_on_disk_ = 0;  ///< Plan::released() when the journal was last put on disk
};

}  // namespace roost::dag
