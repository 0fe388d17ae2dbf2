#include "dag/plan/plan.h"

#include "roost/base/error.h"

namespace roost::dag {
namespace {

bool Below(int running, int limit) { return limit == 0 || running < limit; }

}  // namespace

Plan::Plan(const Dag& dag, PlanLimits limits) : dag_(dag), limits_(limits), nodes_(dag.nodes.size()) {
  for (std::size_t i = 0; i < dag.categories.size(); ++i) {
    if (dag.categories[i].max_jobs) categories_[static_cast<int>(i)].limit = *dag.categories[i].max_jobs;
  }
  counts_[NodeState::kUnready] = static_cast<int>(nodes_.size());
  const auto end = static_cast<NodeIndex>(nodes_.size());
  for (NodeIndex node = 0; node < end; ++node) {
    if (Definition(node).done) Enter(node, NodeState::kDone);
  }
  for (NodeIndex node = 0; node < end; ++node) {
    for (const Edge& parent : dag_.parents.Of(node)) {
      if (state(parent.index()) != NodeState::kDone) ++At(node).waiting_for;
    }
    if (state(node) == NodeState::kUnready && At(node).waiting_for == 0) Begin(node);
  }
}

std::optional<Step> Plan::Next(bool may_submit) {
  if (Below(post_running_, limits_.max_post)) {
    if (const auto node = TakeFirst(post_queue_)) {
      ++post_running_;
      return Step{Step::Kind::kPost, *node};
    }
  }
  if (Below(pre_running_, limits_.max_pre)) {
    if (const auto node = TakeFirst(pre_queue_)) {
      ++pre_running_;
      return Step{Step::Kind::kPre, *node};
    }
  }
  if (may_submit && Below(counts_[NodeState::kQueued], limits_.max_jobs)) {
    if (const auto node = NextJob()) return Step{Step::Kind::kJob, *node};
  }
  return std::nullopt;
}

std::optional<NodeIndex> Plan::NextJob() {
  while (const auto node = TakeFirst(ready_)) {
    Category* category = CategoryOf(*node);
    if (category != nullptr && category->running >= category->limit) {
      category->parked.insert(TicketOf(*node));
      continue;
    }
    if (category != nullptr) ++category->running;
    Enter(*node, NodeState::kQueued);
    return node;
  }
  return std::nullopt;
}

void Plan::PreEnded(NodeIndex node, int value) {
  ROOST_CHECK(state(node) == NodeState::kPre, "only a node in kPre has a PRE script to end");
  --pre_running_;
  const Node& definition = Definition(node);
  At(node).value = value;
  if (value == 0) {
    Enter(node, NodeState::kReady);
    Enqueue(ready_, node);
  } else if (dag_.Rules(definition).pre_skip == value) {
    At(node).value = 0;
    Succeed(node);
  } else if (limits_.always_run_post && definition.post >= 0) {
    JobPartOver(node, kPreFailedValue);
  } else {
    Fail(node, value);
  }
}

void Plan::JobEnded(NodeIndex node, int value) {
  LeaveExecutor(node);
  JobPartOver(node, value);
}

void Plan::SubmitFailed(NodeIndex node) {
  LeaveExecutor(node);
  At(node).submit_failed = true;
  JobPartOver(node, kSubmitFailedValue);
}

void Plan::PostEnded(NodeIndex node, int value) {
  ROOST_CHECK(state(node) == NodeState::kPost, "only a node in kPost has a POST script to end");
  --post_running_;
  At(node).value = value;
  if (value == 0) {
    Succeed(node);
  } else {
    Fail(node, value);
  }
}

void Plan::Defer(NodeIndex node) { --(state(node) == NodeState::kPre ? pre_running_ : post_running_); }

void Plan::Undefer(NodeIndex node) {
  Enqueue(state(node) == NodeState::kPre ? pre_queue_ : post_queue_, node);
}

bool Plan::Resume(Step step) {
  const NodeIndex node = step.node;
  const Ticket ticket = TicketOf(node);
  Category* category = CategoryOf(node);
  switch (step.kind) {
    case Step::Kind::kPre:
      if (pre_queue_.erase(ticket) == 0) return false;
      ++pre_running_;
      return true;
    case Step::Kind::kJob:
      if (pre_queue_.erase(ticket) + ready_.erase(ticket) == 0 &&
          (category == nullptr || category->parked.erase(ticket) == 0)) {
        return false;
      }
      if (category != nullptr) ++category->running;
      Enter(node, NodeState::kQueued);
      return true;
    case Step::Kind::kPost:
      if (post_queue_.erase(ticket) == 0) return false;
      ++post_running_;
      return true;
  }
  return false;
}

Plan::Ticket Plan::TicketOf(NodeIndex node) const {
  return {-Definition(node).priority, At(node).turn, node};
}

Plan::Category* Plan::CategoryOf(NodeIndex node) {
  const auto it = categories_.find(Definition(node).category);
  return it == categories_.end() ? nullptr : &it->second;
}

void Plan::Enter(NodeIndex node, NodeState state) {
  --counts_[At(node).state];
  ++counts_[state];
  At(node).state = state;
}

void Plan::Enqueue(Queue& queue, NodeIndex node) {
  At(node).turn = ++last_turn_;
  queue.insert(TicketOf(node));
}

/// The start of an attempt.
void Plan::Begin(NodeIndex node) {
  if (Definition(node).pre >= 0) {
    Enter(node, NodeState::kPre);
    Enqueue(pre_queue_, node);
  } else {
    Enter(node, NodeState::kReady);
    Enqueue(ready_, node);
  }
}

void Plan::LeaveExecutor(NodeIndex node) {
  ROOST_CHECK(state(node) == NodeState::kQueued, "only a node in kQueued has jobs to end");
  Category* category = CategoryOf(node);
  if (category == nullptr) return;
  --category->running;
  if (const auto parked = TakeFirst(category->parked)) ready_.insert(TicketOf(*parked));
}

void Plan::JobPartOver(NodeIndex node, int value) {
  At(node).value = value;
  if (Definition(node).post >= 0) {
    Enter(node, NodeState::kPost);
    Enqueue(post_queue_, node);
  } else if (value == 0) {
    Succeed(node);
  } else {
    Fail(node, value);
  }
}

void Plan::Succeed(NodeIndex node) {
  Enter(node, NodeState::kDone);
  for (const Edge& child : dag_.children.Of(node)) {
    NodeStatus& status = At(child.index());
    if (--status.waiting_for == 0 && status.state == NodeState::kUnready) Begin(child.index());
  }
}

void Plan::Fail(NodeIndex node, int value) {
  const Node& definition = Definition(node);
  NodeStatus& status = At(node);
  const bool retries_left = status.attempt < definition.retries && !status.submit_failed;
  status.retries_cut = retries_left && dag_.Rules(definition).unless_exit == value;
  if (retries_left && !status.retries_cut) {
    ++status.attempt;
    Begin(node);
    return;
  }
  Enter(node, NodeState::kFailed);
  // DAGMan leaves the descendants of an UNLESS-EXIT match waiting instead of futile; so do we, since status
  // files and counts show it.
  if (!status.retries_cut) MarkDescendantsFutile(node);
}

void Plan::MarkDescendantsFutile(NodeIndex node) {
  std::vector<NodeIndex> reached = {node};
  while (!reached.empty()) {
    const NodeIndex ancestor = reached.back();
    reached.pop_back();
    for (const Edge& child : dag_.children.Of(ancestor)) {
      if (state(child.index()) != NodeState::kUnready) continue;
      Enter(child.index(), NodeState::kFutile);
      reached.push_back(child.index());
    }
  }
}

std::optional<NodeIndex> Plan::TakeFirst(Queue& queue) {
  if (queue.empty()) return std::nullopt;
  const NodeIndex node = queue.begin()->node;
  queue.erase(queue.begin());
  return node;
}

}  // namespace roost::dag
