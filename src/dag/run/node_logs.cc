#include "dag/run/node_logs.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "dag/run/expand.h"
#include "dag/run/job_files.h"
#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

constexpr std::uintmax_t kMostAtOnce = 1 << 20;

bool IsOver(NodeHistory::State state) {
  using State = NodeHistory::State;
  return state == State::kDone || state == State::kFailed || state == State::kFutile;
}

}  // namespace

NodeLogs::NodeLogs(std::vector<Path> files, const std::string& node, LogChoice choice,
                   std::vector<std::string> environment)
    : files_(std::move(files)), node_(node), choice_(choice), environment_(std::move(environment)) {
  RunRecord record;
  ReadRun(files_, {}, record);
  ChooseNodes(record.dag, {node_});
}

std::string NodeLogs::More() {
  RunRecord record;
  ReadRun(files_, {}, record);
  const NodeIndex node = record.dag.Find(node_);
  if (node < 0) throw Error("the DAG has no node '" + node_ + "' any more", ExitCode::kBadData);
  state_ = record.history->At(node).state;

  std::string text;
  if (choice_.events) AddEvents(text, record, node);
  std::vector<Path> wanted;
  for (const JobFiles& job : FilesOf(record, node, choice_.attempt.value_or(-1), environment_)) {
    if (choice_.proc && *choice_.proc != job.id.proc) continue;
    const auto want = [&](const Path& file) {
      if (!file.empty() && std::ranges::find(wanted, file) == wanted.end()) wanted.push_back(file);
    };
    if (choice_.output) want(job.output);
    if (choice_.error) want(job.error);
  }
  several_ = several_ || wanted.size() + (choice_.events ? 1 : 0) > 1;
  const std::size_t before = text.size();
  for (const Path& file : wanted) AddFile(text, file);
  // What was too much for one piece is still to come.
  const bool all = text.size() - before < kMostAtOnce;
  over_ = all && (IsOver(state_) || !record.running);
  return text;
}

void NodeLogs::AddFile(std::string& text, const Path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::uintmax_t& read = read_[file];
  if (error) return;
  if (size < read) read = 0;  // a retry begins the file anew
  const std::uintmax_t more = std::min(size - read, kMostAtOnce);
  if (more == 0) return;
  if (several_ && last_ != file) {
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += "==> " + file.string() + " <==\n";
  }
  last_ = file;
  std::string piece(static_cast<std::size_t>(more), '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(read));
  stream.read(piece.data(), static_cast<std::streamsize>(more));
  piece.resize(static_cast<std::size_t>(stream.gcount()));
  read += piece.size();
  text += piece;
}

void NodeLogs::AddEvents(std::string& text, const RunRecord& record, NodeIndex node) {
  std::vector<int> clusters;
  const auto& attempts = record.history->At(node).attempts;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (!choice_.attempt || *choice_.attempt == static_cast<int>(i)) clusters.push_back(attempts[i].cluster);
  }
  const auto log = ReadRegularFile(RunFile(record, ".nodes.log"));
  if (!log) return;
  std::size_t number = 0;
  ParseEvents(*log, [&](const JobEvent& event) {
    const bool of_node = event.node.empty() ? event.id.cluster > 0 : event.node == node_;
    const bool of_attempt = std::ranges::find(clusters, event.id.cluster) != clusters.end();
    if (!of_node || !of_attempt || (choice_.proc && event.id.proc != *choice_.proc)) return;
    if (++number > events_read_) text += FormatEvent(event);
  });
  events_read_ = std::max(events_read_, number);
  last_.clear();
}

std::string NodeLogs::WhyNothing() const {
  return "node '" + node_ + "' has written nothing (it is " + std::string(NameOf(state_)) + ")";
}

}  // namespace roost::dag
