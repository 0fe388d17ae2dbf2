#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "roost/dag/dag.h"

namespace roost::dag {

/// Thrown where a limit of DagLimits is reached: nothing more is read.
class TooLarge : public Error {
 public:
  using Error::Error;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// A Dag that grows while files are read into it: knows its tables by name, counts what it takes, keeps the
/// edges until all are known, and collects the faults of all files.
class DagBuilder {
 public:
  /// `dag` may have nodes already: a rescue file is read into a whole Dag.
  DagBuilder(Dag& dag, const DagOptions& options);

  Dag& dag() { return dag_; }
  const DagOptions& options() const { return options_; }
  Faults& faults() { return faults_; }
  DagPreamble& preamble() { return preamble_; }

  /// Its name is new.
  NodeIndex AddNode(Node node);
  /// Room for so many nodes more: one allocation in place of many.
  void ExpectNodes(std::size_t count);
  /// All of `parents` to all of `children`; many to many goes through a join node, where options say so,
  /// which is returned.
  NodeIndex Connect(std::span<const NodeIndex> parents, std::span<const NodeIndex> children, bool weak,
                    const Node& join);

  /// From here on HasParent() and HasChild() are known.
  void WatchEdges() { watching_ = true; }
  bool HasParent(NodeIndex node) const { return Flag(node, kHasParent); }
  bool HasChild(NodeIndex node) const { return Flag(node, kHasChild); }

  /// Numbers in the tables of the Dag.
  std::int32_t SubmitFile(std::string_view file);
  std::int32_t NestedDagFile(std::string_view file);
  std::int32_t SubmitText(std::string_view text, const SourceLine& where);
  std::int32_t Directory(const Path& directory);
  std::int32_t Source(const std::string& file);
  std::int32_t Category(const std::string& name);

  /// SUBMIT-DESCRIPTION. Of two with one name that of the outer file counts, else the first: then a warning.
  void Describe(std::string_view name, std::string_view text, const SourceLine& where, std::size_t depth);

  /// Sets the rules of a node. Nodes with the same rules share them.
  void ChangeRules(NodeIndex node, const std::function<void(NodeRules&)>& change);

  /// Counts a file that is about to be read.
  void CountText(std::size_t bytes);
  /// Counts what an ALL_NODES line sets.
  void CountSettings(std::size_t settings);

  /// Whether a fault may still search all names for one that was meant: enough of them help, thousands would
  /// only take time.
  bool MaySuggest() { return suggestions_++ < kMaxSuggestions; }

  /// Edges and names that need all files. After that only the Dag and the faults are of use.
  void Finish();
  /// In the order of files and lines, each once.
  Faults TakeFaults();

 private:
  struct Description {
    std::string text;
    SourceLine where;
    std::size_t depth = 0;
  };
  static constexpr int kMaxSuggestions = 20;
  static constexpr std::uint8_t kHasParent = 1;
  static constexpr std::uint8_t kHasChild = 2;

  void AddEdge(NodeIndex parent, NodeIndex child, bool weak);
  bool Flag(NodeIndex node, std::uint8_t flag) const {
    const auto i = static_cast<std::size_t>(node);
    return i < flags_.size() && (flags_[i] & flag) != 0;
  }
  void SetFlag(NodeIndex node, std::uint8_t flag);
  void CountJoinNode(std::string_view name);
  void UseDescriptions();

  Dag& dag_;
  const DagOptions& options_;
  Faults faults_;
  DagPreamble preamble_;
  std::vector<NewEdge> edges_;
  bool watching_ = false;
  std::vector<std::uint8_t> flags_;  ///< by node
  int join_nodes_ = 0;
  std::size_t bytes_ = 0;
  std::size_t settings_ = 0;
  bool file_repeated_ = false;
  int suggestions_ = 0;

  TextMap<std::int32_t> submit_files_;
  TextMap<std::int32_t> nested_dag_files_;
  std::unordered_multimap<std::size_t, std::int32_t> submit_texts_;  ///< by hash of the text
  TextMap<std::int32_t> directories_;
  TextMap<std::int32_t> sources_;
  TextMap<std::int32_t> categories_;
  TextMap<Description> descriptions_;
  std::map<NodeRules, std::int32_t> rules_;
};

}  // namespace roost::dag
