#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "dag/plan/plan.h"
#include "dag/run/script.h"
#include "roost/dag/event_log.h"

namespace roost::dag {

/// What the journal of a dagrun that died says, beyond what it did to the plan.
struct Recovered {
  /// Jobs that have neither ended nor been aborted in the journal. Their processes are gone; an event 009 is
  /// due for each.
  struct LostJob {
    NodeIndex node;
    JobId id;
  };
  std::vector<LostJob> lost;
  /// Submissions that have failed before all of their procs were there; an event 036 is due for each, by
  /// which the next recovery tells that they are over.
  struct FailedFactory {
    NodeIndex node;
    int cluster;
  };
  std::vector<FailedFactory> failed_factories;
  /// Nodes whose POST script is to run (again), with how their jobs ended.
  std::map<NodeIndex, ClusterOutcome> awaiting_post;
  /// The first node whose end, by its value, was to end the whole run (ABORT-DAG-ON).
  std::optional<std::pair<NodeIndex, int>> abort;
  /// The newest records of jobs, with their nodes: the jobs' own logs, which are written after the journal,
  /// may lack them.
  struct Newest {
    NodeIndex node;
    JobEvent event;
  };
  std::deque<Newest> newest;
  /// How many events of a type came before the newest ones, for jobs that had not ended by then.
  std::map<JobId, std::map<EventType, int>> earlier;
  int highest_noop = 0;
  std::size_t bytes = 0;  ///< of whole events: what follows in the file was cut off by the crash
};

/// Reason of the 009 of a lost job. Attempts that ended with it do not count as a retry.
inline constexpr std::string_view kLostReason = "dagrun ended before the job did; the job is run again";

/// How the reason of a 009 begins where dagrun was stopped and took the job with it: as good as lost, should
/// dagrun die before its orderly end.
inline constexpr std::string_view kStoppedReason = "DAG Removed: ";

/// Takes `plan`, in which nothing has been started, through everything that `journal` records. Nodes that
/// were done are done, failed attempts count, nodes with lost jobs wait to be submitted again.
/// `failure_tolerance`: procs that may fail of a node without TOLERANCE.
Recovered Recover(std::string_view journal, Plan& plan, int failure_tolerance = 0);

/// How many of `procs` procs of the node may fail.
int ToleratedFailures(const Dag& dag, const Node& node, int procs, int otherwise);

}  // namespace roost::dag
