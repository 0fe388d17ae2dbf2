#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "roost/base/files.h"
#include "roost/dag/source.h"

namespace roost::dag {

/// Index of a node in Dag::nodes. Stable for the life of a Dag.
using NodeIndex = std::int32_t;

/// SCRIPT PRE|POST: the command line as written, split on blanks only; macros ($JOB, $RETURN...) not replaced
/// yet.
struct Script {
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

/// A vertex of the DAG: its definition, with what other commands added to it. No state.
struct Node {
  std::string name;
  std::string submit_file;  ///< as written (unquoted), relative to `directory`
  Path directory;           ///< DIR; empty = where dagrun was started
  bool noop = false;
  bool done = false;  ///< premarked: JOB ... DONE, or DONE in a rescue file
  std::optional<Script> pre;
  std::optional<Script> post;
  int retries = 0;
  std::optional<int> unless_exit;  ///< RETRY n UNLESS-EXIT v
  std::optional<int> pre_skip;     ///< PRE_SKIP: exit value of PRE that makes the node done without a job
  std::vector<Var> vars;           ///< in file order; a later one of the same name wins
  int priority = 0;
  std::string category;            ///< empty = none
  std::vector<NodeIndex> parents;  ///< in order of edge creation, without duplicates
  std::vector<NodeIndex> children;
  SourceLine where;
};

/// What one or several DAG files say. Plain data: nodes in file order, join nodes where DAGMan would insert
/// them.
struct Dag {
  std::vector<Node> nodes;
  std::unordered_map<std::string, NodeIndex> index;  ///< by full node name
  std::map<std::string, int> max_jobs;               ///< MAXJOBS by category
  std::vector<Path> files;                           ///< the DAG files of the command line
  std::vector<std::pair<Path, SourceLine>> configs;  ///< CONFIG commands

  const Node* Find(std::string_view name) const;
  Node* Find(std::string_view name);
};

struct DagParse {
  Dag dag;
  Faults faults;  ///< HasErrors(faults): nothing may be started
};

/// Parses the text of one DAG file (spec: DAGMan's DAG input language). `file` is what messages call it.
/// Never throws for what the text says.
DagParse ParseDag(std::string_view text, const std::string& file);

/// Reads and parses `file`; a file that cannot be read is one fault.
DagParse ReadDag(const Path& file);

/// Applies a rescue file to `dag`: DONE marks nodes, other commands are read as in a DAG file. `DONE` of an
/// unknown node is a fault, except for the join nodes that DAGMan numbers itself.
Faults ApplyRescue(Dag& dag, std::string_view text, const std::string& file);

/// What goes into a rescue file besides the DAG itself.
struct RescueContent {
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
std::vector<std::string> RescueRetryLines(const Node& node, int performed = 0,
                                          std::optional<int> stopped_by = std::nullopt);

/// The partial rescue file (version 2.0.1) as HTCondor 23 writes it.
std::string FormatRescue(const RescueContent& content);

/// DAGMan writes no rescue file with a higher number.
inline constexpr int kMaxRescueNumber = 999;

/// Names of rescue files: "<dag>.rescue001" and up.
Path RescuePath(const Path& dag_file, int number);
/// The highest number that exists beside `dag_file`, or 0.
int NewestRescue(const Path& dag_file);

}  // namespace roost::dag
