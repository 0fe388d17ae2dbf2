#include "roost/dag/dag.h"

#include <algorithm>

namespace roost::dag {
namespace {

std::size_t Slot(std::string_view name, std::size_t slots) {
  return std::hash<std::string_view>()(name) & (slots - 1);
}

}  // namespace

NodeIndex NameIndex::Find(const std::vector<Node>& nodes, std::string_view name) const {
  if (slots_.empty()) return -1;
  for (std::size_t slot = Slot(name, slots_.size());; slot = (slot + 1) & (slots_.size() - 1)) {
    const NodeIndex node = slots_[slot];
    if (node < 0 || nodes[static_cast<std::size_t>(node)].name == name) return node;
  }
}

void NameIndex::Add(const std::vector<Node>& nodes, NodeIndex node) {
  if (2 * (used_ + 1) > slots_.size()) Grow(nodes);
  std::size_t slot = Slot(nodes[static_cast<std::size_t>(node)].name, slots_.size());
  while (slots_[slot] >= 0) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = node;
  ++used_;
}

void NameIndex::Grow(const std::vector<Node>& nodes) {
  constexpr std::size_t kFirst = 64;
  const std::vector<NodeIndex> old = std::move(slots_);
  slots_.assign(std::max(kFirst, 2 * old.size()), -1);
  for (const NodeIndex node : old) {
    if (node < 0) continue;
    std::size_t slot = Slot(nodes[static_cast<std::size_t>(node)].name, slots_.size());
    while (slots_[slot] >= 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = node;
  }
}

NodeIndex Dag::Add(Node node) {
  const NodeIndex index = end();
  nodes.push_back(std::move(node));
  index_.Add(nodes, index);
  return index;
}

NodeRules& Dag::RulesToChange(NodeIndex node) {
  std::int32_t& own = At(node).rules;
  if (own == 0) {
    own = static_cast<std::int32_t>(rules.size());
    rules.emplace_back();
  }
  return rules[static_cast<std::size_t>(own)];
}

void Dag::Connect(std::span<const NewEdge> edges) {
  std::vector<NewEdge> all;
  all.reserve(children.size() + edges.size());
  for (NodeIndex parent = 0; parent < end(); ++parent) {
    for (const Edge& edge : children.Of(parent)) all.push_back({parent, edge.index(), edge.weak != 0});
  }
  all.insert(all.end(), edges.begin(), edges.end());

  const std::size_t count = nodes.size();
  // Counting sort by `from`, stable, which keeps the order of creation; then each node's list without
  // repeats.
  const auto build = [&](EdgeTable& table, auto from, auto to) {
    std::vector<std::uint32_t> begin(count + 1, 0);
    for (const NewEdge& edge : all) ++begin[static_cast<std::size_t>(from(edge)) + 1];
    for (std::size_t i = 0; i < count; ++i) begin[i + 1] += begin[i];
    std::vector<Edge> sorted(all.size());
    std::vector<std::uint32_t> place(begin.begin(), begin.end() - 1);
    for (const NewEdge& edge : all) {
      sorted[place[static_cast<std::size_t>(from(edge))]++] = {static_cast<std::uint32_t>(to(edge)),
                                                               edge.weak ? 1U : 0U};
    }
    std::vector<std::uint32_t> seen(count,
                                    0);  // 1 + place in `sorted` of the edge to this node, for this node
    std::uint32_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t first = kept;
      const std::uint32_t stop = begin[i + 1];
      for (std::uint32_t at = begin[i]; at < stop; ++at) {
        const Edge edge = sorted[at];
        std::uint32_t& known = seen[edge.node];
        if (known > first) {
          sorted[known - 1].weak &= edge.weak;
          continue;
        }
        sorted[kept] = edge;
        known = ++kept;
      }
      begin[i] = first;
    }
    begin[count] = kept;
    sorted.resize(kept);
    table.begin_ = std::move(begin);
    table.edges_ = std::move(sorted);
  };
  build(
      children, [](const NewEdge& e) { return e.parent; }, [](const NewEdge& e) { return e.child; });
  build(
      parents, [](const NewEdge& e) { return e.child; }, [](const NewEdge& e) { return e.parent; });
}

}  // namespace roost::dag
