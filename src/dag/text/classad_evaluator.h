#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dag/text/classad_node.h"

namespace roost::dag {

/// One evaluation: where attributes are looked up, and how much of the allowed work is left.
class ExprEvaluator {
 public:
  ExprEvaluator(const Ad* my, const Ad* target, std::int64_t now) : my_(my), target_(target), now_(now) {}

  Value Evaluate(const Expr& expr);
  Value Evaluate(const ExprNode& node);

  /// Counts work in proportion to `amount` (characters, elements). False when the evaluation has had enough:
  /// then a Failure is to be returned.
  bool Spend(std::size_t amount);

  std::int64_t now() const { return now_; }
  /// 64 bits that differ from call to call, and from second to second.
  std::uint64_t Random();
  /// The expression that an attribute reference leads to, or null.
  const Expr* Find(const ExprNode& reference) const;

 private:
  Value Attribute(const ExprNode& node);
  Value Unary(const ExprNode& node);
  Value Binary(const ExprNode& node);
  Value Conditional(const ExprNode& node);
  Value Subscript(const ExprNode& node);
  Value Call(const ExprNode& node);
  Value Dispatch(const ExprNode& node);

  const Ad* my_;
  const Ad* target_;
  std::int64_t now_;
  int depth_ = 0;
  std::size_t spent_ = 0;
  std::optional<Failure> failure_;  ///< ended the whole evaluation
};

/// What conditions make of a value: booleans, and numbers other than 0. Nothing for other kinds.
std::optional<bool> Truth(const Value& value);

/// The value as a number, booleans being 1 and 0. Nothing for other kinds.
std::optional<double> AsReal(const Value& value);

/// A real number cut to a whole one; a Failure where that has no place in 64 bits.
Value WholePart(double real);

/// `left op right` of two values; && and || without short cut.
Value Operate(ExprOp op, const Value& left, const Value& right);

}  // namespace roost::dag
