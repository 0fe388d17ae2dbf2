#include "dag/plan/plan.h"

#include <limits>

#include "roost/base/error.h"

namespace roost::dag {
namespace {

bool Below(int running, int limit) { return limit == 0 || running < limit; }

}  // namespace

Plan::Plan(const Dag& dag, PlanLimits limits)
    : dag_(dag), limits_(limits), nodes_(dag.nodes.size()), provisioner_awaited_(dag.provisioner >= 0) {
  for (std::size_t i = 0; i < dag.categories.size(); ++i) {
    if (dag.categories[i].max_jobs) categories_[static_cast<int>(i)].limit = *dag.categories[i].max_jobs;
  }
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    if (!IsHelper(node)) ++counts_[NodeState::kUnready];
  }
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    if (Definition(node).done && !IsHelper(node) && node != dag.final_node) Enter(node, NodeState::kDone);
  }
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    for (const Edge& parent : dag_.parents.Of(node)) {
      if (state(parent.index()) != NodeState::kDone) ++At(node).waiting_for;
    }
    const bool waits = At(node).waiting_for > 0 || node == dag.final_node;
    if (state(node) == NodeState::kUnready && !waits) Begin(node, /*in_front=*/false);
  }
}

std::optional<Step> Plan::Next(MayStart may) {
  if (Below(hold_running_, limits_.max_hold) && !hold_queue_.empty()) {
    const NodeIndex node = hold_queue_.front();
    hold_queue_.pop_front();
    ++hold_running_;
    return Step{Step::Kind::kHold, node};
  }
  if (const auto node = Look(post_queue_); node && Below(post_running_, limits_.max_post)) {
    Take(post_queue_);
    ++post_running_;
    return Step{Step::Kind::kPost, *node};
  }
  if (may == MayStart::kOnlyWhatFollows) return std::nullopt;
  if (const auto node = Look(pre_queue_);
      node && (First(*node) || !provisioner_awaited_) && Below(pre_running_, limits_.max_pre)) {
    Take(pre_queue_);
    ++pre_running_;
    return Step{Step::Kind::kPre, *node};
  }
  if (may == MayStart::kNoJobs) return std::nullopt;
  if (const auto node = NextJob()) return Step{Step::Kind::kJob, *node};
  return std::nullopt;
}

std::optional<NodeIndex> Plan::NextJob() {
  while (const auto node = Look(ready_)) {
    const bool now = !provisioner_awaited_ && Below(counts_[NodeState::kQueued], limits_.max_jobs);
    if (!now && !First(*node)) return std::nullopt;
    Category* category = CategoryOf(*node);
    if (category != nullptr && category->running >= category->limit) {
      category->parked.Push(TicketOf(*node));
      ready_.Pop();
      continue;
    }
    Take(ready_);
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
  LeaveQueue(node);
  JobPartOver(node, value);
}

void Plan::SubmitFailed(NodeIndex node) {
  LeaveQueue(node);
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

void Plan::Defer(Step script) {
  if (script.kind == Step::Kind::kHold) {
    --hold_running_;
  } else {
    --(state(script.node) == NodeState::kPre ? pre_running_ : post_running_);
  }
}

void Plan::Undefer(Step script) {
  if (script.kind == Step::Kind::kHold) {
    HoldWanted(script.node);
  } else {
    Enqueue(ScriptQueue(script.node), script.node);
  }
}

void Plan::GiveUp() {
  given_up_ = true;
  for (NodeQueue* queue : {&pre_queue_, &ready_, &post_queue_}) queue->Clear();
  for (auto& [number, category] : categories_) category.parked.Clear();
  hold_queue_.clear();
}

void Plan::StartFinal() {
  ROOST_CHECK(given_up_ && has_final() && !final_started_, "FINAL runs once, after everything else");
  final_started_ = true;
  provisioner_awaited_ = false;
  pre_running_ = post_running_ = 0;  // what was killed
  Begin(dag_.final_node, /*in_front=*/true);
}

bool Plan::Resume(Step step) {
  const NodeIndex node = step.node;
  if (node == dag_.final_node && step.kind != Step::Kind::kPost && state(node) == NodeState::kUnready) {
    GiveUp();
    StartFinal();
  }
  const NodeState now = state(node);
  // A PRE script or a submission that failed leaves no event, so that a parent may be over without a trace.
  const bool unready = now == NodeState::kUnready;
  const bool waits = At(node).turn != 0 || unready;
  switch (step.kind) {
    case Step::Kind::kPre:
      if (!waits || !(unready || now == NodeState::kPre) || Definition(node).pre < 0) return false;
      Enter(node, NodeState::kPre);
      ++pre_running_;
      break;
    case Step::Kind::kJob:
      if (!waits || now == NodeState::kPost) return false;
      if (Category* category = CategoryOf(node)) ++category->running;
      Enter(node, NodeState::kQueued);
      break;
    case Step::Kind::kPost:
      if (!waits || now != NodeState::kPost) return false;
      ++post_running_;
      break;
    case Step::Kind::kHold:
      return false;
  }
  At(node).turn = 0;
  return true;
}

bool Plan::Finished() const {
  if (!final_started_) return counts_.active() == 0;
  const NodeState final = state(dag_.final_node);
  return final == NodeState::kDone || final == NodeState::kFailed;
}

bool Plan::AllDone() const {
  const bool final_is_done = has_final() && state(dag_.final_node) == NodeState::kDone;
  const int others = counts_.total() - (has_final() ? 1 : 0);
  return counts_[NodeState::kDone] - (final_is_done ? 1 : 0) == others;
}

const AbortOn* Plan::AbortBy(NodeIndex node, int value) const {
  const auto& rule = dag_.Rules(Definition(node)).abort_on;
  return rule && rule->value == value ? &*rule : nullptr;
}

bool Plan::IsHelper(NodeIndex node) const {
  const NodeKind kind = Definition(node).kind;
  return kind == NodeKind::kService || kind == NodeKind::kProvisioner;
}

bool Plan::First(NodeIndex node) const {
  const NodeKind kind = Definition(node).kind;
  return kind == NodeKind::kProvisioner || kind == NodeKind::kFinal ||
         (kind == NodeKind::kService && !provisioner_awaited_);
}

Ticket Plan::TicketOf(NodeIndex node) const {
  constexpr std::int32_t kFirst = std::numeric_limits<std::int32_t>::min();
  std::int32_t urgency = -Definition(node).priority;
  switch (Definition(node).kind) {
    case NodeKind::kProvisioner:
    case NodeKind::kFinal:
      urgency = kFirst;
      break;
    case NodeKind::kService:
      urgency = kFirst + 1;
      break;
    case NodeKind::kJob:
    case NodeKind::kSubdag:
      break;
  }
  return {urgency, At(node).turn, node};
}

Plan::Category* Plan::CategoryOf(NodeIndex node) {
  const auto it = categories_.find(Definition(node).category);
  return it == categories_.end() ? nullptr : &it->second;
}

void Plan::Enter(NodeIndex node, NodeState state) {
  if (!IsHelper(node)) {
    --counts_[At(node).state];
    ++counts_[state];
  }
  At(node).state = state;
}

void Plan::Enqueue(NodeQueue& queue, NodeIndex node, bool in_front) {
  if (given_up_ && node != dag_.final_node) return;
  ++released_;
  At(node).turn = in_front ? --first_turn_ : ++last_turn_;
  queue.Push(TicketOf(node));
}

NodeQueue& Plan::ScriptQueue(NodeIndex node) {
  return state(node) == NodeState::kPre ? pre_queue_ : post_queue_;
}

/// The start of an attempt.
void Plan::Begin(NodeIndex node, bool in_front) {
  if (Definition(node).pre >= 0) {
    Enter(node, NodeState::kPre);
    Enqueue(pre_queue_, node, in_front);
  } else {
    Enter(node, NodeState::kReady);
    Enqueue(ready_, node, in_front);
  }
}

void Plan::LeaveQueue(NodeIndex node) {
  ROOST_CHECK(state(node) == NodeState::kQueued, "only a node in kQueued has jobs to end");
  Category* category = CategoryOf(node);
  if (category == nullptr) return;
  --category->running;
  if (const auto parked = Look(category->parked)) {
    category->parked.Pop();
    ready_.Push(TicketOf(*parked));
  }
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
  for (const Edge& child : dag_.children.Of(node)) ParentOver(child.index());
}

void Plan::Fail(NodeIndex node, int value) {
  const Node& definition = Definition(node);
  NodeStatus& status = At(node);
  const bool retries_left = status.attempt < definition.retries && !status.submit_failed && !given_up_ &&
                            AbortBy(node, value) == nullptr;
  status.retries_cut = retries_left && dag_.Rules(definition).unless_exit == value;
  if (retries_left && !status.retries_cut) {
    ++status.attempt;
    Begin(node, limits_.retry_first);
    return;
  }
  Enter(node, NodeState::kFailed);
  // DAGMan leaves the descendants of an UNLESS-EXIT match waiting instead of futile; so do we, since status
  // files and counts show it.
  if (!status.retries_cut) MarkDescendantsFutile(node);
  for (const Edge& child : dag_.children.Of(node)) {
    if (child.weak != 0) ParentOver(child.index());
  }
}

void Plan::ParentOver(NodeIndex child) {
  NodeStatus& status = At(child);
  if (--status.waiting_for == 0 && status.state == NodeState::kUnready) Begin(child, limits_.depth_first);
}

/// A weak child of the node that failed may still run; one of a node that never ran may not.
void Plan::MarkDescendantsFutile(NodeIndex node) {
  std::vector<NodeIndex> reached = {node};
  while (!reached.empty()) {
    const NodeIndex ancestor = reached.back();
    reached.pop_back();
    for (const Edge& child : dag_.children.Of(ancestor)) {
      if (state(child.index()) != NodeState::kUnready) continue;
      if (ancestor == node && child.weak != 0) continue;
      Enter(child.index(), NodeState::kFutile);
      reached.push_back(child.index());
    }
  }
}

std::optional<NodeIndex> Plan::Look(NodeQueue& queue) const {
  while (!queue.empty()) {
    const Ticket& first = queue.front();
    if (At(first.node).turn == first.turn) return first.node;
    queue.Pop();
  }
  return std::nullopt;
}

void Plan::Take(NodeQueue& queue) {
  At(queue.front().node).turn = 0;
  queue.Pop();
}

}  // namespace roost::dag
