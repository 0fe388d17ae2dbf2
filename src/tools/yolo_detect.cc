#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <sched.h>
#include <unistd.h>

#include "roost/base/clock.h"
#include "roost/base/digest.h"
#include "roost/base/error.h"
#include "roost/base/process.h"
#include "roost/base/terminal.h"
#include "roost/upload/http.h"
#include "tools/detect_flags.h"
#include "tools/find_model.h"
#include "tools/yolo_detect_info.h"
#include "yolo/detect/json_text.h"
#include "yolo/detect/model.h"
#include "yolo/detect/run.h"
#include "yolo/detect/run_report.h"

namespace roost::yolo {
namespace {

/// The inputs of this process; what is on the web is fetched into a folder that `downloads` becomes.
Inputs FindAll(const DetectFlags& flags, std::vector<Input>& all_shards,
               std::optional<TemporaryDirectory>& downloads, Reporter& reporter) {
  Inputs inputs = FindInputs(flags.sources, {.recursive = flags.recursive, .standard_input = &std::cin});
  if (!flags.shard.empty()) {
    const auto [index, count] = ParseShard(flags.shard);
    all_shards = inputs.files;
    inputs.files = Shard(std::move(inputs.files), index % count, count);
  }
  const auto is_download = [](const Input& input) {
    return !input.address.empty() && input.kind != Input::Kind::kStream;
  };
  if (std::ranges::none_of(inputs.files, is_download)) return inputs;
  downloads.emplace();
  const auto fetch = [](const std::string& url, AtomicFile& file) {
    return http::Client().Download(url, file);
  };
  FetchInputs(inputs.files, fetch, downloads->path(), [&](const std::string& line) { reporter.Say(line); });
  return inputs;
}

std::string ToText(Size size) { return std::to_string(size.height) + "x" + std::to_string(size.width); }

/// The flags that decide what the results are: a run can only go on with the same ones.
nlohmann::json Settings(const DetectFlags& flags, const DetectorOptions& detector, const ModelTraits& traits,
                        const OutputOptions& out) {
  const auto digest_of = [](const Path& file) {
    return file.empty() ? nlohmann::json() : nlohmann::json(DigestOfFile(DigestKind::kSha256, file).value());
  };
  auto weights = nlohmann::json::array();
  for (const Path& file : detector.weights) weights.push_back(digest_of(file));
  const NmsOptions& nms = detector.nms;
  return {{"weights_sha256", weights},
          {"cfg", digest_of(detector.cfg)},
          {"data", digest_of(detector.data)},
          {"imgsz", {traits.input.height, traits.input.width}},
          {"conf_thres", nms.conf_thres},
          {"iou_thres", nms.iou_thres},
          {"max_det", nms.max_det},
          {"classes", nms.classes ? nlohmann::json(*nms.classes) : nlohmann::json()},
          {"agnostic_nms", nms.agnostic},
          {"augment", detector.augment},
          {"half", detector.half},
          {"vid_stride", flags.vid_stride},
          {"save_pictures", out.save_pictures},
          {"save_txt", out.save_labels},
          {"save_conf", out.save_confidence},
          {"save_empty", out.save_empty},
          {"save_crop", out.save_crops},
          {"save_csv", out.save_csv},
          {"save_json", out.save_json},
          {"visualize", out.save_features},
          {"line_thickness", out.style.line_thickness},
          {"hide_labels", out.hide_labels},
          {"hide_conf", out.hide_confidence},
          {"retina_masks", out.retina_masks}};
}

/// Throws Error (usage) where --classes leaves nothing to find.
void WarnAboutSurprises(const DetectFlags& flags, const Inputs& inputs, const ModelTraits& traits, Size asked,
                        Reporter& reporter) {
  if (asked != Size() && traits.whole_input && traits.input != asked) {
    reporter.Warn("--imgsz " + ToText(asked) + ": this TorchScript export takes " + ToText(traits.input) +
                  " only");
  } else if (asked != Size() && traits.input != asked) {
    reporter.Warn("--imgsz " + ToText(asked) + " is not a multiple of the model's stride " +
                  std::to_string(traits.stride) + ": using " + ToText(traits.input));
  }
  const std::string known = "the model has classes 0 to " + std::to_string(traits.classes - 1);
  const auto is_unknown = [&](std::int64_t id) { return id < 0 || id >= traits.classes; };
  if (!flags.classes.empty() && std::all_of(flags.classes.begin(), flags.classes.end(), is_unknown)) {
    throw UsageError("--classes: nothing would be found, " + known);
  }
  for (const std::int64_t id : flags.classes) {
    if (is_unknown(id)) reporter.Warn("--classes " + std::to_string(id) + ": " + known);
  }
  if (inputs.from_list && !flags.nosave) {
    reporter.Say("no annotated pictures are saved for a list file, as with detect.py");
  }
  if (flags.dnn)
    reporter.Warn("--dnn is for ONNX files under OpenCV, which yolo-detect does not read: ignored");
  if (flags.update) {
    reporter.Warn(
        "--update rewrites weights so that Python stops warning about them; there is no such need: ignored");
  }
}

/// "3of8": what the files about a run carry in their names where several jobs share a folder; the same for
/// the two ways to count.
std::string ShardName(const std::string& shard) {
  if (shard.empty()) return "";
  const auto [index, count] = ParseShard(shard);
  return std::to_string(index % count) + "of" + std::to_string(count);
}

Path DefaultProject(Task task) {
  switch (task) {
    case Task::kDetect:
      return "runs/detect";
    case Task::kSegment:
      return "runs/predict-seg";
    case Task::kClassify:
      return "runs/predict-cls";
  }
  ROOST_CHECK(false, "every task has its folder");
}

/// One per CPU: on a GPU's host all of them are free, and where the network needs them the workers mostly
/// wait.
int DefaultWorkers() {
  constexpr int kMost = 8;
  cpu_set_t cpus;  // those that this process may use: a slot of a batch system has some of the machine's
  CPU_ZERO(&cpus);
  return ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? std::clamp(CPU_COUNT(&cpus), 1, kMost) : 1;
}

bool HasLiveStream(const std::vector<Input>& inputs) {
  return std::ranges::any_of(inputs, [](const Input& input) { return input.kind == Input::Kind::kStream; });
}

int ExitCodeOf(const RunSummary& summary, const DetectFlags& flags) {
  // What a batch system sends to a job that it wants to start again elsewhere.
  const bool evicted = summary.stopped_by_signal == SIGTERM || summary.out_of_time;
  if (evicted) return static_cast<int>(ExitCode::kTryAgain);
  if (summary.stopped_by_signal != 0) return 128 + summary.stopped_by_signal;
  if (summary.unusable.empty()) return static_cast<int>(ExitCode::kOk);
  return static_cast<int>(flags.strict ? ExitCode::kFailed : ExitCode::kSomeUnusable);
}

/// Everything that can be wrong with weights and sources is found before the output folder is made, and
/// before the engine, which is slow to load, is opened.
int Detect(const DetectFlags& flags) {
  Reporter reporter(std::cerr, Terminal::Detect(STDERR_FILENO, ParseColorChoice(flags.color)),
                    {.quiet = flags.quiet, .profile = flags.profile}, flags.json ? &std::cout : nullptr);
  std::optional<TemporaryDirectory> downloads;
  std::vector<Input> all_shards;  // empty without --shard
  const Inputs inputs = FindAll(flags, all_shards, downloads, reporter);
  DetectorOptions options = flags.detector;
  for (const std::string& name : flags.weights)
    options.weights.push_back(FindWeights(name, [&](const std::string& line) { reporter.Say(line); }));
  if (!flags.imgsz.empty()) options.imgsz = {flags.imgsz.front(), flags.imgsz.back()};
  Model model = ReadModel(options);
  WarnAboutSurprises(flags, inputs, model.traits, options.imgsz, reporter);

  // From here on there is something to stop cleanly; what came before left nothing behind.
  StopSignals signals;
  RunFolderOptions folder_options = flags.folder;
  if (folder_options.project.empty()) folder_options.project = DefaultProject(model.traits.task);
  const RunFolder folder = RunFolder::Create(folder_options);
  OutputOptions output = flags.output;
  output.folder = folder.path();
  output.save_pictures = !flags.nosave && !inputs.from_list;

  std::unique_ptr<Viewer> viewer;
  if (output.show) {
    auto opened = OpenViewer();
    if (!opened) reporter.Warn(opened.error().message());
    if (opened) viewer = std::move(*opened);
    output.show = viewer != nullptr;
  }

  const nlohmann::json settings = Settings(flags, options, model.traits, output);
  RunFacts facts{.started = SystemClock().WallNow(), .shard = flags.shard};
  std::optional<Manifest> manifest;
  std::vector<std::optional<InputRecord>> finished;  // of each input, where an earlier process did it
  OpenModel open{.traits = model.traits};
  try {
    CheckOutputs(inputs.files, output, reporter);
    manifest.emplace(Manifest::Options{.folder = folder.path(),
                                       .name = ShardName(flags.shard),
                                       .resume = flags.resume,
                                       .owns_labels = folder.labels_are_new()},
                     settings);
    finished = FinishedBefore(inputs.files, output, *manifest);
    if (std::ranges::any_of(finished, [](const auto& record) { return !record; })) {
      open = model.open({.device = options.device, .threads = options.threads, .half = options.half});
    }
  } catch (const Error&) {
    folder.RemoveIfUnused(manifest ? manifest->path() : Path());
    throw;
  }
  if (open.engine) {
    facts.engine = open.engine->Description();
    reporter.Say("Roost " ROOST_VERSION ", " + facts.engine);
  }
  for (const std::string& line : model.summary) reporter.Say(line);

  const auto file = [&](const std::string& stem, const char* suffix) {
    return folder.path() / (stem + manifest->suffix() + suffix);
  };
  // That of an earlier process; should this one fail, it would tell a wrong story.
  std::error_code ignored;
  std::filesystem::remove(file("run", ".json"), ignored);
  const Detector detector(std::move(open.engine), std::move(open.traits), options.nms);
  for (const Path& weights : options.weights) facts.weights.push_back(JsonName(weights.filename()));
  if (!flags.shard.empty()) {
    reporter.Say("shard " + flags.shard + ": " + std::to_string(inputs.files.size()) + " of " +
                 std::to_string(all_shards.size()) + " inputs");
  }
  const RunOptions run{
      .pipeline = {.batch = flags.batch,
                   .workers = flags.workers > 0 ? flags.workers : DefaultWorkers(),
                   .patient = !HasLiveStream(inputs.files)},
      .feed = {.vid_stride = flags.vid_stride, .warn = [&](const std::string& line) { reporter.Warn(line); }},
      .viewer = viewer.get(),
      .max_time = flags.max_time};
  const RunResult result = RunDetection(inputs.files, std::move(finished), detector, output, run, *manifest,
                                        reporter, [&] { return signals.Next(); });

  if (output.save_csv) WriteCsv(inputs.files, result, detector.names(), file("predictions", ".csv"));
  if (output.save_json) WriteCocoJson(inputs.files, result, detector.names(), file("predictions", ".json"));
  SyncFileSystem(folder.path()).value();
  facts.ended = SystemClock().WallNow();
  facts.exit_code = ExitCodeOf(result.summary, flags);
  facts.status = result.summary.stopped() ? "stopped" : "finished";
  WriteRunReport(facts, settings, detector.traits(), inputs.files, result, file("run", ".json"));

  reporter.Folder(folder.path(), facts.exit_code);
  if (!flags.json) std::cout << folder.path().string() << std::endl;
  if (!std::cout) throw Error("cannot write to stdout", ExitCode::kCannotCreate);
  return facts.exit_code;
}

int Main(int argc, char** argv) {
  // OpenCV's own threads would only compete with the engine's and the workers'.
  SetImageThreads(1);
  // LibTorch's threads spin while they wait for each other, by default. On a host that also runs other jobs
  // that made detection ten times slower (834 against 60 ms a picture, 2 threads); asleep they cost nothing
  // measurable.
  ::setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  if (argc > 1 && std::string_view(argv[1]) == "info") {
    Reporter reporter(std::cerr, Terminal::Detect(STDERR_FILENO, ColorChoice::kAuto), {});
    return InfoMain(argc - 1, argv + 1, [&](const std::string& name) {
      return FindWeights(name, [&](const std::string& line) { reporter.Say(line); });
    });
  }
  const auto flags = ParseDetectFlags(argc, argv);
  return flags ? Detect(*flags) : 0;
}

}  // namespace
}  // namespace roost::yolo

int main(int argc, char** argv) {
  return roost::RunMain("yolo-detect", [&] { return roost::yolo::Main(argc, argv); });
}
