#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <numeric>
#include <optional>
#include <vector>

#include "dag/plan/node_queue.h"
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
  int max_jobs = 0;   ///< nodes with jobs in the queue
  int max_pre = 20;   ///< PRE scripts at once
  int max_post = 20;  ///< POST scripts at once
  int max_hold = 20;  ///< HOLD scripts at once
  /// POST runs also when PRE failed, with $RETURN = kPreFailedValue.
  bool always_run_post = false;
  bool depth_first = false;  ///< nodes that become ready go before those that wait
  bool retry_first = false;  ///< and so do nodes that are tried again
};

/// The next thing to do for a node.
struct Step {
  enum class Kind { kPre, kJob, kPost, kHold };
  Kind kind;
  NodeIndex node;
  bool operator==(const Step&) const = default;
};

/// What Next() may hand out: less while too many jobs wait, or while the run is halted.
enum class MayStart { kEverything, kNoJobs, kOnlyWhatFollows };

/// Knows the state of every node and decides what may start. Does no I/O and reads no clock: it is told what
/// happened and asked what to do next. Each call costs O(log nodes), plus, once in a run, the edges of a node
/// that is done or failed.
///
/// A node's way: kUnready, (kPre), kReady, kQueued, (kPost), kDone or kFailed. A failed attempt with retries
/// left sends it back to the beginning, PRE script included.
///
/// SERVICE nodes and the PROVISIONER start before all others, regardless of limits, and are not among
/// counts(). The FINAL node waits for StartFinal().
class Plan {
 public:
  /// `dag` must outlive the plan. Nodes marked done are done from the start.
  Plan(const Dag& dag, PlanLimits limits);

  /// What to start now, and takes note that it is started. Scripts come before jobs; jobs by priority, then
  /// in the order in which they became ready.
  std::optional<Step> Next(MayStart may = MayStart::kEverything);

  /// The PRE script ended with this value (0 = success).
  void PreEnded(NodeIndex node, int value);
  /// Every job of the node has left the queue; `value` is 0, or that of the first one that failed.
  void JobEnded(NodeIndex node, int value);
  /// There is nothing that could be submitted, now or on a retry.
  void SubmitFailed(NodeIndex node);
  void PostEnded(NodeIndex node, int value);

  /// A HOLD script is to run, once more, and has ended. They change nothing about the node.
  void HoldWanted(NodeIndex node) { hold_queue_.push_back(node); }
  void HoldEnded() { --hold_running_; }

  /// For a script that said "not yet": gives back its place among the running scripts until Undefer() puts it
  /// in the queue again.
  void Defer(Step script);
  void Undefer(Step script);

  /// The provisioner has provided what it is there for. Until then no other node starts.
  void ProvisionerReady() { provisioner_awaited_ = false; }
  bool provisioner_awaited() const { return provisioner_awaited_; }

  /// Nothing more is to start, nor to be tried again: the run ends. What is under way may still be reported.
  void GiveUp();
  /// After GiveUp(), with nothing under way that has not been given up as well: the FINAL node starts, and
  /// nothing else.
  void StartFinal();

  /// For recovery: takes a waiting node as if Next() had handed it out, also where its parents are not over
  /// as far as is known: the node would not have got that far. False, and nothing changed, where the node
  /// does not wait for that.
  bool Resume(Step step);

  /// Grows whenever a script or a node's jobs may be started that could not be before.
  std::uint64_t released() const { return released_; }

  /// Nothing waits for its turn and nothing runs; after StartFinal(): the FINAL node is over.
  bool Finished() const;
  /// Every node but FINAL is done.
  bool AllDone() const;
  bool has_final() const { return dag_.final_node >= 0; }
  bool final_started() const { return final_started_; }

  const NodeCounts& counts() const { return counts_; }
  const Dag& dag() const { return dag_; }
  const PlanLimits& limits() const { return limits_; }

  NodeState state(NodeIndex node) const { return At(node).state; }
  /// Retries so far: 0 in the first attempt.
  int attempt(NodeIndex node) const { return At(node).attempt; }
  /// $RETURN of the attempt: the value of the part that ended last.
  int value(NodeIndex node) const { return At(node).value; }
  /// It failed with retries left, because of UNLESS-EXIT.
  bool retries_cut(NodeIndex node) const { return At(node).retries_cut; }
  /// The rule by which a part of the node that ended with `value` ends the whole run, or nothing.
  const AbortOn* AbortBy(NodeIndex node, int value) const;
  /// A SERVICE node or the PROVISIONER.
  bool IsHelper(NodeIndex node) const;

 private:
  struct NodeStatus {
    std::int32_t waiting_for = 0;  ///< parents that are not over
    std::int32_t attempt = 0;
    std::int32_t value = 0;
    std::int32_t turn = 0;  ///< of the ticket by which it waits; 0 = does not stand in a queue
    NodeState state = NodeState::kUnready;
    bool submit_failed = false;
    bool retries_cut = false;
  };
  struct Category {
    int limit = 0;
    int running = 0;
    NodeQueue parked;  ///< ready, but the category is full
  };

  const NodeStatus& At(NodeIndex node) const { return nodes_[static_cast<std::size_t>(node)]; }
  NodeStatus& At(NodeIndex node) { return nodes_[static_cast<std::size_t>(node)]; }
  const Node& Definition(NodeIndex node) const { return dag_.nodes[static_cast<std::size_t>(node)]; }
  Ticket TicketOf(NodeIndex node) const;
  Category* CategoryOf(NodeIndex node);
  /// Whether it is this node's turn although a limit is reached or the provisioner is waited for.
  bool First(NodeIndex node) const;

  void Enter(NodeIndex node, NodeState state);
  void Enqueue(NodeQueue& queue, NodeIndex node, bool in_front = false);
  NodeQueue& ScriptQueue(NodeIndex node);
  void Begin(NodeIndex node, bool in_front);
  void LeaveQueue(NodeIndex node);
  void JobPartOver(NodeIndex node, int value);
  void Succeed(NodeIndex node);
  void Fail(NodeIndex node, int value);
  void ParentOver(NodeIndex child);
  void MarkDescendantsFutile(NodeIndex node);
  std::optional<NodeIndex> NextJob();
  /// The first whose ticket still holds, without taking it.
  std::optional<NodeIndex> Look(NodeQueue& queue) const;
  void Take(NodeQueue& queue);

  const Dag& dag_;
  PlanLimits limits_;
  std::vector<NodeStatus> nodes_;
  NodeCounts counts_;
  NodeQueue pre_queue_, ready_, post_queue_;
  std::deque<NodeIndex> hold_queue_;
  int pre_running_ = 0;
  int post_running_ = 0;
  int hold_running_ = 0;
  std::map<int, Category> categories_;
  std::int32_t last_turn_ = 0;
  std::int32_t first_turn_ = 0;
  std::uint64_t released_ = 0;
  bool provisioner_awaited_ = false;
  bool given_up_ = false;
  bool final_started_ = false;
};

}  // namespace roost::dag
