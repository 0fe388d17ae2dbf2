#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "roost/base/error.h"
#include "roost/base/process.h"
#include "roost/base/terminal.h"
#include "roost/upload/http.h"
#include "roost/yolo/detector.h"
#include "roost/yolo/engine.h"
#include "roost/yolo/image.h"
#include "roost/yolo/module.h"
#include "tools/python_flags.h"
#include "tools/yolo_detect_info.h"
#include "yolo/detect/network.h"
#include "yolo/detect/run.h"
#include "yolo/detect/run_folder.h"
#include "yolo/detect/weights.h"

namespace roost::yolo {
namespace {

constexpr const char* kProgram = "yolo-detect";
constexpr const char* kDescription =
    "Finds objects in pictures with a YOLOv5 model: annotated pictures, label files, one line per picture.\n"
    "Takes the flags of detect.py. Writes the name of the output folder to stdout, all else to stderr.";
constexpr const char* kFooter = R"(Examples:
  yolo-detect --weights yolov5n.pt --source photo.jpg
  yolo-detect --weights yolov5s.pt --source photos/ --save-txt --save-conf --conf-thres 0.4
  yolo-detect --weights best.pt --source 'photos/**/*.jpg' --classes 0 2 --out results
  yolo-detect --weights best.pt --source list.txt --save-txt --project runs --name night

Exit status: 0 all done, 3 done but some inputs were unusable, 64 wrong flags, 65 unusable weights,
66 no such input, 73 cannot write the output, 75 download failed (try again), 77 no permission.)";

struct Options {
  std::vector<std::string> weights = {"yolov5s.pt"};
  std::vector<std::string> sources;
  std::string data;
  std::vector<std::int64_t> imgsz = {640};
  NmsOptions nms;
  std::vector<std::int64_t> classes;
  std::string device;
  int threads = 0;
  bool nosave = false;
  bool save_txt = false;
  RunFolderOptions folder;
  OutputOptions output;
  bool quiet = false;
  std::string color = "auto";
};

/// The flags of detect.py that are still to come, so that they are refused by name and not as unknown.
constexpr std::array kNotYet = {"--save-crop", "--save-csv", "--augment", "--half",     "--vid-stride",
                                "--view-img",  "--update",   "--dnn",     "--visualize"};

void AddOptions(CLI::App& app, Options& options) {
  const std::string input = "Input";
  app.add_option("--weights", options.weights,
                 "model: a .pt file, or an official name like yolov5n.pt to download it once")
      ->expected(1, -1)
      ->capture_default_str()
      ->group(input);
  app.add_option("--source", options.sources, "pictures, folders, globs ('dir/*.jpg', '**/*.png'), list.txt")
      ->expected(1, -1)
      ->required()
      ->group(input);
  app.add_option("--data", options.data, "dataset YAML with class names, for a model that has none")
      ->take_last()
      ->group(input);

  const std::string detection = "Detection";
  app.add_option("--imgsz,--img,--img-size", options.imgsz, "network input: one side, or height and width")
      ->expected(1, 2)
      ->capture_default_str()
      ->group(detection);
  app.add_option("--conf-thres", options.nms.conf_thres, "least confidence, 0..1")
      ->take_last()
      ->capture_default_str()
      ->group(detection);
  app.add_option("--iou-thres", options.nms.iou_thres, "overlap at which boxes are the same object, 0..1")
      ->take_last()
      ->capture_default_str()
      ->group(detection);
  app.add_option("--max-det", options.nms.max_det, "most detections per picture")
      ->take_last()
      ->capture_default_str()
      ->group(detection);
  app.add_option("--classes", options.classes, "only these class numbers: --classes 0 2 3")
      ->expected(1, -1)
      ->group(detection);
  app.add_flag("--agnostic-nms", options.nms.agnostic, "boxes of different classes suppress each other")
      ->group(detection);
  app.add_option("--device", options.device, "cpu, or a CUDA device: 0 (default: CUDA where there is one)")
      ->take_last()
      ->group(detection);
  app.add_option("--threads", options.threads,
                 "CPU threads (default: OMP_NUM_THREADS, else the CPUs of this process)")
      ->take_last()
      ->group(detection);

  const std::string output = "Output";
  app.add_flag("--save-txt", options.save_txt, "write labels/<name>.txt: class x y w h, as fractions")
      ->group(output);
  app.add_flag("--save-conf", options.output.save_confidence, "confidence as sixth number in label files")
      ->group(output);
  app.add_flag("--nosave", options.nosave, "no annotated pictures (nor with a list.txt, as detect.py)")
      ->group(output);
  auto* project = app.add_option("--project", options.folder.project, "results go to PROJECT/NAME, ...")
                      ->take_last()
                      ->capture_default_str()
                      ->group(output);
  auto* name = app.add_option("--name", options.folder.name, "... NAME2, NAME3: the first that is free")
                   ->take_last()
                   ->capture_default_str()
                   ->group(output);
  auto* exist_ok = app.add_flag("--exist-ok", options.folder.exist_ok, "use PROJECT/NAME although it exists")
                       ->group(output);
  app.add_option("--out", options.folder.exact, "exactly this folder, new or not")
      ->take_last()
      ->excludes(project)
      ->excludes(name)
      ->excludes(exist_ok)
      ->group(output);
  app.add_option("--line-thickness", options.output.style.line_thickness,
                 "of boxes, in pixels; 0: by size of the picture")
      ->take_last()
      ->capture_default_str()
      ->group(output);
  app.add_flag("--hide-labels", options.output.hide_labels, "boxes without text")->group(output);
  app.add_flag("--hide-conf", options.output.hide_confidence, "text without confidence")->group(output);
  app.add_flag("--quiet", options.quiet, "say only what goes wrong")->group(output);
  app.add_option("--color", options.color, "auto, always or never")
      ->take_last()
      ->capture_default_str()
      ->group(output);

  for (const char* flag : kNotYet) {
    app.add_option(flag)->expected(0, 1)->group("");  // group "": not in the help
  }
}

Error UsageError(const std::string& message) {
  return Error(message, ExitCode::kUsage, "see yolo-detect --help");
}

/// An empty value is an unset variable in somebody's script, and never means the default.
void RefuseEmptyValues(const CLI::App& app) {
  for (const char* flag : {"--weights", "--source", "--data", "--project", "--name", "--out"}) {
    const CLI::Option* option = app.get_option(flag);
    if (option->count() == 0) continue;
    const std::vector<std::string>& values = option->results();
    if (std::find(values.begin(), values.end(), "") != values.end()) {
      throw UsageError(std::string(flag) + " must not be empty");
    }
  }
}

/// Checks that flags cannot express, and detect.py's rules on how they combine.
void Finish(const CLI::App& app, Options& options) {
  for (const char* flag : kNotYet) {
    if (app.count(flag) > 0) throw UsageError(std::string(flag) + " is not supported yet");
  }
  RefuseEmptyValues(app);
  const auto is_fraction = [](double value) { return value >= 0 && value <= 1; };
  if (!is_fraction(options.nms.conf_thres)) throw UsageError("--conf-thres takes a number from 0 to 1");
  if (!is_fraction(options.nms.iou_thres)) throw UsageError("--iou-thres takes a number from 0 to 1");
  if (options.nms.max_det < 1) throw UsageError("--max-det takes a number from 1 up");
  const int thickness = options.output.style.line_thickness;
  if (thickness < 0 || thickness > 1000) throw UsageError("--line-thickness takes a number from 0 to 1000");
  if (options.threads < 0) throw UsageError("--threads takes a number from 0 up");
  constexpr std::int64_t kMaxSide = 65'536;  // of what the network could be given on any machine
  for (const std::int64_t side : options.imgsz) {
    if (side < 1 || side > kMaxSide) throw UsageError("--imgsz takes sides from 1 to 65536 pixels");
  }
  if (options.weights.size() > 1) throw UsageError("--weights: several models at once are not supported yet");
  if (app.count("--classes") > 0) options.nms.classes.emplace(options.classes.begin(), options.classes.end());
  options.folder.labels = options.output.save_labels = options.save_txt;
}

/// Nothing where --help or --version has been answered.
std::optional<Options> ParseOptions(int argc, char** argv) {
  Options options;
  CLI::App app(kDescription, kProgram);
  app.set_version_flag("--version", std::string(kProgram) + " " ROOST_VERSION);
  app.footer(kFooter);
  AddOptions(app, options);
  try {
    std::vector<std::string> words = SpellOutFlags(app, {argv + 1, argv + argc});
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the end
    app.parse(std::move(words));
  } catch (const CLI::Success& answered) {
    app.exit(answered);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  Finish(app, options);
  return options;
}

Path FindWeights(const std::string& name, Reporter& reporter) {
  WeightsStore::Options store;
  store.cache = CacheFolder();
  store.fetch = [](const std::string& url, AtomicFile& file) { return http::Client().Download(url, file); };
  store.check = [](const Path& file) { LoadCheckpoint(file); };
  store.say = [&](const std::string& line) { reporter.Say(line); };
  return WeightsStore(std::move(store)).Find(name);
}

std::string ToText(Size size) { return std::to_string(size.height) + "x" + std::to_string(size.width); }

/// Throws Error (usage) where --classes leaves nothing to find.
void WarnAboutSurprises(const Options& options, const Inputs& inputs, const Network& network, Size asked,
                        Reporter& reporter) {
  if (network.input != asked) {
    reporter.Warn("--imgsz " + ToText(asked) + " is not a multiple of the model's stride " +
                  std::to_string(network.stride) + ": using " + ToText(network.input));
  }
  const std::string known = "the model has classes 0 to " + std::to_string(network.classes - 1);
  const auto is_unknown = [&](std::int64_t id) { return id < 0 || id >= network.classes; };
  if (!options.classes.empty() && std::all_of(options.classes.begin(), options.classes.end(), is_unknown)) {
    throw UsageError("--classes: nothing would be found, " + known);
  }
  for (const std::int64_t id : options.classes) {
    if (is_unknown(id)) reporter.Warn("--classes " + std::to_string(id) + ": " + known);
  }
  if (inputs.from_list && !options.nosave) {
    reporter.Say("no annotated pictures are saved for a list file, as with detect.py");
  }
}

/// Everything that can be wrong with weights and sources is found before the output folder is made, and
/// before the engine, which is slow to load, is opened.
int Detect(const Options& options) {
  Reporter reporter(std::cerr, Terminal::Detect(STDERR_FILENO, ParseColorChoice(options.color)),
                    options.quiet);
  const Inputs inputs = FindInputs(options.sources);
  const Path weights = FindWeights(options.weights.front(), reporter);
  const Size asked{options.imgsz.front(), options.imgsz.back()};
  const Network network = LoadNetwork(weights, asked, options.data);
  WarnAboutSurprises(options, inputs, network, asked, reporter);

  const RunFolder folder = RunFolder::Create(options.folder);
  OutputOptions output = options.output;
  output.folder = folder.path();
  output.save_pictures = !options.nosave && !inputs.from_list;

  std::shared_ptr<const Engine> engine;
  try {
    CheckOutputs(inputs.files, output, reporter);
    engine = OpenEngine("torch", network.graph, {.device = options.device, .threads = options.threads});
  } catch (const Error&) {
    folder.RemoveIfUnused();
    throw;
  }
  reporter.Say("Roost " ROOST_VERSION ", " + engine->Description());
  reporter.Say(weights.filename().string() + ": " + network.summary);

  const Detector detector(std::move(engine), network.input, network.stride, options.nms);
  StopSignals signals;
  const RunSummary summary =
      RunDetection(inputs.files, detector, network.names, output, reporter, [&] { return signals.Next(); });
  std::cout << folder.path().string() << std::endl;
  if (!std::cout) throw Error("cannot write to stdout", ExitCode::kCannotCreate);
  if (summary.stopped_by_signal != 0) return 128 + summary.stopped_by_signal;
  return static_cast<int>(summary.unusable.empty() ? ExitCode::kOk : ExitCode::kSomeUnusable);
}

int Main(int argc, char** argv) {
  // One picture after the other: OpenCV's own threads would only compete with the engine's.
  SetImageThreads(1);
  // LibTorch's threads spin while they wait for each other, by default. On a host that also runs other jobs
  // that made detection ten times slower (834 against 60 ms a picture, 2 threads); asleep they cost nothing
  // measurable.
  ::setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  if (argc > 1 && std::string_view(argv[1]) == "info") {
    Reporter reporter(std::cerr, Terminal::Detect(STDERR_FILENO, ColorChoice::kAuto), /*quiet=*/false);
    return InfoMain(argc - 1, argv + 1, [&](const std::string& name) { return FindWeights(name, reporter); });
  }
  const auto options = ParseOptions(argc, argv);
  return options ? Detect(*options) : 0;
}

}  // namespace
}  // namespace roost::yolo

int main(int argc, char** argv) {
  return roost::RunMain("yolo-detect", [&] { return roost::yolo::Main(argc, argv); });
}
