#include "dag/text/arithmetic.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <string>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr double kMostWhole = 9007199254740992.0;  // 2^53: whole numbers up to here are exact in a double
constexpr int kMostNesting = 100;

/// Recursive descent over one expression. Throws Error.
class Evaluator {
 public:
  explicit Evaluator(std::string_view text) : text_(text) {}

  Number Evaluate() {
    const Number number = Sum();
    SkipBlanks();
    if (at_ < text_.size()) Refuse();
    return number;
  }

 private:
  [[noreturn]] void Refuse() const { throw Error("'" + std::string(Trim(text_)) + "' is not a number"); }

  void SkipBlanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Number Make(double value, bool whole) const {
    if (!std::isfinite(value) || (whole && std::abs(value) > kMostWhole)) Refuse();
    return {value, whole};
  }

  Number Sum() {
    Number left = Product();
    while (true) {
      if (Take('+')) {
        const Number right = Product();
        left = Make(left.value + right.value, left.whole && right.whole);
      } else if (Take('-')) {
        const Number right = Product();
        left = Make(left.value - right.value, left.whole && right.whole);
      } else {
        return left;
      }
    }
  }

  Number Product() {
    Number left = Factor();
    while (true) {
      const bool times = Take('*');
      const bool divided = !times && Take('/');
      const bool modulo = !times && !divided && Take('%');
      if (!times && !divided && !modulo) return left;
      const Number right = Factor();
      const bool whole = left.whole && right.whole;
      if (times) {
        left = Make(left.value * right.value, whole);
        continue;
      }
      if (right.value == 0) throw Error("'" + std::string(Trim(text_)) + "' divides by zero");
      if (modulo) {
        if (!whole) Refuse();
        left = Make(std::fmod(left.value, right.value), true);
      } else {
        const double quotient = left.value / right.value;
        left = Make(whole ? std::trunc(quotient) : quotient, whole);
      }
    }
  }

  Number Factor() {
    if (++depth_ > kMostNesting) Refuse();
    Number number;
    if (Take('-')) {
      number = Factor();
      number.value = -number.value;
    } else if (Take('+')) {
      number = Factor();
    } else if (Take('(')) {
      number = Sum();
      if (!Take(')')) Refuse();
    } else {
      number = Literal();
    }
    --depth_;
    return number;
  }

  Number Literal() {
    SkipBlanks();
    const std::string_view rest = text_.substr(at_);
    double value = 0;
    if (rest.empty() || (std::isdigit(static_cast<unsigned char>(rest[0])) == 0 && rest[0] != '.')) Refuse();
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc()) Refuse();
    const std::string_view digits = rest.substr(0, static_cast<std::size_t>(end - rest.data()));
    at_ += digits.size();
    return Make(value, digits.find_first_of(".eE") == std::string_view::npos);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Number> EvaluateArithmetic(std::string_view text) {
  try {
    return Evaluator(text).Evaluate();
  } catch (const Error& error) {
    return error;
  }
}

Result<std::int64_t> EvaluateInteger(std::string_view text) {
  const auto number = EvaluateArithmetic(text);
  if (!number) return number.error();
  if (!number->whole) return Error("'" + std::string(Trim(text)) + "' is not a whole number");
  return static_cast<std::int64_t>(number->value);
}

}  // namespace roost::dag
