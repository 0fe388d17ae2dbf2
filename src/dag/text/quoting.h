#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roost/base/error.h"

namespace roost::dag {

/// The new syntax of `arguments` and `environment` without its outer double quotes: words between blanks,
/// '...' holds blanks together, and '' within it is one '.
Result<std::vector<std::string>> SplitQuotedWords(std::string_view text);

/// Makes "NAME=value" of each word sure. Of equal names the last stays.
Result<std::vector<std::string>> CheckEnvironment(const std::vector<std::string>& words);

/// The inverse of SplitQuotedWords: one text that it would split into these words.
std::string QuoteWords(const std::vector<std::string>& words);

/// The arguments as HTCondor's old syntax has them, blanks between; nothing where that syntax cannot say
/// them.
std::optional<std::string> OldArguments(const std::vector<std::string>& words);

}  // namespace roost::dag
