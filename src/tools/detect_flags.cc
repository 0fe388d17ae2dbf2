#include "tools/detect_flags.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <CLI/CLI.hpp>

#include "roost/base/text.h"
#include "tools/flag_checks.h"
#include "tools/python_flags.h"

namespace roost::yolo {
namespace {

constexpr const char* kProgram = "yolo-detect";
constexpr const char* kDescription =
    "Finds objects in pictures and videos with a YOLOv5 model: annotated copies, label files, one line per "
    "picture.\n"
    "Takes the flags of detect.py. The last line on stdout is the name of the output folder.\n"
    "'yolo-detect info WEIGHTS' says what is in a file of weights.";
constexpr const char* kFooter = R"(Examples:
  yolo-detect --weights yolov5n.pt --source photo.jpg
  yolo-detect --weights yolov5s.pt --source photos/ --save-txt --save-conf --conf-thres 0.4
  yolo-detect --weights best.pt --source 'photos/**/*.jpg' --classes 0 2 --out results
  yolo-detect --weights best.pt --source clip.mp4 --vid-stride 5 --save-txt
  yolo-detect --weights yolov5n-seg.pt --source photos/ --save-txt
  find /data -name '*.jpg' | yolo-detect --weights best.pt --source - --nosave --save-txt --json
  yolo-detect --weights best.pt --source photos/ --out results --resume --max-time 50m --shard 3/8

Exit status: 0 all done, 1 failed, 3 done but some inputs were unusable (1 with --strict), 64 wrong flags,
65 unusable weights, 66 no such input, 73 cannot write the output, 75 stopped early or download failed (try
again; --resume goes on), 77 no permission.)";

/// The flags of detect.py: an abbreviation that only one of these has means that one, whatever else we added.
const std::vector<std::string> kReferenceFlags = {
    "--weights",        "--source",      "--data",      "--imgsz",   "--img",      "--img-size",
    "--conf-thres",     "--iou-thres",   "--max-det",   "--device",  "--view-img", "--save-txt",
    "--save-conf",      "--save-crop",   "--save-csv",  "--nosave",  "--classes",  "--agnostic-nms",
    "--augment",        "--visualize",   "--update",    "--project", "--name",     "--exist-ok",
    "--line-thickness", "--hide-labels", "--hide-conf", "--half",    "--dnn",      "--vid-stride"};

/// Options as a class of words, so that AddOptions() reads as a table.
class Group {
 public:
  Group(CLI::App& app, std::string name) : app_(app), name_(std::move(name)) {}

  template <typename T>
  CLI::Option* Value(const std::string& names, T& value, const std::string& help) {
    return app_.add_option(names, value, help)->take_last()->group(name_);
  }
  template <typename T>
  CLI::Option* Values(const std::string& names, std::vector<T>& values, const std::string& help) {
    return app_.add_option(names, values, help)->expected(1, -1)->group(name_);
  }
  CLI::Option* Flag(const std::string& names, bool& flag, const std::string& help) {
    return app_.add_flag(names, flag, help)->group(name_);
  }

 private:
  CLI::App& app_;
  std::string name_;
};

struct TextFlags {
  std::string max_time;
};

void AddOptions(CLI::App& app, DetectFlags& flags, TextFlags& texts) {
  Group input(app, "Input");
  input
      .Values("--weights", flags.weights,
              "model: a .pt or .torchscript file, or an official name like yolov5n.pt to download it once; "
              "several: an ensemble")
      ->capture_default_str();
  input
      .Values("--source", flags.sources,
              "pictures, videos, folders, globs ('dir/*.jpg', '**/*.png'), list.txt, - (a list on stdin), "
              "list.streams, a camera number, rtsp:// or http:// addresses")
      ->required();
  input.Flag("--recursive", flags.recursive, "folders with all below; results keep the tree");
  input.Value("--data", flags.detector.data, "dataset YAML with class names, for a model that has none");
  input.Value("--cfg", flags.detector.cfg, "model YAML, for weights that are a bare state dict");
  input.Value("--vid-stride", flags.vid_stride, "look at every n-th frame of videos")->capture_default_str();
  input.Value("--shard", flags.shard,
              "i/n: only the i-th of n parts of the inputs; count from 0 to n-1 or from 1 to n");

  Group detection(app, "Detection");
  app.add_option("--imgsz,--img,--img-size", flags.imgsz,
                 "network input: one side, or height and width (default: 640; 224 to classify)")
      ->expected(1, 2)
      ->group("Detection");
  NmsOptions& nms = flags.detector.nms;
  detection.Value("--conf-thres", nms.conf_thres, "least confidence, 0..1")->capture_default_str();
  detection.Value("--iou-thres", nms.iou_thres, "overlap at which boxes are the same object, 0..1")
      ->capture_default_str();
  detection.Value("--max-det", nms.max_det, "most detections per picture")->capture_default_str();
  detection.Values("--classes", flags.classes, "only these class numbers: --classes 0 2 3");
  detection.Flag("--agnostic-nms", nms.agnostic, "boxes of different classes suppress each other");
  detection.Flag("--augment", flags.detector.augment, "look at each picture in three sizes, one mirrored");
  detection.Value("--device", flags.detector.device,
                  "cpu, or a CUDA device: 0 (default: CUDA where there is one)");
  detection.Flag("--half", flags.detector.half, "16-bit floats, on CUDA devices");
  detection.Value("--batch-size", flags.batch, "pictures that go through the network at once")
      ->capture_default_str();
  detection.Value("--threads", flags.detector.threads,
                  "CPU threads of the network (default: OMP_NUM_THREADS, else the CPUs of this process)");
  detection.Value("--workers", flags.workers, "threads that decode, draw and encode (default: by CPUs)");

  Group output(app, "Output");
  OutputOptions& out = flags.output;
  output.Flag("--save-txt", out.save_labels, "write labels/<name>.txt: class x y w h, as fractions");
  output.Flag("--save-conf", out.save_confidence, "confidence as last number in label files");
  output.Flag("--save-empty", out.save_empty, "label files also for pictures without objects");
  output.Flag("--save-crop", out.save_crops, "cut objects out: crops/<class>/<name>.jpg");
  output.Flag("--save-csv", out.save_csv, "predictions.csv: picture, class name, confidence");
  output.Flag("--save-json", out.save_json, "predictions.json in COCO's results format");
  output.Flag("--nosave", flags.nosave, "no annotated pictures (nor with a list.txt, as detect.py)");
  output.Flag("--view-img", out.show, "show results in a window");
  output.Flag("--visualize", out.save_features, "save the feature maps of each layer");
  auto* project = output.Value("--project", flags.folder.project,
                               "results go to PROJECT/NAME (default: runs/detect; runs/predict-seg, "
                               "runs/predict-cls), ...");
  auto* name = output.Value("--name", flags.folder.name, "... NAME2, NAME3: the first that is free")
                   ->capture_default_str();
  auto* exist_ok = output.Flag("--exist-ok", flags.folder.exist_ok, "use PROJECT/NAME although it exists");
  output.Value("--out", flags.folder.exact, "exactly this folder, new or not")
      ->excludes(project)
      ->excludes(name)
      ->excludes(exist_ok);
  output
      .Value("--line-thickness", out.style.line_thickness, "of boxes, in pixels; 0: by size of the picture")
      ->capture_default_str();
  output.Flag("--hide-labels", out.hide_labels, "boxes without text");
  output.Flag("--hide-conf", out.hide_confidence, "text without confidence");
  output.Flag("--retina-masks", out.retina_masks, "masks in the resolution of the picture");

  Group batch(app, "Batch systems");
  batch.Flag("--resume", flags.resume,
             "go on with the run in PROJECT/NAME or --out where it was; a new one where there is none");
  batch.Value("--max-time", texts.max_time, "stop after this time (90, 90s, 50m, 2h) with exit status 75");
  batch.Flag("--strict", flags.strict, "exit status 1 where an input was unusable");
  batch.Flag("--json", flags.json, "a JSON line on stdout for each picture, and one at the end");
  batch.Flag("--quiet", flags.quiet, "say only what goes wrong");
  batch.Flag("--profile", flags.profile, "say where the time went");
  batch.Value("--color", flags.color, "auto, always or never")->capture_default_str();

  Group ignored(app, "");  // not in the help
  ignored.Flag("--dnn", flags.dnn, "");
  ignored.Flag("--update", flags.update, "");
}

/// "90", "90s", "50m", "2h", "1.5h".
std::chrono::duration<double> ParseDuration(std::string_view text) {
  double unit = 1;
  if (text.ends_with('m')) unit = 60;
  if (text.ends_with('h')) unit = 3600;
  if (text.ends_with('s') || text.ends_with('m') || text.ends_with('h')) text.remove_suffix(1);
  const auto number = ParseDouble(text);
  if (!number || *number < 0) throw UsageError("--max-time takes a time such as 90s, 50m or 2h");
  return std::chrono::duration<double>(*number * unit);
}

/// Checks that CLI11 cannot express, and detect.py's rules on how flags combine.
void Finish(const CLI::App& app, const TextFlags& texts, DetectFlags& flags) {
  const FlagChecks check(app);
  check.RefuseEmptyValues(
      {"--weights", "--source", "--data", "--cfg", "--project", "--name", "--out", "--shard", "--max-time"});
  NmsOptions& nms = flags.detector.nms;
  check.Fraction("--conf-thres", nms.conf_thres);
  check.Fraction("--iou-thres", nms.iou_thres);
  if (nms.max_det < 1) throw UsageError("--max-det takes a number from 1 up");
  if (flags.vid_stride < 1) throw UsageError("--vid-stride takes a number from 1 up");
  check.Range("--line-thickness", flags.output.style.line_thickness, 0, 1000);
  check.Range("--threads", flags.detector.threads, 0, 4096);
  check.Range("--workers", flags.workers, 0, 1024);
  check.Range<std::int64_t>("--batch-size", flags.batch, 1, 1024);
  constexpr std::int64_t kMaxSide = 65'536;  // of what the network could be given on any machine
  for (const std::int64_t side : flags.imgsz) {
    if (side < 1 || side > kMaxSide) throw UsageError("--imgsz takes sides from 1 to 65536 pixels");
  }
  if (!texts.max_time.empty()) flags.max_time = ParseDuration(texts.max_time);
  if (!flags.shard.empty()) ParseShard(flags.shard);
  if (app.count("--classes") > 0) nms.classes.emplace(flags.classes.begin(), flags.classes.end());
  flags.detector.visualize = flags.output.save_features;
  if (app.count("--project") == 0) flags.folder.project.clear();  // by the task of the model
  if (flags.resume && flags.folder.exact.empty()) flags.folder.exist_ok = true;
  flags.folder.labels = flags.output.save_labels;
}

/// What is wrong with the first word that no flag takes. CLI11 keeps them in the order in which it met them,
/// from the end.
std::string StrayWord(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  const auto flag =
      std::find_if(words.rbegin(), words.rend(), [](const auto& word) { return word.starts_with("-"); });
  if (flag != words.rend()) return "there is no flag " + *flag;
  return "'" + words.back() + "' belongs to no flag: what to look at comes behind --source";
}

}  // namespace

Error UsageError(const std::string& message) {
  return Error(message, ExitCode::kUsage, "see yolo-detect --help");
}

std::pair<std::int64_t, std::int64_t> ParseShard(const std::string& text) {
  const std::vector<std::string> parts = Split(text, '/');
  if (parts.size() == 2) {
    const auto i = ParseInt(parts[0]);
    const auto n = ParseInt(parts[1]);
    if (i && n && *n >= 1 && *i >= 0 && *i <= *n) return {*i, *n};
  }
  throw UsageError("--shard takes i/n, such as 3/8, with i from 0 to n-1 or from 1 to n");
}

std::optional<DetectFlags> ParseDetectFlags(int argc, char** argv) {
  DetectFlags flags;
  TextFlags texts;
  CLI::App app(kDescription, kProgram);
  app.set_version_flag("--version", std::string(kProgram) + " " ROOST_VERSION);
  app.footer(kFooter);
  AddOptions(app, flags, texts);
  try {
    std::vector<std::string> words = SpellOutFlags(app, {argv + 1, argv + argc}, kReferenceFlags);
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the end
    app.parse(std::move(words));
  } catch (const CLI::Success& answered) {
    app.exit(answered);
    return std::nullopt;
  } catch (const CLI::ExtrasError&) {
    throw UsageError(StrayWord(app));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  Finish(app, texts, flags);
  return flags;
}

}  // namespace roost::yolo
