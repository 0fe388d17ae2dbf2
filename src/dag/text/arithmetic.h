#pragma once

#include <cstdint>
#include <string_view>

#include "roost/base/error.h"

namespace roost::dag {

/// A number of the submit language: whole unless it was written, or came out, with a fraction.
struct Number {
  double value = 0;
  bool whole = true;
};

/// Value of an expression of numbers, + - * / %, and parentheses; division of whole numbers is whole, as in
/// ClassAds. An Error says that it is none.
Result<Number> EvaluateArithmetic(std::string_view text);

/// EvaluateArithmetic for what must be a whole number.
Result<std::int64_t> EvaluateInteger(std::string_view text);

}  // namespace roost::dag
