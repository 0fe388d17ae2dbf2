#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dag/report/run_observer.h"
#include "dag/run/write_allowance.h"
#include "roost/dag/dag.h"

namespace roost::dag {

/// What a picture of a DAG shows besides the graph.
struct DotPicture {
  std::string label;
  /// The state of a node; nothing: the nodes are drawn by their names alone.
  std::function<NodeState(NodeIndex)> state;
  std::string include_name;  ///< empty = nothing is included
  std::string include_text;
};

/// The DAG in the language of graphviz, as DAGMan draws it (spec: event-log.md section 6).
std::string FormatDot(const Dag& dag, const DotPicture& picture);

/// Keeps the DOT file of a run: written when it starts and, with UPDATE, whenever a node changes its state,
/// as long as that costs only a small part of the run. With DONT-OVERWRITE each version gets a file of its
/// own,
/// "<file>.0" and up.
class DotWriter : public RunObserver {
 public:
  /// `clock` outlives it. `warn` is told once when a file cannot be written.
  DotWriter(DotFile settings, const Clock& clock, std::function<void(const std::string&)> warn);

  void On(const RunEvent& event, const RunView& run) override;
  void Tick(const RunView& run) override;

 private:
  void Write(const RunView& run);
  Path NextName();
  void Warn(const std::string& why);

  DotFile settings_;
  const Clock& clock_;
  std::function<void(const std::string&)> warn_;
  WriteAllowance allowance_;
  std::vector<std::string_view> drawn_;  ///< by node: how it was last seen
  int next_number_ = 0;
  bool recovering_ = false;
  bool changed_ = false;
  bool warned_ = false;
};

}  // namespace roost::dag
