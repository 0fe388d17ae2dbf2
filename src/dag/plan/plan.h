#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "roost/dag/dag.h"

namespace roost::dag {

enum class NodeState : std::uint8_t {
  kUnready,  ///< waits for its parents
  kReady,    ///< waits for its turn to be submitted
  kPre,      ///< its PRE script waits or runs
  kQueued,   ///< its jobs are at the executor
  kPost,     ///< its POST script waits or runs
  kDone,
  kFailed,
  kFutile,  ///< never to run: an ancestor failed
};

/// Values that a node can have ($RETURN) besides exit codes and, negative, signal numbers. DAGMan's numbers.
constexpr int kSubmitFailedValue = -1001;
constexpr int kJobRemovedValue = -1002;
constexpr int kPreFailedValue = -1004;

/// How many nodes are in each state.
class NodeCounts {
 public:
  int operator[](NodeState state) const { return by_state_[static_cast<std::size_t>(state)]; }
  int& operator[](NodeState state) { return by_state_[static_cast<std::size_t>(state)]; }
  int total() const { return std::accumulate(by_state_.begin(), by_state_.end(), 0); }
  /// Nodes that wait for something other than a parent, or do something.
  int active() const {
    return (*this)[NodeState::kReady] + (*this)[NodeState::kPre] + (*this)[NodeState::kQueued] +
           (*this)[NodeState::kPost];
  }

 private:
  std::array<int, 8> by_state_{};
};

/// 0 = no limit.
struct PlanLimits {
  int max_jobs = 0;   ///< nodes with jobs at the executor
  int max_pre = 20;   ///< PRE scripts at once
  int max_post = 20;  ///< POST scripts at once
  /// POST runs also when PRE failed, with $RETURN = kPreFailedValue.
  bool always_run_post = false;
};

/// The next thing to do for a node.
struct Step {
  enum class Kind { kPre, kJob, kPost };
  Kind kind;
  NodeIndex node;
  bool operator==(const Step&) const = default;
};

/// Knows the state of every node and decides what may start. Does no I/O and reads no clock: it is told what
/// happened and asked what to do next. Each call costs O(log nodes), plus, once in a run, the edges of a node
/// that is done or failed.
///
/// A node's way: kUnready, (kPre), kReady, kQueued, (kPost), kDone or kFailed. A failed attempt with retries
/// left sends it back to the beginning, PRE script included.
class Plan {
 public:
  /// `dag` must outlive the plan. Nodes marked done are done from the start.
  Plan(const Dag& dag, PlanLimits limits);

  /// What to start now, and takes note that it is started. Scripts come before jobs; jobs by priority, then
  /// in the order in which they became ready. With `may_submit` false no job is handed out.
  std::optional<Step> Next(bool may_submit = true);

  /// The PRE script ended with this value (0 = success).
  void PreEnded(NodeIndex node, int value);
  /// Every job of the node has left the executor; `value` is 0, or that of the first one that failed.
  void JobEnded(NodeIndex node, int value);
  /// There is nothing that could be submitted, now or on a retry.
  void SubmitFailed(NodeIndex node);
  void PostEnded(NodeIndex node, int value);

  /// For a script that said "not yet": gives back its place among the running scripts until Undefer() puts it
  /// in the queue again.
  void Defer(NodeIndex node);
  void Undefer(NodeIndex node);

  /// For recovery: takes a waiting node as if Next() had handed it out. False, and nothing changed, where the
  /// node does not wait for that.
  bool Resume(Step step);

  /// Nothing waits for its turn and nothing runs.
  bool Finished() const { return counts_.active() == 0; }
  const NodeCounts& counts() const { return counts_; }
  const Dag& dag() const { return dag_; }

  NodeState state(NodeIndex node) const { return At(node).state; }
  /// Retries so far: 0 in the first attempt.
  int attempt(NodeIndex node) const { return At(node).attempt; }
  /// $RETURN of the attempt: the value of the part that ended last.
  int value(NodeIndex node) const { return At(node).value; }
  /// It failed with retries left, because of UNLESS-EXIT.
  bool retries_cut(NodeIndex node) const { return At(node).retries_cut; }

 private:
  struct NodeStatus {
    NodeState state = NodeState::kUnready;
    int waiting_for = 0;  ///< parents that are not done
    int attempt = 0;
    int value = 0;
    std::uint64_t turn = 0;  ///< its place in the queue it stands in
    bool submit_failed = false;
    bool retries_cut = false;
  };
  /// Orders by priority (negated), then turn.
  struct Ticket {
    int urgency;
    std::uint64_t turn;
    NodeIndex node;
    auto operator<=>(const Ticket&) const = default;
  };
  using Queue = std::set<Ticket>;
  struct Category {
    int limit = 0;
    int running = 0;
    Queue parked;  ///< ready, but the category is full
  };

  const NodeStatus& At(NodeIndex node) const { return nodes_[static_cast<std::size_t>(node)]; }
  NodeStatus& At(NodeIndex node) { return nodes_[static_cast<std::size_t>(node)]; }
  const Node& Definition(NodeIndex node) const { return dag_.nodes[static_cast<std::size_t>(node)]; }
  Ticket TicketOf(NodeIndex node) const;
  Category* CategoryOf(NodeIndex node);

  void Enter(NodeIndex node, NodeState state);
  void Enqueue(Queue& queue, NodeIndex node);
  void Begin(NodeIndex node);
  void LeaveExecutor(NodeIndex node);
  void JobPartOver(NodeIndex node, int value);
  void Succeed(NodeIndex node);
  void Fail(NodeIndex node, int value);
  void MarkDescendantsFutile(NodeIndex node);
  std::optional<NodeIndex> NextJob();
  static std::optional<NodeIndex> TakeFirst(Queue& queue);

  const Dag& dag_;
  PlanLimits limits_;
  std::vector<NodeStatus> nodes_;
  NodeCounts counts_;
  Queue pre_queue_, ready_, post_queue_;
  int pre_running_ = 0;
  int post_running_ = 0;
  std::map<int, Category> categories_;
  std::uint64_t last_turn_ = 0;
};

}  // namespace roost::dag
