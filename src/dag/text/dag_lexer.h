#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roost/dag/source.h"

namespace roost::dag {

/// One command of a DAG file: continued lines joined, numbered by the first of them.
struct DagLine {
  int line = 0;
  std::string text;
};

/// Cuts a DAG file into commands. Blank and comment lines are dropped, continued lines joined with one space,
/// the bodies of inline submit descriptions passed over.
std::vector<DagLine> SplitDagLines(std::string_view text, const std::string& file, Faults& faults);

/// Whether `word` is the command or sub-keyword `keyword`: case does not matter, nor '-' against '_'.
bool IsKeyword(std::string_view word, std::string_view keyword);

/// Without the quotes around it, if there are any.
std::string Unquoted(const std::string& word);

/// The words of one command, taken from the left.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  /// The next word, or nothing at the end of the line. Quoted parts may hold blanks; the quotes stay in the
  /// word and `\x` within them becomes `x`. Throws Error for a quote that is not closed.
  std::optional<std::string> Next();

  /// Next() when it is `keyword`; else nothing is taken.
  bool Take(std::string_view keyword);

  /// What was not taken yet.
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace roost::dag
