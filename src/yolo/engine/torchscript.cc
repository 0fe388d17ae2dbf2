#include "yolo/engine/torchscript.h"

#include <algorithm>
#include <filesystem>
#include <new>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "roost/base/shared_module.h"
#include "roost/base/text.h"
#include "yolo/engine/engine_module.h"
#include "yolo/model/zip.h"

namespace roost::yolo {
namespace {

using nlohmann::json;

// Far beyond any real export, and small enough to compute with.
constexpr std::int64_t kMaxClasses = 100'000;
constexpr std::int64_t kMaxStride = 1024;
constexpr std::int64_t kMaxSide = 65'536;
constexpr std::int64_t kMaxBatch = 65'536;
constexpr std::uint64_t kMaxConfigSize = std::uint64_t{2} << 20;  // parsed, brackets cost 64 times that
constexpr std::uint64_t kMaxCodeSize = std::uint64_t{64} << 20;

[[noreturn]] void Fail(std::string what, std::string hint = {}) {
  throw Error(std::move(what), ExitCode::kBadData, std::move(hint));
}

std::string_view AsText(const SharedBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.bytes.data()), bytes.bytes.size()};
}

/// The folder in which torch puts everything, "best/"; nothing where this is no TorchScript archive.
std::optional<std::string> FindRoot(const ZipArchive& zip) {
  constexpr std::string_view kMarker = "constants.pkl";
  for (const ZipArchive::Entry& entry : zip.entries()) {
    if (!entry.name.ends_with(kMarker)) continue;
    const std::string_view root = entry.name.substr(0, entry.name.size() - kMarker.size());
    if (!root.empty() && root.find('/') == root.size() - 1) return std::string(root);
  }
  return std::nullopt;
}

bool StartsAsZip(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("PK\3\4");
}

/// A whole number in a sensible range.
std::int64_t Number(const json& value, std::string_view what, std::int64_t most) {
  if (!value.is_number()) Fail("its config.txt has a " + std::string(what) + " that is not a number");
  const double number = value.get<double>();
  if (!(number >= 1 && number <= static_cast<double>(most))) {
    Fail("its config.txt has a " + std::string(what) + " of " + value.dump() + ", which cannot be");
  }
  return static_cast<std::int64_t>(number);
}

std::string Name(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  Fail("its config.txt has a class name that is not a text");
}

/// A list, or an object from number to name: JSON has no other keys than texts.
std::vector<std::string> ReadNames(const json& value) {
  std::vector<std::string> names;
  if (!value.is_array() && !value.is_object()) Fail("its config.txt has names that are no list of names");
  if (value.size() > static_cast<std::size_t>(kMaxClasses)) {
    Fail("its config.txt names " + std::to_string(value.size()) + " classes");
  }
  if (value.is_array()) {
    for (const json& name : value) names.push_back(Name(name));
    return names;
  }
  for (const auto& [key, name] : value.items()) {
    const auto id = ParseInt(key);
    if (!id || *id < 0 || *id >= kMaxClasses) {
      Fail("its config.txt names class '" + Printable(key.substr(0, 40)) + "', which cannot be");
    }
    for (auto i = static_cast<std::int64_t>(names.size()); i <= *id; ++i) {
      names.push_back("class" + std::to_string(i));
    }
    names[static_cast<std::size_t>(*id)] = Name(name);
  }
  return names;
}

void ReadConfig(std::string_view text, ScriptInfo& info) {
  const json config = json::parse(text, /*callback=*/nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) Fail("its config.txt is not what export.py writes");
  if (const auto stride = config.find("stride"); stride != config.end()) {
    info.stride = Number(*stride, "stride", kMaxStride);
  }
  if (const auto names = config.find("names"); names != config.end()) info.names = ReadNames(*names);
  const auto shape = config.find("shape");
  if (shape == config.end()) return;
  if (!shape->is_array() || shape->size() != 4) Fail("its config.txt has a shape that is not four numbers");
  info.traced = TracedInput{.batch = Number((*shape)[0], "batch", kMaxBatch),
                            .size = {.height = Number((*shape)[2], "height", kMaxSide),
                                     .width = Number((*shape)[3], "width", kMaxSide)}};
}

/// What the program's text gives away. Class names survive tracing, and so do the operations that make the
/// grid of a detection head: an export for one size has the finished grid among its constants instead.
void ReadProgram(std::string_view code, ScriptInfo& info) {
  const auto has = [&](std::string_view word) { return code.find(word) != std::string_view::npos; };
  if (has("class Segment(")) info.task = Task::kSegment;
  // Its head is an average over the whole map, whatever its size.
  if (has("class Classify(") || has("class ClassificationModel(")) {
    info.task = Task::kClassify;
    info.dynamic = true;
  }
  if (has("torch.arange(")) info.dynamic = true;
}

ScriptInfo ReadInfo(SharedBytes file) {
  if (!StartsAsZip(file.bytes)) Fail("it is not a TorchScript file");
  const ZipArchive zip(std::move(file));
  const auto root = FindRoot(zip);
  if (!root) Fail("it is not a TorchScript file: there is no constants.pkl in it");
  ScriptInfo info;
  for (const ZipArchive::Entry& entry : zip.entries()) {
    // LibTorch does not look at checksums, and would take damaged weights as they are.
    const SharedBytes content = zip.Read(entry);
    if (!entry.name.starts_with(*root)) continue;
    const std::string_view name = entry.name.substr(root->size());
    if (name == "extra/config.txt") {
      if (entry.size > kMaxConfigSize) Fail("its config.txt is absurdly large");
      ReadConfig(AsText(content), info);
    } else if (name.starts_with("code/") && name.ends_with(".py")) {
      if (entry.size > kMaxCodeSize) Fail("its program is absurdly large");
      ReadProgram(AsText(content), info);
    }
  }
  return info;
}

}  // namespace

bool IsTorchScript(const Path& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return false;
  try {
    const auto mapped = MappedFile::Open(file);
    return StartsAsZip(mapped->bytes()) && FindRoot(ZipArchive({mapped->bytes(), mapped})).has_value();
  } catch (const Error&) {
    return false;
  }
}

ScriptInfo ReadScriptInfo(const Path& file) {
  const auto cannot = [&](const std::string& reason, ExitCode code, const std::string& hint = {}) {
    return Error("cannot read weights '" + file.string() + "': " + reason, code, hint);
  };
  std::error_code ignored;
  const auto status = std::filesystem::status(file, ignored);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw cannot("there is no such file", ExitCode::kNoInput);
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw cannot(std::filesystem::is_directory(status) ? "it is a folder" : "it is not a regular file",
                 ExitCode::kBadData);
  }
  const std::shared_ptr<const MappedFile> mapped = MappedFile::Open(file);
  try {
    ScriptInfo info = ReadInfo({mapped->bytes(), mapped});
    info.file = file;
    return info;
  } catch (const Error& error) {
    throw cannot(error.message(), error.code(), error.hint());
  } catch (const std::bad_alloc&) {
    throw cannot("it needs more memory than this machine has", ExitCode::kBadData);
  }
}

Script OpenScript(const ScriptInfo& info, const EngineOptions& options) {
  const auto& module =
      *static_cast<const ScriptModule*>(OpenSharedModule({.file = "roost_engine_torchscript.so",
                                                          .what = "the engine for TorchScript files",
                                                          .symbol = kScriptModuleSymbol}));
  return module.open(info, options);
}

}  // namespace roost::yolo
