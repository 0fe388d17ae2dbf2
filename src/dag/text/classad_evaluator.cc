#include "dag/text/classad_evaluator.h"

#include <cmath>
#include <limits>
#include <optional>

#include "dag/text/classad_functions.h"

namespace roost::dag {
namespace {

constexpr int kMostDepth = 300;  // so that a list is never nested deeper than one that can be read again
constexpr std::size_t kMostWork = 200'000;

Failure WrongKinds(std::string_view what) {
  return {"an operand of " + std::string(what) + " is of the wrong kind"};
}

std::optional<std::int64_t> AsInteger(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? 1 : 0;
  return std::nullopt;
}

bool Compares(ExprOp op, int order) {
  switch (op) {
    case ExprOp::kEqual:
      return order == 0;
    case ExprOp::kNotEqual:
      return order != 0;
    case ExprOp::kLess:
      return order < 0;
    case ExprOp::kLessEqual:
      return order <= 0;
    case ExprOp::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

template <typename T>
int Order(const T& left, const T& right) {
  return left < right ? -1 : right < left ? 1 : 0;
}

Value Compare(ExprOp op, const Value& left, const Value& right) {
  const auto* a = std::get_if<std::string>(&left);
  const auto* b = std::get_if<std::string>(&right);
  if (a != nullptr && b != nullptr) {
    const LessIgnoreCase less;
    return Compares(op, less(*a, *b) ? -1 : less(*b, *a) ? 1 : 0);
  }
  const auto i = AsInteger(left);
  const auto j = AsInteger(right);
  if (i && j) return Compares(op, Order(*i, *j));
  const auto x = AsReal(left);
  const auto y = AsReal(right);
  if (!x || !y) return WrongKinds("a comparison");
  if (std::isnan(*x) || std::isnan(*y)) return op == ExprOp::kNotEqual;
  return Compares(op, Order(*x, *y));
}

/// Whole numbers wrap around at 64 bits.
Value OnIntegers(ExprOp op, std::int64_t left, std::int64_t right) {
  const auto a = static_cast<std::uint64_t>(left);
  const auto b = static_cast<std::uint64_t>(right);
  const bool overflows = left == std::numeric_limits<std::int64_t>::min() && right == -1;
  switch (op) {
    case ExprOp::kAdd:
      return static_cast<std::int64_t>(a + b);
    case ExprOp::kSubtract:
      return static_cast<std::int64_t>(a - b);
    case ExprOp::kMultiply:
      return static_cast<std::int64_t>(a * b);
    case ExprOp::kDivide:
      if (right == 0) return Failure{"division by zero"};
      return overflows ? left : left / right;
    default:
      if (right == 0) return Failure{"division by zero"};
      return overflows ? 0 : left % right;
  }
}

Value Compute(ExprOp op, const Value& left, const Value& right) {
  const auto i = AsInteger(left);
  const auto j = AsInteger(right);
  if (i && j) return OnIntegers(op, *i, *j);
  const auto x = AsReal(left);
  const auto y = AsReal(right);
  if (!x || !y) return WrongKinds("a calculation");
  switch (op) {
    case ExprOp::kAdd:
      return *x + *y;
    case ExprOp::kSubtract:
      return *x - *y;
    case ExprOp::kMultiply:
      return *x * *y;
    case ExprOp::kDivide:
      if (*y == 0) return Failure{"division by zero"};
      return *x / *y;
    default:
      return WrongKinds("%");
  }
}

Value OnBits(ExprOp op, const Value& left, const Value& right) {
  const auto i = AsInteger(left);
  const auto j = AsInteger(right);
  if (!i || !j) return WrongKinds("a bit operation");
  const auto a = static_cast<std::uint64_t>(*i);
  const auto b = static_cast<std::uint64_t>(*j);
  constexpr std::uint64_t kBits = 64;
  switch (op) {
    case ExprOp::kBitOr:
      return static_cast<std::int64_t>(a | b);
    case ExprOp::kBitXor:
      return static_cast<std::int64_t>(a ^ b);
    case ExprOp::kBitAnd:
      return static_cast<std::int64_t>(a & b);
    case ExprOp::kShiftLeft:
      return b < kBits ? static_cast<std::int64_t>(a << b) : std::int64_t{0};
    case ExprOp::kShiftRight:
      return *i >> (b < kBits ? b : kBits - 1);
    default:
      return b < kBits ? static_cast<std::int64_t>(a >> b) : std::int64_t{0};
  }
}

/// Three-valued: what decides wins over undefined; a failure wins over what comes after it.
Value Combine(bool deciding, const Value& left, const Value& right) {
  const auto a = Truth(left);
  const auto b = Truth(right);
  if (a == deciding) return deciding;
  if (!a && !left.undefined()) return left.failed() ? left : WrongKinds("&& or ||");
  if (b == deciding) return deciding;
  if (!b && !right.undefined()) return right.failed() ? right : WrongKinds("&& or ||");
  if (left.undefined() || right.undefined()) return Undefined();
  return !deciding;
}

bool Identical(const Value& left, const Value& right) {
  if (left.failed() && right.failed()) return true;
  if (left.index() != right.index()) return false;
  if (const auto* list = std::get_if<ValueList>(&left)) {
    const auto& other = std::get<ValueList>(right);
    return std::equal(list->begin(), list->end(), other.begin(), other.end(), Identical);
  }
  if (const auto* text = std::get_if<std::string>(&left)) return *text == std::get<std::string>(right);
  return left.undefined() || AsReal(left) == AsReal(right);
}

}  // namespace

std::optional<bool> Truth(const Value& value) {
  const auto number = AsReal(value);
  return number ? std::optional<bool>(*number != 0) : std::nullopt;
}

std::optional<double> AsReal(const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto integer = AsInteger(value)) return static_cast<double>(*integer);
  return std::nullopt;
}

Value WholePart(double real) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(real >= -kLimit && real < kLimit)) return Failure{"a number is too large to be made whole"};
  return static_cast<std::int64_t>(real);
}

Value Operate(ExprOp op, const Value& left, const Value& right) {
  if (op == ExprOp::kOr) return Combine(true, left, right);
  if (op == ExprOp::kAnd) return Combine(false, left, right);
  if (op == ExprOp::kIs) return Identical(left, right);
  if (op == ExprOp::kIsnt) return !Identical(left, right);
  if (left.failed()) return left;
  if (right.failed()) return right;
  if (left.undefined() || right.undefined()) return Undefined();
  if (op >= ExprOp::kEqual && op <= ExprOp::kGreaterEqual) return Compare(op, left, right);
  if (op >= ExprOp::kAdd && op <= ExprOp::kModulo) return Compute(op, left, right);
  return OnBits(op, left, right);
}

bool ExprEvaluator::Spend(std::size_t amount) {
  constexpr std::size_t kCharactersPerStep = 64;
  spent_ += 1 + amount / kCharactersPerStep;
  return spent_ <= kMostWork;
}

std::uint64_t ExprEvaluator::Random() {
  // The mixing function of SplitMix64.
  std::uint64_t z =
      static_cast<std::uint64_t>(now_) * 0x9E3779B97F4A7C15ULL + ++spent_ * 0xD1B54A32D192ED03ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

Value ExprEvaluator::Evaluate(const Expr& expr) {
  return expr.root_ == nullptr ? Value(Undefined()) : Evaluate(*expr.root_);
}

Value ExprEvaluator::Evaluate(const ExprNode& node) {
  if (failure_) return *failure_;
  if (!Spend(0)) {
    failure_ = Failure{"the evaluation takes too many steps"};
  } else if (depth_ >= kMostDepth) {
    failure_ = Failure{"the evaluation is nested too deeply: does an attribute refer to itself?"};
  }
  if (failure_) return *failure_;
  ++depth_;
  Value value = Dispatch(node);
  --depth_;
  return failure_ ? Value(*failure_) : value;
}

Value ExprEvaluator::Dispatch(const ExprNode& node) {
  switch (node.kind) {
    case ExprNode::Kind::kLiteral:
      return node.value;
    case ExprNode::Kind::kAttribute:
      return Attribute(node);
    case ExprNode::Kind::kUnary:
      return Unary(node);
    case ExprNode::Kind::kBinary:
      return Binary(node);
    case ExprNode::Kind::kConditional:
      return Conditional(node);
    case ExprNode::Kind::kElvis: {
      Value value = Evaluate(node.children[0]);
      return value.undefined() ? Evaluate(node.children[1]) : value;
    }
    case ExprNode::Kind::kCall:
      return Call(node);
    case ExprNode::Kind::kList: {
      ValueList list;
      list.reserve(node.children.size());
      for (const ExprNode& element : node.children) list.push_back(Evaluate(element));
      return list;
    }
    case ExprNode::Kind::kSubscript:
      return Subscript(node);
    case ExprNode::Kind::kSelect: {
      Value value = Evaluate(node.children[0]);
      if (value.undefined() || value.failed()) return value;
      return Failure{"'." + node.name + "' selects from something that is no ad"};
    }
    case ExprNode::Kind::kRecord:
      return Failure{"ads within ads are not supported"};
  }
  return Undefined();
}

const Expr* ExprEvaluator::Find(const ExprNode& reference) const {
  if (reference.kind != ExprNode::Kind::kAttribute) return nullptr;
  const Expr* found = nullptr;
  if (reference.scope != ExprNode::Scope::kTarget && my_ != nullptr) found = my_->Find(reference.name);
  if (found == nullptr && reference.scope != ExprNode::Scope::kMy && target_ != nullptr) {
    found = target_->Find(reference.name);
  }
  return found;
}

Value ExprEvaluator::Attribute(const ExprNode& node) {
  if (node.scope != ExprNode::Scope::kTarget && my_ != nullptr) {
    if (const Expr* found = my_->Find(node.name)) return Evaluate(*found);
  }
  if (node.scope != ExprNode::Scope::kMy && target_ != nullptr) {
    if (const Expr* found = target_->Find(node.name)) {
      // Within the other ad the roles are the other way round.
      std::swap(my_, target_);
      Value value = Evaluate(*found);
      std::swap(my_, target_);
      return value;
    }
  }
  if (EqualsIgnoreCase(node.name, "CurrentTime")) return now_;
  return Undefined();
}

Value ExprEvaluator::Unary(const ExprNode& node) {
  Value value = Evaluate(node.children[0]);
  if (value.undefined() || value.failed()) return value;
  if (node.op == ExprOp::kNot) {
    const auto truth = Truth(value);
    return truth ? Value(!*truth) : WrongKinds("!");
  }
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (node.op == ExprOp::kBitNot) return integer != nullptr ? Value(~*integer) : WrongKinds("~");
  const auto* real = std::get_if<double>(&value);
  if (integer == nullptr && real == nullptr) return WrongKinds("a sign");
  if (node.op == ExprOp::kPlus) return value;
  return integer != nullptr ? OnIntegers(ExprOp::kSubtract, 0, *integer) : Value(-*real);
}

/// From the leftmost operand on, without recursion: a chain of operators may be long.
Value ExprEvaluator::Binary(const ExprNode& node) {
  std::vector<const ExprNode*> chain;
  const ExprNode* leftmost = &node;
  for (; leftmost->kind == ExprNode::Kind::kBinary; leftmost = &leftmost->children[0]) {
    chain.push_back(leftmost);
  }
  Value value = Evaluate(*leftmost);
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const ExprOp op = (*it)->op;
    if (op == ExprOp::kOr || op == ExprOp::kAnd) {
      const bool decided = Truth(value) == (op == ExprOp::kOr);
      value = decided ? Value(op == ExprOp::kOr) : Operate(op, value, Evaluate((*it)->children[1]));
    } else {
      value = Operate(op, value, Evaluate((*it)->children[1]));
    }
  }
  return value;
}

Value ExprEvaluator::Conditional(const ExprNode& node) {
  Value condition = Evaluate(node.children[0]);
  if (condition.undefined() || condition.failed()) return condition;
  const auto truth = Truth(condition);
  if (!truth) return WrongKinds("a condition");
  return Evaluate(node.children[*truth ? 1 : 2]);
}

Value ExprEvaluator::Subscript(const ExprNode& node) {
  const Value list = Evaluate(node.children[0]);
  const Value index = Evaluate(node.children[1]);
  for (const Value* value : {&list, &index}) {
    if (value->undefined() || value->failed()) return *value;
  }
  const auto* values = std::get_if<ValueList>(&list);
  const auto* place = std::get_if<std::int64_t>(&index);
  if (values == nullptr || place == nullptr) return WrongKinds("[]");
  if (*place < 0 || *place >= static_cast<std::int64_t>(values->size())) {
    return Failure{"a list of " + std::to_string(values->size()) + " has no element " +
                   std::to_string(*place)};
  }
  return (*values)[static_cast<std::size_t>(*place)];
}

Value ExprEvaluator::Call(const ExprNode& node) {
  const ClassAdFunction* function = FindClassAdFunction(node.name);
  if (function == nullptr) return Failure{"there is no function " + node.name + "()"};
  const std::size_t count = node.children.size();
  if (count < function->least || count > function->most) {
    return Failure{node.name + "() does not take " + std::to_string(count) + " arguments"};
  }
  if (function->lazy != nullptr) return function->lazy(*this, node.children);
  ValueList arguments;
  arguments.reserve(count);
  for (const ExprNode& child : node.children) {
    arguments.push_back(Evaluate(child));
    if (function->strict && arguments.back().failed()) return arguments.back();
  }
  for (const Value& argument : arguments) {
    if (function->strict && argument.undefined()) return Undefined();
  }
  Value value = function->eager(*this, arguments);
  const auto* text = std::get_if<std::string>(&value);
  const auto* list = std::get_if<ValueList>(&value);
  const std::size_t size = text != nullptr   ? text->size()
                           : list != nullptr ? list->size() * sizeof(Value)
                                             : 0;
  if (!Spend(size)) return Failure{"the evaluation takes too many steps"};
  return value;
}

}  // namespace roost::dag
