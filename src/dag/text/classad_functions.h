#pragma once

#include <cstddef>
#include <string_view>

#include "dag/text/classad_evaluator.h"

namespace roost::dag {

/// A function of ClassAd expressions.
struct ClassAdFunction {
  std::string_view name;
  std::size_t least;  ///< arguments
  std::size_t most;
  bool strict;  ///< an argument that is a failure or undefined is the result
  /// Of evaluated arguments; or, in its place, `lazy` evaluates those that it needs.
  Value (*eager)(ExprEvaluator& evaluator, ValueList& arguments) = nullptr;
  Value (*lazy)(ExprEvaluator& evaluator, const std::vector<ExprNode>& arguments) = nullptr;
};

/// Names are without regard to case; null where there is none.
const ClassAdFunction* FindClassAdFunction(std::string_view name);

}  // namespace roost::dag
