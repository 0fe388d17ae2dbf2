#pragma once

#include <vector>

#include "roost/dag/dag.h"

namespace roost::dag {

/// A cycle of the graph, as a path: each node is a parent of the next one, and the last of the first. Empty
/// where there is none.
std::vector<NodeIndex> FindCycle(const Dag& dag);

}  // namespace roost::dag
