#include "yolo/detect/json_text.h"

#include <charconv>
#include <string_view>

namespace roost::yolo {
namespace {

constexpr std::string_view kBytes = "bytes:";

bool IsJsonText(const std::string& text) {
  try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

std::string JsonName(const std::string& name) {
  if (IsJsonText(name) && !name.starts_with(kBytes)) return name;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kBytes);
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string NameOfJson(const std::string& text) {
  if (!text.starts_with(kBytes)) return text;
  std::string name;
  for (std::size_t i = kBytes.size(); i + 1 < text.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    name += static_cast<char>(byte);
  }
  return name;
}

double Shortest(float value) {
  char digits[64];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  double shortest = 0;
  std::from_chars(digits, end, shortest);
  return shortest;
}

}  // namespace roost::yolo
