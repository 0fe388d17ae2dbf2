#include "dag/text/dag_builder.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "dag/text/dag_names.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// Even an empty file costs something to open.
constexpr std::size_t kBytesOfAFile = 256;

std::int32_t Number(std::size_t i) { return static_cast<std::int32_t>(i); }

}  // namespace

DagBuilder::DagBuilder(Dag& dag, const DagOptions& options) : dag_(dag), options_(options) {
  for (const Node& node : dag.nodes) CountJoinNode(node.name);
  for (std::size_t i = 0; i < dag.submits.size(); ++i) {
    if (!dag.submits[i].text) submit_files_.try_emplace(dag.submits[i].file, Number(i));
  }
  for (std::size_t i = 0; i < dag.directories.size(); ++i) {
    directories_.try_emplace(dag.directories[i].string(), Number(i));
  }
  for (std::size_t i = 0; i < dag.sources.size(); ++i) sources_.try_emplace(dag.sources[i], Number(i));
  for (std::size_t i = 0; i < dag.categories.size(); ++i) {
    categories_.try_emplace(dag.categories[i].name, Number(i));
  }
}

NodeIndex DagBuilder::AddNode(Node node) {
  if (dag_.nodes.size() >= options_.limits.nodes) {
    throw TooLarge("the DAG has more than " + std::to_string(options_.limits.nodes) + " nodes");
  }
  return dag_.Add(std::move(node));
}

void DagBuilder::ExpectNodes(std::size_t count) {
  // Exactly, for the one large file; in steps that grow, for the many small ones of splices.
  const std::size_t needed = std::min(dag_.nodes.size() + count, options_.limits.nodes);
  if (needed <= dag_.nodes.capacity()) return;
  dag_.nodes.reserve(dag_.nodes.empty() ? needed : std::max(needed, dag_.nodes.size() * 5 / 4));
}

NodeIndex DagBuilder::Connect(std::span<const NodeIndex> parents, std::span<const NodeIndex> children,
                              bool weak, const Node& join) {
  const bool many_to_many = parents.size() > 1 && children.size() > 1;
  if (!many_to_many || !options_.use_join_nodes) {
    for (const NodeIndex parent : parents) {
      for (const NodeIndex child : children) AddEdge(parent, child, weak);
    }
    return -1;
  }
  // P + C edges in place of P x C.
  Node node = join;
  do {  // a node may be called like one of ours
    node.name = join.name + std::string(kJoinNodePrefix) + std::to_string(++join_nodes_);
  } while (dag_.Find(node.name) >= 0);
  node.submit = SubmitFile("noop.sub");  // DAGMan's own name for it; never opened
  node.noop = true;
  const NodeIndex between = AddNode(std::move(node));
  for (const NodeIndex parent : parents) AddEdge(parent, between, weak);
  for (const NodeIndex child : children) AddEdge(between, child, false);
  return between;
}

void DagBuilder::AddEdge(NodeIndex parent, NodeIndex child, bool weak) {
  if (edges_.size() >= options_.limits.edges) {
    throw TooLarge("the DAG has more than " + std::to_string(options_.limits.edges) + " dependencies");
  }
  edges_.push_back({.parent = parent, .child = child, .weak = weak});
  if (!watching_) return;
  SetFlag(parent, kHasChild);
  SetFlag(child, kHasParent);
}

void DagBuilder::SetFlag(NodeIndex node, std::uint8_t flag) {
  const auto i = static_cast<std::size_t>(node);
  if (i >= flags_.size()) flags_.resize(dag_.nodes.size());
  flags_[i] |= flag;
}

std::int32_t DagBuilder::SubmitFile(std::string_view file) {
  // Most nodes of a DAG have the submit file of the node before.
  if (!dag_.submits.empty() && !dag_.submits.back().text && dag_.submits.back().file == file &&
      nested_dag_files_.empty()) {
    return Number(dag_.submits.size()) - 1;
  }
  if (const auto it = submit_files_.find(file); it != submit_files_.end()) return it->second;
  const std::int32_t number = submit_files_.emplace(file, Number(dag_.submits.size())).first->second;
  dag_.submits.push_back({.file = std::string(file)});
  return number;
}

/// Apart from submit files: no SUBMIT-DESCRIPTION takes the place of a DAG.
std::int32_t DagBuilder::NestedDagFile(std::string_view file) {
  if (const auto it = nested_dag_files_.find(file); it != nested_dag_files_.end()) return it->second;
  const std::int32_t number = nested_dag_files_.emplace(file, Number(dag_.submits.size())).first->second;
  dag_.submits.push_back({.file = std::string(file)});
  return number;
}

std::int32_t DagBuilder::SubmitText(std::string_view text, const SourceLine& where) {
  const std::size_t hash = TextHash()(text);
  const auto [begin, end] = submit_texts_.equal_range(hash);
  const auto same = std::find_if(begin, end, [&](const auto& entry) {
    return dag_.submits[static_cast<std::size_t>(entry.second)].text == text;
  });
  if (same != end) return same->second;
  const std::int32_t number = submit_texts_.emplace(hash, Number(dag_.submits.size()))->second;
  dag_.submits.push_back({.file = where.file, .text = std::string(text), .where = where});
  return number;
}

std::int32_t DagBuilder::Directory(const Path& directory) {
  const auto [it, added] = directories_.try_emplace(directory.string(), Number(dag_.directories.size()));
  if (added) dag_.directories.push_back(directory);
  return it->second;
}

std::int32_t DagBuilder::Source(const std::string& file) {
  const auto [it, added] = sources_.try_emplace(file, Number(dag_.sources.size()));
  if (added) {
    dag_.sources.push_back(file);
  } else {
    file_repeated_ = true;
  }
  return it->second;
}

std::int32_t DagBuilder::Category(const std::string& name) {
  const auto [it, added] = categories_.try_emplace(name, Number(dag_.categories.size()));
  if (added) dag_.categories.push_back({.name = name});
  return it->second;
}

void DagBuilder::Describe(std::string_view name, std::string_view text, const SourceLine& where,
                          std::size_t depth) {
  Description description{.text = std::string(text), .where = where, .depth = depth};
  const auto [it, added] = descriptions_.try_emplace(std::string(name), description);
  if (added) return;
  Description& known = it->second;
  const bool same = known.text == text;
  if (depth < known.depth) std::swap(known, description);
  if (same) return;
  AddWarning(faults_, description.where,
             "the submit description '" + std::string(name) + "' is not used: that at " + known.where.file +
                 ":" + std::to_string(known.where.line - 1) + " counts");
}

void DagBuilder::ChangeRules(NodeIndex node, const std::function<void(NodeRules&)>& change) {
  std::int32_t& number = dag_.At(node).rules;
  NodeRules rules = dag_.rules[static_cast<std::size_t>(number)];
  change(rules);
  if (rules == dag_.rules[static_cast<std::size_t>(number)]) return;
  const auto [it, added] = rules_.try_emplace(rules, Number(dag_.rules.size()));
  if (added) dag_.rules.push_back(std::move(rules));
  number = it->second;
}

void DagBuilder::CountText(std::size_t bytes) {
  bytes_ += bytes + kBytesOfAFile;
  if (bytes_ > options_.limits.bytes) {
    throw TooLarge("the files of this DAG, with all that they splice and include, are longer than " +
                   FormatBytes(options_.limits.bytes));
  }
}

void DagBuilder::CountSettings(std::size_t settings) {
  settings_ += settings;
  if (settings_ > options_.limits.settings) {
    throw TooLarge("the lines with ALL_NODES set more than " + std::to_string(options_.limits.settings) +
                   " values");
  }
}

void DagBuilder::CountJoinNode(std::string_view name) {
  const std::string_view plain = LastPart(name);
  if (!plain.starts_with(kJoinNodePrefix)) return;
  if (const auto number = ParseInt(plain.substr(kJoinNodePrefix.size())); number && *number < INT32_MAX) {
    join_nodes_ = std::max(join_nodes_, static_cast<int>(*number));
  }
}

void DagBuilder::Finish() {
  UseDescriptions();
  if (!edges_.empty()) dag_.Connect(edges_);
  edges_ = {};
}

/// DAGMan looks for a description when the node is submitted: it may stand behind the node, or in an outer
/// file.
void DagBuilder::UseDescriptions() {
  if (descriptions_.empty()) return;
  for (const auto& [file, number] : submit_files_) {
    const auto it = descriptions_.find(file);
    if (it == descriptions_.end()) continue;
    SubmitSource& source = dag_.submits[static_cast<std::size_t>(number)];
    source.text = it->second.text;
    source.where = it->second.where;
  }
}

Faults DagBuilder::TakeFaults() {
  const auto before = [&](const Fault& a, const Fault& b) {
    if (a.where.file == b.where.file) return a.where.line < b.where.line;
    const auto order = [&](const Fault& fault) {
      const auto it = sources_.find(fault.where.file);
      return it == sources_.end() ? -1 : it->second;
    };
    return order(a) < order(b);
  };
  std::stable_sort(faults_.begin(), faults_.end(), before);
  if (file_repeated_) {
    std::unordered_set<std::string> seen;
    std::erase_if(faults_, [&](const Fault& fault) { return !seen.insert(fault.Describe()).second; });
  }
  return std::move(faults_);
}

}  // namespace roost::dag
