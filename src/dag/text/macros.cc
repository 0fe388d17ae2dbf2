#include "dag/text/macros.h"

#include <algorithm>
#include <cctype>

#include "dag/text/arithmetic.h"
#include "dag/text/classad_evaluator.h"
#include "dag/text/format.h"

namespace roost::dag {
namespace {

constexpr int kMostNesting = 50;                         // deeper means a macro that contains itself
constexpr int kMostSteps = 100'000;                      // macros that double and double again stop here
constexpr std::size_t kMostText = std::size_t{1} << 20;  // and so do their texts

/// Index of the ')' that closes the '(' at `open`, or npos.
std::size_t ClosingParenthesis(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

/// Index of the first ':' of a macro's body that is not within parentheses, or npos.
std::size_t DefaultSeparator(std::string_view body) {
  int depth = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '(') ++depth;
    if (body[i] == ')') --depth;
    if (body[i] == ':' && depth == 0) return i;
  }
  return std::string_view::npos;
}

bool IsFileFunction(std::string_view name) {
  return name.starts_with('F') && name.find_first_not_of("fpduwnxbqaFPDUWNXBQA", 1) == std::string_view::npos;
}

bool IsFunction(std::string_view name) {
  for (const std::string_view known : {"ENV", "DIRNAME", "BASENAME", "CHOICE", "SUBSTR", "INT", "REAL",
                                       "STRING", "EVAL", "RANDOM_CHOICE", "RANDOM_INTEGER"}) {
    if (name == known) return true;
  }
  return IsFileFunction(name);
}

/// `$F...()`: parts of a file name, by flags.
std::string FileParts(std::string path, std::string_view flags, const std::string& base_directory) {
  const auto has = [&](char flag) { return flags.find(flag) != std::string_view::npos; };
  if (path.size() >= 2 && path.front() == '"' && path.back() == '"') path = path.substr(1, path.size() - 2);
  if (has('f') && !path.starts_with('/')) path.insert(0, base_directory + "/");

  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const std::string file = path.substr(directory.size());
  const auto dot = file.rfind('.');
  const std::string stem = file.substr(0, dot);
  const std::string extension = dot == std::string::npos ? "" : file.substr(dot);

  std::string result;
  if (!has('p') && !has('d') && !has('n') && !has('x')) {
    result = path;
  } else {
    if (has('p')) {
      result = directory;
    } else if (has('d') && !directory.empty()) {
      // One 'd' is the last folder, two the last two, ...
      std::vector<std::string> folders = SplitAny(directory, "/");
      const auto wanted = static_cast<std::size_t>(std::count(flags.begin(), flags.end(), 'd'));
      if (folders.size() > wanted)
        folders.erase(folders.begin(), folders.end() - static_cast<std::ptrdiff_t>(wanted));
      result = Join(folders, "/") + "/";
    }
    const bool only_directory = !has('n') && !has('x');
    if (has('b') && only_directory && result.size() > 1 && result.ends_with('/')) result.pop_back();
    if (has('n')) result += stem;
    if (has('x'))
      result += has('b') && !has('n') && extension.starts_with('.') ? extension.substr(1) : extension;
  }
  if (has('u')) std::replace(result.begin(), result.end(), '\\', '/');
  if (has('w')) std::replace(result.begin(), result.end(), '/', '\\');
  if (has('q')) {
    const char quote = has('a') ? '\'' : '"';
    result = quote + result + quote;
  }
  return result;
}

std::vector<std::string> ListItems(const std::string& list) {
  return SplitAny(list, list.find(',') == std::string::npos ? " \t" : ",");
}

}  // namespace

/// One call of Expand(): bounds what it may do.
class MacroSet::Expansion {
 public:
  explicit Expansion(MacroSet& macros) : macros_(macros) {}

  std::string Expand(std::string_view text);

 private:
  std::string Macro(std::string_view body);
  std::string Function(std::string_view name, std::string_view arguments);
  std::string Environment(std::string_view arguments);
  std::string Choice(const std::vector<std::string>& arguments);
  std::string Substring(const std::vector<std::string>& arguments);
  std::string RandomChoice(std::vector<std::string> choices);
  std::string RandomInteger(const std::vector<std::string>& arguments);
  std::string Evaluated(std::string_view function, const std::vector<std::string>& arguments);
  /// The expanded value of the macro `name`; where there is none, the name itself.
  std::string ValueOrText(std::string_view name);

  MacroSet& macros_;
  int depth_ = 0;
  int steps_ = 0;
};

std::string MacroSet::Expansion::Expand(std::string_view text) {
  if (text.find('$') == std::string_view::npos) return std::string(text);
  if (++depth_ > kMostNesting) throw Error("a macro refers to itself, directly or through others");
  std::string result;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto dollar = std::min(text.find('$', at), text.size());
    result.append(text.substr(at, dollar - at));
    at = dollar;
    if (at >= text.size()) break;
    if (text.substr(at).starts_with(kMatchTimeMacro)) {
      const std::size_t inside = at + kMatchTimeMacro.size();
      const auto end = EndOfMatchTimeMacro(text, at);
      if (end == std::string_view::npos)
        throw Error("'" + std::string(text.substr(at)) + "' has no closing ')'");
      macros_.match_time_ = true;
      result.append(kMatchTimeMacro).append(Expand(text.substr(inside, end - inside)));
      at = end;
      continue;
    }
    std::size_t open = at + 1;
    while (open < text.size() &&
           (std::isalpha(static_cast<unsigned char>(text[open])) != 0 || text[open] == '_')) {
      ++open;
    }
    const std::string_view function = text.substr(at + 1, open - at - 1);
    const bool call = open < text.size() && text[open] == '(' && (function.empty() || IsFunction(function));
    const auto close = call ? ClosingParenthesis(text, open) : std::string_view::npos;
    if (close == std::string_view::npos) {
      result.push_back('$');
      ++at;
      continue;
    }
    if (++steps_ > kMostSteps) throw Error("macros expand without end");
    const std::string_view body = text.substr(open + 1, close - open - 1);
    result.append(function.empty() ? Macro(body) : Function(function, body));
    if (result.size() > kMostText) throw Error("macros expand to more than 1 MiB");
    at = close + 1;
  }
  --depth_;
  return result;
}

std::string MacroSet::Expansion::Macro(std::string_view body) {
  const auto colon = DefaultSeparator(body);
  const std::string name = Expand(Trim(body.substr(0, colon)));
  if (EqualsIgnoreCase(name, "DOLLAR")) return "$";
  const std::string* raw = macros_.Find(name);
  if (raw != nullptr && !raw->empty()) return Expand(*raw);
  return colon == std::string_view::npos ? "" : Expand(body.substr(colon + 1));
}

std::string MacroSet::Expansion::ValueOrText(std::string_view name) {
  const std::string* raw = macros_.Find(name);
  return Expand(raw != nullptr ? std::string_view(*raw) : name);
}

std::string MacroSet::Expansion::Function(std::string_view name, std::string_view text) {
  if (name == "ENV") return Environment(text);
  std::vector<std::string> arguments;
  for (const std::string& argument : Split(Expand(text), ',')) arguments.emplace_back(Trim(argument));

  if (name == "CHOICE") return Choice(arguments);
  if (name == "SUBSTR") return Substring(arguments);
  if (name == "RANDOM_CHOICE") return RandomChoice(std::move(arguments));
  if (name == "RANDOM_INTEGER") return RandomInteger(arguments);
  for (const std::string_view evaluating : {"INT", "REAL", "STRING", "EVAL"}) {
    if (name == evaluating) return Evaluated(name, arguments);
  }
  const std::string* initial = macros_.Find("initialdir");
  const std::string base = initial == nullptr ? macros_.directory_ : Expand(*initial);
  const std::string absolute = base.starts_with('/') ? base : macros_.directory_ + "/" + base;
  if (name == "DIRNAME") return FileParts(ValueOrText(arguments[0]), "p", absolute);
  if (name == "BASENAME") {
    std::string file = FileParts(ValueOrText(arguments[0]), "nx", absolute);
    if (arguments.size() > 1 && file.size() > arguments[1].size() &&
        EqualsIgnoreCase(std::string_view(file).substr(file.size() - arguments[1].size()), arguments[1])) {
      file.resize(file.size() - arguments[1].size());
    }
    return file;
  }
  return FileParts(ValueOrText(arguments[0]), ToLower(name.substr(1)), absolute);
}

std::string MacroSet::Expansion::Environment(std::string_view text) {
  const auto colon = DefaultSeparator(text);
  const std::string prefix = Expand(Trim(text.substr(0, colon))) + "=";
  for (const std::string& entry : macros_.environment_) {
    if (entry.starts_with(prefix)) return entry.substr(prefix.size());
  }
  return colon == std::string_view::npos ? "UNDEFINED" : Expand(text.substr(colon + 1));
}

/// $CHOICE(index,list) or $CHOICE(index,a,b,...)
std::string MacroSet::Expansion::Choice(const std::vector<std::string>& arguments) {
  const auto index = EvaluateInteger(ValueOrText(arguments[0]));
  if (!index) throw Error("$CHOICE: " + index.error().message());
  std::vector<std::string> choices(arguments.begin() + 1, arguments.end());
  if (choices.size() == 1) choices = ListItems(ValueOrText(choices[0]));
  if (*index < 0 || *index >= static_cast<std::int64_t>(choices.size())) {
    throw Error("$CHOICE: there is no item " + std::to_string(*index) + " among " +
                std::to_string(choices.size()));
  }
  return std::string(Trim(choices[static_cast<std::size_t>(*index)]));
}

/// $SUBSTR(name,start[,length])
std::string MacroSet::Expansion::Substring(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2 || arguments.size() > 3) throw Error("$SUBSTR takes a name, a start and a length");
  const std::string value = ValueOrText(arguments[0]);
  const auto size = static_cast<std::int64_t>(value.size());
  const auto number = [&](const std::string& argument) {
    const auto integer = EvaluateInteger(ValueOrText(argument));
    if (!integer) throw Error("$SUBSTR: " + integer.error().message());
    return *integer;
  };
  std::int64_t begin = number(arguments[1]);
  begin = std::clamp<std::int64_t>(begin < 0 ? size + begin : begin, 0, size);
  std::int64_t end = size;
  if (arguments.size() == 3) {
    const std::int64_t length = number(arguments[2]);
    end = length < 0 ? size + length : begin + std::min(length, size);
  }
  end = std::clamp<std::int64_t>(end, begin, size);
  return value.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

/// $RANDOM_CHOICE(a,b,...) or $RANDOM_CHOICE(list)
std::string MacroSet::Expansion::RandomChoice(std::vector<std::string> choices) {
  if (choices.size() == 1) choices = ListItems(ValueOrText(choices[0]));
  if (choices.empty()) throw Error("$RANDOM_CHOICE: there is nothing to choose from");
  return std::string(Trim(choices[macros_.NextRandom() % choices.size()]));
}

/// $RANDOM_INTEGER(least,most[,step])
std::string MacroSet::Expansion::RandomInteger(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2 || arguments.size() > 3) {
    throw Error("$RANDOM_INTEGER takes a least and a most number, and a step");
  }
  std::vector<std::int64_t> numbers;
  for (const std::string& argument : arguments) {
    const auto number = EvaluateInteger(ValueOrText(argument));
    if (!number) throw Error("$RANDOM_INTEGER: " + number.error().message());
    constexpr std::int64_t kLargest = std::int64_t{1} << 53;
    if (*number > kLargest || *number < -kLargest) throw Error("$RANDOM_INTEGER: a number is too large");
    numbers.push_back(*number);
  }
  const std::int64_t step = numbers.size() > 2 ? numbers[2] : 1;
  if (step < 1 || numbers[1] < numbers[0]) throw Error("$RANDOM_INTEGER: there is no number to choose");
  const auto count = static_cast<std::uint64_t>((numbers[1] - numbers[0]) / step + 1);
  return std::to_string(numbers[0] + static_cast<std::int64_t>(macros_.NextRandom() % count) * step);
}

/// $INT(name[,format]), $REAL(name[,format]), $STRING(name[,format]), $EVAL(name): the macro's value as a
/// ClassAd expression.
std::string MacroSet::Expansion::Evaluated(std::string_view function,
                                           const std::vector<std::string>& arguments) {
  const std::string shown = "$" + std::string(function) + ": ";
  if (arguments.size() > 2) throw Error(shown + "it takes a name and a format");
  const std::string text = ValueOrText(arguments[0]);
  const auto expr = Expr::Parse(text);
  if (!expr) throw Error(shown + expr.error().message());
  const Value value = expr->Evaluate(Ad());
  const auto refuse = [&](const char* wanted) {
    const auto* failure = std::get_if<Failure>(&value);
    throw Error(shown + "'" + Printable(text) + "' is not " + wanted +
                (failure != nullptr ? ": " + failure->why : ""));
  };
  if (value.failed()) refuse("something that can be evaluated");
  const std::string format = arguments.size() > 1 ? arguments[1] : "";
  if (function == "INT" || function == "REAL") {
    const auto real = AsReal(value);
    if (!real) refuse("a number");
    if (function == "REAL") return FormatReal(*real, format);
    const auto* integer = std::get_if<std::int64_t>(&value);
    const Value whole = integer != nullptr ? value : WholePart(*real);
    if (whole.failed()) refuse("a number that can be made whole");
    return FormatInteger(std::get<std::int64_t>(whole), format);
  }
  const auto* string = std::get_if<std::string>(&value);
  return FormatText(string != nullptr ? *string : value.Text(), format);
}

std::size_t MacroSet::Hash::operator()(std::string_view name) const {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    hash = (hash ^ static_cast<unsigned char>(lower)) * 0x100000001B3ULL;
  }
  return hash;
}

void MacroSet::Set(std::string_view name, std::string_view value, SourceLine where) {
  std::string key(name);
  if (key.starts_with('+')) key.replace(0, 1, "MY.");
  const auto old = entries_.find(key);
  const bool defined = old != entries_.end() && old->second.defined;
  const std::string_view before = defined ? std::string_view(old->second.value) : std::string_view();

  std::string resolved;
  std::size_t at = 0;
  while (true) {
    const auto open = value.find("$(", at);
    resolved.append(value.substr(at, open == std::string_view::npos ? open : open - at));
    if (open == std::string_view::npos) break;
    const auto close = ClosingParenthesis(value, open + 1);
    const std::string_view body =
        close == std::string_view::npos ? std::string_view() : value.substr(open + 2, close - open - 2);
    const auto colon = DefaultSeparator(body);
    const bool match_time = open > 0 && value[open - 1] == '$';
    if (!body.empty() && !match_time && EqualsIgnoreCase(Trim(body.substr(0, colon)), key)) {
      const bool use_default = before.empty() && colon != std::string_view::npos;
      resolved.append(use_default ? body.substr(colon + 1) : before);
      at = close + 1;
    } else {
      resolved.append("$(");
      at = open + 2;
    }
    if (resolved.size() > kMostText) throw Error("the value is larger than 1 MiB");
  }

  Entry& entry = old != entries_.end() ? old->second : entries_[key];
  if (!entry.defined) entry.name = key;
  entry.defined = true;
  entry.value = std::move(resolved);
  entry.where = std::move(where);
}

void MacroSet::Erase(std::string_view name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  it->second.defined = false;
  it->second.where = {};
}

void MacroSet::SetLive(std::string_view name, std::string value) {
  auto it = entries_.find(name);
  if (it == entries_.end()) it = entries_.try_emplace(std::string(name)).first;
  it->second.live = std::move(value);
}

const std::string* MacroSet::Find(std::string_view name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return nullptr;
  it->second.used = true;
  return it->second.Current();
}

const MacroSet::Entry* MacroSet::FindEntry(std::string_view name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() || !it->second.defined ? nullptr : &it->second;
}

std::uint64_t MacroSet::NextRandom() {
  // SplitMix64: the same seed gives the same jobs, in a dry run and in the run.
  std::uint64_t z = random_ += 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::string MacroSet::Expand(std::string_view text) { return Expansion(*this).Expand(text); }

}  // namespace roost::dag
