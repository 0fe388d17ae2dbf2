#include "dag/text/dag_lexer.h"

#include <algorithm>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr std::string_view kBlanks = " \t\r";

/// Hands out physical lines, trimmed, with their numbers.
class PhysicalLines {
 public:
  explicit PhysicalLines(std::string_view text) : rest_(text) {}

  bool Next(std::string_view& line) {
    if (rest_.empty()) return false;
    const auto end = std::min(rest_.find('\n'), rest_.size());
    line = Trim(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    return true;
  }
  int number() const { return number_; }

 private:
  std::string_view rest_;
  int number_ = 0;
};

bool IsComment(std::string_view line) { return line.starts_with('#') || line.starts_with("//"); }

/// The line that ends the inline submit description which `command` opens ("}" or "@TAG"), or nothing.
std::string DescriptionTerminator(std::string_view command) {
  try {
    Words words(command);
    const std::string keyword = words.Next().value_or("");
    const bool node = IsKeyword(keyword, "JOB") || IsKeyword(keyword, "FINAL") ||
                      IsKeyword(keyword, "SERVICE") || IsKeyword(keyword, "PROVISIONER");
    if (!node && !IsKeyword(keyword, "SUBMIT-DESCRIPTION")) return {};
    words.Next();  // the name
    const std::string_view submit = Trim(words.Rest());
    if (submit.starts_with('{')) return "}";
    if (submit.starts_with("@=")) return "@" + SplitAny(submit.substr(2), kBlanks).at(0);
    return {};
  } catch (const std::exception&) {
    return {};  // the parser says what is wrong with this line
  }
}

bool Terminates(std::string_view line, std::string_view terminator) {
  return line.starts_with(terminator) && (line.size() == terminator.size() ||
                                          line[terminator.size()] == ' ' || line[terminator.size()] == '\t');
}

}  // namespace

std::vector<DagLine> SplitDagLines(std::string_view text, const std::string& file, Faults& faults) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark of Windows editors
  std::vector<DagLine> lines;
  PhysicalLines physical(text);
  std::string_view line;
  DagLine command;
  bool continued = false;

  while (physical.Next(line)) {
    if (line.empty() || IsComment(line)) continue;  // these do not end a continuation either
    if (!continued) command = DagLine{physical.number(), ""};
    continued = line.back() == '\\';
    if (continued) line.remove_suffix(1);
    if (!command.text.empty()) command.text.push_back(' ');
    command.text.append(Trim(line));
    if (continued) continue;

    const std::string terminator = DescriptionTerminator(command.text);
    if (!terminator.empty()) {
      bool ended = false;
      while (!ended && physical.Next(line)) ended = Terminates(line, terminator);
      if (!ended) {
        AddError(faults, {file, command.line}, "the submit description has no closing '" + terminator + "'");
      }
    }
    lines.push_back(std::move(command));
    command = {};
  }
  if (continued) {
    AddWarning(faults, {file, physical.number()}, "the file ends inside a continued line ('\\' at its end)");
    lines.push_back(std::move(command));
  }
  return lines;
}

bool IsKeyword(std::string_view word, std::string_view keyword) {
  const auto plain = [](char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return c == '_' ? '-' : c;
  };
  return std::equal(word.begin(), word.end(), keyword.begin(), keyword.end(),
                    [&](char a, char b) { return plain(a) == plain(b); });
}

std::string Unquoted(const std::string& word) {
  const bool quoted =
      word.size() >= 2 && (word.front() == '"' || word.front() == '\'') && word.back() == word.front();
  return quoted ? word.substr(1, word.size() - 2) : word;
}

std::optional<std::string> Words::Next() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  if (rest_.empty()) return std::nullopt;
  std::string word;
  char quote = 0;
  std::size_t i = 0;
  for (; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (quote == 0 && kBlanks.find(c) != std::string_view::npos) break;
    if (quote != 0 && c == '\\' && i + 1 < rest_.size()) {
      word.push_back(rest_[++i]);
      continue;
    }
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    word.push_back(c);
  }
  rest_.remove_prefix(i);
  if (quote != 0) throw Error(std::string("a quote (") + quote + ") is not closed");
  return word;
}

bool Words::Take(std::string_view keyword) {
  const std::string_view before = rest_;
  const auto word = Next();
  if (word && IsKeyword(*word, keyword)) return true;
  rest_ = before;
  return false;
}

}  // namespace roost::dag
