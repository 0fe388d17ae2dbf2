#include "roost/dag/dag.h"

#include <algorithm>
#include <bit>

namespace roost::dag {
namespace {

constexpr std::uint32_t kFree = UINT32_MAX;
constexpr unsigned kNodeBits = 26;
constexpr std::uint32_t kNodeMask = (1U << kNodeBits) - 1;

std::size_t HashOf(std::string_view name) { return std::hash<std::string_view>()(name); }
std::uint32_t TagOf(std::size_t hash) { return static_cast<std::uint32_t>(hash >> 32) & ~kNodeMask; }

}  // namespace

NodeIndex NameIndex::Find(const std::vector<Node>& nodes, std::string_view name) const {
  if (slots_.empty()) return -1;
  const std::size_t hash = HashOf(name);
  for (std::size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
    const std::uint32_t entry = slots_[slot];
    if (entry == kFree) return -1;
    // Most entries of other names differ here already, without a look at the node, which is far away.
    if ((entry & ~kNodeMask) != TagOf(hash)) continue;
    if (nodes[entry & kNodeMask].name == name) return static_cast<NodeIndex>(entry & kNodeMask);
  }
}

void NameIndex::AddLast(const std::vector<Node>& nodes) {
  ROOST_CHECK(nodes.size() < kNodeMask, "more nodes than an index of names can hold");
  if (2 * nodes.size() > slots_.size()) return Rebuild(nodes);
  Place(nodes.back().name, nodes.size() - 1);
}

void NameIndex::Rebuild(const std::vector<Node>& nodes) {
  constexpr std::size_t kLeast = 64;
  slots_.assign(std::bit_ceil(std::max(kLeast, 2 * nodes.capacity())), kFree);
  for (std::size_t node = 0; node < nodes.size(); ++node) Place(nodes[node].name, node);
}

void NameIndex::Place(std::string_view name, std::size_t node) {
  const std::size_t hash = HashOf(name);
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != kFree) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = TagOf(hash) | static_cast<std::uint32_t>(node);
}

NodeIndex Dag::Add(Node node) {
  const NodeIndex index = end();
  // A quarter more at a time: of a million nodes, twice as many would not pass unnoticed.
  if (nodes.size() == nodes.capacity()) nodes.reserve(nodes.size() + nodes.size() / 4 + 16);
  nodes.push_back(std::move(node));
  index_.AddLast(nodes);
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
