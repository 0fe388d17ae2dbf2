#include "dag/run/rescue_writer.h"

#include <algorithm>
#include <utility>

namespace roost::dag {
namespace {

/// A failed node that only weak children hang on has nothing more to give: it does not run again.
bool OnlyWeakChildren(const Dag& dag, NodeIndex node) {
  const auto children = dag.children.Of(node);
  return !children.empty() &&
         std::all_of(children.begin(), children.end(), [](const Edge& child) { return child.weak != 0; });
}

/// Of a node whose retries are not to start from nothing again.
std::vector<std::string> RemainingRetries(const Dag& dag, const Node& node, int performed) {
  const int remaining = node.retries - performed;
  std::string retry = "RETRY " + node.name + " " + std::to_string(remaining);
  if (const auto& value = dag.Rules(node).unless_exit) retry += " UNLESS-EXIT " + std::to_string(*value);
  return {"# " + std::to_string(performed) + " of " + std::to_string(node.retries) +
              " retries already performed; " + std::to_string(remaining) + " remaining",
          retry};
}

}  // namespace

RescueWriter::RescueWriter(RescueRules rules, const Plan& plan, const Clock& clock)
    : rules_(std::move(rules)), plan_(plan), clock_(clock) {}

Path RescueWriter::NextFile() {
  if (rules_.max_number == 0) return {};
  if (file_.empty()) {
    const int last = std::min(rules_.max_number, kMaxRescueNumber);
    file_ = RescuePath(rules_.base, std::min(NewestRescue(rules_.base) + 1, last));
  }
  return file_;
}

Result<void> RescueWriter::Write() {
  const Path file = NextFile();
  if (file.empty()) return {};
  auto result = WriteFileAtomically(file, Text());
  if (result) written_ = file;
  return result;
}

Result<Path> RescueWriter::WriteSavePoint(NodeIndex node) const {
  const Node& definition = plan_.dag().At(node);
  const Path file = SavePointPath(plan_.dag(), definition);
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  if (std::filesystem::exists(file, error)) std::filesystem::rename(file, file.string() + ".old", error);
  if (auto written = WriteFileAtomically(file, Text(definition.name)); !written) return written.error();
  return file;
}

std::string RescueWriter::Text(const std::string& save_point_node) const {
  const Dag& dag = plan_.dag();
  RescueContent content{.save_point_node = save_point_node,
                        .dag_file = rules_.dag_file,
                        .total_nodes = static_cast<std::size_t>(plan_.counts().total()),
                        .created_utc = FormatTime(clock_.WallNow(), "%-m/%-d/%Y %H:%M:%S UTC", /*utc=*/true)};
  for (NodeIndex index = 0; index < dag.end(); ++index) {
    if (plan_.IsHelper(index)) continue;
    const Node& node = dag.At(index);
    const NodeState state = plan_.state(index);
    if (state == NodeState::kFailed) content.failed.push_back(node.name);
    const bool done = state == NodeState::kDone && index != dag.final_node;
    if (done || (state == NodeState::kFailed && OnlyWeakChildren(dag, index))) {
      content.done.push_back(node.name);
      continue;
    }
    if (node.retries == 0) continue;
    const int performed = plan_.attempt(index);
    std::vector<std::string> lines;
    if (plan_.retries_cut(index)) {
      lines = RescueRetryLines(dag, node, performed, plan_.value(index));
    } else {
      lines = rules_.reset_retries ? RescueRetryLines(dag, node) : RemainingRetries(dag, node, performed);
    }
    content.retry_lines.insert(content.retry_lines.end(), lines.begin(), lines.end());
  }
  return FormatRescue(content);
}

}  // namespace roost::dag
