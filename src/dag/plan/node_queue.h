#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "roost/dag/dag.h"

namespace roost::dag {

/// A place in a queue. The higher priority goes first, then the lower turn.
struct Ticket {
  std::int32_t urgency;  ///< the priority, negated
  std::int32_t turn;
  NodeIndex node;
  auto operator<=>(const Ticket&) const = default;
};

/// Waiting nodes as a heap in one flat array: a million of them cost 12 MB. A node that was taken out of turn
/// leaves its ticket behind; whoever takes the first asks whether it still holds.
class NodeQueue {
 public:
  bool empty() const { return heap_.empty(); }
  const Ticket& front() const { return heap_.front(); }

  void Push(const Ticket& ticket) {
    heap_.push_back(ticket);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  void Pop() {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
  }
  void Clear() { heap_.clear(); }

 private:
  std::vector<Ticket> heap_;
};

}  // namespace roost::dag
