#include "roost/dag/classad.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "dag/text/classad_evaluator.h"
#include "dag/text/classad_node.h"

namespace roost::dag {
namespace {

std::string RealText(double real) {
  if (std::isnan(real)) return "real(\"NaN\")";
  if (std::isinf(real)) return real > 0 ? "real(\"INF\")" : "real(\"-INF\")";
  char text[40];
  (void)std::snprintf(text, sizeof text, "%.16G", real);
  std::string result = text;
  if (result.find_first_of(".E") == std::string::npos) result += ".0";
  return result;
}

/// Within a list, where a backslash before the closing quote would hide that quote.
std::string ElementText(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr || !text->ends_with('\\')) return value.Text();
  return "substr(" + QuoteClassAd(*text + " ") + ",0," + std::to_string(text->size()) + ")";
}

bool IsConstant(const ExprNode& node) {
  constexpr std::string_view kChanging[] = {"time", "currentTime", "random", "formatTime", "eval"};
  const auto changes = [&](std::string_view function) { return EqualsIgnoreCase(node.name, function); };
  if (node.kind == ExprNode::Kind::kAttribute) return false;
  if (node.kind == ExprNode::Kind::kCall &&
      std::any_of(std::begin(kChanging), std::end(kChanging), changes)) {
    return false;
  }
  return std::all_of(node.children.begin(), node.children.end(), IsConstant);
}

}  // namespace

std::string QuoteClassAd(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

std::string Value::Text() const {
  if (const auto* truth = std::get_if<bool>(this)) return *truth ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(this)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(this)) return RealText(*real);
  if (const auto* text = std::get_if<std::string>(this)) return QuoteClassAd(*text);
  if (const auto* list = std::get_if<ValueList>(this)) {
    std::string text = "{ ";
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) text += ",";
      text += ElementText((*list)[i]);
    }
    return text + " }";
  }
  return undefined() ? "undefined" : "error";
}

Value Expr::Evaluate(const Ad& my, const Ad* target, std::int64_t now) const {
  return ExprEvaluator(&my, target, now).Evaluate(*this);
}

bool Expr::Holds(const Ad& my, const Ad* target, std::int64_t now, bool otherwise) const {
  return Truth(Evaluate(my, target, now)).value_or(otherwise);
}

bool Expr::constant() const { return root_ == nullptr || IsConstant(*root_); }

const std::string& Expr::text() const {
  static const std::string kNone;
  return text_ == nullptr ? kNone : *text_;
}

Expr Expr::Literal(Value value) {
  Expr expr;
  expr.text_ = std::make_shared<const std::string>(value.Text());
  ExprNode node;
  node.value = std::move(value);
  expr.root_ = std::make_shared<const ExprNode>(std::move(node));
  return expr;
}

void Ad::Set(std::string_view name, Expr value) {
  if (const auto it = attributes_.find(name); it != attributes_.end()) {
    it->second = std::move(value);
  } else {
    attributes_.emplace(name, std::move(value));
  }
}

void Ad::Set(std::string_view name, Value value) { Set(name, Expr::Literal(std::move(value))); }

void Ad::Erase(std::string_view name) {
  if (const auto it = attributes_.find(name); it != attributes_.end()) attributes_.erase(it);
}

const Expr* Ad::Find(std::string_view name) const {
  const auto it = attributes_.find(name);
  return it == attributes_.end() ? nullptr : &it->second;
}

Value Ad::Get(std::string_view name, std::int64_t now) const {
  const Expr* found = Find(name);
  return found == nullptr ? Value(Undefined()) : found->Evaluate(*this, nullptr, now);
}

}  // namespace roost::dag
