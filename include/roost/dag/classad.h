#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::dag {

/// What a ClassAd expression comes to. `Undefined` is what an attribute that nobody has is; `Failure` is
/// ClassAd's ERROR, with why.
struct Undefined {
  bool operator==(const Undefined&) const = default;
};
struct Failure {
  std::string why;
  bool operator==(const Failure&) const = default;
};
struct Value;
using ValueList = std::vector<Value>;
struct Value : std::variant<Undefined, Failure, bool, std::int64_t, double, std::string, ValueList> {
  using variant::variant;

  bool undefined() const { return std::holds_alternative<Undefined>(*this); }
  bool failed() const { return std::holds_alternative<Failure>(*this); }
  /// As ClassAd literal: `true`, `3`, `"text"`, `undefined`.
  std::string Text() const;
};

struct ExprNode;
class Ad;

/// A parsed ClassAd expression: immutable, cheap to copy.
class Expr {
 public:
  /// An Error says what is wrong with the text, and where.
  static Result<Expr> Parse(std::string_view text);
  /// The expression that is this value.
  static Expr Literal(Value value);

  /// With `my` as the ad the expression belongs to and, if not null, `target` as the other one. Attributes
  /// without a scope are looked up in `my`, then in `target`. Never throws; recursion and steps are bounded
  /// (then a Failure). `now` is what time() and CurrentTime say, in epoch seconds.
  Value Evaluate(const Ad& my, const Ad* target = nullptr, std::int64_t now = 0) const;

  /// Evaluate() as a condition: true, or a number other than 0. Undefined and failures are `otherwise`.
  bool Holds(const Ad& my, const Ad* target = nullptr, std::int64_t now = 0, bool otherwise = false) const;

  /// It refers to no attribute and no clock, so it comes to the same wherever it is evaluated.
  bool constant() const;

  /// The source it was parsed from.
  const std::string& text() const;

 private:
  friend class ExprParser;
  friend class ExprEvaluator;
  std::shared_ptr<const ExprNode> root_;
  std::shared_ptr<const std::string> text_;
};

/// Attributes by name, without regard to case.
class Ad {
 public:
  void Set(std::string_view name, Expr value);
  void Set(std::string_view name, Value value);
  void Erase(std::string_view name);
  /// Null where there is no such attribute.
  const Expr* Find(std::string_view name) const;
  /// The value of an attribute; Undefined where there is none.
  Value Get(std::string_view name, std::int64_t now = 0) const;
  const std::map<std::string, Expr, LessIgnoreCase>& attributes() const { return attributes_; }

 private:
  std::map<std::string, Expr, LessIgnoreCase> attributes_;
};

/// `text` as a ClassAd string literal, quotes included.
std::string QuoteClassAd(std::string_view text);

}  // namespace roost::dag
