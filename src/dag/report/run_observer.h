#pragma once

#include <string>
#include <string_view>

#include "dag/plan/plan.h"
#include "roost/base/clock.h"
#include "roost/dag/event_log.h"

namespace roost::dag {

/// One step of a run, in the order in which things happen.
struct RunEvent {
  enum class Kind {
    kRunStarted,
    kRecoveryStarted,
    kRecoveryFinished,
    kScriptStarted,   ///< script
    kScriptEnded,     ///< script, value (exit code, negative signal)
    kScriptDeferred,  ///< script
    kSubmitFailed,    ///< text: why
    kJobEvent,        ///< job: a record of the nodes log (000, 001, 005...)
    kJobsSucceeded,   ///< the job part of the node is over; value
    kJobsFailed,
    kNodeRetried,  ///< the attempt failed, another follows; text: why
    kNodeDone,
    kNodeFailed,  ///< text: why
    kWarning,     ///< text
    kHalted,
    kResumed,
    kStopping,  ///< text: why
    kRunEnded,  ///< value: exit status
  };
  Kind kind;
  Clock::WallTime time;
  NodeIndex node = -1;  ///< -1: of the run as a whole
  int attempt = 0;      ///< of the node, from 0
  int submission = 0;   ///< how often the node was tried, from 1, counted over rescue runs where known
  Script::Kind script = Script::Kind::kPre;
  JobId id;  ///< of the jobs that this is about; cluster -1 = none
  int value = 0;
  std::string_view text;
  const JobEvent* job = nullptr;
};

/// What is known of a node now, for status files and displays.
struct NodeFacts {
  NodeState state = NodeState::kUnready;
  int attempt = 0;
  int queued = 0;  ///< procs in the queue
  int held = 0;
  bool first_proc_running = false;
  std::string failure;  ///< why it failed, in DAGMan's words ("Job proc (12.0.0) failed with status 1")
};

/// The run, as observers may look at it while they are told of an event.
class RunView {
 public:
  virtual ~RunView() = default;
  virtual const Plan& plan() const = 0;
  virtual NodeFacts Facts(NodeIndex node) const = 0;
  virtual int held_procs() const = 0;
  virtual int idle_procs() const = 0;  ///< held ones included
  virtual int running_procs() const = 0;
  virtual int dag_status() const = 0;  ///< 0 to 6, as in $DAG_STATUS
};

/// Follows a run and writes something down: the node status file, the jobstate log, DOT files, JSON lines.
/// Must not throw; what cannot be written is its own affair (it is told once, as a warning, by the owner).
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void On(const RunEvent& event, const RunView& run) = 0;
  /// Called at least once a second, and after each batch of events.
  virtual void Tick(const RunView& /*run*/) {}
};

}  // namespace roost::dag
