#include "dag/run/recovery.h"

#include <algorithm>
#include <set>
#include <utility>

namespace roost::dag {
namespace {

constexpr int kNoCluster = -1;  // event 016 of a POST script that ran without a job
constexpr int kNoopCluster = 0;

/// What is known of one submission.
struct Cluster {
  NodeIndex node = 0;
  std::set<JobId> open;
  int failures = 0;
  int failure = 0;  ///< value of the first proc that failed
  bool lost = false;
  bool has_factory = false;  ///< procs of it may still have been to come
  ClusterOutcome outcome;
};

class Replay {
 public:
  Replay(Plan& plan, int failure_tolerance) : plan_(plan), failure_tolerance_(failure_tolerance) {}

  void Take(const JobEvent& event) {
    if (event.id.cluster == kNoopCluster) {
      recovered_.highest_noop = std::max(recovered_.highest_noop, event.id.subproc);
    }
    Act(event);
    Remember(event);
  }

  Recovered Finish(std::size_t bytes) {
    for (const auto& [key, cluster] : clusters_) {
      if (cluster.open.empty() && !cluster.has_factory) continue;
      for (const JobId& id : cluster.open) recovered_.lost.push_back({cluster.node, id});
      // Its failure is on record: the attempt has failed, whatever became of the other jobs.
      const bool judged = FailedInAnyCase(cluster) && Judge(cluster);
      if (judged && cluster.has_factory) recovered_.failed_factories.push_back({cluster.node, key.first});
    }
    std::erase_if(recovered_.awaiting_post,
                  [&](const auto& entry) { return plan_.state(entry.first) != NodeState::kPost; });
    recovered_.bytes = bytes;
    return std::move(recovered_);
  }

 private:
  void Act(const JobEvent& event) {
    switch (event.type) {
      case EventType::kSubmit:
        return Submitted(event);
      case EventType::kClusterSubmit:
        if (const auto node = Find(event.node))
          clusters_[KeyOf(event.id)] = {.node = *node, .has_factory = true};
        return;
      case EventType::kClusterRemove:
        return FactoryEnded(event);
      case EventType::kTerminated:
        return Ended(event, event.status.signaled ? -event.status.value : event.status.value);
      case EventType::kAborted:
        return Ended(event, std::nullopt);
      case EventType::kPostScriptTerminated:
        return PostEnded(event);
      case EventType::kPreSkip:
        if (const auto node = Find(event.node); node && plan_.Resume({Step::Kind::kPre, *node})) {
          plan_.PreEnded(*node, plan_.dag().Rules(plan_.dag().At(*node)).pre_skip.value_or(0));
        }
        return;
      default:
        return;  // says nothing about what is over
    }
  }

  /// NOOP nodes share a cluster number: there the submission is told by subproc.
  using Key = std::pair<int, int>;
  static Key KeyOf(const JobId& id) { return {id.cluster, id.cluster == kNoopCluster ? id.subproc : 0}; }

  std::optional<NodeIndex> Find(const std::string& name) const {
    const NodeIndex node = plan_.dag().Find(name);
    if (node < 0) return std::nullopt;
    return node;
  }

  /// More than what a dagrun writes at once, or holds back for the next batch.
  static constexpr std::size_t kNewest = 5000;

  void Remember(const JobEvent& event) {
    const auto cluster = clusters_.find(KeyOf(event.id));
    const bool of_a_job = event.id.cluster > 0 && event.type != EventType::kPostScriptTerminated;
    if (!of_a_job || cluster == clusters_.end()) return;
    recovered_.newest.push_back({cluster->second.node, event});
    if (recovered_.newest.size() <= kNewest) return;
    CountAsEarlier(recovered_.newest.front().event);
    recovered_.newest.pop_front();
  }

  void CountAsEarlier(const JobEvent& event) {
    if (event.type == EventType::kTerminated || event.type == EventType::kAborted) {
      recovered_.earlier.erase(event.id);  // nothing follows
    } else {
      ++recovered_.earlier[event.id][event.type];
    }
  }

  void Submitted(const JobEvent& event) {
    const auto node = Find(event.node);
    if (!node) return;
    Cluster& cluster = clusters_[KeyOf(event.id)];
    cluster.node = *node;
    cluster.open.insert(event.id);
    ClusterOutcome& outcome = cluster.outcome;
    outcome.cluster = event.id.cluster;
    outcome.last_proc = event.id.proc;
    outcome.exit_values.resize(static_cast<std::size_t>(++outcome.procs));
  }

  /// `value`: exit code or negative signal number; nothing = aborted.
  void Ended(const JobEvent& event, std::optional<int> value) {
    const auto it = clusters_.find(KeyOf(event.id));
    if (it == clusters_.end() || it->second.open.erase(event.id) == 0) return;
    Cluster& cluster = it->second;
    const bool lost = !value && (event.text == kLostReason || event.text.starts_with(kStoppedReason));
    cluster.lost = cluster.lost || lost;
    if (!value) ++cluster.outcome.aborted;
    const auto proc = static_cast<std::size_t>(event.id.proc);
    if (proc < cluster.outcome.exit_values.size()) cluster.outcome.exit_values[proc] = value;
    if (value != 0 && !lost && ++cluster.failures == 1) cluster.failure = value.value_or(kJobRemovedValue);
    JudgeWhenOver(cluster);
    if (value && plan_.dag().At(cluster.node).post < 0) TestForAbort(cluster.node, *value);
  }

  void FactoryEnded(const JobEvent& event) {
    const auto it = clusters_.find(KeyOf(event.id));
    if (it == clusters_.end()) return;
    it->second.has_factory = false;
    JudgeWhenOver(it->second);
  }

  void JudgeWhenOver(const Cluster& cluster) {
    if (!cluster.open.empty() || cluster.has_factory) return;
    if (Failed(cluster) || !cluster.lost) Judge(cluster);
  }

  bool Failed(const Cluster& cluster) const {
    const Dag& dag = plan_.dag();
    return cluster.failures >
           ToleratedFailures(dag, dag.At(cluster.node), cluster.outcome.procs, failure_tolerance_);
  }

  /// Also where procs are missing of which a percentage may fail.
  bool FailedInAnyCase(const Cluster& cluster) const {
    const auto& rule = plan_.dag().Rules(plan_.dag().At(cluster.node)).tolerance;
    return Failed(cluster) && !(cluster.has_factory && rule && rule->percent);
  }

  /// False where the node does not wait for that.
  bool Judge(const Cluster& cluster) {
    if (!plan_.Resume({Step::Kind::kJob, cluster.node})) return false;
    plan_.JobEnded(cluster.node, Failed(cluster) ? cluster.failure : 0);
    recovered_.awaiting_post[cluster.node] = cluster.outcome;
    return true;
  }

  void TestForAbort(NodeIndex node, int value) {
    if (!recovered_.abort && plan_.AbortBy(node, value) != nullptr) recovered_.abort = {node, value};
  }

  void PostEnded(const JobEvent& event) {
    auto node = Find(event.node);
    if (!node) return;
    if (event.id.cluster == kNoCluster) ReachPostWithoutJob(*node);
    if (!plan_.Resume({Step::Kind::kPost, *node})) return;
    const int value = event.status.signaled ? -event.status.value : event.status.value;
    plan_.PostEnded(*node, value);
    TestForAbort(*node, value);
  }

  /// PRE failed and POST ran all the same, or there was nothing to submit.
  void ReachPostWithoutJob(NodeIndex node) {
    if (plan_.limits().always_run_post && plan_.Resume({Step::Kind::kPre, node})) {
      plan_.PreEnded(node, kPreFailedValue);
    } else if (plan_.Resume({Step::Kind::kJob, node})) {
      plan_.SubmitFailed(node);
    }
  }

  Plan& plan_;
  int failure_tolerance_;
  std::map<Key, Cluster> clusters_;
  Recovered recovered_;
};

}  // namespace

int ToleratedFailures(const Dag& dag, const Node& node, int procs, int otherwise) {
  const auto& rule = dag.Rules(node).tolerance;
  if (!rule) return otherwise;
  return rule->percent ? static_cast<int>(static_cast<std::int64_t>(rule->count) * procs / 100) : rule->count;
}

Recovered Recover(std::string_view journal, Plan& plan, int failure_tolerance) {
  Replay replay(plan, failure_tolerance);
  const std::size_t bytes = ParseEvents(journal, [&](const JobEvent& event) { replay.Take(event); });
  return replay.Finish(bytes);
}

}  // namespace roost::dag
