#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roost/base/files.h"
#include "roost/dag/source.h"

namespace roost::dag {

/// Index of a node in Dag::nodes. Stable for the life of a Dag.
using NodeIndex = std::int32_t;

/// SCRIPT PRE|POST|HOLD: the command line as written, split on blanks only; macros ($JOB, $RETURN...) not
/// replaced yet.
struct Script {
  enum class Kind { kPre, kPost, kHold };
  Kind kind = Kind::kPre;
  std::vector<std::string> words;
  std::optional<int> defer_status;  ///< DEFER: this exit status means "not yet"
  int defer_seconds = 0;
  Path debug_file;  ///< DEBUG: where output is appended; empty = discarded
  enum class DebugOutput { kNone, kStdout, kStderr, kAll };
  DebugOutput debug_output = DebugOutput::kNone;
  SourceLine where;
};

/// One name="value" of a VARS line. `name` may begin with '+' or "My." (a job attribute).
struct Var {
  std::string name;
  std::string value;    ///< unquoted; raw submit-language text
  bool append = false;  ///< APPEND: set after the submit file is read, else before
};

/// Where the description of a node's jobs comes from.
struct SubmitSource {
  /// As written (unquoted), relative to the node's folder; of a text: the name of the SUBMIT-DESCRIPTION, or
  /// the DAG file that an inline one is in.
  std::string file;
  /// The description itself, where it is in the DAG file: inline, or SUBMIT-DESCRIPTION.
  std::optional<std::string> text;
  SourceLine where;  ///< of `text`: its first line
};

/// ABORT-DAG-ON node value [RETURN code].
struct AbortOn {
  int value = 0;
  std::optional<int> return_code;  ///< nothing: the value itself is the exit status
  auto operator<=>(const AbortOn&) const = default;
};

/// TOLERANCE: how many procs of the node may fail.
struct Tolerance {
  int count = 0;
  bool percent = false;   ///< `count` is a percentage of the procs
  bool fail_fast = true;  ///< FAIL-FAST: the rest is removed as soon as it is exceeded; WAIT: not
  auto operator<=>(const Tolerance&) const = default;
};

/// What only few nodes have. Dag::rules[0] is the one of all others.
struct NodeRules {
  std::optional<int> unless_exit;  ///< RETRY n UNLESS-EXIT v
  std::optional<int> pre_skip;     ///< PRE_SKIP: exit value of PRE that makes the node done without a job
  std::optional<AbortOn> abort_on;
  std::optional<Tolerance> tolerance;
  std::optional<Path> save_point;  ///< SAVE_POINT_FILE as written; empty = the default name
  auto operator<=>(const NodeRules&) const = default;
};

enum class NodeKind : std::uint8_t {
  kJob,          ///< also the join nodes that we insert
  kSubdag,       ///< SUBDAG EXTERNAL: its submit source names a DAG file
  kFinal,        ///< at most one
  kProvisioner,  ///< at most one
  kService,      ///< not counted among the nodes of the DAG
};

/// A vertex of the DAG: its definition, with what other commands added to it. No state. There may be a
/// million of them: what many nodes share, or few have, is in tables of the Dag and here by number (-1 =
/// none).
struct Node {
  std::string name;            ///< full: with the prefixes of splices and of the DAG's number
  std::vector<Var> vars;       ///< in file order; a later one of the same name wins
  std::int32_t submit = 0;     ///< Dag::submits
  std::int32_t directory = 0;  ///< Dag::directories: DIR
  std::int32_t file = 0;       ///< Dag::sources: the file that defines it, at `line`
  std::int32_t line = 0;
  std::int32_t pre = -1, post = -1, hold = -1;  ///< Dag::scripts
  std::int32_t category = -1;                   ///< Dag::categories
  std::int32_t rules = 0;                       ///< Dag::rules
  std::int32_t priority = 0;
  std::int32_t retries = 0;
  NodeKind kind = NodeKind::kJob;
  bool noop = false;
  bool done = false;  ///< premarked: JOB ... DONE, or DONE in a rescue file
};

/// One end of an edge, seen from the other.
struct Edge {
  std::uint32_t node : 31;
  /// WEAK: the child waits only for the parent to finish, in whatever way.
  std::uint32_t weak : 1;

  NodeIndex index() const { return static_cast<NodeIndex>(node); }
  bool operator==(const Edge& other) const { return node == other.node && weak == other.weak; }
};

/// An edge on its own.
struct NewEdge {
  NodeIndex parent = 0;
  NodeIndex child = 0;
  bool weak = false;
};

/// The edges of a graph by node, in two flat arrays.
class EdgeTable {
 public:
  std::span<const Edge> Of(NodeIndex node) const {
    const auto i = static_cast<std::size_t>(node);
    if (i + 1 >= begin_.size()) return {};
    return std::span(edges_).subspan(begin_[i], begin_[i + 1] - begin_[i]);
  }
  std::size_t size() const { return edges_.size(); }

 private:
  friend struct Dag;
  enum class End { kParent, kChild };
  /// The edges of `old` and behind them `added`, by the end that is named, each once.
  void Build(std::size_t count, const EdgeTable& old, std::span<const NewEdge> added, End from);
  void DropRepeated();

  std::vector<std::uint32_t> begin_;
  std::vector<Edge> edges_;
};

/// Node numbers by name: the names stay with the nodes.
class NameIndex {
 public:
  /// -1 where there is no such node.
  NodeIndex Find(const std::vector<Node>& nodes, std::string_view name) const;
  /// Takes in the last of `nodes`, all others are in; its name is new.
  void AddLast(const std::vector<Node>& nodes);

 private:
  void Rebuild(const std::vector<Node>& nodes);
  void Place(std::string_view name, std::size_t node);
  /// A power of two of them: the node's number and, above it, some bits of the hash of its name.
  std::vector<std::uint32_t> slots_;
};

/// CATEGORY and MAXJOBS.
struct Category {
  std::string name;  ///< full: with splice prefixes
  std::optional<int> max_jobs;
};

/// DOT file [UPDATE|DONT-UPDATE] [OVERWRITE|DONT-OVERWRITE] [INCLUDE file]
struct DotFile {
  Path file;
  bool update = false;
  bool overwrite = true;
  Path include;
};

/// NODE_STATUS_FILE file [seconds] [ALWAYS-UPDATE]
struct NodeStatusFile {
  Path file;
  int min_seconds = 60;
  bool always_update = false;
};

/// What one or several DAG files say. Plain data: nodes in file order, join nodes where DAGMan would insert
/// them.
struct Dag {
  std::vector<Node> nodes;
  EdgeTable children, parents;  ///< in order of edge creation, without duplicates

  std::vector<SubmitSource> submits;
  std::vector<Path> directories = {Path()};  ///< [0]: where dagrun was started
  std::vector<std::string> sources;          ///< names of the files that nodes are defined in
  std::vector<Script> scripts;
  std::vector<NodeRules> rules = {NodeRules()};
  std::vector<Category> categories;

  NodeIndex final_node = -1;
  NodeIndex provisioner = -1;
  std::vector<NodeIndex> services;

  std::vector<Path> files;  ///< the DAG files of the command line
  std::optional<DotFile> dot;
  std::optional<NodeStatusFile> node_status_file;
  Path jobstate_log;

  const Node& At(NodeIndex node) const { return nodes[static_cast<std::size_t>(node)]; }
  Node& At(NodeIndex node) { return nodes[static_cast<std::size_t>(node)]; }
  NodeIndex end() const { return static_cast<NodeIndex>(nodes.size()); }
  /// The node of this full name, or -1.
  NodeIndex Find(std::string_view name) const { return index_.Find(nodes, name); }

  const Script* Pre(const Node& node) const { return ScriptAt(node.pre); }
  const Script* Post(const Node& node) const { return ScriptAt(node.post); }
  const Script* Hold(const Node& node) const { return ScriptAt(node.hold); }
  const NodeRules& Rules(const Node& node) const { return rules[static_cast<std::size_t>(node.rules)]; }
  const SubmitSource& Submit(const Node& node) const {
    return submits[static_cast<std::size_t>(node.submit)];
  }
  const Path& Directory(const Node& node) const {
    return directories[static_cast<std::size_t>(node.directory)];
  }
  SourceLine Where(const Node& node) const {
    return {sources.empty() ? std::string() : sources[static_cast<std::size_t>(node.file)], node.line};
  }

  /// Adds a node of a name that is not there yet.
  NodeIndex Add(Node node);
  /// The node's own rules, to be changed.
  NodeRules& RulesToChange(NodeIndex node);
  /// Adds edges to those that are there. One that exists already changes nothing, but strong wins over weak.
  void Connect(std::span<const NewEdge> edges);

 private:
  const Script* ScriptAt(std::int32_t i) const {
    return i < 0 ? nullptr : &scripts[static_cast<std::size_t>(i)];
  }
  NameIndex index_;
};

/// CONFIG, SET_JOB_ATTR and ENV: what is collected from the files of the command line before anything else is
/// read.
struct DagPreamble {
  std::vector<std::pair<Path, SourceLine>> configs;
  std::vector<std::pair<std::string, std::string>> job_attributes;
  std::vector<std::string> environment_get;                          ///< ENV GET
  std::vector<std::pair<std::string, std::string>> environment_set;  ///< ENV SET
  Faults faults;
};

/// What one DAG may grow to, splices and all: a few lines that splice each other can ask for more than any
/// machine holds. Reaching a limit is a fault that ends the reading.
struct DagLimits {
  std::size_t nodes = 20'000'000;
  std::size_t edges = 400'000'000;
  std::size_t bytes = std::size_t{8} << 30;  ///< of text, each file as often as it is read
  std::size_t settings = 1'000'000'000;      ///< made by lines with ALL_NODES, each at each node
  std::size_t depth = 100;                   ///< of files within files
};

/// How DAG files are to be read. The defaults are DAGMan's.
struct DagOptions {
  bool use_join_nodes = true;   ///< DAGMAN_USE_JOIN_NODES
  bool allow_any_name = false;  ///< DAGMAN_ALLOW_ANY_NODE_NAME_CHARACTERS
  bool munge_names = true;      ///< DAGMAN_MUNGE_NODE_NAMES: "0.", "1.", ... where there are several files
  bool append_vars = false;     ///< DAGMAN_DEFAULT_APPEND_VARS
  bool use_dag_dir = false;     ///< -UseDagDir: each file's paths are relative to its own folder
  int strict = 1;               ///< DAGMAN_USE_STRICT
  DagLimits limits;
  /// How files are read: INCLUDE, SPLICE and the files themselves.
  std::function<Result<std::string>(const Path&)> read = [](const Path& path) { return ReadFile(path); };
};

struct DagParse {
  Dag dag;
  Faults faults;  ///< HasErrors(faults): nothing may be started
};

/// Pass 0 over the files of the command line. ReadDags() reports the same faults again; a file that cannot be
/// read is left to it.
DagPreamble ReadPreamble(const std::vector<Path>& files, const DagOptions& options = {});

/// Parses the text of one DAG file (spec: DAGMan's DAG input language). `file` is what messages call it.
/// Never throws for what the text says.
DagParse ParseDag(std::string_view text, const std::string& file, const DagOptions& options = {});

/// Reads and parses one or several files as one DAG; a file that cannot be read is one fault.
DagParse ReadDags(const std::vector<Path>& files, const DagOptions& options = {});
DagParse ReadDag(const Path& file, const DagOptions& options = {});

/// Applies a rescue or save file to `dag`: DONE marks nodes, other commands are read as in a DAG file, with
/// names in full. `DONE` of an unknown node is a fault, except for the join nodes that DAGMan numbers itself.
/// A full rescue file (its head says so) is a DAG of its own, which takes the place of what `dag` was.
Faults ApplyRescue(Dag& dag, std::string_view text, const std::string& file, const DagOptions& options = {});

/// What goes into a rescue file besides the DAG itself.
struct RescueContent {
  std::string save_point_node;    ///< of a save file: the node at whose start it is written
  std::string dag_file;           ///< as named on the command line
  std::vector<std::string> done;  ///< in node order
  std::vector<std::string> failed;
  std::size_t total_nodes = 0;
  std::string created_utc;  ///< "11/21/2026 00:41:16 UTC"
  /// "RETRY A 2" lines for nodes with retries that are not done, with the comment lines that go before them.
  std::vector<std::string> retry_lines;
};

/// The lines that keep the retries of `node` in a rescue file: none where it has none. `stopped_by`: its
/// value matched UNLESS-EXIT after `performed` retries, which a comment line then records.
std::vector<std::string> RescueRetryLines(const Dag& dag, const Node& node, int performed = 0,
                                          std::optional<int> stopped_by = std::nullopt);

/// The partial rescue file (version 2.0.1) as HTCondor 23 writes it.
std::string FormatRescue(const RescueContent& content);

/// Where the save file of `node` goes, which has a SAVE_POINT_FILE: a bare name into "save_files" beside the
/// first DAG file, a path as it is.
Path SavePointPath(const Dag& dag, const Node& node);

/// DAGMan writes no rescue file with a higher number.
inline constexpr int kMaxRescueNumber = 999;

/// What the names of a run's rescue files begin with: the first DAG file, "<dag>_multi" where there are
/// several.
Path RescueBase(const std::vector<Path>& dag_files);
/// Names of rescue files: "<base>.rescue001" and up.
Path RescuePath(const Path& base, int number);
/// The highest number that exists of `base`, or 0.
int NewestRescue(const Path& base);

}  // namespace roost::dag
