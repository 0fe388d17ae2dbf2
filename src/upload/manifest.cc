#include "upload/manifest.h"

#include <array>
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

namespace roost::upload {
namespace {

std::string Escaped(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\t') {
      line += "\\t";
    } else if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      std::array<char, 5> code{};
      std::snprintf(code.data(), code.size(), "\\x%02X", byte);
      line += code.data();
    } else {
      line += c;
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
