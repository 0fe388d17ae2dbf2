#include "yolo/detect/run.h"

#include <cstdio>
#include <map>
#include <set>
#include <system_error>

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
  DrawDetections(job, names, options);
  auto encoded = EncodeImage(job.image, OutputName(job.input->path).extension());
  if (!encoded) return CannotUse(job.input->path, encoded.error().message());
  job.encoded = std::move(*encoded);
  return {};
}

/// All that touches the output folder.
void Write(const Job& job, LabelWriter& labels, const OutputOptions& options) {
  if (options.save_labels) labels.Write(job.input->path, job.image.size(), job.detections);
  if (options.save_pictures) {
    WriteFileAtomically(options.folder / OutputName(job.input->path), job.encoded).value();
  }
}

bool SameFolder(const Path& a, const Path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error);
}

}  // namespace

Path OutputName(const Path& picture) {
  Path name = picture.filename();
  if (!CanEncode(name.extension().native())) name += ".jpg";
  return name;
}

void CheckOutputs(const std::vector<Input>& inputs, const OutputOptions& options, Reporter& reporter) {
  std::map<std::string, const Input*> first_of;
  std::set<Path> folders;
  for (const Input& input : inputs) {
    if (!input.unusable.empty()) continue;
    const Path folder = input.path.parent_path();
    if (options.save_pictures && folders.insert(folder).second && SameFolder(folder, options.folder)) {
      throw Error("the output folder '" + options.folder.string() + "' holds the input '" +
                      input.path.string() + "', which would be replaced by its annotated copy",
                  ExitCode::kUsage, "choose another folder, or --nosave");
    }
    const auto [it, unique] = first_of.emplace(input.path.stem(), &input);
    if (unique) continue;
    const Path& other = it->second->path;
    if (options.save_pictures && OutputName(other) == OutputName(input.path)) {
      reporter.Warn("'" + input.path.string() + "' has the name of '" + other.string() +
                    "': only one of the two annotated pictures will remain");
    }
    if (options.save_labels) {
      reporter.Warn("'" + input.path.string() + "' and '" + other.string() + "' share a label file");
    }
  }
}

RunSummary RunDetection(const std::vector<Input>& inputs, const Detector& detector,
                        const std::vector<std::string>& names, const OutputOptions& options,
                        Reporter& reporter, const std::function<int()>& stop_signal) {
  LabelWriter labels(options.folder / "labels", options.save_confidence);
  RunSummary summary{.inputs = inputs.size()};
  std::size_t number = 0;
  for (const Input& input : inputs) {
    summary.stopped_by_signal = stop_signal();
    if (summary.stopped_by_signal != 0) break;

    ++number;
    const auto give_up = [&](const Error& why) {
      reporter.Unusable(number, inputs.size(), input.kind, why.message());
      summary.unusable.push_back(why.message());
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
    Write(*job, labels, options);
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
