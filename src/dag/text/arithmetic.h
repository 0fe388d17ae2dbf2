#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "roost/base/error.h"

namespace roost::dag {

/// true, yes, t, 1 and their opposites; nothing for other texts.
std::optional<bool> ParseBool(std::string_view text);

/// Value of a ClassAd expression that refers to nothing, such as 3, 2 * 8 or 1.5. An Error says that it is no
/// number.
Result<double> EvaluateNumber(std::string_view text);

/// EvaluateNumber for what must be a whole number.
Result<std::int64_t> EvaluateInteger(std::string_view text);

}  // namespace roost::dag
