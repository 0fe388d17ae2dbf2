#include <algorithm>
#include <cstdio>

#include "dag/text/dag_names.h"
#include "roost/base/text.h"
#include "roost/dag/dag.h"

namespace roost::dag {

std::string FormatRescue(const RescueContent& content) {
  const std::string reason = content.save_point_node.empty()
                                 ? "# Rescue DAG file, created after running"
                                 : "# Save file written at Start Node " + content.save_point_node;
  std::string text = reason + "\n#   the " + content.dag_file + " DAG file\n" + "# Created " +
                     content.created_utc + "\n" + "# Rescue DAG version: 2.0.1 (partial)\n#\n" +
                     "# Total number of Nodes: " + std::to_string(content.total_nodes) + "\n" +
                     "# Nodes premarked DONE: " + std::to_string(content.done.size()) + "\n" +
                     "# Nodes that failed: " + std::to_string(content.failed.size()) + "\n#   ";
  for (const std::string& name : content.failed) text.append(name).append(",");
  text.append("<ENDLIST>\n\n");
  for (const std::string& line : content.retry_lines) text.append(line).append("\n");
  for (const std::string& name : content.done) text.append("DONE ").append(name).append("\n");
  return text;
}

std::vector<std::string> RescueRetryLines(const Dag& dag, const Node& node, int performed,
                                          std::optional<int> stopped_by) {
  if (node.retries <= 0) return {};
  std::vector<std::string> lines;
  if (stopped_by) {
    lines.push_back("# " + std::to_string(performed) + " of " + std::to_string(node.retries) +
                    " retries performed; remaining attempts aborted after node returned " +
                    std::to_string(*stopped_by));
  }
  std::string retry = "RETRY " + node.name + " " + std::to_string(node.retries);
  if (const auto& value = dag.Rules(node).unless_exit) {
    retry.append(" UNLESS-EXIT ").append(std::to_string(*value));
  }
  lines.push_back(std::move(retry));
  return lines;
}

namespace {

constexpr std::string_view kSuffix = ".rescue";

}  // namespace

Path SavePointPath(const Dag& dag, const Node& node) {
  const Path& given = dag.Rules(node).save_point.value();
  Path name = given.empty() ? Path(std::string(LastPart(node.name)) + "-" +
                                   Path(dag.Where(node).file).filename().string() + ".save")
                            : given;
  if (name.has_parent_path() || dag.files.empty()) return name;
  return dag.files.front().parent_path() / "save_files" / name;
}

Path RescueBase(const std::vector<Path>& dag_files) {
  const Path& first = dag_files.front();
  return dag_files.size() > 1 ? Path(first.string() + "_multi") : first;
}

Path RescuePath(const Path& base, int number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%03d", number);
  return base.string() + std::string(kSuffix) + digits;
}

int NewestRescue(const Path& base) {
  const std::string prefix = base.filename().string() + std::string(kSuffix);
  const Path folder = base.has_parent_path() ? base.parent_path() : Path(".");
  std::error_code error;
  int newest = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || name.size() < prefix.size() + 3) continue;  // at least three digits
    const auto number = ParseInt(std::string_view(name).substr(prefix.size()));
    if (number && *number > 0 && *number <= kMaxRescueNumber)
      newest = std::max(newest, static_cast<int>(*number));
  }
  return newest;
}

}  // namespace roost::dag
