#include "yolo/detect/manifest.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "roost/base/clock.h"
#include "roost/base/text.h"
#include "yolo/detect/json_text.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kStem = ".roost-manifest";
constexpr const char* kSuffix = ".jsonl";
constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;

Error CannotCreate(int error_number, const std::string& action, const Path& path) {
  const Error error = ErrnoError(error_number, action, path);
  return Error(error.message(),
               error.code() == ExitCode::kPermission ? ExitCode::kPermission : ExitCode::kCannotCreate);
}

FileDescriptor OpenForAppending(const Path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file.valid()) throw CannotCreate(errno, "write", path);
  return file;
}

/// False where another process holds it. A file system without locks lets everybody in.
bool Lock(const FileDescriptor& file) {
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/// The lines of a manifest that are whole; what a killed run left of its last one is cut off the text.
std::vector<json> ParseLines(std::string& text) {
  text.resize(text.rfind('\n') + 1);
  std::vector<json> lines;
  for (const std::string& line : Split(text, '\n')) {
    json value = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (value.is_object()) lines.push_back(std::move(value));
  }
  return lines;
}

bool IsHeader(const json& line) { return line.contains("roost_manifest"); }

json ToJson(const FoundObject& object) {
  const Box& box = object.box;
  return {object.class_id,  Shortest(object.confidence),
          Shortest(box.x1), Shortest(box.y1),
          Shortest(box.x2), Shortest(box.y2),
          object.frame};
}

FoundObject ObjectOf(const json& value) {
  return {.class_id = value.at(0),
          .confidence = value.at(1),
          .box = {value.at(2), value.at(3), value.at(4), value.at(5)},
          .frame = value.at(6)};
}

json ToJson(const InputRecord& record) {
  json line = {{"input", JsonName(record.input)}, {"size", record.size}};
  if (!record.unusable.empty()) {
    line["unusable"] = record.unusable;
    return line;
  }
  line["frames"] = record.frames;
  line["objects"] = record.objects;
  json& outputs = line["outputs"] = json::object();
  for (const auto& [name, size] : record.outputs) outputs[JsonName(name)] = size;
  if (!record.found.empty()) {
    json& found = line["found"] = json::array();
    for (const FoundObject& object : record.found) found.push_back(ToJson(object));
  }
  return line;
}

/// Nothing where the line is no record: of another version, or damaged.
std::optional<InputRecord> RecordOf(const json& line) {
  try {
    InputRecord record;
    record.input = NameOfJson(line.at("input"));
    record.size = line.at("size");
    record.unusable = line.value("unusable", "");
    record.frames = line.value("frames", std::int64_t{0});
    record.objects = line.value("objects", std::int64_t{0});
    const json outputs = line.value("outputs", json::object());
    for (const auto& [name, size] : outputs.items()) record.outputs[NameOfJson(name)] = size;
    for (const json& object : line.value("found", json::array())) record.found.push_back(ObjectOf(object));
    return record;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

/// Throws where `now` would make other results than `before` did.
void CheckSettings(const json& before, const json& now, const Path& manifest) {
  for (const auto& [name, value] : now.items()) {
    const json was = before.value(name, json());
    if (was == value) continue;
    throw Error("cannot go on with the run in '" + manifest.parent_path().string() + "': its " + name +
                    " was " + JsonLine(was) + ", not " + JsonLine(value),
                ExitCode::kUsage, "give the flags of that run, or another output folder");
  }
}

/// Records of the last run, without those whose files are not what they were.
std::vector<InputRecord> IntactRecords(std::span<const json> lines, const Path& folder) {
  std::vector<InputRecord> records;
  std::map<std::string, std::uint64_t> sizes;  // several inputs may share a file: the last record counts
  std::map<std::string, std::size_t> places;   // an input may have been done again: the same
  for (const json& line : lines) {
    auto record = RecordOf(line);
    if (!record) continue;
    for (const auto& [name, size] : record->outputs) sizes[name] = size;
    const auto [place, is_new] = places.emplace(record->input, records.size());
    if (is_new) {
      records.push_back(std::move(*record));
    } else {
      records[place->second] = std::move(*record);
    }
  }
  const auto is_intact = [&](const std::string& name) {
    std::error_code error;
    return fs::file_size(folder / name, error) == sizes.at(name) && !error;
  };
  std::erase_if(records, [&](const InputRecord& record) {
    return std::ranges::any_of(record.outputs, [&](const auto& output) { return !is_intact(output.first); });
  });
  return records;
}

}  // namespace

std::string InputKey(const Path& path, const Path& working_directory) {
  const Path relative = path.lexically_relative(working_directory);
  const bool below = !relative.empty() && *relative.begin() != "..";
  return below ? relative : path;
}

Manifest::Manifest(const Options& options, const json& settings)
    : suffix_(options.name.empty() ? "" : "-" + options.name) {
  const auto path_for = [&] { return options.folder / (kStem + suffix_ + kSuffix); };
  path_ = path_for();
  file_ = OpenForAppending(path_);
  if (!Lock(file_)) {
    if (options.resume) {
      throw Error("the run in '" + options.folder.string() + "' is still under way, in another process",
                  ExitCode::kTryAgain);
    }
    suffix_ += "-" + HostName() + "-" + std::to_string(::getpid());
    path_ = path_for();
    file_ = OpenForAppending(path_);
    Lock(file_);
  }

  std::string text = ReadFile(path_, kMaxBytes).value();
  const std::size_t bytes = text.size();
  std::vector<json> lines = ParseLines(text);
  if (text.size() < bytes && ::ftruncate(file_.get(), static_cast<off_t>(text.size())) != 0) {
    throw CannotCreate(errno, "write", path_);
  }
  const auto header = std::find_if(lines.rbegin(), lines.rend(), IsHeader);
  if (options.resume && header != lines.rend()) {
    CheckSettings(header->value("settings", json::object()), settings, path_);
    owns_labels_ = header->value("owns_labels", false);
    finished_ = IntactRecords(std::span(header.base(), lines.end()), options.folder);
    return;
  }
  owns_labels_ = options.owns_labels;
  const json first = {{"roost_manifest", 1},
                      {"version", ROOST_VERSION},
                      {"started", FormatTime(SystemClock().WallNow(), "%Y-%m-%dT%H:%M:%SZ", /*utc=*/true)},
                      {"owns_labels", options.owns_labels},
                      {"settings", settings}};
  WriteAll(file_.get(), JsonLine(first) + "\n", path_).value();
}

void Manifest::Claim(const std::string& name) {
  if (owns_labels_) return;
  WriteAll(file_.get(), JsonLine(json{{"claims", JsonName(name)}}) + "\n", path_).value();
}

void Manifest::Add(const InputRecord& record) {
  WriteAll(file_.get(), JsonLine(ToJson(record)) + "\n", path_).value();
}

Manifest::Ownership Manifest::OutputsIn(const Path& folder) {
  Ownership ownership;
  std::error_code error;  // a folder that cannot be read holds nothing that we know of
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (!name.starts_with(kStem) || !name.ends_with(kSuffix)) continue;
    auto text = ReadRegularFile(it->path(), kMaxBytes);
    if (!text) continue;
    ownership.any = true;
    for (const json& line : ParseLines(*text)) {
      if (IsHeader(line)) {
        ownership.all_labels |= line.value("owns_labels", false);
      } else if (const auto claim = line.find("claims"); claim != line.end() && claim->is_string()) {
        ownership.files.insert(NameOfJson(*claim));
      } else if (const auto record = RecordOf(line)) {
        for (const auto& [output, size] : record->outputs) ownership.files.insert(output);
      }
    }
  }
  return ownership;
}

}  // namespace roost::yolo
