#include "dag/text/queue.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <glob.h>

#include "dag/text/arithmetic.h"
#include "roost/base/process.h"

namespace roost::dag {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kSeparators = ", \t\r";

/// Ends the fields of an item where it is used: then blanks and commas are data.
constexpr char kUnitSeparator = '\x1F';

enum class Source { kNone, kIn, kFrom, kMatching };

/// [begin:end:step] as in Python; [i] selects one.
struct Slice {
  std::optional<std::int64_t> begin, end, step;
  bool single = false;

  bool Selects(std::int64_t index, std::int64_t size) const {
    const auto place = [&](std::int64_t value) { return value < 0 ? value + size : value; };
    if (single) return index == place(*begin);
    const std::int64_t first = std::max<std::int64_t>(begin ? place(*begin) : 0, 0);
    if (index < first || index >= (end ? place(*end) : size)) return false;
    return (index - first) % step.value_or(1) == 0;
  }
};

Slice ParseSlice(std::string_view text) {
  Slice slice;
  const std::vector<std::string> parts = Split(text, ':');
  const auto part = [&](std::size_t i) -> std::optional<std::int64_t> {
    if (i >= parts.size() || Trim(parts[i]).empty()) return std::nullopt;
    const auto value = EvaluateInteger(parts[i]);
    if (!value) throw Error("slice [" + std::string(text) + "]: " + value.error().message());
    return *value;
  };
  slice.begin = part(0);
  slice.end = part(1);
  slice.step = part(2);
  slice.single = parts.size() == 1;
  if (parts.size() > 3 || (slice.single && !slice.begin))
    throw Error("'[" + std::string(text) + "]' is not a slice");
  if (slice.step && *slice.step <= 0)
    throw Error("the step of slice [" + std::string(text) + "] must be positive");
  return slice;
}

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

/// Takes an unsigned keyword off the front of `text`.
bool TakeWord(std::string_view& text, std::string_view word) {
  if (text.size() < word.size() || !EqualsIgnoreCase(text.substr(0, word.size()), word)) return false;
  if (text.size() > word.size() && IsWordCharacter(text[word.size()])) return false;
  text = Trim(text.substr(word.size()));
  return true;
}

/// Cuts "3 a,b in (x y)" into what is before the keyword, the keyword, and what is after it.
Source FindSource(std::string_view text, std::string_view& before, std::string_view& after) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && IsWordCharacter(text[i - 1])) continue;
    for (const auto& [word, source] : {std::pair<std::string_view, Source>{"in", Source::kIn},
                                       {"from", Source::kFrom},
                                       {"matching", Source::kMatching}}) {
      std::string_view rest = text.substr(i);
      if (!TakeWord(rest, word)) continue;
      before = Trim(text.substr(0, i));
      after = rest;
      return source;
    }
  }
  before = Trim(text);
  return Source::kNone;
}

std::int64_t ParseCount(std::string_view text) {
  const auto count = EvaluateInteger(text);
  if (!count) throw Error("queue: the number of jobs: " + count.error().message());
  if (*count < 0) throw Error("queue: the number of jobs cannot be negative");
  return *count;
}

/// Takes the number of jobs, if there is one, off "3 a,b".
std::int64_t TakeCount(std::string_view& head) {
  if (head.empty() ||
      (std::isdigit(static_cast<unsigned char>(head[0])) == 0 && head[0] != '(' && head[0] != '-')) {
    return 1;
  }
  std::size_t end = 0;
  int depth = 0;
  while (end < head.size() && (depth > 0 || kSeparators.find(head[end]) == std::string_view::npos)) {
    if (head[end] == '(') ++depth;
    if (head[end] == ')') --depth;
    ++end;
  }
  const std::int64_t count = ParseCount(head.substr(0, end));
  head = Trim(head.substr(end));
  return count;
}

/// The lines of a "( ... )" list: on this line, or on the following ones up to one that starts with ')'.
std::vector<std::string> ListLines(std::string_view text, SubmitLines& lines) {
  std::vector<std::string> list;
  text.remove_prefix(1);  // the '('
  const auto close = text.rfind(')');
  if (close != std::string_view::npos) {
    if (!Trim(text.substr(close + 1)).empty()) {
      throw Error("queue: unexpected '" + std::string(Trim(text.substr(close + 1))) + "' after the list");
    }
    text = Trim(text.substr(0, close));
    if (!text.empty()) list.emplace_back(text);
    return list;
  }
  if (!Trim(text).empty()) list.emplace_back(Trim(text));
  std::string_view line;
  while (lines.NextLine(line)) {
    if (line.starts_with(')')) return list;
    if (!line.empty() && !line.starts_with('#')) list.emplace_back(line);
  }
  throw Error("queue: the list of items has no closing ')'");
}

/// Lines of an item file or of a command's output. Blank lines and lines that begin with '#' are items too:
/// HTCondor 23 does not pass over them here.
std::vector<std::string> ItemLines(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    items.emplace_back(Trim(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return items;
}

std::vector<std::string> ItemsFrom(std::string_view source, const SubmitContext& context) {
  if (source.empty()) throw Error("queue ... from: no file is named");
  if (source == "-")
    throw Error("queue ... from -: a node of a DAG has no standard input to read items from");
  RequireOutside(context, "queue ... from");
  if (TakeWord(source, "table"))
    throw Error("queue ... from table is not supported: write the items as lines");
  if (source.ends_with('|')) return ItemLines(OutputOfCommand(source.substr(0, source.size() - 1), context));
  const Path file = context.directory / Path(source);
  const auto text = ReadFile(file);
  if (!text) throw Error("queue: " + text.error().message());
  return ItemLines(*text);
}

struct MatchKinds {
  bool files = true;
  bool directories = false;
  bool slash = false;  ///< names of directories end with '/'
  bool warn_of_nothing = true;
  bool fail_on_nothing = false;
};

/// What the file sets for all of its patterns.
MatchKinds DefaultKinds(MacroSet& macros) {
  const auto setting = [&](std::string_view name) {
    const std::string* raw = macros.Find(name);
    return raw == nullptr ? std::string() : ToLower(Trim(macros.Expand(*raw)));
  };
  MatchKinds kinds;
  const std::string directories = setting("submit_match_directories");
  kinds.directories =
      directories == "only" || directories == "always" || ParseBool(directories).value_or(false);
  kinds.files = directories != "only";
  kinds.warn_of_nothing = ParseBool(setting("submit_warn_empty_matches")).value_or(true);
  kinds.fail_on_nothing = ParseBool(setting("submit_fail_empty_matches")).value_or(false);
  return kinds;
}

/// `directory` for use before a pattern of glob(3).
std::string Escaped(const std::string& directory) {
  std::string escaped;
  for (const char c : directory) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

/// Names that fit a shell pattern, relative as the pattern is, in byte order.
std::vector<std::string> Matches(const std::string& pattern, const MatchKinds& kinds, const Path& directory) {
  const bool absolute = pattern.starts_with('/');
  const std::string prefix = absolute ? "" : directory.string() + "/";
  glob_t found{};
  const int failed = ::glob((Escaped(prefix) + pattern).c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> names;
  for (std::size_t i = 0; failed == 0 && i < found.gl_pathc; ++i) {
    const std::string path = found.gl_pathv[i];
    std::error_code error;
    const bool is_directory = std::filesystem::is_directory(path, error);
    if (is_directory ? !kinds.directories : !kinds.files) continue;
    std::string name = path.substr(prefix.size());
    if (is_directory && kinds.slash && !name.ends_with('/')) name.push_back('/');
    names.push_back(std::move(name));
  }
  ::globfree(&found);
  if (failed != 0 && failed != GLOB_NOMATCH)
    throw Error("queue: cannot list the files that match '" + pattern + "'");
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> ItemsMatching(const std::vector<std::string>& patterns, const MatchKinds& kinds,
                                       const SubmitContext& context, const SourceLine& where,
                                       Faults& faults) {
  if (patterns.empty()) throw Error("queue ... matching: no pattern is given");
  RequireOutside(context, "queue ... matching");
  std::vector<std::string> items;
  std::set<std::string> seen;
  std::string repeated;
  for (const std::string& pattern : patterns) {
    const std::vector<std::string> names = Matches(pattern, kinds, context.directory);
    if (names.empty() && kinds.fail_on_nothing) throw Error("queue: nothing matches '" + pattern + "'");
    if (names.empty() && kinds.warn_of_nothing)
      AddWarning(faults, where, "nothing matches '" + pattern + "'");
    for (const std::string& name : names) {
      if (seen.insert(name).second) {
        items.push_back(name);
      } else if (repeated.empty()) {
        repeated = name;
      }
    }
  }
  if (!repeated.empty()) {
    AddWarning(faults, where, "what matches several patterns is queued once, first '" + repeated + "'");
  }
  if (items.empty())
    throw Error("queue: nothing matches " + Join(patterns, " ") + ", so there are no jobs to queue");
  return items;
}

/// One field per variable; the last takes what is left.
std::vector<std::string> SplitItem(std::string_view item, std::size_t fields) {
  std::vector<std::string> values;
  item = Trim(item);
  if (item.find(kUnitSeparator) != std::string_view::npos) {
    for (const std::string& value : Split(item, kUnitSeparator)) values.emplace_back(Trim(value));
    values.resize(fields);
    return values;
  }
  while (values.size() + 1 < fields) {
    const auto end = std::min(item.find_first_of(kSeparators), item.size());
    values.emplace_back(item.substr(0, end));
    item.remove_prefix(end);
    // One separator: blanks, with one comma among them.
    item.remove_prefix(std::min(item.find_first_not_of(kBlanks), item.size()));
    if (item.starts_with(',')) item.remove_prefix(1);
    item.remove_prefix(std::min(item.find_first_not_of(kBlanks), item.size()));
  }
  values.emplace_back(item);
  return values;
}

/// Odd items, told once each kind: a list may be long.
void WarnOfOddItems(const Queue& queue, const SourceLine& where, Faults& faults) {
  for (std::size_t i = 0; i < queue.variables.size(); ++i) {
    const auto empty = [&](const Queue::Item& item) { return item.values[i].empty(); };
    const auto first = std::find_if(queue.items.begin(), queue.items.end(), empty);
    if (first == queue.items.end()) continue;
    const auto count = std::count_if(first, queue.items.end(), empty);
    AddWarning(faults, where,
               "'" + queue.variables[i] + "' is empty in " + std::to_string(count) + " of " +
                   std::to_string(queue.items.size()) + " items, first in item " +
                   std::to_string(first->row));
  }
  const auto hash = std::find_if(queue.items.begin(), queue.items.end(),
                                 [](const Queue::Item& item) { return item.values[0].starts_with('#'); });
  if (hash != queue.items.end()) {
    AddWarning(faults, where,
               "item " + std::to_string(hash->row) +
                   " begins with '#', and is an item all the same, as in HTCondor");
  }
}

}  // namespace

Queue ParseQueue(std::string_view arguments, SubmitLines& lines, MacroSet& macros,
                 const SubmitContext& context, Faults& faults) {
  const SourceLine where = lines.where();
  const std::string expanded = macros.Expand(arguments);
  std::string_view head;
  std::string_view tail;
  const Source source = FindSource(expanded, head, tail);

  Queue queue;
  if (source == Source::kNone) {
    if (!head.empty()) queue.count = ParseCount(head);
    queue.items.emplace_back();
    return queue;
  }
  queue.count = TakeCount(head);
  queue.variables = SplitAny(head, kSeparators);
  for (const std::string& name : queue.variables) {
    if (!std::all_of(name.begin(), name.end(), IsWordCharacter)) {
      throw Error("queue: '" + name + "' is not a variable name");
    }
  }
  if (queue.variables.empty()) queue.variables = {"Item"};

  MatchKinds kinds = DefaultKinds(macros);
  std::optional<Slice> slice;
  const auto take_slice = [&] {
    if (!tail.starts_with('[')) return;
    const auto close = tail.find(']');
    if (close == std::string_view::npos) throw Error("queue: the slice has no closing ']'");
    const std::string_view text = tail.substr(1, close - 1);
    // A pattern may begin with a bracket expression, [ab]*.dat: only digits and colons make a slice.
    if (source == Source::kMatching && text.find_first_not_of("0123456789:- \t") != std::string_view::npos)
      return;
    slice = ParseSlice(text);
    tail = Trim(tail.substr(close + 1));
  };
  take_slice();
  if (source == Source::kMatching) {
    const bool directories = TakeWord(tail, "dirs");
    const bool any = !directories && TakeWord(tail, "any");
    if (directories || any || TakeWord(tail, "files")) {
      kinds.files = !directories;
      kinds.directories = directories || any;
      kinds.slash = directories;
    }
    if (!slice) take_slice();
  }

  const bool list = tail.starts_with('(');
  std::vector<std::string> texts;
  if (source == Source::kFrom) {
    texts = list ? ListLines(tail, lines) : ItemsFrom(tail, context);
  } else {
    for (const std::string& line :
         list ? ListLines(tail, lines) : std::vector<std::string>{std::string(tail)}) {
      for (std::string& word : SplitAny(line, kSeparators)) texts.push_back(std::move(word));
    }
    if (source == Source::kMatching) texts = ItemsMatching(texts, kinds, context, where, faults);
  }

  if (texts.empty() && context.method == SubmitMethod::kDirect) {
    AddWarning(faults, where,
               "the list of items is empty: one job is queued with an empty item, as DAGMan does");
    texts.emplace_back();
  }
  if (slice && context.method == SubmitMethod::kDirect) {
    AddWarning(faults, where,
               "the slice is ignored, as DAGMan's direct submission does: all items are queued");
    slice.reset();
  }
  const auto size = static_cast<std::int64_t>(texts.size());
  for (std::int64_t i = 0; i < size; ++i) {
    if (slice && !slice->Selects(i, size)) continue;
    const auto row = static_cast<std::size_t>(i);
    queue.items.push_back({SplitItem(texts[row], queue.variables.size()), row});
  }
  WarnOfOddItems(queue, where, faults);
  return queue;
}

void RequireOutside(const SubmitContext& context, std::string_view what) {
  if (!context.limits.reach_outside) throw Error(std::string(what) + ": only this text is read");
}

std::string OutputOfCommand(std::string_view command, const SubmitContext& context) {
  ProcessOptions options;
  options.argv = SplitAny(command, kBlanks);
  if (options.argv.empty()) throw Error("no command is given before '|'");
  options.working_directory = context.directory;
  if (!context.environment.empty()) options.environment = context.environment;
  const std::string text(Trim(command));
  const auto run = RunAndCapture(std::move(options));
  if (!run) throw Error("cannot run '" + text + "': " + run.error().message());
  if (!run->status.ok()) throw Error("'" + text + "' ended with " + run->status.Describe());
  return run->output;
}

}  // namespace roost::dag
