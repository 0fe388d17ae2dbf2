#include "yolo/detect/output.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "yolo/detect/labels.h"
#include "yolo/detect/manifest.h"
#include "yolo/detect/reporter.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

/// Which file a path leads to, through links: device and inode; nothing where there is none.
std::optional<std::pair<dev_t, ino_t>> FileAt(const Path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return std::pair(info.st_dev, info.st_ino);
}

bool Exists(const Path& path) {
  std::error_code error;  // a path that may not be looked at: whoever writes there says so
  return fs::exists(fs::symlink_status(path, error));
}

void CheckInputsSurvive(const std::vector<Input>& inputs, const Path& folder) {
  std::map<std::pair<dev_t, ino_t>, Path> input_files;
  for (const Input& input : inputs) {
    if (const auto file = FileAt(input.path)) input_files.emplace(*file, input.path);
  }
  for (const Input& input : inputs) {
    if (!input.unusable.empty()) continue;
    const Path output = folder / OutputName(input);
    const auto replaced = FileAt(output);
    const auto found = replaced ? input_files.find(*replaced) : input_files.end();
    const auto output_folder = FileAt(output.parent_path());
    const bool in_place = output_folder && FileAt(input.path.parent_path()) == output_folder &&
                          output.filename() == input.path.filename();
    if (found == input_files.end() && !in_place) continue;
    const Path& victim = in_place ? input.path : found->second;
    throw Error("the output folder '" + folder.string() + "' holds the input '" + victim.string() +
                    "', which would be replaced by an annotated picture",
                ExitCode::kUsage, "choose another folder, or --nosave");
  }
}

void CheckLabelsAreOurs(const std::vector<Input>& inputs, const Path& folder) {
  const Manifest::Ownership noted = Manifest::LabelsIn(folder);
  if (noted.all) return;
  std::set<Path> ours;
  for (const Input& input : inputs) {
    if (Exists(folder / OutputName(input))) ours.insert(LabelStem(input, 0));
  }
  for (const Input& input : inputs) {
    const Path stem = LabelStem(input, 0);
    const Path name = LabelWriter::PathFor("labels", stem);
    if (ours.contains(stem) || noted.files.contains(name) || !Exists(folder / name)) continue;
    throw Error("'" + (folder / name).string() +
                    "' exists and is not known as a result of yolo-detect: the labels of '" +
                    input.path.string() + "' would replace it",
                ExitCode::kCannotCreate,
                "choose another output folder; or, if these labels are no longer needed, remove '" +
                    (folder / "labels").string() + "'");
  }
}

}  // namespace

Path OutputName(const Input& input) {
  Path name = input.below / input.path.filename();
  if (input.kind != Input::Kind::kImage) return name.replace_extension(".mp4");
  if (!CanEncode(name.extension().native())) name += ".jpg";
  return name;
}

Path LabelStem(const Input& input, std::int64_t frame) {
  Path stem = input.below / input.path.stem();
  if (frame > 0) stem += "_" + std::to_string(frame);
  return stem;
}

void CheckOutputs(const std::vector<Input>& inputs, const OutputOptions& options, Reporter& reporter) {
  if (options.save_pictures) CheckInputsSurvive(inputs, options.folder);
  if (options.save_labels) CheckLabelsAreOurs(inputs, options.folder);

  std::map<Path, Path> by_stem;
  std::map<Path, Path> by_output;
  for (const Input& input : inputs) {
    if (!input.unusable.empty()) continue;
    if (options.save_pictures) {
      const auto [it, unique] = by_output.emplace(OutputName(input), input.path);
      if (!unique) {
        reporter.Warn("'" + input.path.string() + "' has the name of '" + it->second.string() +
                      "': only one of the two annotated pictures will remain");
      }
    }
    if (options.save_labels) {
      const auto [it, unique] = by_stem.emplace(LabelStem(input, 0), input.path);
      if (!unique) {
        reporter.Warn("'" + input.path.string() + "' and '" + it->second.string() + "' share a label file");
      }
    }
  }
}

}  // namespace roost::yolo
