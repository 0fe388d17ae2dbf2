#include "dag/text/submit_lines.h"

#include <algorithm>

#include "roost/base/text.h"

namespace roost::dag {

bool SubmitLines::NextLine(std::string_view& line) {
  if (rest_.empty()) return false;
  const auto end = std::min(rest_.find('\n'), rest_.size());
  line = Trim(rest_.substr(0, end));
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  ++line_;
  return true;
}

bool SubmitLines::Next(std::string& statement) {
  statement.clear();
  bool continued = false;
  std::string_view line;
  while (NextLine(line)) {
    if (line.starts_with('#') || (line.empty() && !continued)) continue;
    if (!continued) statement_line_ = line_;
    continued = line.ends_with('\\');
    if (continued) line.remove_suffix(1);
    statement.append(line);
    if (!continued) {
      statement = Trim(statement);
      if (!statement.empty()) return true;
    }
  }
  statement = Trim(statement);
  return !statement.empty();
}

}  // namespace roost::dag
