#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

#include "dag/text/classad_node.h"

namespace roost::dag {
namespace {

constexpr int kMostNesting = 200;
constexpr int kMostHeight = 1000;                         // a long chain of operators leans to the left
constexpr std::size_t kMostText = std::size_t{64} << 10;  // no expression that a person wrote is longer

constexpr std::string_view kBeyondMost = "9223372036854775808";  // 2^63

struct Operator {
  std::string_view sign;
  ExprOp op;
  int binding;  ///< higher binds tighter
};

// Longer signs first where one begins with another.
constexpr std::array<Operator, 22> kOperators = {{
    {"||", ExprOp::kOr, 1},
    {"&&", ExprOp::kAnd, 2},
    {"=?=", ExprOp::kIs, 6},
    {"=!=", ExprOp::kIsnt, 6},
    {"==", ExprOp::kEqual, 6},
    {"!=", ExprOp::kNotEqual, 6},
    {">>>", ExprOp::kShiftRightUnsigned, 8},
    {">>", ExprOp::kShiftRight, 8},
    {"<<", ExprOp::kShiftLeft, 8},
    {"<=", ExprOp::kLessEqual, 7},
    {">=", ExprOp::kGreaterEqual, 7},
    {"<", ExprOp::kLess, 7},
    {">", ExprOp::kGreater, 7},
    {"|", ExprOp::kBitOr, 3},
    {"^", ExprOp::kBitXor, 4},
    {"&", ExprOp::kBitAnd, 5},
    {"+", ExprOp::kAdd, 9},
    {"-", ExprOp::kSubtract, 9},
    {"*", ExprOp::kMultiply, 10},
    {"/", ExprOp::kDivide, 10},
    {"%", ExprOp::kModulo, 10},
    {"=", ExprOp::kEqual, -1},  // not an operator: a frequent slip that deserves its own message
}};

bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// The factor of a letter behind a number: 2K is 2048. 0 where the letter is none.
double FactorOf(char letter) {
  constexpr double kKilo = 1024;
  switch (std::toupper(static_cast<unsigned char>(letter))) {
    case 'B':
      return 1;
    case 'K':
      return kKilo;
    case 'M':
      return kKilo * kKilo;
    case 'G':
      return kKilo * kKilo * kKilo;
    case 'T':
      return kKilo * kKilo * kKilo * kKilo;
    default:
      return 0;
  }
}

}  // namespace

/// Recursive descent over one text, operators by their binding. Throws Error.
class ExprParser {
 public:
  explicit ExprParser(std::string_view text) : text_(text) {}

  static Expr Parse(std::string_view text) {
    if (text.size() > kMostText) throw Error("the expression is longer than 64 KiB");
    ExprParser parser(text);
    ExprNode root = parser.Whole();
    Expr expr;
    expr.root_ = std::make_shared<const ExprNode>(std::move(root));
    expr.text_ = std::make_shared<const std::string>(text);
    return expr;
  }

 private:
  ExprNode Whole() {
    ExprNode root = Conditional();
    SkipBlanks();
    if (at_ < text_.size()) Refuse();
    return root;
  }

  [[noreturn]] void Refuse() const {
    if (at_ >= text_.size()) throw Error("the expression '" + Shown() + "' ends too early");
    throw Error("unexpected '" + Printable(text_.substr(at_, 12)) + "' in the expression '" + Shown() + "'");
  }
  std::string Shown() const {
    constexpr std::size_t kLongest = 100;
    return Printable(text_.substr(0, kLongest)) + (text_.size() > kLongest ? "..." : "");
  }

  void SkipBlanks() {
    while (at_ < text_.size()) {
      const std::string_view rest = text_.substr(at_);
      if (std::isspace(static_cast<unsigned char>(rest[0])) != 0) {
        ++at_;
      } else if (rest.starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest.starts_with("/*")) {
        const auto end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) throw Error("a comment (/*) is not closed");
        at_ = end + 2;
      } else {
        return;
      }
    }
  }
  bool Take(std::string_view sign) {
    SkipBlanks();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  void Expect(std::string_view sign) {
    if (!Take(sign)) Refuse();
  }

  ExprNode Make(ExprNode::Kind kind, std::vector<ExprNode> children) const {
    ExprNode node;
    node.kind = kind;
    for (const ExprNode& child : children) node.height = std::max(node.height, child.height + 1);
    if (node.height > kMostHeight) throw Error("the expression '" + Shown() + "' has too many parts");
    node.children = std::move(children);
    return node;
  }
  template <typename... Nodes>
  ExprNode Join(ExprNode::Kind kind, Nodes... nodes) const {
    std::vector<ExprNode> children;
    (children.push_back(std::move(nodes)), ...);
    return Make(kind, std::move(children));
  }

  ExprNode Conditional() {
    if (++depth_ > kMostNesting) throw Error("the expression '" + Shown() + "' is nested too deeply");
    ExprNode node = Binary(1);
    if (Take("?")) {
      if (Take(":")) {
        node = Join(ExprNode::Kind::kElvis, std::move(node), Conditional());
      } else {
        ExprNode yes = Conditional();
        Expect(":");
        ExprNode no = Conditional();
        node = Join(ExprNode::Kind::kConditional, std::move(node), std::move(yes), std::move(no));
      }
    }
    --depth_;
    return node;
  }

  /// The operator that stands here, without taking it, and how many characters it has.
  std::pair<const Operator*, std::size_t> PeekOperator() {
    static constexpr Operator kIsWord = {"is", ExprOp::kIs, 6};
    static constexpr Operator kIsntWord = {"isnt", ExprOp::kIsnt, 6};
    SkipBlanks();
    const std::string_view rest = text_.substr(at_);
    for (const Operator& known : kOperators) {
      if (!rest.starts_with(known.sign)) continue;
      if (known.binding < 0) {
        throw Error("'=' compares nothing in the expression '" + Shown() + "': write == or =?=");
      }
      return {&known, known.sign.size()};
    }
    for (const Operator* word : {&kIsntWord, &kIsWord}) {
      const std::size_t size = word->sign.size();
      if (!EqualsIgnoreCase(rest.substr(0, size), word->sign)) continue;
      if (rest.size() > size && (IsLetter(rest[size]) || IsDigit(rest[size]))) continue;
      return {word, size};
    }
    return {nullptr, 0};
  }

  ExprNode Binary(int least) {
    ExprNode left = Unary();
    while (true) {
      const auto [found, size] = PeekOperator();
      if (found == nullptr || found->binding < least) return left;
      at_ += size;
      ExprNode right = Binary(found->binding + 1);
      left = Join(ExprNode::Kind::kBinary, std::move(left), std::move(right));
      left.op = found->op;
    }
  }

  ExprNode Unary() {
    SkipBlanks();
    constexpr std::pair<char, ExprOp> kUnary[] = {
        {'!', ExprOp::kNot}, {'~', ExprOp::kBitNot}, {'-', ExprOp::kMinus}, {'+', ExprOp::kPlus}};
    for (const auto& [sign, op] : kUnary) {
      if (at_ >= text_.size() || text_[at_] != sign) continue;
      if (++depth_ > kMostNesting) throw Error("the expression '" + Shown() + "' is nested too deeply");
      ++at_;
      // The least whole number has no positive counterpart to negate.
      if (text_.substr(at_).starts_with(kBeyondMost) && sign == '-') {
        at_ += kBeyondMost.size();
        --depth_;
        return Literal(std::numeric_limits<std::int64_t>::min());
      }
      ExprNode node = Join(ExprNode::Kind::kUnary, Unary());
      node.op = op;
      --depth_;
      return node;
    }
    return Postfix();
  }

  ExprNode Postfix() {
    ExprNode node = Primary();
    while (true) {
      if (Take("[")) {
        ExprNode index = Conditional();
        Expect("]");
        node = Join(ExprNode::Kind::kSubscript, std::move(node), std::move(index));
      } else if (Take(".")) {
        SkipBlanks();
        std::string name = Name();
        const bool plain =
            node.kind == ExprNode::Kind::kAttribute && node.scope == ExprNode::Scope::kNone && !quoted_;
        if (plain && (EqualsIgnoreCase(node.name, "MY") || EqualsIgnoreCase(node.name, "TARGET"))) {
          node.scope = EqualsIgnoreCase(node.name, "MY") ? ExprNode::Scope::kMy : ExprNode::Scope::kTarget;
        } else {
          node = Join(ExprNode::Kind::kSelect, std::move(node));
        }
        node.name = std::move(name);
      } else {
        return node;
      }
    }
  }

  std::string Name() {
    quoted_ = at_ < text_.size() && text_[at_] == '\'';
    if (quoted_) return Quoted('\'');
    if (at_ >= text_.size() || !IsLetter(text_[at_])) Refuse();
    const std::size_t begin = at_;
    while (at_ < text_.size() && (IsLetter(text_[at_]) || IsDigit(text_[at_]))) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  ExprNode Primary() {
    SkipBlanks();
    if (at_ >= text_.size()) Refuse();
    const char c = text_[at_];
    if (Take("(")) {
      ExprNode inner = Conditional();
      Expect(")");
      return inner;
    }
    if (Take("{")) return Make(ExprNode::Kind::kList, Elements("}"));
    if (Take("[")) return Record();
    if (c == '"') return Literal(Quoted('"'));
    if (IsDigit(c) || (c == '.' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]))) return Number();
    Take(".");  // ".name" is looked for in the outermost ad, which is the only one
    SkipBlanks();
    std::string name = Name();
    if (!quoted_) {
      if (EqualsIgnoreCase(name, "true")) return Literal(true);
      if (EqualsIgnoreCase(name, "false")) return Literal(false);
      if (EqualsIgnoreCase(name, "undefined")) return Literal(Undefined());
      if (EqualsIgnoreCase(name, "error")) return Literal(Failure{"error"});
      if (Take("(")) {
        ExprNode call = Make(ExprNode::Kind::kCall, Elements(")"));
        call.name = std::move(name);
        return call;
      }
    }
    ExprNode node;
    node.kind = ExprNode::Kind::kAttribute;
    node.name = std::move(name);
    return node;
  }

  std::vector<ExprNode> Elements(std::string_view end) {
    std::vector<ExprNode> elements;
    if (Take(end)) return elements;
    do {
      elements.push_back(Conditional());
    } while (Take(","));
    Expect(end);
    return elements;
  }

  ExprNode Record() {
    std::vector<ExprNode> elements;
    while (!Take("]")) {
      SkipBlanks();
      Name();
      Expect("=");
      elements.push_back(Conditional());
      if (Take("]")) break;
      Expect(";");
    }
    return Make(ExprNode::Kind::kRecord, std::move(elements));
  }

  static ExprNode Literal(Value value) {
    ExprNode node;
    node.value = std::move(value);
    return node;
  }

  /// As job ads are written: a backslash only means something before a quote, and not even there when that
  /// quote is the last character.
  std::string Quoted(char quote) {
    std::string content;
    for (++at_; at_ < text_.size(); ++at_) {
      const bool escaped = text_[at_] == '\\' && at_ + 2 < text_.size() && text_[at_ + 1] == quote;
      if (escaped) {
        ++at_;
      } else if (text_[at_] == quote) {
        ++at_;
        return content;
      }
      content.push_back(text_[at_]);
    }
    throw Error("a quote (" + std::string(1, quote) + ") is not closed in the expression '" + Shown() + "'");
  }

  ExprNode Number() {
    const std::string_view rest = text_.substr(at_);
    double real = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), real);
    std::string_view digits = rest.substr(0, static_cast<std::size_t>(end - rest.data()));
    const bool whole = digits.find_first_of(".eE") == std::string_view::npos;
    if (digits.ends_with('.')) Refuse();  // "1." is neither a number nor a selection
    if (error != std::errc() && !whole) {
      throw Error("'" + std::string(digits) + "' is out of range");
    }
    at_ += digits.size();
    double factor = 1;
    if (at_ < text_.size() && FactorOf(text_[at_]) > 0) factor = FactorOf(text_[at_++]);
    if (at_ < text_.size() && (IsLetter(text_[at_]) || IsDigit(text_[at_]))) Refuse();
    if (!whole) return Literal(real * factor);

    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    const auto scale = static_cast<std::int64_t>(factor);
    std::int64_t integer = ParseInt(digits).value_or(kMost);
    integer = integer > kMost / scale ? kMost : integer * scale;
    return Literal(integer);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool quoted_ = false;  ///< the last name was in single quotes, so it is no keyword
};

Result<Expr> Expr::Parse(std::string_view text) {
  try {
    return ExprParser::Parse(Trim(text));
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace roost::dag
