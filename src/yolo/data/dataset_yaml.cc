#include <cstdint>
#include <string>
#include <system_error>

#include <yaml-cpp/yaml.h>

#include "yolo/data/dataset.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxClasses = 100'000;
constexpr std::uint64_t kMaxBytes = 64 << 20;

class Reader {
 public:
  explicit Reader(const Path& file) : file_(file) {}

  DatasetYaml Read(const YAML::Node& root) const {
    if (!root.IsMap()) throw Wrong(root, "not a dataset: a map with train, val and names is wanted");
    DatasetYaml yaml;
    yaml.file = file_;
    yaml.names = Names(root);
    CheckCount(root, yaml);
    const Path folder = Folder(root["path"]);
    yaml.train = Sources(root["train"], folder);
    yaml.val = Sources(root["val"], folder);
    yaml.test = Sources(root["test"], folder);
    const YAML::Node download = root["download"];
    if (download && download.IsScalar()) yaml.download = download.Scalar();
    return yaml;
  }

  Error Wrong(const YAML::Mark& mark, const std::string& what) const {
    const std::string line = mark.is_null() ? "" : ":" + std::to_string(mark.line + 1);
    return Error(file_.string() + line + ": " + what, ExitCode::kBadData);
  }

 private:
  Error Wrong(const YAML::Node& node, const std::string& what) const { return Wrong(node.Mark(), what); }

  std::vector<std::string> Names(const YAML::Node& root) const {
    const YAML::Node names = root["names"];
    if (!names || !(names.IsSequence() || names.IsMap()) || names.size() == 0) {
      throw Wrong(names ? names : root, "no 'names': a list of class names, or a map from class id to name");
    }
    std::vector<std::string> by_id;
    if (names.IsSequence()) {
      for (const YAML::Node& name : names) by_id.push_back(Text(name, "a class name"));
      return by_id;
    }
    for (const auto& entry : names) {
      std::int64_t id = 0;
      if (!YAML::convert<std::int64_t>::decode(entry.first, id) || id < 0 || id >= kMaxClasses) {
        throw Wrong(entry.first, "class ids are whole numbers from 0 up, such as 2: car");
      }
      const auto index = static_cast<std::size_t>(id);
      while (by_id.size() <= index) by_id.push_back("class" + std::to_string(by_id.size()));
      by_id[index] = Text(entry.second, "a class name");
    }
    return by_id;
  }

  /// `nc` says nothing that `names` does not; where it says something else one of them is a mistake.
  void CheckCount(const YAML::Node& root, const DatasetYaml& yaml) const {
    const YAML::Node count = root["nc"];
    if (!count || count.IsNull()) return;
    std::int64_t classes = 0;
    if (!count.IsScalar() || !YAML::convert<std::int64_t>::decode(count, classes)) {
      throw Wrong(count, "'nc' is a whole number");
    }
    if (classes != std::ssize(yaml.names)) {
      throw Wrong(count, "'nc' is " + std::to_string(classes) + ", but there are " +
                             std::to_string(yaml.names.size()) + " names");
    }
  }

  std::string Text(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar()) throw Wrong(node, what + " is a piece of text");
    return node.Scalar();
  }

  /// What the paths of the YAML are below. The reference counts `path` from its own folder; ours is that of
  /// the file or, where there is nothing of that name, the working directory.
  Path Folder(const YAML::Node& path) const {
    Path home = fs::absolute(file_).parent_path();
    if (!path || path.IsNull()) return home;
    const Path folder = Text(path, "'path'");
    std::error_code error;
    const bool in_working_directory = !fs::exists(home / folder, error) && fs::exists(folder, error);
    return in_working_directory ? fs::absolute(folder) : home / folder;
  }

  std::vector<Path> Sources(const YAML::Node& node, const Path& folder) const {
    std::vector<Path> sources;
    if (!node || node.IsNull()) return sources;
    if (node.IsScalar()) return {Resolve(Name(node), folder)};
    if (!node.IsSequence()) throw Wrong(node, "a path or a list of paths is wanted");
    for (const YAML::Node& item : node) sources.push_back(Resolve(Name(item), folder));
    return sources;
  }

  std::string Name(const YAML::Node& node) const {
    std::string name = Text(node, "a path");
    if (name.empty()) throw Wrong(node, "a path must not be empty");
    return name;
  }

  /// The path that is there, of those that are usually meant; else the first.
  static Path Resolve(const std::string& name, const Path& folder) {
    constexpr std::string_view kUp = "../";
    std::vector<Path> candidates = {folder / name};
    // "../train/images" beside the folder train: what a well-known exporter writes.
    if (name.starts_with(kUp)) candidates.push_back(folder / name.substr(kUp.size()));
    candidates.push_back(fs::absolute(name));
    std::error_code error;
    for (const Path& candidate : candidates) {
      if (!fs::exists(candidate, error)) continue;
      // "a/.." is not the folder of a where a is a link.
      const Path plain = candidate.lexically_normal();
      return fs::equivalent(plain, candidate, error) ? plain : fs::canonical(candidate, error);
    }
    return candidates.front().lexically_normal();
  }

  const Path& file_;
};

}  // namespace

DatasetYaml ReadDatasetYaml(const Path& file) {
  const std::string text = ReadRegularFile(file, kMaxBytes).value();
  const Reader reader(file);
  try {
    return reader.Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    throw reader.Wrong(error.mark, error.msg);
  }
}

}  // namespace roost::yolo
