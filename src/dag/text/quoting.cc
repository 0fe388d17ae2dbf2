#include "dag/text/quoting.h"

#include <algorithm>

#include "roost/base/text.h"
#include "roost/dag/submit.h"

namespace roost::dag {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool IsBlank(char c) { return kBlanks.find(c) != std::string_view::npos; }

/// The content of "...", where "" stands for one quote.
Result<std::string> WithoutOuterQuotes(std::string_view text, std::string_view what) {
  if (text.size() < 2 || text.back() != '"') {
    return Error("the quoted " + std::string(what) + " must end with a double quote");
  }
  text = text.substr(1, text.size() - 2);
  std::string content;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (i + 1 >= text.size() || text[i + 1] != '"') {
        return Error("a double quote within the quoted " + std::string(what) + " must be doubled (\"\")");
      }
      ++i;
    }
    content.push_back(text[i]);
  }
  return content;
}

}  // namespace

Result<std::vector<std::string>> SplitQuotedWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\'' && i + 1 < text.size() && text[i + 1] == '\'') {
      word.push_back(c);
      ++i;
    } else if (c == '\'') {
      quoted = !quoted;
      in_word = true;  // '' alone is an empty word
    } else if (!quoted && IsBlank(c)) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word.push_back(c);
      in_word = true;
    }
  }
  if (quoted) return Error("a single quote (') is not closed");
  if (in_word) words.push_back(std::move(word));
  return words;
}

Result<std::vector<std::string>> ParseArguments(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('"')) {
    auto content = WithoutOuterQuotes(text, "arguments");
    if (!content) return content.error();
    return SplitQuotedWords(*content);
  }

  // Old syntax: only \" is special.
  std::vector<std::string> words;
  for (const std::string& piece : SplitAny(text, kBlanks)) {
    std::string word;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (piece[i] == '\\' && i + 1 < piece.size() && piece[i + 1] == '"') {
        word.push_back(piece[++i]);
      } else if (piece[i] == '"') {
        return Error("a double quote within arguments must be written \\\", or all of them be put in quotes");
      } else {
        word.push_back(piece[i]);
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

Result<std::vector<std::string>> CheckEnvironment(const std::vector<std::string>& words) {
  std::vector<std::string> environment;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error("'" + word + "' is not NAME=value");
    }
    const auto same = std::find_if(environment.begin(), environment.end(), [&](const std::string& known) {
      return known.compare(0, equals + 1, word, 0, equals + 1) == 0;
    });
    if (same != environment.end()) {
      *same = word;
    } else {
      environment.push_back(word);
    }
  }
  return environment;
}

std::string QuoteWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text.push_back(' ');
    if (!word.empty() && word.find_first_of(" \t\r\n'") == std::string::npos) {
      text += word;
      continue;
    }
    text.push_back('\'');
    for (const char c : word) text.append(c == '\'' ? 2 : 1, c);
    text.push_back('\'');
  }
  return text;
}

std::optional<std::string> OldArguments(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.empty() || word.find_first_of(" \t\r\n") != std::string::npos) return std::nullopt;
  }
  return Join(words, " ");
}

Result<std::vector<std::string>> ParseEnvironment(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('"')) {
    auto content = WithoutOuterQuotes(text, "environment");
    if (!content) return content.error();
    auto words = SplitQuotedWords(*content);
    if (!words) return words.error();
    return CheckEnvironment(*words);
  }
  std::vector<std::string> words;
  for (const std::string& entry : Split(text, ';')) {
    const auto equals = entry.find('=');
    const std::string_view name = Trim(std::string_view(entry).substr(0, equals));
    if (name.empty() && equals == std::string::npos) continue;  // ";;" and a ';' at the end
    words.push_back(std::string(name) + (equals == std::string::npos ? "" : entry.substr(equals)));
  }
  return CheckEnvironment(words);
}

}  // namespace roost::dag
