#include "yolo/detect/run.h"

#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <sys/stat.h>

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

/// Runs `step` and says in `time` how long it took.
template <typename Step>
auto Timed(Milliseconds& time, Step&& step) {
  const auto start = std::chrono::steady_clock::now();
  auto result = step();
  time = std::chrono::steady_clock::now() - start;
  return result;
}

/// A picture on its way: each step below fills in a part.
struct Job {
  const Input* input = nullptr;
  Image image;
  Size network;  ///< size of the padded network input
  std::vector<Detection> detections;
  std::string encoded;  ///< the annotated picture, where it is asked for
  StageTimes times;
};

Error CannotUse(const Path& path, const std::string& why) {
  return Error("cannot use '" + path.string() + "': " + why, ExitCode::kBadData);
}

/// Decode, letterbox, network, NMS.
Result<Job> DetectOn(const Input& input, const Detector& detector) {
  if (!input.unusable.empty()) return CannotUse(input.path, input.unusable);
  auto image = ReadImage(input.path);
  if (!image) return image.error();

  Job job{.input = &input, .image = std::move(*image)};
  auto picture = Timed(job.times.pre_process, [&] { return detector.Prepare(job.image); });
  if (!picture) return CannotUse(input.path, picture.error().message());
  job.network = picture->plan.padded();
  const Predictions predictions = Timed(job.times.inference, [&] { return detector.Infer(*picture); });
  job.detections = Timed(job.times.nms, [&] { return detector.Select(predictions, picture->plan); });
  return job;
}

std::string LabelText(const Detection& detection, const std::vector<std::string>& names,
                      const OutputOptions& options) {
  if (options.hide_labels) return {};
  std::string text = ClassName(names, detection.class_id);
  if (options.hide_confidence) return text;
  char confidence[32];
  std::snprintf(confidence, sizeof confidence, " %.2f", static_cast<double>(detection.confidence));
  return text + confidence;
}

/// Worst detection first, so that the best ones lie on top.
void DrawDetections(Job& job, const std::vector<std::string>& names, const OutputOptions& options) {
  for (auto it = job.detections.rbegin(); it != job.detections.rend(); ++it) {
    DrawBox(job.image, RoundedToPixels(it->box), LabelText(*it, names, options), ClassColor(it->class_id),
            options.style);
  }
}

/// Draws and encodes.
Result<void> Render(Job& job, const std::vector<std::string>& names, const OutputOptions& options) {
  try {
    DrawDetections(job, names, options);
  } catch (const Error& error) {
    return CannotUse(job.input->path, error.message());
  }
  auto encoded = EncodeImage(job.image, OutputName(job.input->path).extension());
  if (!encoded) return CannotUse(job.input->path, encoded.error().message());
  job.encoded = std::move(*encoded);
  return {};
}

/// The picture first: CheckOutputs() knows by it whose the label file is.
void Write(const Job& job, LabelWriter& labels, std::set<Path>& written, const OutputOptions& options) {
  if (options.save_pictures) {
    const Path picture = options.folder / OutputName(job.input->path);
    WriteFileAtomically(picture, job.encoded).value();
    written.insert(picture);
  }
  if (options.save_labels) labels.Write(job.input->path, job.image.size(), job.detections);
}

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
  const auto output_folder = FileAt(folder);
  for (const Input& input : inputs) {
    if (!input.unusable.empty()) continue;
    const auto replaced = FileAt(folder / OutputName(input.path));
    const auto found = replaced ? input_files.find(*replaced) : input_files.end();
    const bool in_place = output_folder && FileAt(input.path.parent_path()) == output_folder;
    if (found == input_files.end() && !in_place) continue;
    const Path& victim = in_place ? input.path : found->second;
    throw Error("the output folder '" + folder.string() + "' holds the input '" + victim.string() +
                    "', which would be replaced by an annotated picture",
                ExitCode::kUsage, "choose another folder, or --nosave");
  }
}

/// In folders of runs that saved labels only.
constexpr const char* kRunMarker = ".roost-run";

void CheckLabelsAreOurs(const std::vector<Input>& inputs, const Path& folder) {
  if (Exists(folder / kRunMarker)) return;
  std::set<std::string> ours;
  for (const Input& input : inputs) {
    if (Exists(folder / OutputName(input.path))) ours.insert(input.path.stem());
  }
  for (const Input& input : inputs) {
    const Path labels = LabelWriter::PathFor(folder / "labels", input.path);
    if (ours.contains(input.path.stem()) || !Exists(labels)) continue;
    throw Error("'" + labels.string() +
                    "' exists and is not known as a result of yolo-detect: the labels of '" +
                    input.path.string() + "' would replace it",
                ExitCode::kCannotCreate,
                "choose another output folder; or, if these labels are no longer needed, remove '" +
                    labels.parent_path().string() + "'");
  }
}

/// The results of an earlier run for an input that this run cannot use, so that nobody takes them for this
/// run's. What earlier inputs of this run wrote stays.
void RemoveStaleResults(const Input& input, LabelWriter& labels, const std::set<Path>& written,
                        const OutputOptions& options) {
  if (options.save_labels) labels.RemoveStale(input.path);
  if (!options.save_pictures || input.kind != Input::Kind::kImage) return;
  const Path picture = options.folder / OutputName(input.path);
  std::error_code error;
  if (!written.contains(picture)) fs::remove(picture, error);
  if (error) throw ErrnoError(error.value(), "remove", picture);
}

}  // namespace

Path OutputName(const Path& picture) {
  Path name = picture.filename();
  if (!CanEncode(name.extension().native())) name += ".jpg";
  return name;
}

void CheckOutputs(const std::vector<Input>& inputs, const OutputOptions& options, Reporter& reporter) {
  if (options.save_pictures) CheckInputsSurvive(inputs, options.folder);
  if (options.save_labels) CheckLabelsAreOurs(inputs, options.folder);

  std::map<std::string, Path> by_stem;
  std::map<Path, Path> by_output;
  for (const Input& input : inputs) {
    if (!input.unusable.empty()) continue;
    if (options.save_pictures) {
      const auto [it, unique] = by_output.emplace(OutputName(input.path), input.path);
      if (!unique) {
        reporter.Warn("'" + input.path.string() + "' has the name of '" + it->second.string() +
                      "': only one of the two annotated pictures will remain");
      }
    }
    if (options.save_labels) {
      const auto [it, unique] = by_stem.emplace(input.path.stem(), input.path);
      if (!unique) {
        reporter.Warn("'" + input.path.string() + "' and '" + it->second.string() + "' share a label file");
      }
    }
  }
}

RunSummary RunDetection(const std::vector<Input>& inputs, const Detector& detector,
                        const std::vector<std::string>& names, const OutputOptions& options,
                        Reporter& reporter, const std::function<int()>& stop_signal) {
  LabelWriter labels(options.folder / "labels", options.save_confidence);
  // Not beside labels that were there before: the marker would give them away to the next run.
  if (options.save_labels && !options.save_pictures && labels.CountFiles() == 0) {
    WriteFileAtomically(options.folder / kRunMarker, "results of yolo-detect: a later run may replace them\n")
        .value();
  }
  std::set<Path> written;  // annotated pictures of this run
  RunSummary summary{.inputs = inputs.size()};
  std::size_t number = 0;
  for (const Input& input : inputs) {
    summary.stopped_by_signal = stop_signal();
    if (summary.stopped_by_signal != 0) break;

    ++number;
    const auto give_up = [&](const Error& why) {
      reporter.Unusable(number, inputs.size(), input.kind, why.message());
      summary.unusable.push_back(why.message());
      RemoveStaleResults(input, labels, written, options);
    };
    auto job = DetectOn(input, detector);
    if (!job) {
      give_up(job.error());
      continue;
    }
    if (options.save_pictures) {
      if (const auto rendered = Render(*job, names, options); !rendered) {
        give_up(rendered.error());
        continue;
      }
    }
    Write(*job, labels, written, options);
    reporter.Detected(number, inputs.size(), input.path, job->network, CountClasses(job->detections, names),
                      job->times.inference);
    summary.times += job->times;
    ++summary.detected;
  }
  if (options.save_pictures || options.save_labels) summary.saved_to = options.folder;
  if (options.save_labels) summary.label_files = labels.CountFiles();
  reporter.Finished(summary, detector.input());
  return summary;
}

}  // namespace roost::yolo
