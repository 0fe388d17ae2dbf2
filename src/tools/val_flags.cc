#include "tools/val_flags.h"

#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>

#include "tools/flag_checks.h"
#include "tools/python_flags.h"

namespace roost::yolo {
namespace {

constexpr const char* kProgram = "yolo-val";
constexpr const char* kDescription =
    "Measures how well a YOLOv5 detection model finds the objects of a labelled dataset: precision, recall, "
    "mAP.\n"
    "Takes the flags of val.py. stdout has the table and, as its last line, the name of the output folder.";
constexpr const char* kFooter = R"(Examples:
  yolo-val --weights best.pt --data signs.yaml
  yolo-val --weights yolov5n.pt --data coco128.yaml --batch-size 1 --verbose
  yolo-val --weights best.pt --data signs.yaml --task test --save-txt --save-conf
  yolo-val --weights yolov5s.pt --data coco.yaml --save-json --annotations instances_val2017.json
  yolo-val --weights best.pt --data signs.yaml --json --quiet | jq .map50

Exit status: 0 all done, 1 failed, 3 done but some pictures were unusable (1 with --strict), 64 wrong flags,
65 unusable weights or dataset, 66 no such input, 73 cannot write the output, 75 stopped early or download
failed (try again), 77 no permission.)";

/// The flags of val.py: an abbreviation that only one of these has means that one, whatever else we added.
const std::vector<std::string> kReferenceFlags = {
    "--data",       "--weights",   "--batch-size", "--imgsz",    "--img",         "--img-size",
    "--conf-thres", "--iou-thres", "--max-det",    "--task",     "--device",      "--workers",
    "--single-cls", "--augment",   "--verbose",    "--save-txt", "--save-hybrid", "--save-conf",
    "--save-json",  "--project",   "--name",       "--exist-ok", "--half",        "--dnn"};

struct TextFlags {
  std::string task = "val";
};

/// Options as a class of words, so that AddOptions() reads as a table.
class Group {
 public:
  Group(CLI::App& app, std::string name) : app_(app), name_(std::move(name)) {}

  template <typename T>
  CLI::Option* Value(const std::string& names, T& value, const std::string& help) {
    return app_.add_option(names, value, help)->take_last()->group(name_);
  }
  CLI::Option* Flag(const std::string& names, bool& flag, const std::string& help) {
    return app_.add_flag(names, flag, help)->group(name_);
  }

 private:
  CLI::App& app_;
  std::string name_;
};

void AddOptions(CLI::App& app, ValFlags& flags, TextFlags& texts) {
  Group input(app, "Input");
  input.Value("--data", flags.data, "dataset YAML: path, train, val, test, names")->required();
  app.add_option("--weights", flags.weights,
                 "model: a .pt or .torchscript file, or an official name like yolov5n.pt to download it "
                 "once; several: an ensemble")
      ->expected(1, -1)
      ->group("Input")
      ->capture_default_str();
  input
      .Value("--task", texts.task,
             "train, val or test: which pictures of the dataset; speed: val with square inputs and the "
             "thresholds of yolo-detect")
      ->capture_default_str();
  input.Flag("--single-cls", flags.evaluate.single_cls, "all objects are of one class");
  input.Value(
      "--annotations", flags.annotations,
      "COCO annotations (.json) for the table of --save-json, with crowds and areas; default: the labels");

  Group measuring(app, "Measuring");
  measuring.Value("--imgsz,--img,--img-size", flags.imgsz, "longer side of the network input")
      ->capture_default_str();
  measuring.Value("--batch-size", flags.evaluate.batch, "pictures that go through the network at once")
      ->capture_default_str();
  measuring.Flag("--no-rect", flags.no_rect, "square network inputs instead of batches of like aspect ratio");
  NmsOptions& nms = flags.evaluate.nms;
  measuring.Value("--conf-thres", nms.conf_thres, "least confidence, 0..1; above 0.001 figures are too low")
      ->capture_default_str();
  measuring.Value("--iou-thres", nms.iou_thres, "overlap at which boxes are the same object, 0..1")
      ->capture_default_str();
  measuring.Value("--max-det", nms.max_det, "most detections per picture")->capture_default_str();
  measuring.Flag("--augment", flags.detector.augment, "look at each picture in three sizes, one mirrored");
  measuring.Value("--device", flags.detector.device,
                  "cpu, or a CUDA device: 0 (default: CUDA where there is one)");
  measuring.Flag("--half", flags.detector.half, "16-bit floats, on CUDA devices");
  measuring.Value("--threads", flags.detector.threads,
                  "CPU threads of the network (default: OMP_NUM_THREADS, else the CPUs of this process)");
  measuring.Value("--workers", flags.evaluate.workers, "threads that read pictures (default: by CPUs)");

  Group output(app, "Output");
  output.Flag("--verbose", flags.verbose, "a line for each class, also of datasets with 50 classes or more");
  output.Flag("--save-txt", flags.save_txt, "write labels/<name>.txt: class x y w h, as fractions");
  output.Flag("--save-hybrid", flags.evaluate.hybrid,
              "labels and detections together in label files: figures are then too high");
  output.Flag("--save-conf", flags.save_conf, "confidence as last number in label files");
  output.Flag("--save-json", flags.save_json,
              "<weights>_predictions.json in COCO's results format, and COCO's table of AP and AR");
  output.Flag("--no-plots", flags.no_plots, "no curves, confusion matrix and pictures of batches");
  auto* project = output.Value("--project", flags.folder.project, "results go to PROJECT/NAME, ...")
                      ->capture_default_str();
  auto* name = output.Value("--name", flags.folder.name, "... NAME2, NAME3: the first that is free")
                   ->capture_default_str();
  auto* exist_ok = output.Flag("--exist-ok", flags.folder.exist_ok, "use PROJECT/NAME although it exists");
  output.Value("--out", flags.folder.exact, "exactly this folder, new or not")
      ->excludes(project)
      ->excludes(name)
      ->excludes(exist_ok);

  Group batch(app, "Batch systems");
  batch.Flag("--strict", flags.strict, "exit status 1 where a picture was unusable");
  batch.Flag("--json", flags.json, "one JSON object on stdout instead of the table");
  batch.Flag("--quiet", flags.quiet, "say only what goes wrong");
  batch.Value("--color", flags.color, "auto, always or never")->capture_default_str();

  Group ignored(app, "");  // not in the help
  ignored.Flag("--dnn", flags.dnn, "");
}

Error UsageError(const std::string& message) {
  return Error(message, ExitCode::kUsage, "see yolo-val --help");
}

ValTask TaskOf(const std::string& text) {
  const std::map<std::string, ValTask> tasks = {{"train", ValTask::kTrain},
                                                {"val", ValTask::kVal},
                                                {"test", ValTask::kTest},
                                                {"speed", ValTask::kSpeed}};
  const auto task = tasks.find(text);
  if (task == tasks.end()) throw UsageError("--task takes train, val, test or speed");
  return task->second;
}

void Finish(const CLI::App& app, const TextFlags& texts, ValFlags& flags) {
  const FlagChecks check(app);
  check.RefuseEmptyValues({"--data", "--weights", "--annotations", "--project", "--name", "--out"});
  NmsOptions& nms = flags.evaluate.nms;
  check.Fraction("--conf-thres", nms.conf_thres);
  check.Fraction("--iou-thres", nms.iou_thres);
  check.Range<std::int64_t>("--max-det", nms.max_det, 1, 1'000'000);
  check.Range<std::int64_t>("--imgsz", flags.imgsz, 1, 65'536);
  check.Range<std::int64_t>("--batch-size", flags.evaluate.batch, 1, 65'536);
  check.Range("--threads", flags.detector.threads, 0, 4096);
  check.Range("--workers", flags.evaluate.workers, 0, 1024);
  flags.task = TaskOf(texts.task);
  flags.evaluate.rect = !flags.no_rect;
  if (flags.task == ValTask::kSpeed) {
    nms.conf_thres = 0.25;
    nms.iou_thres = 0.45;
    flags.evaluate.rect = false;
    flags.save_json = false;
    flags.no_plots = true;
  }
  // As val.py: with COCO's own YAML its results are always wanted.
  flags.save_json |= flags.data.filename() == "coco.yaml" && flags.task != ValTask::kSpeed;
  flags.save_txt |= flags.evaluate.hybrid;
  flags.folder.labels = flags.save_txt;
  if (flags.evaluate.hybrid && flags.evaluate.single_cls) {
    throw UsageError("--save-hybrid and --single-cls do not go together");
  }
  if (!flags.annotations.empty() && !flags.save_json) {
    throw UsageError("--annotations is for the table of --save-json");
  }
}

}  // namespace

std::optional<ValFlags> ParseValFlags(int argc, char** argv) {
  ValFlags flags;
  flags.folder.project = "runs/val";
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
    throw UsageError("'" + app.remaining().back() + "' is no flag of yolo-val and belongs to none");
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  Finish(app, texts, flags);
  return flags;
}

}  // namespace roost::yolo
