#include "dag/text/classad_functions.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <map>

#include "dag/text/classad_strings.h"

namespace roost::dag {
namespace {

constexpr std::size_t kAny = SIZE_MAX;

Failure Wrong(std::string_view function, std::string_view wanted) {
  return {std::string(function) + "() takes " + std::string(wanted)};
}

// --- Kinds and conversions

template <typename T>
Value Is(ExprEvaluator&, ValueList& arguments) {
  return std::holds_alternative<T>(arguments[0]);
}

Value ToInteger(ExprEvaluator&, ValueList& arguments) {
  if (const auto* text = std::get_if<std::string>(&arguments[0])) {
    if (const auto integer = ParseInt(Trim(*text))) return *integer;
    const auto real = ParseDouble(Trim(*text));
    return real ? WholePart(*real) : Value(Wrong("int", "a number or the text of one"));
  }
  const auto* integer = std::get_if<std::int64_t>(&arguments[0]);
  if (integer != nullptr) return *integer;
  const auto real = AsReal(arguments[0]);
  return real ? WholePart(*real) : Value(Wrong("int", "a number or the text of one"));
}

Value ToReal(ExprEvaluator&, ValueList& arguments) {
  const auto* text = std::get_if<std::string>(&arguments[0]);
  const auto real = text != nullptr ? ParseDouble(Trim(*text)) : AsReal(arguments[0]);
  if (real) return *real;
  if (text != nullptr && EqualsIgnoreCase(*text, "INF")) return HUGE_VAL;
  if (text != nullptr && EqualsIgnoreCase(*text, "-INF")) return -HUGE_VAL;
  if (text != nullptr && EqualsIgnoreCase(*text, "NaN")) return std::nan("");
  return Wrong("real", "a number or the text of one");
}

Value ToBool(ExprEvaluator&, ValueList& arguments) {
  if (const auto* text = std::get_if<std::string>(&arguments[0])) {
    if (EqualsIgnoreCase(*text, "true")) return true;
    if (EqualsIgnoreCase(*text, "false")) return false;
  }
  const auto truth = Truth(arguments[0]);
  return truth ? Value(*truth) : Value(Wrong("bool", "a truth value or a number"));
}

Value IfThenElse(ExprEvaluator& evaluator, const std::vector<ExprNode>& arguments) {
  Value condition = evaluator.Evaluate(arguments[0]);
  if (condition.failed() || condition.undefined()) return condition;
  const auto truth = Truth(condition);
  if (!truth) return Wrong("ifThenElse", "a condition first");
  return evaluator.Evaluate(arguments[*truth ? 1 : 2]);
}

Value Unparse(ExprEvaluator& evaluator, const std::vector<ExprNode>& arguments) {
  const Expr* found = evaluator.Find(arguments[0]);
  return found == nullptr ? Value(Undefined()) : Value(found->text());
}

Value Eval(ExprEvaluator& evaluator, ValueList& arguments) {
  const auto* text = std::get_if<std::string>(&arguments[0]);
  if (text == nullptr) return arguments[0];
  if (!evaluator.Spend(text->size() * sizeof(ExprNode)))
    return Failure{"the evaluation takes too many steps"};
  const auto expr = Expr::Parse(*text);
  return expr ? evaluator.Evaluate(*expr) : Value(Failure{expr.error().message()});
}

// --- Numbers

template <double (*Round)(double)>
Value Rounded(ExprEvaluator&, ValueList& arguments) {
  if (std::holds_alternative<std::int64_t>(arguments[0])) return arguments[0];
  const auto* text = std::get_if<std::string>(&arguments[0]);
  const auto real = text != nullptr ? ParseDouble(Trim(*text)) : AsReal(arguments[0]);
  return real ? WholePart(Round(*real)) : Value(Wrong("floor, ceiling and round", "a number"));
}

Value Absolute(ExprEvaluator&, ValueList& arguments) {
  const bool negative = AsReal(arguments[0]).value_or(0) < 0;
  if (!AsReal(arguments[0])) return Wrong("abs", "a number");
  return negative ? Operate(ExprOp::kSubtract, std::int64_t{0}, arguments[0]) : arguments[0];
}

Value Power(ExprEvaluator&, ValueList& arguments) {
  const auto base = AsReal(arguments[0]);
  const auto exponent = AsReal(arguments[1]);
  if (!base || !exponent) return Wrong("pow", "two numbers");
  const double power = std::pow(*base, *exponent);
  const bool whole = !std::holds_alternative<double>(arguments[0]) &&
                     !std::holds_alternative<double>(arguments[1]) && *exponent >= 0;
  return whole ? WholePart(power) : Value(power);
}

/// The least multiple of b that is not below a; or the first element of a list b that is not below a.
Value Quantize(ExprEvaluator&, ValueList& arguments) {
  const auto wanted = AsReal(arguments[0]);
  if (!wanted) return Wrong("quantize", "a number, and a number or a list");
  Value unit = arguments[1];
  if (const auto* list = std::get_if<ValueList>(&arguments[1])) {
    if (list->empty()) return arguments[0];
    for (const Value& element : *list) {
      const auto number = AsReal(element);
      if (!number) return Wrong("quantize", "a list of numbers");
      if (*number >= *wanted) return element;
    }
    unit = list->back();
  }
  const auto number = AsReal(unit);
  if (!number) return Wrong("quantize", "a number, and a number or a list");
  if (*number == 0) return arguments[0];
  const double multiple = std::ceil(*wanted / *number) * *number;
  return std::holds_alternative<double>(unit) ? Value(multiple) : WholePart(multiple);
}

Value RandomNumber(ExprEvaluator& evaluator, ValueList& arguments) {
  constexpr double kUnit = 0x1p-53;
  const double real = static_cast<double>(evaluator.Random() >> 11) * kUnit;
  if (arguments.empty()) return real;
  const auto limit = AsReal(arguments[0]);
  if (!limit || !(*limit > 0)) return Wrong("random", "a number above 0");
  if (const auto* whole = std::get_if<std::int64_t>(&arguments[0])) {
    return static_cast<std::int64_t>(evaluator.Random() % static_cast<std::uint64_t>(*whole));
  }
  return real * *limit;
}

/// The elements of the one list, or the arguments themselves.
const ValueList& ListOf(const ValueList& arguments) {
  const auto* list = arguments.size() == 1 ? std::get_if<ValueList>(&arguments[0]) : nullptr;
  return list != nullptr ? *list : arguments;
}

Value Sum(ExprEvaluator&, ValueList& arguments) {
  Value sum = std::int64_t{0};
  for (const Value& element : ListOf(arguments)) sum = Operate(ExprOp::kAdd, sum, element);
  return sum;
}

Value Average(ExprEvaluator& evaluator, ValueList& arguments) {
  const ValueList& list = ListOf(arguments);
  if (list.empty()) return 0.0;
  const Value sum = Sum(evaluator, arguments);
  return Operate(ExprOp::kDivide, sum, static_cast<double>(list.size()));
}

template <ExprOp Better>
Value Best(ExprEvaluator&, ValueList& arguments) {
  const ValueList& list = ListOf(arguments);
  if (list.empty()) return Undefined();
  Value best = list[0];
  if (!AsReal(best)) return best.undefined() || best.failed() ? best : Value(Wrong("min and max", "numbers"));
  for (const Value& element : list) {
    Value better = Operate(Better, element, best);
    if (better.failed() || better.undefined()) return better;
    if (Truth(better) == true) best = element;
  }
  return best;
}

// --- Lists

template <ExprOp Same>
Value Member(ExprEvaluator&, ValueList& arguments) {
  const auto* list = std::get_if<ValueList>(&arguments[1]);
  if (list == nullptr)
    return arguments[1].undefined() ? Value(Undefined()) : Value(Wrong("member", "a list"));
  if (arguments[0].undefined() && Same == ExprOp::kEqual) return Undefined();
  return std::any_of(list->begin(), list->end(), [&](const Value& element) {
    return Truth(Operate(Same, element, arguments[0])) == true;
  });
}

template <bool All>
Value CompareEach(ExprEvaluator&, ValueList& arguments) {
  const auto* sign = std::get_if<std::string>(&arguments[0]);
  const auto* list = std::get_if<ValueList>(&arguments[1]);
  constexpr std::pair<std::string_view, ExprOp> kSigns[] = {
      {"<", ExprOp::kLess},    {"<=", ExprOp::kLessEqual},    {"==", ExprOp::kEqual},
      {">", ExprOp::kGreater}, {">=", ExprOp::kGreaterEqual}, {"!=", ExprOp::kNotEqual},
      {"=?=", ExprOp::kIs},    {"is", ExprOp::kIs},           {"=!=", ExprOp::kIsnt},
      {"isnt", ExprOp::kIsnt}};
  const auto* op = std::find_if(std::begin(kSigns), std::end(kSigns),
                                [&](const auto& known) { return sign != nullptr && *sign == known.first; });
  if (list == nullptr || op == std::end(kSigns)) {
    return Wrong("anyCompare and allCompare", "a comparison, a list and a value");
  }
  const auto holds = [&](const Value& element) {
    return Truth(Operate(op->second, element, arguments[2])) == true;
  };
  return All ? std::all_of(list->begin(), list->end(), holds)
             : std::any_of(list->begin(), list->end(), holds);
}

Value Size(ExprEvaluator&, ValueList& arguments) {
  if (const auto* list = std::get_if<ValueList>(&arguments[0]))
    return static_cast<std::int64_t>(list->size());
  if (const auto* text = std::get_if<std::string>(&arguments[0]))
    return static_cast<std::int64_t>(text->size());
  return Wrong("size", "a list or a string");
}

// --- Time

Value Now(ExprEvaluator& evaluator, ValueList&) { return evaluator.now(); }

Value FormatTimeOf(ExprEvaluator& evaluator, ValueList& arguments) {
  const Value time = arguments.empty() ? Value(evaluator.now()) : arguments[0];
  const auto* seconds = std::get_if<std::int64_t>(&time);
  const auto* format = arguments.size() > 1 ? std::get_if<std::string>(&arguments[1]) : nullptr;
  if (seconds == nullptr || (arguments.size() > 1 && format == nullptr)) {
    return Wrong("formatTime", "epoch seconds and a format");
  }
  const std::time_t when = *seconds;
  std::tm parts{};
  if (::localtime_r(&when, &parts) == nullptr) return Failure{"formatTime(): there is no such time"};
  char text[1024];
  const std::size_t size =
      std::strftime(text, sizeof text, format == nullptr ? "%c" : format->c_str(), &parts);
  return std::string(text, size);
}

/// Seconds as "days+hh:mm:ss", without the parts in front that are 0.
Value Interval(ExprEvaluator&, ValueList& arguments) {
  const auto* total = std::get_if<std::int64_t>(&arguments[0]);
  if (total == nullptr) return Wrong("interval", "seconds");
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  const std::int64_t left = *total % kDay;
  const std::int64_t days = *total / kDay;
  const long long hours = std::abs(left / kHour);
  const long long minutes = std::abs(left % kHour / kMinute);
  const long long seconds = std::abs(left % kMinute);
  const std::string sign = *total < 0 && days == 0 ? "-" : "";
  char text[64];
  if (days != 0) {
    (void)std::snprintf(text, sizeof text, "%lld+%02lld:%02lld:%02lld", static_cast<long long>(days), hours,
                        minutes, seconds);
  } else if (hours != 0) {
    (void)std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", hours, minutes, seconds);
  } else if (minutes != 0) {
    (void)std::snprintf(text, sizeof text, "%lld:%02lld", minutes, seconds);
  } else {
    (void)std::snprintf(text, sizeof text, "%lld", seconds);
  }
  return sign + text;
}

constexpr ClassAdFunction kFunctions[] = {
    {"isUndefined", 1, 1, false, Is<Undefined>},
    {"isError", 1, 1, false, Is<Failure>},
    {"isString", 1, 1, false, Is<std::string>},
    {"isInteger", 1, 1, false, Is<std::int64_t>},
    {"isReal", 1, 1, false, Is<double>},
    {"isBoolean", 1, 1, false, Is<bool>},
    {"isList", 1, 1, false, Is<ValueList>},
    {"int", 1, 1, true, ToInteger},
    {"real", 1, 1, true, ToReal},
    {"bool", 1, 1, true, ToBool},
    {"ifThenElse", 3, 3, false, nullptr, IfThenElse},
    {"eval", 1, 1, true, Eval},
    {"unparse", 1, 1, false, nullptr, Unparse},
    {"floor", 1, 1, true, Rounded<std::floor>},
    {"ceiling", 1, 1, true, Rounded<std::ceil>},
    {"ceil", 1, 1, true, Rounded<std::ceil>},
    {"round", 1, 1, true, Rounded<std::rint>},
    {"abs", 1, 1, true, Absolute},
    {"pow", 2, 2, true, Power},
    {"quantize", 2, 2, true, Quantize},
    {"random", 0, 1, true, RandomNumber},
    {"sum", 0, kAny, true, Sum},
    {"avg", 0, kAny, true, Average},
    {"min", 0, kAny, true, Best<ExprOp::kLess>},
    {"max", 0, kAny, true, Best<ExprOp::kGreater>},
    {"member", 2, 2, false, Member<ExprOp::kEqual>},
    {"identicalMember", 2, 2, false, Member<ExprOp::kIs>},
    {"anyCompare", 3, 3, false, CompareEach<false>},
    {"allCompare", 3, 3, false, CompareEach<true>},
    {"size", 1, 1, true, Size},
    {"time", 0, 0, true, Now},
    {"currentTime", 0, 0, true, Now},
    {"formatTime", 0, 2, true, FormatTimeOf},
    {"interval", 1, 1, true, Interval},
};

}  // namespace

const ClassAdFunction* FindClassAdFunction(std::string_view name) {
  for (const ClassAdFunction& function : kFunctions) {
    if (EqualsIgnoreCase(function.name, name)) return &function;
  }
  for (const ClassAdFunction& function : StringFunctions()) {
    if (EqualsIgnoreCase(function.name, name)) return &function;
  }
  return nullptr;
}

}  // namespace roost::dag
