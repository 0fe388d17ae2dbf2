#include "dag/text/submit_reader.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "dag/text/arithmetic.h"

namespace roost::dag {
namespace {

/// The HTCondor version that `if version` compares with. Features of later versions are not promised.
constexpr std::array<std::int64_t, 3> kVersion = {24, 0, 0};

/// The first word of a statement, as far as keywords go: up to a blank, '=' or ':'.
std::string_view FirstWord(std::string_view statement) {
  return statement.substr(0, statement.find_first_of(" \t=:"));
}

/// What follows the first `size` characters, trimmed.
std::string_view After(std::string_view statement, std::size_t size) { return Trim(statement.substr(size)); }

bool IsMacroName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.';
  });
}

std::array<std::int64_t, 3> ParseVersion(std::string_view text) {
  std::array<std::int64_t, 3> version{};
  const std::vector<std::string> parts = Split(text, '.');
  if (parts.size() > version.size()) throw Error("'" + std::string(text) + "' is not a version");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto part = ParseInt(parts[i]);
    if (!part) throw Error("'" + std::string(text) + "' is not a version");
    version[i] = *part;
  }
  return version;
}

/// "version >= 8.1.6", without the first word.
bool VersionHolds(std::string_view comparison) {
  const auto digits = comparison.find_first_of("0123456789");
  const std::string_view sign = Trim(comparison.substr(0, digits));
  if (digits == std::string_view::npos)
    throw Error("'version" + std::string(comparison) + "' compares with nothing");
  const auto wanted = ParseVersion(Trim(comparison.substr(digits)));
  if (sign == ">") return kVersion > wanted;
  if (sign == ">=") return kVersion >= wanted;
  if (sign == "<") return kVersion < wanted;
  if (sign == "<=") return kVersion <= wanted;
  if (sign == "==") return kVersion == wanted;
  if (sign == "!=") return kVersion != wanted;
  throw Error("'" + std::string(sign) + "' does not compare versions (use > >= < <= == !=)");
}

/// Takes the '+' of "name += value", or that of "name +,= value" with its separator, off the name's end.
std::optional<std::string> TakeAppendSign(std::string& name) {
  const auto sign_end = name.find_last_not_of(",;&|");
  if (sign_end == std::string::npos || sign_end == 0 || name[sign_end] != '+') return std::nullopt;
  std::string separator = name.substr(sign_end + 1);
  name.resize(sign_end);
  return separator;
}

/// Conditions are put in parentheses, so that each stays what it was.
std::string Appended(const std::string& old, const std::string& separator, std::string_view value) {
  const std::string more(value);
  if (separator.empty()) return old + " " + more;
  if (separator == "&&" || separator == "||") return "(" + old + ") " + separator + " (" + more + ")";
  return old + separator + more;
}

}  // namespace

void SubmitReader::Read(std::string_view text, const std::string& file) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark of Windows editors
  ReadStatements(text, file, (context_.directory / file).lexically_normal().string());
}

void SubmitReader::ReadStatements(std::string_view text, const std::string& file,
                                  const std::string& identity) {
  open_.push_back(identity);
  const std::vector<Branch> outside = std::exchange(branches_, {});
  SubmitLines lines(text, file, open_.size() == 1 ? context_.lines_before : 0);
  std::string statement;
  Next next = Next::kGoOn;
  while (next == Next::kGoOn && lines.Next(statement)) {
    const SourceLine where = lines.where();
    try {
      next = Statement(statement, lines);
    } catch (const Error& error) {
      AddError(faults_, where, error.message());
    }
  }
  if (next == Next::kGoOn && !branches_.empty()) {
    AddError(faults_, branches_.back().where, "this 'if' has no 'endif'");
  }
  branches_ = outside;
  open_.pop_back();
}

bool SubmitReader::Skipping() const {
  return std::any_of(branches_.begin(), branches_.end(), [](const Branch& branch) { return !branch.active; });
}

SubmitReader::Next SubmitReader::Statement(std::string_view statement, SubmitLines& lines) {
  if (Conditional(statement, lines.where())) return Next::kGoOn;
  if (Skipping()) return Next::kGoOn;

  const std::string_view word = FirstWord(statement);
  if (EqualsIgnoreCase(word, "queue") || EqualsIgnoreCase(word, "iterate")) {
    if (open_.size() > 1) throw Error("an included file cannot contain a queue statement");
    queued_ = true;
    const Queue queue = ParseQueue(After(statement, word.size()), lines, macros_, context_, faults_);
    on_queue_(queue, lines.where());
    return context_.method == SubmitMethod::kDirect ? Next::kStop : Next::kGoOn;
  }
  const std::string_view rest = After(statement, word.size());
  const bool with_colon = rest.starts_with(':');
  const bool error = EqualsIgnoreCase(word, "error");
  if (with_colon && (error || EqualsIgnoreCase(word, "warning"))) {
    std::string message = macros_.Expand(After(rest, 1));
    if (message.empty()) message = "the file says so, and not why";
    if (error) throw Error(message);
    AddWarning(faults_, lines.where(), std::move(message));
    return Next::kGoOn;
  }
  if (Include(statement)) return Next::kGoOn;
  if (EqualsIgnoreCase(word, "use") && !rest.starts_with('=')) {
    UseTemplate(rest, lines.where());
    return Next::kGoOn;
  }
  Assign(statement, lines);
  return Next::kGoOn;
}

/// use CATEGORY : NAME. Templates come from a site's HTCondor configuration, which there is none of here; the
/// ones that change nothing about a job are passed over.
void SubmitReader::UseTemplate(std::string_view text, const SourceLine& where) {
  const auto colon = text.find(':');
  const std::string_view category = Trim(text.substr(0, colon));
  const std::string_view name = colon == std::string_view::npos ? "" : Trim(text.substr(colon + 1));
  if (EqualsIgnoreCase(category, "feature") && EqualsIgnoreCase(name.substr(0, 4), "GPUs")) {
    AddWarning(faults_, where, "'use " + Printable(text) + "' has no effect here");
    return;
  }
  throw Error("'use " + Printable(text) +
              "': templates of a site's HTCondor configuration do not exist here");
}

/// if, elif, else, endif. False for any other statement.
bool SubmitReader::Conditional(std::string_view statement, const SourceLine& where) {
  const std::string_view word = FirstWord(statement);
  const std::string_view rest = After(statement, word.size());
  if (rest.starts_with('=')) return false;  // a macro of that name
  if (EqualsIgnoreCase(word, "if")) {
    Branch branch;
    branch.where = where;
    const bool skipping = Skipping();
    branches_.push_back(branch);  // also where the condition is wrong, so that its endif has a partner
    const bool holds = !skipping && Holds(rest);
    branches_.back().active = branches_.back().taken = holds;
    return true;
  }
  const bool elif = EqualsIgnoreCase(word, "elif");
  const bool otherwise = EqualsIgnoreCase(word, "else");
  const bool end = EqualsIgnoreCase(word, "endif");
  if (!elif && !otherwise && !end) return false;
  if (branches_.empty()) throw Error("'" + std::string(word) + "' without 'if'");
  if (end) {
    branches_.pop_back();
    return true;
  }
  Branch& branch = branches_.back();
  if (branch.in_else) throw Error("'" + std::string(word) + "' after 'else'");
  branch.in_else = otherwise;
  branch.active = false;
  const bool outer_skips = Skipping() && std::any_of(branches_.begin(), branches_.end() - 1,
                                                     [](const Branch& outer) { return !outer.active; });
  if (!branch.taken && !outer_skips) branch.active = branch.taken = otherwise || Holds(rest);
  return true;
}

/// A number, a truth value, `defined NAME` or `version OP x.y.z`, possibly after '!'. Nothing more is
/// allowed.
bool SubmitReader::Holds(std::string_view text) {
  const std::string expanded = macros_.Expand(text);
  std::string_view condition = Trim(expanded);
  if (condition.starts_with('!')) return !Holds(condition.substr(1));
  if (condition.empty()) return false;

  const std::string_view word = condition.substr(0, condition.find_first_of(" \t<>=!"));
  if (EqualsIgnoreCase(word, "defined")) {
    const std::string_view name = After(condition, word.size());
    const std::string* value = macros_.Find(name);
    return value != nullptr && !Trim(*value).empty();
  }
  if (EqualsIgnoreCase(word, "version")) return VersionHolds(condition.substr(word.size()));
  for (const std::string_view yes : {"true", "yes", "t"}) {
    if (EqualsIgnoreCase(condition, yes)) return true;
  }
  for (const std::string_view no : {"false", "no", "f"}) {
    if (EqualsIgnoreCase(condition, no)) return false;
  }
  if (const auto number = ParseDouble(condition)) return *number != 0;
  throw Error("'" + std::string(condition) +
              "' is no condition: only a number, true or false, 'defined NAME' and 'version >= x.y.z' are");
}

/// include [ifexist] : file   or   include [ifexist] command : words   or   include : words |
bool SubmitReader::Include(std::string_view statement) {
  const std::string_view word = FirstWord(statement);
  if (!EqualsIgnoreCase(word, "include")) return false;
  const auto colon = statement.find(':');
  if (colon == std::string_view::npos || statement.find('=') < colon) return false;
  bool if_exists = false;
  bool command = false;
  bool expects_cache = false;
  std::string cache;
  for (const std::string& option : SplitAny(statement.substr(word.size(), colon - word.size()), " \t")) {
    if (EqualsIgnoreCase(option, "ifexist")) {
      if_exists = true;
    } else if (EqualsIgnoreCase(option, "command")) {
      command = true;
    } else if (EqualsIgnoreCase(option, "into")) {
      expects_cache = true;
    } else if (expects_cache && cache.empty()) {
      cache = macros_.Expand(option);
    } else {
      throw Error("include: '" + option + "' is not an option (ifexist, command and into FILE are)");
    }
  }
  if (expects_cache && (cache.empty() || !command)) {
    throw Error("include: 'into' takes the output of a command: include command into FILE : COMMAND");
  }
  std::string source(Trim(macros_.Expand(statement.substr(colon + 1))));
  if (source.ends_with('|')) {
    source.pop_back();
    command = true;
  }
  if (source.empty()) throw Error("include: no file is named");
  RequireOutside(context_, "include");
  const Path path = context_.directory / source;
  const std::string identity = command ? source + " |" : path.lexically_normal().string();
  if (std::find(open_.begin(), open_.end(), identity) != open_.end()) {
    throw Error("include: '" + source + "' would include itself");
  }
  if (command) {
    ReadStatements(cache.empty() ? OutputOfCommand(source, context_) : CachedOutput(source, cache), source,
                   identity);
    return true;
  }
  std::error_code ignored;
  if (if_exists && !std::filesystem::exists(path, ignored)) return true;
  const auto text = ReadFile(path);
  if (!text) throw Error("include: " + text.error().message());
  ReadStatements(*text, source, identity);
  return true;
}

/// What the command printed the first time; later submissions read that again.
std::string SubmitReader::CachedOutput(const std::string& command, const std::string& cache) {
  const Path file = context_.directory / cache;
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) {
    auto text = ReadFile(file);
    if (!text) throw Error("include: " + text.error().message());
    return *std::move(text);
  }
  std::string text = OutputOfCommand(command, context_);
  if (const auto written = WriteFileAtomically(file, text); !written) {
    throw Error("include: " + written.error().message());
  }
  return text;
}

std::string SubmitReader::LinesUntil(std::string_view tag, SubmitLines& lines) {
  const std::string end = "@" + std::string(tag);
  std::string text;
  std::string_view line;
  while (lines.NextLine(line)) {
    if (line == end) return text;
    if (!text.empty()) text.push_back('\n');
    text.append(line);
  }
  throw Error("the value has no closing '" + end + "'");
}

/// name = value, name += value, name +,= value, name @=tag, +Attribute = value, -Attribute
void SubmitReader::Assign(std::string_view statement, SubmitLines& lines) {
  if (statement.starts_with('-') && IsMacroName(Trim(statement.substr(1)))) {
    macros_.Erase("MY." + std::string(Trim(statement.substr(1))));
    return;
  }
  const auto equals = statement.find('=');
  if (equals == std::string_view::npos) {
    throw Error("'" + Printable(statement) + "' is neither name = value nor a queue statement");
  }
  std::string name(Trim(statement.substr(0, equals)));
  const std::string_view value = Trim(statement.substr(equals + 1));
  const bool several_lines = name.ends_with('@');
  if (several_lines) name.pop_back();
  const auto separator = several_lines ? std::nullopt : TakeAppendSign(name);
  name = Trim(name);
  if (name.find('$') != std::string::npos) name = Trim(macros_.Expand(name));
  if (!IsMacroName(name.starts_with('+') ? std::string_view(name).substr(1) : name)) {
    throw Error("'" + Printable(name) + "' is not a name (letters, digits, '_' and '.')");
  }
  const SourceLine where = lines.where();
  if (several_lines) {
    macros_.Set(name, LinesUntil(value, lines), where);
  } else if (separator) {
    AddWarning(
        faults_, where,
        "'" + Printable(name) + " +" + *separator + "=' needs a recent HTCondor: older ones refuse it");
    const auto* old = macros_.FindEntry(name);
    const bool fresh = old == nullptr || old->value.empty();
    macros_.Set(name, fresh ? std::string(value) : Appended(old->value, *separator, value), where);
  } else {
    macros_.Set(name, value, where);
  }
}

}  // namespace roost::dag
