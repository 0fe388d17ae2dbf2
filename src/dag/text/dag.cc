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
  // A quarter more at a time: of a million nodes, twice as many would not pass unnoticed.
  if (nodes.size() == nodes.capacity()) nodes.reserve(nodes.size() + nodes.size() / 4 + 16);
  nodes.push_back(std::move(node));
  index_.Add(nodes, index);
  return index;
}

NodeRules& Dag::RulesToChange(NodeIndex node) {
  std::int32_t& own = At(node).rules;
  const NodeRules copy = rules[static_cast<std::size_t>(own)];
  own = static_cast<std::int32_t>(rules.size());
  return rules.emplace_back(copy);
}

void EdgeTable::Build(std::size_t count, const EdgeTable& old, std::span<const NewEdge> added, End from) {
  // Counting sort by the near end, stable, which keeps the order of creation. A node's place is counted one
  // further on, so that filling the places moves it to where it belongs.
  begin_.assign(count + 2, 0);
  const auto near = [&](const NewEdge& edge) {
    return static_cast<std::size_t>(from == End::kParent ? edge.parent : edge.child);
  };
  for (NodeIndex node = 0; static_cast<std::size_t>(node) < count; ++node) {
    begin_[static_cast<std::size_t>(node) + 2] += static_cast<std::uint32_t>(old.Of(node).size());
  }
  for (const NewEdge& edge : added) ++begin_[near(edge) + 2];
  for (std::size_t i = 2; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
  edges_.resize(begin_.back());
  for (NodeIndex node = 0; static_cast<std::size_t>(node) < count; ++node) {
    for (const Edge& edge : old.Of(node)) edges_[begin_[static_cast<std::size_t>(node) + 1]++] = edge;
  }
  for (const NewEdge& edge : added) {
    const NodeIndex far = from == End::kParent ? edge.child : edge.parent;
    edges_[begin_[near(edge) + 1]++] = {static_cast<std::uint32_t>(far), edge.weak ? 1U : 0U};
  }
  begin_.pop_back();
  DropRepeated();
}

void EdgeTable::DropRepeated() {
  const std::size_t count = begin_.size() - 1;
  std::vector<std::uint32_t> seen(count, 0);  // 1 + place of the last edge kept that goes to this node
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t first = kept;
    for (std::uint32_t at = begin_[i]; at < begin_[i + 1]; ++at) {
      const Edge edge = edges_[at];
      std::uint32_t& known = seen[edge.node];
      if (known > first) {
        edges_[known - 1].weak &= edge.weak;
        continue;
      }
      edges_[kept] = edge;
      known = ++kept;
    }
    begin_[i] = first;
  }
  begin_[count] = kept;
  edges_.resize(kept);
}

void Dag::Connect(std::span<const NewEdge> edges) {
  const auto build = [&](EdgeTable& table, EdgeTable::End from) {
    EdgeTable whole;
    whole.Build(nodes.size(), table, edges, from);
    table = std::move(whole);
  };
  build(children, EdgeTable::End::kParent);
  build(parents, EdgeTable::End::kChild);
}

}  // namespace roost::dag
