#pragma once

#include <string>
#include <string_view>

#include "roost/dag/source.h"

namespace roost::dag {

/// The statements of a submit file, from the first to the last.
class SubmitLines {
 public:
  /// `lines_before`: where the text stands within the file.
  SubmitLines(std::string_view text, std::string file, int lines_before = 0)
      : rest_(text), file_(std::move(file)), line_(lines_before) {}

  /// The next statement: trimmed, continued lines joined with nothing between, blank and comment lines passed
  /// over. False at the end.
  bool Next(std::string& statement);

  /// The next line as it is, trimmed, for texts of several lines. False at the end.
  bool NextLine(std::string_view& line);

  /// Where the last statement began.
  SourceLine where() const { return {file_, statement_line_}; }

 private:
  std::string_view rest_;
  std::string file_;
  int line_ = 0;
  int statement_line_ = 0;
};

}  // namespace roost::dag
