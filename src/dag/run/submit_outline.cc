#include "dag/run/submit_outline.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "dag/text/submit_lines.h"

namespace roost::dag {
namespace {

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

std::string FirstWord(std::string_view statement) {
  const auto end = std::find_if_not(statement.begin(), statement.end(), IsNameCharacter);
  return ToLower(statement.substr(0, static_cast<std::size_t>(end - statement.begin())));
}

/// The name before the '=' of an assignment ("+x" and "My.x" included), or nothing.
std::optional<std::string> AssignedName(std::string_view statement) {
  const auto equals = statement.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = Trim(statement.substr(0, equals));
  const bool plain =
      !name.empty() && std::all_of(name.begin() + (name.front() == '+' ? 1 : 0), name.end(), IsNameCharacter);
  if (!plain) return std::nullopt;
  return std::string(name);
}

}  // namespace

SubmitOutline::SubmitOutline(std::string_view text, const std::string& file, int lines_before) : file_(file) {
  SubmitLines lines(text, file);
  std::string statement;
  int depth = 0;
  while (lines.Next(statement)) {
    const std::string word = FirstWord(statement);
    if (const auto name = AssignedName(statement); name && word != "if" && word != "elif") {
      assignments_[*name] = {lines_before + lines.where().line, depth == 0};
      Mention(std::string_view(statement).substr(statement.find('=') + 1));
      continue;
    }
    if (word == "if") ++depth;
    if (word == "endif") --depth;
    if (word == "include") includes_ = true;
    if (word == "queue") assignments_[word] = {lines_before + lines.where().line, depth == 0};
    Mention(statement);
  }
}

void SubmitOutline::Mention(std::string_view text) {
  auto at = text.begin();
  while (at != text.end()) {
    at = std::find_if(at, text.end(), IsNameCharacter);
    const auto end = std::find_if_not(at, text.end(), IsNameCharacter);
    const std::string word(at, end);
    for (const std::string& part : Split(word, '.')) mentioned_.insert(part);
    mentioned_.insert(word);
    at = end;
  }
}

SourceLine SubmitOutline::LineOf(std::initializer_list<std::string_view> commands) const {
  int line = 0;
  for (const std::string_view command : commands) {
    if (const auto it = assignments_.find(command); it != assignments_.end()) {
      line = std::max(line, it->second.line);
    }
  }
  return {file_, line};
}

std::optional<SourceLine> SubmitOutline::Assigns(std::string_view name) const {
  const auto it = assignments_.find(name);
  if (it == assignments_.end() || !it->second.always) return std::nullopt;
  return SourceLine{file_, it->second.line};
}

Faults OddCharacters(std::string_view text, const std::string& file) {
  struct Odd {
    std::string_view bytes;
    std::string_view what;
  };
  constexpr std::array kOdd = {
      Odd{"\xC2\xA0", "a no-break space, which is no blank: replace it by one"},
      Odd{"\xE2\x80\x9C", "a typographic quote: replace it by \""},
      Odd{"\xE2\x80\x9D", "a typographic quote: replace it by \""},
      Odd{"\xE2\x80\x98", "a typographic quote: replace it by '"},
      Odd{"\xE2\x80\x99", "a typographic quote: replace it by '"},
  };
  Faults faults;
  if (text.starts_with("\xEF\xBB\xBF")) AddError(faults, {file, 1}, "begins with a byte order mark");
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; })) {
    return faults;
  }
  int number = 0;
  for (const std::string& line : Split(text, '\n')) {
    ++number;
    if (Trim(line).starts_with('#')) continue;
    for (const Odd& odd : kOdd) {
      if (line.find(odd.bytes) == std::string::npos) continue;
      AddWarning(faults, {file, number}, "there is " + std::string(odd.what));
      break;
    }
  }
  return faults;
}

}  // namespace roost::dag
