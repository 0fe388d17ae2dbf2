#include "dag/text/classad_strings.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "dag/text/pattern.h"

namespace roost::dag {
namespace {

constexpr std::size_t kAny = SIZE_MAX;
constexpr std::size_t kMostText = std::size_t{1} << 20;
constexpr std::string_view kListDelimiters = ", \t";

Failure Wrong(std::string_view function, std::string_view wanted) {
  return {std::string(function) + "() takes " + std::string(wanted)};
}

Failure TooMuch() { return {"the evaluation takes too many steps"}; }

const std::string* Text(const ValueList& arguments, std::size_t index) {
  return index < arguments.size() ? std::get_if<std::string>(&arguments[index]) : nullptr;
}

/// A string as it is, other values as they are written.
std::string Written(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : value.Text();
}

Value ToString(ExprEvaluator&, ValueList& arguments) { return Written(arguments[0]); }

Value Concatenate(ExprEvaluator&, ValueList& arguments) {
  std::string all;
  for (const Value& argument : arguments) all += Written(argument);
  return all.size() <= kMostText ? Value(std::move(all)) : Value(Failure{"a string is larger than 1 MiB"});
}

/// join(separator, list), join(separator, a, b, ...) or join(list)
Value JoinList(ExprEvaluator&, ValueList& arguments) {
  std::string separator;
  std::size_t first = 0;
  if (arguments.size() > 1) {
    separator = Written(arguments[0]);
    first = 1;
  }
  const ValueList rest(arguments.begin() + static_cast<std::ptrdiff_t>(first), arguments.end());
  const auto* list = rest.size() == 1 ? std::get_if<ValueList>(&rest[0]) : nullptr;
  std::string all;
  bool any = false;
  for (const Value& element : list != nullptr ? *list : rest) {
    if (element.failed()) return element;
    if (element.undefined()) continue;
    if (any) all += separator;
    any = true;
    all += Written(element);
    if (all.size() > kMostText) return Failure{"a string is larger than 1 MiB"};
  }
  return all;
}

/// substr(text, offset[, length]); negative numbers count from the end.
Value Substring(ExprEvaluator&, ValueList& arguments) {
  const auto* text = Text(arguments, 0);
  const auto* offset = std::get_if<std::int64_t>(&arguments[1]);
  const auto* length = arguments.size() > 2 ? std::get_if<std::int64_t>(&arguments[2]) : nullptr;
  if (text == nullptr || offset == nullptr || (arguments.size() > 2 && length == nullptr)) {
    return Wrong("substr", "a string, an offset and a length");
  }
  const auto size = static_cast<std::int64_t>(text->size());
  const std::int64_t begin =
      std::clamp<std::int64_t>(*offset < 0 ? size + std::max(*offset, -size) : *offset, 0, size);
  std::int64_t end = size;
  if (length != nullptr)
    end = *length < 0 ? size + std::max(*length, -size) : begin + std::min(*length, size - begin);
  end = std::clamp(end, begin, size);
  return text->substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

template <bool IgnoreCase>
Value CompareTexts(ExprEvaluator&, ValueList& arguments) {
  const std::string a = IgnoreCase ? ToLower(Written(arguments[0])) : Written(arguments[0]);
  const std::string b = IgnoreCase ? ToLower(Written(arguments[1])) : Written(arguments[1]);
  return std::int64_t{a < b ? -1 : b < a ? 1 : 0};
}

Value Lower(ExprEvaluator&, ValueList& arguments) { return ToLower(Written(arguments[0])); }

Value Upper(ExprEvaluator&, ValueList& arguments) {
  std::string text = Written(arguments[0]);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 128 ? std::toupper(c) : c); });
  return text;
}

Value Length(ExprEvaluator&, ValueList& arguments) {
  if (const auto* text = Text(arguments, 0)) return static_cast<std::int64_t>(text->size());
  return Wrong("length", "a string");
}

Value SplitText(ExprEvaluator&, ValueList& arguments) {
  const auto* text = Text(arguments, 0);
  const auto* delimiters = Text(arguments, 1);
  if (text == nullptr || (arguments.size() > 1 && delimiters == nullptr)) {
    return Wrong("split", "a string and delimiters");
  }
  ValueList list;
  for (std::string& part : SplitAny(*text, delimiters == nullptr ? kListDelimiters : *delimiters)) {
    list.emplace_back(std::move(part));
  }
  return list;
}

// --- Regular expressions

/// Options as the letters of a string: i m s x, and f (whole text), g (everywhere).
struct RegexpOptions {
  Pattern::Options pattern;
  bool global = false;
  bool full = false;

  explicit RegexpOptions(const std::string* letters) {
    if (letters == nullptr) return;
    const auto has = [&](char lower) {
      return letters->find(lower) != std::string::npos ||
             letters->find(static_cast<char>(std::toupper(lower))) != std::string::npos;
    };
    pattern = {.ignore_case = has('i'), .lines = has('m'), .dot_all = has('s'), .extended = has('x')};
    global = has('g');
    full = has('f');
  }
};

/// A compiled pattern that charges its work to the evaluation.
class Matcher {
 public:
  Matcher(ExprEvaluator& evaluator, std::string_view text, const Pattern::Options& options)
      : evaluator_(evaluator), pattern_(Pattern::Compile(text, options)) {
    constexpr std::size_t kCompileCost = 16;
    std::size_t cost = text.size();
    if (pattern_) cost += pattern_->size();
    affordable_ = evaluator.Spend(cost * kCompileCost);
  }

  /// What stopped the search, where it did not come to an end.
  const std::optional<Failure>& failure() const { return failure_; }

  std::optional<Pattern::Groups> Find(std::string_view text, std::size_t from = 0) {
    if (!pattern_) {
      failure_ = Failure{pattern_.error().message()};
      return std::nullopt;
    }
    auto found = pattern_->Find(text, from);
    if (!found) {
      failure_ = Failure{found.error().message()};
    } else if (!affordable_ || !evaluator_.Spend(found->steps)) {
      failure_ = TooMuch();
    } else {
      return std::move(found->groups);
    }
    return std::nullopt;
  }

 private:
  ExprEvaluator& evaluator_;
  Result<Pattern> pattern_;
  bool affordable_ = true;
  std::optional<Failure> failure_;
};

std::string_view Part(std::string_view text, const Pattern::Groups& groups, std::size_t group) {
  if (group >= groups.size() || !groups[group]) return {};
  return text.substr(groups[group]->first, groups[group]->second - groups[group]->first);
}

/// `form` with \0 to \9 replaced by what the groups matched.
std::string Filled(std::string_view form, std::string_view text, const Pattern::Groups& groups) {
  std::string filled;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool reference = form[i] == '\\' && i + 1 < form.size();
    if (reference && std::isdigit(static_cast<unsigned char>(form[i + 1])) != 0) {
      filled += Part(text, groups, static_cast<std::size_t>(form[++i] - '0'));
    } else if (reference && form[i + 1] == '\\') {
      filled += form[++i];
    } else {
      filled += form[i];
    }
  }
  return filled;
}

/// regexp(pattern, text[, options])
Value Regexp(ExprEvaluator& evaluator, ValueList& arguments) {
  const auto* pattern = Text(arguments, 0);
  const auto* text = Text(arguments, 1);
  if (pattern == nullptr || text == nullptr) return Wrong("regexp", "a pattern and a string");
  const RegexpOptions options(Text(arguments, 2));
  Matcher matcher(evaluator, options.full ? "^(?:" + *pattern + ")$" : *pattern, options.pattern);
  const bool matches = matcher.Find(*text).has_value();
  return matcher.failure() ? Value(*matcher.failure()) : Value(matches);
}

/// regexpMember(pattern, list[, options])
Value RegexpMember(ExprEvaluator& evaluator, ValueList& arguments) {
  const auto* pattern = Text(arguments, 0);
  const auto* list = std::get_if<ValueList>(&arguments[1]);
  if (pattern == nullptr || list == nullptr) return Wrong("regexpMember", "a pattern and a list");
  Matcher matcher(evaluator, *pattern, RegexpOptions(Text(arguments, 2)).pattern);
  for (const Value& element : *list) {
    const auto* text = std::get_if<std::string>(&element);
    if (text == nullptr) return Wrong("regexpMember", "a list of strings");
    if (matcher.Find(*text)) return true;
    if (matcher.failure()) return *matcher.failure();
  }
  return false;
}

/// regexps(pattern, text, form[, options]): the form, filled; "" where nothing matches.
Value Regexps(ExprEvaluator& evaluator, ValueList& arguments) {
  const auto* pattern = Text(arguments, 0);
  const auto* text = Text(arguments, 1);
  const auto* form = Text(arguments, 2);
  if (pattern == nullptr || text == nullptr || form == nullptr) {
    return Wrong("regexps", "a pattern, a string and a form");
  }
  Matcher matcher(evaluator, *pattern, RegexpOptions(Text(arguments, 3)).pattern);
  const auto groups = matcher.Find(*text);
  if (matcher.failure()) return *matcher.failure();
  return groups ? Filled(*form, *text, *groups) : std::string();
}

/// replace(pattern, text, form[, options]) and replaceAll(): the text with what matches replaced.
template <bool Always>
Value Replace(ExprEvaluator& evaluator, ValueList& arguments) {
  const auto* pattern = Text(arguments, 0);
  const auto* text = Text(arguments, 1);
  const auto* form = Text(arguments, 2);
  if (pattern == nullptr || text == nullptr || form == nullptr) {
    return Wrong("replace", "a pattern, a string and a form");
  }
  const RegexpOptions options(Text(arguments, 3));
  Matcher matcher(evaluator, *pattern, options.pattern);
  std::string result;
  std::size_t at = 0;
  while (at <= text->size()) {
    const auto groups = matcher.Find(*text, at);
    if (matcher.failure()) return *matcher.failure();
    if (!groups) break;
    const auto [first, last] = *groups->front();
    result.append(*text, at, first - at);
    result += Filled(*form, *text, *groups);
    at = last;
    if (last == first && at < text->size()) result.push_back((*text)[at]);
    if (last == first) ++at;
    if (result.size() > kMostText) return Failure{"a string is larger than 1 MiB"};
    if (!Always && !options.global) break;
  }
  if (at < text->size()) result.append(*text, at);
  return result;
}

// --- Lists that are strings: "a, b, c"

Value StringListSize(ExprEvaluator&, ValueList& arguments) {
  const auto* list = Text(arguments, 0);
  const auto* delimiters = Text(arguments, 1);
  if (list == nullptr) return Wrong("stringListSize", "a string list");
  return static_cast<std::int64_t>(
      SplitAny(*list, delimiters == nullptr ? kListDelimiters : *delimiters).size());
}

template <bool IgnoreCase>
Value StringListMember(ExprEvaluator&, ValueList& arguments) {
  const auto* text = Text(arguments, 0);
  const auto* list = Text(arguments, 1);
  const auto* delimiters = Text(arguments, 2);
  if (text == nullptr || list == nullptr) return Wrong("stringListMember", "a string and a string list");
  const auto parts = SplitAny(*list, delimiters == nullptr ? kListDelimiters : *delimiters);
  return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return IgnoreCase ? EqualsIgnoreCase(part, *text) : part == *text;
  });
}

Value StringListRegexpMember(ExprEvaluator& evaluator, ValueList& arguments) {
  const auto* pattern = Text(arguments, 0);
  const auto* list = Text(arguments, 1);
  const auto* delimiters = Text(arguments, 2);
  if (pattern == nullptr || list == nullptr)
    return Wrong("stringListRegexpMember", "a pattern and a string list");
  Matcher matcher(evaluator, *pattern, RegexpOptions(Text(arguments, 3)).pattern);
  for (const std::string& part : SplitAny(*list, delimiters == nullptr ? kListDelimiters : *delimiters)) {
    if (matcher.Find(part)) return true;
    if (matcher.failure()) return *matcher.failure();
  }
  return false;
}

template <bool All>
Value StringListsCompare(ExprEvaluator&, ValueList& arguments) {
  const auto* left = Text(arguments, 0);
  const auto* right = Text(arguments, 1);
  const auto* delimiters = Text(arguments, 2);
  if (left == nullptr || right == nullptr) return Wrong("stringListsIntersect", "two string lists");
  const std::string_view separators = delimiters == nullptr ? kListDelimiters : *delimiters;
  const auto a = SplitAny(*left, separators);
  auto b = SplitAny(*right, separators);
  std::sort(b.begin(), b.end());
  const auto in_b = [&](const std::string& part) { return std::binary_search(b.begin(), b.end(), part); };
  return All ? std::all_of(a.begin(), a.end(), in_b) : std::any_of(a.begin(), a.end(), in_b);
}

enum class Fold { kSum, kAverage, kLeast, kMost };

template <Fold How>
Value StringListFold(ExprEvaluator&, ValueList& arguments) {
  const auto* list = Text(arguments, 0);
  const auto* delimiters = Text(arguments, 1);
  if (list == nullptr) return Wrong("stringListSum", "a string list of numbers");
  const auto parts = SplitAny(*list, delimiters == nullptr ? kListDelimiters : *delimiters);
  const bool sums = How == Fold::kSum || How == Fold::kAverage;
  if (parts.empty()) return sums ? Value(0.0) : Value(Undefined());
  bool whole = How != Fold::kAverage;
  std::vector<double> numbers;
  for (const std::string& part : parts) {
    const auto number = ParseDouble(part);
    if (!number) return Failure{"'" + part + "' of a string list is no number"};
    whole = whole && ParseInt(part).has_value();
    numbers.push_back(*number);
  }
  double result = numbers[0];
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (sums) result += numbers[i];
    if (How == Fold::kLeast) result = std::min(result, numbers[i]);
    if (How == Fold::kMost) result = std::max(result, numbers[i]);
  }
  if (How == Fold::kAverage) result /= static_cast<double>(numbers.size());
  return whole ? WholePart(result) : Value(result);
}

// --- Versions: digits compare as numbers, all else as text

int CompareVersions(std::string_view a, std::string_view b) {
  const auto digits = [](std::string_view text) {
    return std::min(text.find_first_not_of("0123456789"), text.size());
  };
  while (!a.empty() && !b.empty()) {
    std::string_view x = a.substr(0, digits(a));
    std::string_view y = b.substr(0, digits(b));
    if (x.empty() || y.empty()) {
      if (a[0] != b[0]) return a[0] < b[0] ? -1 : 1;
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    a.remove_prefix(x.size());
    b.remove_prefix(y.size());
    x.remove_prefix(std::min(x.find_first_not_of('0'), x.size()));
    y.remove_prefix(std::min(y.find_first_not_of('0'), y.size()));
    if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
    if (const int order = x.compare(y); order != 0) return order < 0 ? -1 : 1;
  }
  return a.empty() && b.empty() ? 0 : a.empty() ? -1 : 1;
}

Value VersionCompare(ExprEvaluator&, ValueList& arguments) {
  const auto* a = Text(arguments, 0);
  const auto* b = Text(arguments, 1);
  if (a == nullptr || b == nullptr) return Wrong("versioncmp", "two strings");
  return std::int64_t{CompareVersions(*a, *b)};
}

template <typename Fits>
Value VersionIs(ExprEvaluator& evaluator, ValueList& arguments) {
  const Value order = VersionCompare(evaluator, arguments);
  const auto* number = std::get_if<std::int64_t>(&order);
  return number == nullptr ? order : Value(Fits()(*number, std::int64_t{0}));
}

Value VersionInRange(ExprEvaluator&, ValueList& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (Text(arguments, i) == nullptr) return Wrong("versionInRange", "three strings");
  }
  return CompareVersions(*Text(arguments, 1), *Text(arguments, 0)) <= 0 &&
         CompareVersions(*Text(arguments, 0), *Text(arguments, 2)) <= 0;
}

constexpr ClassAdFunction kFunctions[] = {
    {"string", 1, 1, true, ToString},
    {"strcat", 0, kAny, true, Concatenate},
    {"join", 1, kAny, false, JoinList},
    {"substr", 2, 3, true, Substring},
    {"strcmp", 2, 2, true, CompareTexts<false>},
    {"stricmp", 2, 2, true, CompareTexts<true>},
    {"toUpper", 1, 1, true, Upper},
    {"toLower", 1, 1, true, Lower},
    {"length", 1, 1, true, Length},
    {"split", 1, 2, true, SplitText},
    {"regexp", 2, 3, true, Regexp},
    {"regexpMember", 2, 3, true, RegexpMember},
    {"regexps", 3, 4, true, Regexps},
    {"replace", 3, 4, true, Replace<false>},
    {"replaceAll", 3, 4, true, Replace<true>},
    {"stringListSize", 1, 2, true, StringListSize},
    {"stringListMember", 2, 3, true, StringListMember<false>},
    {"stringListIMember", 2, 3, true, StringListMember<true>},
    {"stringListRegexpMember", 2, 4, true, StringListRegexpMember},
    {"stringListsIntersect", 2, 3, true, StringListsCompare<false>},
    {"stringListSubsetMatch", 2, 3, true, StringListsCompare<true>},
    {"stringListSum", 1, 2, true, StringListFold<Fold::kSum>},
    {"stringListAvg", 1, 2, true, StringListFold<Fold::kAverage>},
    {"stringListMin", 1, 2, true, StringListFold<Fold::kLeast>},
    {"stringListMax", 1, 2, true, StringListFold<Fold::kMost>},
    {"versioncmp", 2, 2, true, VersionCompare},
    {"versionGT", 2, 2, true, VersionIs<std::greater<>>},
    {"versionGE", 2, 2, true, VersionIs<std::greater_equal<>>},
    {"versionLT", 2, 2, true, VersionIs<std::less<>>},
    {"versionLE", 2, 2, true, VersionIs<std::less_equal<>>},
    {"versionEQ", 2, 2, true, VersionIs<std::equal_to<>>},
    {"versionInRange", 3, 3, true, VersionInRange},
};

}  // namespace

std::span<const ClassAdFunction> StringFunctions() { return kFunctions; }

}  // namespace roost::dag
