#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dag/text/dag_builder.h"
#include "dag/text/dag_lexer.h"

namespace roost::dag {

/// Nodes by the number that PIN_IN or PIN_OUT gives them.
using Pins = std::map<int, std::vector<NodeIndex>>;

/// A splice as the file sees it that has the SPLICE command: a name for its first and last nodes.
struct Splice {
  bool readable = true;  ///< else its nodes are not known, and whoever names it makes no second fault
  int line = 0;
  std::vector<NodeIndex> initial, terminal;
  Pins pins_in, pins_out;
};

/// What names mean in a file and in those it includes. Each splice, and each file of the command line, has
/// its own.
struct Scope {
  std::string splice_prefix;  ///< "S+T+"
  std::string name_prefix;    ///< of nodes and splices: that, and "0." of several DAG files
  std::string dag_number;     ///< "0." where there are several
  Path directory;             ///< what paths are relative to
  bool in_splice = false;
  bool names_in_full = false;  ///< a rescue file: names are as they are
  bool names_unknown = false;  ///< a file could not be read: an unknown name is no second fault
  std::vector<std::pair<NodeIndex, NodeIndex>> nodes;  ///< from, to (not included): without those of splices
  TextMap<Splice> splices;
  Pins pins_in, pins_out;

  /// Takes in a node that was just made.
  void Own(NodeIndex node) {
    if (nodes.empty() || nodes.back().second != node) nodes.emplace_back(node, node);
    ++nodes.back().second;
  }
};

/// Kinds of nodes, as a set.
using NodeKinds = unsigned;
constexpr NodeKinds Only(NodeKind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr NodeKinds kOrdinaryNodes = Only(NodeKind::kJob) | Only(NodeKind::kSubdag);
constexpr NodeKinds kEveryNode =
    kOrdinaryNodes | Only(NodeKind::kFinal) | Only(NodeKind::kProvisioner) | Only(NodeKind::kService);
inline bool IsOrdinary(const Node& node) { return (Only(node.kind) & kOrdinaryNodes) != 0; }

/// Reads one file into a scope of a DAG, and the files that it names. In DAGMan's order: first the commands
/// that define nodes, then all others. A command that is wrong becomes a fault and changes as little as
/// possible.
class DagFileParser {
 public:
  enum class Origin { kCommandLine, kIncluded, kSpliced, kRescue };

  DagFileParser(DagBuilder& builder, Scope& scope, const Path& file, Origin origin,
                std::vector<std::string> open_files = {});

  void Parse(std::string_view text);

 private:
  struct Command {
    std::string_view keyword;
    int pass;
    void (DagFileParser::*parse)(Words&);
  };
  static const Command* FindCommand(std::string_view word);
  std::string UnknownCommand(std::string_view word) const;

  // dag_parser.cc: files and passes
  void DefiningPass(std::string_view text);
  void OtherPass(std::string_view text);
  void CheckLine(const DagLine& line);
  const Command* TakeCommand(Words& words);
  void Run(const Command& command, Words& words);
  std::string ReadNamed(const Path& file, bool splice);
  void ReadSplices();
  void ReadSplice(const std::string& name, const Path& file, const Path& directory, int line);
  void CloseSplice(const Scope& inner, Splice& splice);
  void IncludeCommand(Words& words);
  void SpliceCommand(Words& words);

  // dag_nodes.cc: commands that define nodes
  void Job(Words& words) { DefineNode(words, NodeKind::kJob); }
  void FinalNode(Words& words) { DefineNode(words, NodeKind::kFinal); }
  void Provisioner(Words& words) { DefineNode(words, NodeKind::kProvisioner); }
  void Service(Words& words) { DefineNode(words, NodeKind::kService); }
  void NodeCommand(Words& words);
  void Subdag(Words& words);
  void SubmitDescription(Words& words);
  void Reject(Words& words);
  void DefineNode(Words& words, NodeKind kind);
  void CheckNewName(std::string_view name, std::string_view what);
  std::int32_t TakeSubmit(Words& words, NodeKind kind);
  void TakeNodeOptions(Words& words, Node& node);
  void AddNode(Node node);
  SourceLine BodyStart() const { return {file_, line_.body->first_line}; }

  // dag_attributes.cc: what is set on nodes
  void Vars(Words& words);
  void ScriptCommand(Words& words);
  void Retry(Words& words);
  void PreSkip(Words& words);
  void AbortDagOn(Words& words);
  void ToleranceCommand(Words& words);
  void Priority(Words& words);
  void CategoryCommand(Words& words);
  void MaxJobs(Words& words);
  void Done(Words& words);
  void SavePoint(Words& words);
  void TakeScriptOptions(Words& words, Script& script);
  void CheckScriptMacros(const Script& script);
  std::string CategoryName(std::string_view name) const;

  // dag_dependencies.cc
  void Parent(Words& words) { TakeDependencies(words, false); }
  void Weak(Words& words);
  void TakeDependencies(Words& words, bool weak);
  bool AddNamed(std::string_view name, bool as_parent, std::vector<NodeIndex>& nodes);
  void ConnectNodes(std::vector<NodeIndex>& parents, std::vector<NodeIndex>& children, bool weak);
  void ConnectCommand(Words& words);
  Splice* FindSplice(std::string_view name);
  void PinIn(Words& words) { Pin(words, scope_.pins_in); }
  void PinOut(Words& words) { Pin(words, scope_.pins_out); }
  void Pin(Words& words, Pins& pins);

  // dag_run_wide.cc: what is set on the run
  void Dot(Words& words);
  void NodeStatus(Words& words);
  void JobstateLog(Words& words);
  void RunSetting(Words& words);
  bool IgnoredHere();

  // Common
  SourceLine Here() const { return {file_, line_.number}; }
  void Fail(std::string message) { AddError(builder_.faults(), Here(), std::move(message)); }
  void Warn(std::string message) { AddWarning(builder_.faults(), Here(), std::move(message)); }
  /// A fault only where DAGMAN_USE_STRICT is `level` or more.
  void Strict(int level, std::string message) {
    if (builder_.options().strict >= level) Fail(std::move(message));
  }
  int NeedInt(Words& words, std::string_view what);
  std::string FullName(std::string_view name) const { return scope_.name_prefix + std::string(name); }
  NodeIndex FindNode(std::string_view name);
  void UnknownNode(std::string_view name);
  bool Takes(NodeIndex node, NodeKinds kinds);
  /// Calls `set` for the node of this name, or for every ordinary one of the scope where it is ALL_NODES;
  /// reports the node where there is none, or where it is none of `kinds`.
  template <typename Set>
  void ForNodes(std::string_view name, NodeKinds kinds, Set&& set);

  DagBuilder& builder_;
  Dag& dag_;
  Scope& scope_;
  const std::string file_;
  const Origin origin_;
  std::vector<std::string> open_files_;  ///< this one and those that led to it
  std::int32_t source_ = 0;
  DagLine line_;  ///< the command that is being read
  const Command* command_ = nullptr;
  struct PendingSplice {
    std::string name;
    Path file, directory;
    int line;
  };
  std::vector<PendingSplice> splices_;  ///< read when all nodes of the file are known
  std::string full_name_;               ///< kept for its memory
  NodeIndex last_found_ = 0;
};

/// The word that the command needs next; Error where there is none.
std::string_view Need(Words& words, std::string_view what);
/// Error where the command goes on.
void NeedEnd(Words& words);

/// Whether this is CONFIG, SET_JOB_ATTR or ENV, and then what it says, in `preamble`.
bool TakePreamble(std::string_view keyword, Words& words, const SourceLine& where, const Path& directory,
                  DagPreamble& preamble);

template <typename Set>
void DagFileParser::ForNodes(std::string_view name, NodeKinds kinds, Set&& set) {
  if (!IsKeyword(name, "ALL_NODES")) {
    if (const NodeIndex node = FindNode(name); node < 0) {
      UnknownNode(name);
    } else if (Takes(node, kinds)) {
      set(node);
    }
    return;
  }
  bool any = false;
  for (const auto& [from, to] : scope_.nodes) {
    builder_.CountSettings(static_cast<std::size_t>(to - from));
    for (NodeIndex node = from; node < to; ++node) {
      if (!IsOrdinary(dag_.At(node))) continue;
      any = true;
      set(node);
    }
  }
  if (!any && !scope_.names_unknown) Fail("ALL_NODES: there are no nodes");
}

}  // namespace roost::dag
