#include "dag/report/json.h"

#include <cstdio>
#include <utility>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// How many bytes the UTF-8 character at the beginning of `text` has; 0 where there is none.
std::size_t CharacterLength(std::string_view text) {
  for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length) {
    if (IsUtf8(text.substr(0, length))) return length;
  }
  return 0;
}

void AppendEscaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  // "</" could end a script element, and "<!--" begin a comment, where the text stands within a page.
  if (c >= 0x20 && c != '<' && c != 0x7F) {
    out += static_cast<char>(c);
    return;
  }
  char escape[8];
  std::snprintf(escape, sizeof escape, "\\u%04x", c);
  out += escape;
}

}  // namespace

JsonText& JsonText::Begin(char bracket) {
  Separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

JsonText& JsonText::End(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonText& JsonText::Key(std::string_view name) {
  String(name);
  text_ += ':';
  first_ = true;
  return *this;
}

JsonText& JsonText::String(std::string_view text) {
  Separate();
  text_ += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    if (c < 0x80) {
      AppendEscaped(text_, c);
      text.remove_prefix(1);
    } else if (const std::size_t length = CharacterLength(text); length > 0) {
      text_ += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      text_ += "\\ufffd";
      text.remove_prefix(1);
    }
  }
  text_ += '"';
  return *this;
}

JsonText& JsonText::Number(std::int64_t value) {
  Separate();
  text_ += std::to_string(value);
  return *this;
}

JsonText& JsonText::Number(double value) {
  Separate();
  char number[64];
  std::snprintf(number, sizeof number, "%.3f", value);
  text_ += number;
  return *this;
}

JsonText& JsonText::Bool(bool value) {
  Separate();
  text_ += value ? "true" : "false";
  return *this;
}

JsonText& JsonText::Null() {
  Separate();
  text_ += "null";
  return *this;
}

std::string JsonText::Take() {
  first_ = true;
  return std::exchange(text_, {});
}

void JsonText::Separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

}  // namespace roost::dag
