#include "dag/text/arithmetic.h"

#include <string>

#include "roost/base/text.h"
#include "roost/dag/classad.h"

namespace roost::dag {
namespace {

/// An integer or a real number; anything else is thrown as Error.
Value EvaluateConstant(std::string_view text) {
  const auto expr = Expr::Parse(text);
  Value value = expr ? expr->Evaluate(Ad()) : Value(Undefined());
  if (std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value)) return value;
  const auto* failure = std::get_if<Failure>(&value);
  throw Error("'" + Printable(Trim(text)) + "' is not a number" +
              (failure != nullptr ? " (" + failure->why + ")" : ""));
}

}  // namespace

std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "t", "y", "1"}) {
    if (EqualsIgnoreCase(text, yes)) return true;
  }
  for (const std::string_view no : {"false", "no", "f", "n", "0"}) {
    if (EqualsIgnoreCase(text, no)) return false;
  }
  return std::nullopt;
}

Result<double> EvaluateNumber(std::string_view text) {
  if (const auto number = ParseDouble(Trim(text))) return *number;
  try {
    const Value value = EvaluateConstant(text);
    const auto* integer = std::get_if<std::int64_t>(&value);
    return integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value);
  } catch (const Error& error) {
    return error;
  }
}

Result<std::int64_t> EvaluateInteger(std::string_view text) {
  if (const auto number = ParseInt(Trim(text))) return *number;
  try {
    const Value value = EvaluateConstant(text);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  } catch (const Error& error) {
    return error;
  }
  return Error("'" + Printable(Trim(text)) + "' is not a whole number");
}

}  // namespace roost::dag
