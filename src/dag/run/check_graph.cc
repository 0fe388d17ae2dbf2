#include "dag/run/check_graph.h"

#include <algorithm>
#include <map>

#include "dag/plan/cycle.h"
#include "dag/text/dag_lexer.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr std::size_t kMostOfACycle = 20;
/// Finding the line of a command takes a look through the whole file: only so often.
constexpr std::size_t kLinesLookedUp = 50;

/// Which line of a DAG file says that one node comes before another: read again from the file, since a Dag
/// does not keep it. Used for the few edges of a cycle.
class EdgeLines {
 public:
  explicit EdgeLines(const Dag& dag) : dag_(dag) {}

  /// The line, or 0 where the edge comes about otherwise.
  int Of(NodeIndex parent, NodeIndex child) {
    const Node& from = dag_.At(parent);
    const Node& to = dag_.At(child);
    if (from.file != to.file) return 0;
    // Of a node of a splice its file knows the last part of the name only.
    const auto in_file = [](const std::string& name) { return name.substr(name.rfind('+') + 1); };
    for (const Statement& statement : Read(dag_.Where(from).file)) {
      const auto& [line, parents, children] = statement;
      const bool all_join = line == from.line || line == to.line;  // a join node stands in its PARENT line
      if ((all_join || std::ranges::count(parents, in_file(from.name)) > 0) &&
          (all_join || std::ranges::count(children, in_file(to.name)) > 0)) {
        return line;
      }
    }
    return 0;
  }

 private:
  struct Statement {
    int line = 0;
    std::vector<std::string> parents, children;
  };

  const std::vector<Statement>& Read(const std::string& file) {
    const auto [it, added] = files_.try_emplace(file);
    if (!added) return it->second;
    const auto text = ReadRegularFile(file);
    if (!text) return it->second;
    DagLines lines(*text);
    for (DagLine line; lines.Next(line);) {
      const std::vector<std::string> words = SplitAny(line.text, " \t\r");
      const auto begin =
          std::ranges::find_if(words, [](const auto& word) { return IsKeyword(word, "PARENT"); });
      const auto middle =
          std::ranges::find_if(words, [](const auto& word) { return IsKeyword(word, "CHILD"); });
      if (begin - words.begin() > 1 || middle == words.end() || begin == words.end()) continue;
      it->second.push_back({line.number, {begin + 1, middle}, {middle + 1, words.end()}});
    }
    return it->second;
  }

  const Dag& dag_;
  std::map<std::string, std::vector<Statement>> files_;
};

/// "A -> B (line 5) -> C (line 6) -> A (line 7)"
void CheckCycle(const Dag& dag, Faults& faults) {
  const std::vector<NodeIndex> cycle = FindCycle(dag);
  if (cycle.empty()) return;
  EdgeLines lines(dag);
  SourceLine where = dag.Where(dag.At(cycle.front()));
  std::string path = dag.At(cycle.front()).name;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const NodeIndex from = cycle[i];
    const NodeIndex to = cycle[(i + 1) % cycle.size()];
    if (i + 1 == kMostOfACycle && cycle.size() > kMostOfACycle + 1) {
      path += " -> ... (" + std::to_string(cycle.size() - i - 1) + " more)";
    }
    if (i + 1 >= kMostOfACycle && i + 1 < cycle.size()) continue;
    path += " -> " + dag.At(to).name;
    if (const int line = lines.Of(from, to); line > 0) {
      path += " (line " + std::to_string(line) + ")";
      where.line = line;
    }
  }
  AddError(faults, where, "these nodes wait for each other in a cycle: " + path);
}

void CheckCategories(const Dag& dag, Faults& faults) {
  std::vector<NodeIndex> first(dag.categories.size(), -1);
  for (NodeIndex node = dag.end() - 1; node >= 0; --node) {
    if (const auto category = dag.At(node).category; category >= 0) {
      first[static_cast<std::size_t>(category)] = node;
    }
  }
  for (std::size_t i = 0; i < dag.categories.size(); ++i) {
    const Category& category = dag.categories[i];
    if (first[i] >= 0 && !category.max_jobs) {
      const Node& node = dag.At(first[i]);
      SourceLine where = dag.Where(node);
      if (const int line = LineOfCommand(where.file, "CATEGORY", node.name)) where.line = line;
      AddWarning(faults, where, "category '" + category.name + "' has no MAXJOBS, so it limits nothing");
    }
    if (first[i] < 0 && category.max_jobs && !dag.files.empty()) {
      const int line = LineOfCommand(dag.files.front(), "MAXJOBS", category.name);
      AddWarning(faults, {dag.files.front().string(), line},
                 "MAXJOBS limits category '" + category.name + "', which no node is in");
    }
  }
}

void CheckScript(const Script& script, const std::string& node, Faults& faults) {
  if (script.defer_status == 0) {
    AddWarning(
        faults, script.where,
        "DEFER 0: a script that succeeds is run again and again, and node '" + node + "' never starts");
  }
  for (const std::string& word : script.words) {
    if (word.find_first_of("\"'") == std::string::npos) continue;
    AddWarning(faults, script.where,
               "the quotes in " + Printable(word) +
                   " reach the script as they are: only blanks separate its arguments");
    break;
  }
}

void CheckRules(const Dag& dag, NodeIndex index, Faults& faults) {
  const Node& node = dag.At(index);
  const NodeRules& rules = dag.Rules(node);
  // Where the command stands; DAGMan's rules of a node may come from several lines.
  const auto warn = [&](std::string_view command, const std::string& message) {
    SourceLine where = dag.Where(node);
    const bool few = faults.size() < kLinesLookedUp;
    if (const int line = few ? LineOfCommand(where.file, command, node.name) : 0) where.line = line;
    AddWarning(faults, where, "node '" + node.name + "': " + message);
  };
  if (rules.pre_skip && node.pre < 0) warn("PRE_SKIP", "PRE_SKIP has no effect: there is no PRE script");
  if (rules.unless_exit == 0) {
    warn("RETRY", "UNLESS-EXIT 0 has no effect: only failures are retried");
  }
  if (rules.abort_on && rules.abort_on->value == 0) {
    warn("ABORT-DAG-ON", node.pre >= 0 ? "the whole DAG ends as soon as its PRE script succeeds"
                                       : "the whole DAG ends when the node succeeds");
  }
  if (node.kind == NodeKind::kSubdag && !node.vars.empty()) {
    warn("VARS", "VARS of a SUBDAG do not reach the nodes of the nested DAG");
  }
  if (!node.done) return;
  for (const Edge& parent : dag.parents.Of(index)) {
    const Node& before = dag.At(parent.index());
    if (before.done) continue;
    warn("DONE",
         "DONE although its parent '" + before.name + "' is not: the parent runs, this node does not");
    break;
  }
}

}  // namespace

int LineOfCommand(const Path& file, std::string_view keyword, std::string_view name,
                  std::string_view mentions) {
  const auto text = ReadRegularFile(file);
  if (!text) return 0;
  const std::string_view in_file = name.substr(name.rfind('+') + 1);
  DagLines lines(*text);
  for (DagLine line; lines.Next(line);) {
    const std::vector<std::string> words = SplitAny(line.text, " \t\r");
    if (words.size() < 2 || !IsKeyword(words[0], keyword)) continue;
    if (words[1] != in_file && !IsKeyword(words[1], "ALL_NODES")) continue;
    if (line.text.find(mentions) != std::string_view::npos) return line.number;
  }
  return 0;
}

Faults CheckGraph(const Dag& dag) {
  Faults faults;
  CheckCycle(dag, faults);
  CheckCategories(dag, faults);
  std::vector<bool> told(dag.scripts.size());
  for (NodeIndex index = 0; index < dag.end(); ++index) {
    const Node& node = dag.At(index);
    CheckRules(dag, index, faults);
    for (const std::int32_t script : {node.pre, node.post, node.hold}) {
      if (script < 0 || told[static_cast<std::size_t>(script)]) continue;
      told[static_cast<std::size_t>(script)] = true;
      CheckScript(dag.scripts[static_cast<std::size_t>(script)], node.name, faults);
    }
  }
  return faults;
}

}  // namespace roost::dag
