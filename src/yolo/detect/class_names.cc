#include "yolo/detect/class_names.h"

#include <cstdint>
#include <map>

#include <yaml-cpp/yaml.h>

namespace roost::yolo {
namespace {

constexpr std::int64_t kMaxClasses = 1'000'000;
constexpr std::uint64_t kMaxBytes = 64 << 20;

Error Wrong(const Path& file, const YAML::Mark& mark, const std::string& what) {
  const std::string line = mark.is_null() ? "" : ":" + std::to_string(mark.line + 1);
  return Error(file.string() + line + ": " + what, ExitCode::kBadData);
}

}  // namespace

std::vector<std::string> ReadClassNames(const Path& dataset_yaml) {
  const std::string text = ReadRegularFile(dataset_yaml, kMaxBytes).value();
  try {
    const YAML::Node root = YAML::Load(text);
    const YAML::Node names = root.IsMap() ? root["names"] : YAML::Node(YAML::NodeType::Undefined);
    if (!names || !(names.IsSequence() || names.IsMap())) {
      throw Wrong(dataset_yaml, root.Mark(),
                  "no 'names': a list of class names, or a map from class id to name");
    }
    std::vector<std::string> by_id;
    if (names.IsSequence()) {
      for (const YAML::Node& name : names) by_id.push_back(name.as<std::string>());
      return by_id;
    }
    for (const auto& entry : names) {
      const auto id = entry.first.as<std::int64_t>();
      if (id < 0 || id >= kMaxClasses) {
        throw Wrong(dataset_yaml, entry.first.Mark(), "class id " + std::to_string(id) + " out of range");
      }
      const auto index = static_cast<std::size_t>(id);
      while (by_id.size() <= index) by_id.push_back("class" + std::to_string(by_id.size()));
      by_id[index] = entry.second.as<std::string>();
    }
    return by_id;
  } catch (const YAML::Exception& error) {
    throw Wrong(dataset_yaml, error.mark, error.msg);
  }
}

bool AreNamesMadeUp(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != "class" + std::to_string(i)) return false;
  }
  return true;
}

}  // namespace roost::yolo
