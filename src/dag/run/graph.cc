#include "dag/run/graph.h"

#include "dag/run/dot_file.h"
#include "dag/run/program_check.h"
#include "roost/base/process.h"

namespace roost::dag {
namespace {

NodeState StateFor(NodeHistory::State state) {
  using State = NodeHistory::State;
  switch (state) {
    case State::kWaiting:
      return NodeState::kUnready;
    case State::kReady:
      return NodeState::kReady;
    case State::kQueued:
    case State::kRunning:
    case State::kHeld:
      return NodeState::kQueued;
    case State::kPost:
      return NodeState::kPost;
    case State::kDone:
      return NodeState::kDone;
    case State::kFailed:
      return NodeState::kFailed;
    case State::kFutile:
      return NodeState::kFutile;
  }
  return NodeState::kUnready;
}

}  // namespace

std::string GraphText(const RunRecord& record) {
  DotPicture picture{.label = record.files.front().string()};
  if (record.ran) {
    picture.state = [&record](NodeIndex node) { return StateFor(record.history->At(node).state); };
  }
  return FormatDot(record.dag, picture);
}

std::string GraphPicture(const std::string& dot_text) {
  const Path program = FindInPath("dot");
  if (program.empty()) {
    throw Error("graphviz is needed for a picture, and there is no 'dot' in PATH", ExitCode::kFailed,
                "Install it (apt-get install graphviz), or use --format dot.");
  }
  const TemporaryDirectory folder("dagrun-graph");
  const Path file = folder.path() / "graph.dot";
  WriteFileAtomically(file, dot_text, AtomicFile::Sync::kNo).value();
  const CapturedRun run = RunAndCapture({.argv = {program.string(), "-Tsvg", file.string()}}).value();
  if (!run.status.ok()) throw Error("graphviz failed: " + run.status.Describe());
  return run.output;
}

}  // namespace roost::dag
