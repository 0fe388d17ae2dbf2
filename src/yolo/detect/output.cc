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

Error WouldReplace(const Path& folder, const Path& input) {
  return Error("the output folder '" + folder.string() + "' holds the input '" + input.string() +
                   "', which would be replaced by a result",
               ExitCode::kUsage, "choose another folder, or --nosave");
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
    if (!replaced) continue;
    if (const auto found = input_files.find(*replaced); found != input_files.end()) {
      throw WouldReplace(folder, found->second);
    }
    // Also a file beside the input that only looks like its annotated copy: clip.mp4 beside clip.avi.
    if (FileAt(output.parent_path()) == FileAt(input.path.parent_path())) throw WouldReplace(folder, output);
  }
}

/// Nothing that is looked at may lie where this run writes cut-outs.
void CheckNoInputBelow(const std::vector<Input>& inputs, const Path& folder) {
  std::error_code error;
  const Path resolved = fs::weakly_canonical(folder, error);
  for (const Input& input : inputs) {
    const Path relative = input.path.lexically_relative(resolved);
    if (!relative.empty() && *relative.begin() != "..") throw WouldReplace(folder, input.path);
  }
}

/// "clip" for "clip_12.txt"; nothing for names of another form.
std::optional<std::string> StemOfFrameLabels(const Path& name) {
  const std::string stem = name.stem();
  const std::size_t digits = stem.find_last_not_of("0123456789") + 1;
  const bool is_frame =
      name.extension() == ".txt" && digits > 0 && digits < stem.size() && stem[digits - 1] == '_';
  return is_frame ? std::optional(stem.substr(0, digits - 1)) : std::nullopt;
}

/// The files about a run as a whole have names that others use, too.
void CheckSummariesAreOurs(const OutputOptions& options, const Manifest::Ownership& noted) {
  if (noted.any) return;
  for (const auto& [name, wanted] : {std::pair("run.json", true),
                                     {"predictions.csv", options.save_csv},
                                     {"predictions.json", options.save_json}}) {
    if (!wanted || !Exists(options.folder / name)) continue;
    throw Error("'" + (options.folder / name).string() +
                    "' exists and is not known as a result of yolo-detect: it would be replaced",
                ExitCode::kCannotCreate, "choose another output folder, or remove the file");
  }
}

void CheckLabelsAreOurs(const std::vector<Input>& inputs, const Path& folder,
                        const Manifest::Ownership& noted) {
  if (noted.all_labels) return;
  const auto check = [&](const Path& name, const Input& input) {
    if (noted.files.contains(name) || !Exists(folder / name)) return;
    throw Error("'" + (folder / name).string() +
                    "' exists and is not known as a result of yolo-detect: the labels of '" +
                    input.path.string() + "' would replace it",
                ExitCode::kCannotCreate,
                "choose another output folder; or, if these labels are no longer needed, remove '" +
                    (folder / "labels").string() + "'");
  };
  std::map<Path, const Input*> videos;  // by the stem of their label files
  for (const Input& input : inputs) {
    check(LabelWriter::PathFor("labels", LabelStem(input, 0)), input);
    if (input.kind != Input::Kind::kImage) videos[LabelStem(input, 0)] = &input;
  }
  if (videos.empty()) return;
  std::error_code error;  // a folder that cannot be read holds nothing that we know of
  for (fs::recursive_directory_iterator it(folder / "labels", error), end; !error && it != end;
       it.increment(error)) {
    const Path name = it->path().lexically_relative(folder / "labels");
    const auto stem = StemOfFrameLabels(name);
    const auto video = stem ? videos.find(name.parent_path() / *stem) : videos.end();
    if (video != videos.end()) check("labels" / name, *video->second);
  }
}

/// Warns of the first few, and then how many more there are.
class Warnings {
 public:
  explicit Warnings(Reporter& reporter) : reporter_(reporter) {}
  ~Warnings() {
    if (count_ > kShown) reporter_.Warn("... and " + std::to_string(count_ - kShown) + " more such warnings");
  }
  void Add(const std::string& line) {
    if (++count_ <= kShown) reporter_.Warn(line);
  }

 private:
  static constexpr std::size_t kShown = 20;
  Reporter& reporter_;
  std::size_t count_ = 0;
};

}  // namespace

Path OutputName(const Input& input) {
  Path name = input.below / input.path.filename();
  if (input.kind != Input::Kind::kImage) return name.replace_extension(".mp4");
  if (!CanEncode(name.extension().native())) name += ".jpg";
  return name;
}

Path LabelStem(const Input& input, std::int64_t frame) {
  Path stem = input.below / input.path.stem();
  // detect.py counts the frames of videos from 1, those of streams from 0.
  const bool live = input.kind == Input::Kind::kStream;
  if (frame > 0) stem += "_" + std::to_string(live ? frame - 1 : frame);
  return stem;
}

void CheckOutputs(const std::vector<Input>& inputs, const OutputOptions& options, Reporter& reporter) {
  if (options.save_pictures) CheckInputsSurvive(inputs, options.folder);
  if (options.save_crops) CheckNoInputBelow(inputs, options.folder / "crops");
  if (options.save_features) CheckNoInputBelow(inputs, options.folder);
  const Manifest::Ownership noted = Manifest::OutputsIn(options.folder);
  CheckSummariesAreOurs(options, noted);
  if (options.save_labels) CheckLabelsAreOurs(inputs, options.folder, noted);

  Warnings warnings(reporter);
  std::map<Path, Path> by_stem;
  std::map<Path, Path> by_output;
  for (const Input& input : inputs) {
    if (!input.unusable.empty()) continue;
    if (options.save_pictures) {
      const auto [it, unique] = by_output.emplace(OutputName(input), input.path);
      if (!unique) {
        warnings.Add("'" + input.path.string() + "' has the name of '" + it->second.string() +
                     "': only one of the two annotated pictures will remain");
      }
    }
    if (options.save_labels) {
      const auto [it, unique] = by_stem.emplace(LabelStem(input, 0), input.path);
      if (!unique) {
        warnings.Add("'" + input.path.string() + "' and '" + it->second.string() + "' share a label file");
      }
    }
  }
}

}  // namespace roost::yolo
