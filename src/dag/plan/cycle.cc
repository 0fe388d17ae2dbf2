#include "dag/plan/cycle.h"

#include <algorithm>
#include <cstdint>

namespace roost::dag {

std::vector<NodeIndex> FindCycle(const Dag& dag) {
  enum class Mark : std::uint8_t { kNew, kOnPath, kClean };
  struct Visit {
    NodeIndex node;
    std::size_t next_child = 0;
  };
  std::vector<Mark> marks(dag.nodes.size(), Mark::kNew);
  const auto mark = [&](NodeIndex node) -> Mark& { return marks[static_cast<std::size_t>(node)]; };

  // Depth first with a stack of our own: a chain may be a million nodes long.
  std::vector<Visit> path;
  for (NodeIndex start = 0; start < dag.end(); ++start) {
    if (mark(start) != Mark::kNew) continue;
    path.push_back({start});
    mark(start) = Mark::kOnPath;
    while (!path.empty()) {
      Visit& visit = path.back();
      const auto children = dag.children.Of(visit.node);
      if (visit.next_child == children.size()) {
        mark(visit.node) = Mark::kClean;
        path.pop_back();
        continue;
      }
      const NodeIndex child = children[visit.next_child++].index();
      if (mark(child) == Mark::kOnPath) {
        const auto first = std::find_if(path.begin(), path.end(),
                                        [&](const Visit& on_path) { return on_path.node == child; });
        std::vector<NodeIndex> cycle;
        for (auto it = first; it != path.end(); ++it) cycle.push_back(it->node);
        return cycle;
      }
      if (mark(child) == Mark::kNew) {
        mark(child) = Mark::kOnPath;
        path.push_back({child});
      }
    }
  }
  return {};
}

}  // namespace roost::dag
