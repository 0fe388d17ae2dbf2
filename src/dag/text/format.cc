#include "dag/text/format.h"

#include <cstdio>
#include <string_view>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// "text%05lldtext" in its parts.
struct Format {
  std::string before;
  std::string flags;  ///< with width and precision
  char conversion = 0;
  std::string after;
};

Format ParseFormat(const std::string& text, std::string_view conversions) {
  const Error fault("the format '" + Printable(text) + "' is not supported: use one like %5" +
                    std::string(conversions.substr(0, 1)));
  const auto percent = text.find('%');
  if (percent == std::string::npos || text.find('%', percent + 1) != std::string::npos) throw fault;
  const auto modifiers = text.find_first_not_of("-+ #0123456789.", percent + 1);
  const auto letter =
      modifiers == std::string::npos ? modifiers : text.find_first_not_of("hlqjzL", modifiers);
  if (letter == std::string::npos || conversions.find(text[letter]) == std::string_view::npos) throw fault;
  Format format;
  format.before = text.substr(0, percent);
  format.flags = text.substr(percent + 1, modifiers - percent - 1);
  format.conversion = text[letter];
  format.after = text.substr(letter + 1);
  // Wider than any column: refused before printf fills memory with blanks.
  for (const std::string& number : SplitAny(format.flags, "-+ #.")) {
    if (number.size() > 3) throw fault;
  }
  return format;
}

template <typename T>
std::string Print(const Format& format, const char* length, T value) {
  const std::string conversion = "%" + format.flags + length + format.conversion;
  const int size = std::snprintf(nullptr, 0, conversion.c_str(), value);
  if (size < 0) throw Error("the format '%" + format.flags + format.conversion + "' is not supported");
  std::string printed(static_cast<std::size_t>(size) + 1, '\0');
  (void)std::snprintf(printed.data(), printed.size(), conversion.c_str(), value);
  printed.pop_back();
  return format.before + printed + format.after;
}

}  // namespace

std::string FormatInteger(std::int64_t value, const std::string& format) {
  if (format.empty()) return std::to_string(value);
  return Print(ParseFormat(format, "diuxXo"), "ll", static_cast<long long>(value));
}

std::string FormatReal(double value, const std::string& format) {
  if (!format.empty()) return Print(ParseFormat(format, "gGeEfFaA"), "", value);
  std::string text = Print(ParseFormat("%.16G", "G"), "", value);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string FormatText(const std::string& value, const std::string& format) {
  if (format.empty()) return value;
  return Print(ParseFormat(format, "s"), "", value.c_str());
}

}  // namespace roost::dag
