#include "dag/text/dag_lexer.h"

#include <algorithm>
#include <array>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool IsQuote(char c) { return c == '"' || c == '\''; }
bool IsComment(std::string_view line) { return line.starts_with('#') || line.starts_with("//"); }

std::string_view WithoutLeadingBlanks(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && IsBlank(text[i])) ++i;
  return text.substr(i);
}

/// The first word, whatever quotes there are.
std::string_view PlainWord(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && !IsBlank(text[i])) ++i;
  return text.substr(0, i);
}

/// The line that ends the submit description which `command` opens ("}" or "@TAG"), or nothing.
std::string ClosingLine(std::string_view command) {
  if (command.find('{') == std::string_view::npos && command.find("@=") == std::string_view::npos) return {};
  static constexpr std::array<std::string_view, 5> kWithDescription = {"JOB", "FINAL", "SERVICE",
                                                                       "PROVISIONER", "SUBMIT-DESCRIPTION"};
  const std::string_view keyword = PlainWord(command);
  const bool with_description =
      IsKeyword(keyword, "NODE") ||
      std::any_of(kWithDescription.begin(), kWithDescription.end(),
                  [&](std::string_view known) { return IsKeyword(keyword, known); });
  if (!with_description) return {};
  const std::string_view name = PlainWord(WithoutLeadingBlanks(command.substr(keyword.size())));
  if (name.empty()) return {};
  const auto after_name = static_cast<std::size_t>(name.data() + name.size() - command.data());
  const std::string_view submit = WithoutLeadingBlanks(command.substr(after_name));
  if (submit.starts_with('{')) return "}";
  if (!submit.starts_with("@=")) return {};
  const std::string_view tag = PlainWord(submit.substr(2));
  return tag.empty() ? std::string() : "@" + std::string(tag);
}

bool Closes(std::string_view line, std::string_view closing) {
  return line.starts_with(closing) && (line.size() == closing.size() || IsBlank(line[closing.size()]));
}

}  // namespace

DagLines::DagLines(std::string_view text) : rest_(text) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // byte order mark of Windows editors
}

bool DagLines::NextPhysical(std::string_view& line) {
  if (rest_.empty()) return false;
  const auto end = std::min(rest_.find('\n'), rest_.size());
  line = Trim(rest_.substr(0, end));
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  ++number_;
  return true;
}

/// The next line that is not blank and no comment.
bool DagLines::NextMeant(std::string_view& line) {
  while (NextPhysical(line)) {
    if (!line.empty() && !IsComment(line)) return true;
  }
  return false;
}

bool DagLines::Next(DagLine& command) {
  std::string_view line;
  if (!NextMeant(line)) return false;
  command.number = number_;
  command.body.reset();
  command.unfinished = false;
  command.text = line.back() == '\\' ? Join(line, command) : line;
  if (std::string closing = ClosingLine(command.text); !closing.empty()) {
    command.body = TakeBody(std::move(closing));
  }
  return true;
}

/// Blank and comment lines do not end a continuation.
std::string_view DagLines::Join(std::string_view line, DagLine& command) {
  joined_.clear();
  while (true) {
    const bool continued = line.back() == '\\';
    if (continued) line.remove_suffix(1);
    if (!joined_.empty()) joined_.push_back(' ');
    joined_.append(Trim(line));
    if (!continued) break;
    if (!NextMeant(line)) {
      command.unfinished = true;
      break;
    }
  }
  return joined_;
}

DagLine::Body DagLines::TakeBody(std::string closing) {
  DagLine::Body body{.first_line = number_ + 1, .closing = std::move(closing)};
  const std::string_view from = rest_;
  std::size_t size = 0;
  for (std::string_view line; NextPhysical(line); size = from.size() - rest_.size()) {
    if (!Closes(line, body.closing)) continue;
    body.closed = true;
    body.after = line.substr(body.closing.size());
    break;
  }
  body.text = from.substr(0, size);
  return body;
}

bool IsKeyword(std::string_view word, std::string_view keyword) {
  if (word.size() != keyword.size()) return false;
  const auto plain = [](char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return c == '_' ? '-' : c;
  };
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (plain(word[i]) != plain(keyword[i])) return false;
  }
  return true;
}

std::string_view Unquoted(std::string_view word) {
  const bool quoted = word.size() >= 2 && IsQuote(word.front()) && word.back() == word.front();
  return quoted ? word.substr(1, word.size() - 2) : word;
}

std::optional<std::string_view> Words::Next() {
  rest_ = WithoutLeadingBlanks(rest_);
  if (rest_.empty()) return std::nullopt;
  std::size_t i = 0;
  for (; i < rest_.size() && !IsBlank(rest_[i]); ++i) {
    if (IsQuote(rest_[i])) return NextQuoted();
  }
  const std::string_view word = rest_.substr(0, i);
  rest_.remove_prefix(i);
  return word;
}

std::string_view Words::NextQuoted() {
  std::string word;
  char quote = 0;
  std::size_t i = 0;
  for (; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (quote == 0 && IsBlank(c)) break;
    if (quote != 0 && c == '\\' && i + 1 < rest_.size()) {
      word.push_back(rest_[++i]);
      continue;
    }
    if (quote == 0 && IsQuote(c)) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    word.push_back(c);
  }
  rest_.remove_prefix(i);
  if (quote != 0) throw Error(std::string("a quote (") + quote + ") is not closed");
  return unescaped_.emplace_front(std::move(word));
}

bool Words::Take(std::string_view keyword) {
  const std::string_view before = rest_;
  const auto word = Next();
  if (word && IsKeyword(*word, keyword)) return true;
  rest_ = before;
  return false;
}

}  // namespace roost::dag
