#include "upload/manifest.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

#include "roost/base/text.h"

namespace roost::upload {
namespace {

/// Bytes of the UTF-8 character that `text` begins with; 0 where it begins with none.
std::size_t CharacterLength(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    if (IsUtf8(text.substr(0, length))) return length;
  }
  return 0;
}

/// C0, DEL and C1 (U+0080 to U+009F): what a terminal may obey.
bool IsControl(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return character.size() == 2 && first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    std::array<char, 5> code{};
    std::snprintf(code.data(), code.size(), "\\x%02X", static_cast<unsigned char>(c));
    text += code.data();
  }
  return text;
}

std::string Escaped(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(character.size());
    if (character == "\\") {
      line += "\\\\";
    } else if (character == "\t") {
      line += "\\t";
    } else if (character == "\n") {
      line += "\\n";
    } else if (length == 0 || IsControl(character)) {
      line += Hex(character);
    } else {
      line += character;
    }
  }
  return line;
}

/// Whether the file ends in the middle of a line, as a killed writer leaves it.
bool EndsInALine(const Path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() <= 0) return false;
  file.seekg(-1, std::ios::end);
  return file.get() != '\n';
}

}  // namespace

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSent:
      return "sent";
    case Outcome::kReplaced:
      return "replaced";
    case Outcome::kSkipped:
      return "skipped";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kWouldSend:
      return "would-send";
    case Outcome::kWouldReplace:
      return "would-replace";
  }
  return {};
}

bool Record::Confirmed() const {
  return outcome == Outcome::kSent || outcome == Outcome::kReplaced || outcome == Outcome::kSkipped;
}

std::string TextLine(const Record& record) {
  std::string line = record.sha256.empty() ? "-" : record.sha256;
  line.append("\t").append(std::to_string(record.size)).append("\t").append(Escaped(record.path));
  return line.append("\t").append(ToString(record.outcome)).append("\n");
}

std::string JsonLine(const Record& record) {
  nlohmann::ordered_json line;
  line["path"] = record.path;
  line["outcome"] = ToString(record.outcome);
  line["size"] = record.size;
  if (!record.sha256.empty()) line["sha256"] = record.sha256;
  line["mtime_ns"] = record.mtime_ns;
  line["source"] = record.source;
  if (record.link) line["link"] = true;
  line["destination"] = record.destination;
  if (!record.error.empty()) line["error"] = record.error;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

ManifestFile::ManifestFile(const Path& path) : file_(path) {
  if (EndsInALine(path)) file_.Append("\n").value();
}

Result<void> ManifestFile::Append(const Record& record) {
  return file_.Append(JsonLine(record), AppendFile::Sync::kYes);
}

}  // namespace roost::upload
