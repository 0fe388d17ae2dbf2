#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dag/text/macros.h"
#include "dag/text/submit_lines.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// What one queue statement asks for: `count` jobs for each item.
struct Queue {
  struct Item {
    std::vector<std::string> values;  ///< one per variable
    std::size_t row = 0;              ///< place in the whole list, also where a slice leaves items out
  };
  std::int64_t count = 1;
  std::vector<std::string> variables;
  std::vector<Item> items;  ///< one without values where the statement has no list
};

/// Reads a queue statement: `arguments` is what follows the word, `lines` where the items of a list of
/// several lines come from. Reads files and runs commands where the statement says so. Throws Error; what is
/// only odd goes to `faults`.
Queue ParseQueue(std::string_view arguments, SubmitLines& lines, MacroSet& macros,
                 const SubmitContext& context, Faults& faults);

/// Throws Error where the text `what` ("include", "queue ... from") stands in must not reach outside itself.
void RequireOutside(const SubmitContext& context, std::string_view what);

/// Runs a command of a submit file (words between blanks, no shell) in the submission directory and returns
/// what it printed. Throws Error unless it exits with 0.
std::string OutputOfCommand(std::string_view command, const SubmitContext& context);

}  // namespace roost::dag
