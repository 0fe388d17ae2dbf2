#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "roost/base/error.h"
#include "roost/base/process.h"
#include "roost/base/terminal.h"
#include "tools/find_model.h"
#include "tools/val_flags.h"
#include "yolo/data/dataset.h"
#include "yolo/data/label_file.h"
#include "yolo/detect/class_names.h"
#include "yolo/detect/coco_categories.h"
#include "yolo/detect/json_text.h"
#include "yolo/detect/labels.h"
#include "yolo/detect/model.h"
#include "yolo/detect/reporter.h"
#include "yolo/evaluate/batch_pictures.h"
#include "yolo/evaluate/charts.h"
#include "yolo/evaluate/confusion.h"
#include "yolo/evaluate/evaluate.h"
#include "yolo/evaluate/outputs.h"
#include "yolo/evaluate/report.h"

namespace roost::yolo {
namespace {

const char* NameOf(ValTask task) {
  switch (task) {
    case ValTask::kTrain:
      return "train";
    case ValTask::kTest:
      return "test";
    case ValTask::kVal:
    case ValTask::kSpeed:
      return "val";
  }
  ROOST_CHECK(false, "every task has its pictures");
}

const std::vector<Path>& SourcesOf(const DatasetYaml& yaml, ValTask task) {
  const std::vector<Path>& sources = task == ValTask::kTrain  ? yaml.train
                                     : task == ValTask::kTest ? yaml.test
                                                              : yaml.val;
  if (sources.empty()) {
    throw Error(yaml.file.string() + ": no '" + NameOf(task) + "': where the pictures are",
                ExitCode::kBadData);
  }
  return sources;
}

/// The dataset, with all that is odd about it told.
Dataset ReadPictures(const ValFlags& flags, const DatasetYaml& yaml, Reporter& reporter) {
  if (!yaml.download.empty()) {
    reporter.Say(yaml.file.string() +
                 ": 'download' is not used: pictures are only taken from where they are");
  }
  Dataset dataset = ReadDataset(SourcesOf(yaml, flags.task), {.classes = std::ssize(yaml.names),
                                                              .single_cls = flags.evaluate.single_cls,
                                                              .workers = flags.evaluate.workers});
  constexpr std::size_t kTold = 50;
  for (std::size_t i = 0; i < std::min(dataset.warnings.size(), kTold); ++i)
    reporter.Warn(dataset.warnings[i]);
  if (dataset.warnings.size() > kTold) {
    reporter.Warn("... and " + std::to_string(dataset.warnings.size() - kTold) + " more");
  }
  const std::size_t labelled =
      dataset.samples.size() - std::min(dataset.background(), dataset.samples.size());
  reporter.Say(std::string(NameOf(flags.task)) + ": " + std::to_string(labelled) + " pictures with labels, " +
               std::to_string(dataset.background()) + " backgrounds, " + std::to_string(dataset.corrupt) +
               " unusable");
  if (dataset.samples.empty()) {
    throw Error(yaml.file.string() + ": none of the pictures can be used", ExitCode::kBadData);
  }
  return dataset;
}

/// Redraws one line, where a person watches.
class Progress {
 public:
  Progress(const Terminal& terminal, bool quiet, std::size_t total)
      : shown_(terminal.interactive && !quiet), total_(total) {}
  void Show(std::int64_t done) const {
    if (shown_) std::cerr << "\r\033[K" << done << "/" << total_ << " pictures" << std::flush;
  }
  void Clear() const {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  bool shown_;
  std::size_t total_;
};

/// Throws Error (bad data, usage) where weights and dataset do not belong together.
void CheckModel(const ModelTraits& traits, const DatasetYaml& yaml, const ValFlags& flags) {
  if (traits.task != Task::kDetect) {
    throw Error("yolo-val measures detection models; '" + flags.weights.front() + "' is of another kind",
                ExitCode::kBadData);
  }
  if (traits.input.height != traits.input.width) {
    throw Error("'" + flags.weights.front() + "' takes pictures of one shape only, which is no square",
                ExitCode::kBadData, "export it with a square --imgsz");
  }
  if (!flags.evaluate.single_cls && traits.classes != std::ssize(yaml.names)) {
    throw Error("'" + flags.weights.front() + "' has " + std::to_string(traits.classes) + " classes, but '" +
                    yaml.file.string() + "' has " + std::to_string(yaml.names.size()),
                ExitCode::kBadData, "weights are measured on the classes that they were trained for");
  }
}

/// Throws Error (cannot create) where label files of the dataset would be written over.
void GuardLabels(const Dataset& dataset, const Path& labels) {
  std::error_code error;
  const Path ours = std::filesystem::weakly_canonical(labels, error);
  for (const Sample& sample : dataset.samples) {
    const Path theirs = LabelPathOf(sample.image).parent_path();
    if (theirs.filename() != labels.filename()) continue;
    if (std::filesystem::weakly_canonical(theirs, error) != ours) continue;
    throw Error("--save-txt would write over the labels of the dataset in '" + labels.string() + "'",
                ExitCode::kCannotCreate, "give another --project, --name or --out");
  }
}

void WarnAboutSurprises(const ValFlags& flags, const ModelTraits& traits, Reporter& reporter) {
  if (traits.input.height != flags.imgsz) {
    reporter.Warn("--imgsz " + std::to_string(flags.imgsz) + " is not what the model takes (multiples of " +
                  std::to_string(traits.stride) + "): using " + std::to_string(traits.input.height));
  }
  if (flags.task != ValTask::kSpeed && flags.evaluate.nms.conf_thres > 0.001) {
    reporter.Warn("--conf-thres above 0.001: detections that count are missing, figures are too low");
  }
  if (flags.evaluate.hybrid) {
    reporter.Warn("--save-hybrid: labels count as detections, figures say nothing about the model");
  }
  if (flags.dnn) reporter.Warn("--dnn is for ONNX files under OpenCV, which yolo-val does not read: ignored");
}

/// COCO's own validation pictures, as the reference knows them.
bool IsCocoVal(const DatasetYaml& yaml) {
  return yaml.val.size() == 1 && yaml.val.front().string().ends_with("coco/val2017.txt");
}

int ExitCodeOf(const Dataset& dataset, const Evaluation& evaluation, bool strict) {
  if (dataset.corrupt == 0 && evaluation.unusable.empty()) return static_cast<int>(ExitCode::kOk);
  return static_cast<int>(strict ? ExitCode::kFailed : ExitCode::kSomeUnusable);
}

/// Everything that can be wrong with weights and dataset is found before the output folder is made.
int Validate(const ValFlags& flags) {
  const Terminal terminal = Terminal::Detect(STDERR_FILENO, ParseColorChoice(flags.color));
  Reporter reporter(std::cerr, terminal, {.quiet = flags.quiet});
  const DatasetYaml yaml = ReadDatasetYaml(flags.data);
  DetectorOptions detector = flags.detector;
  detector.imgsz = {flags.imgsz, flags.imgsz};
  detector.data = flags.data;
  for (const std::string& name : flags.weights) {
    detector.weights.push_back(FindWeights(name, [&](const std::string& line) { reporter.Say(line); }));
  }
  const Model model = ReadModel(detector);
  CheckModel(model.traits, yaml, flags);
  const Dataset dataset = ReadPictures(flags, yaml, reporter);
  std::optional<CocoAnnotations> annotations;
  if (!flags.annotations.empty()) annotations = ReadCocoAnnotations(flags.annotations);

  // From here on there is something to stop cleanly; what came before left nothing behind.
  StopSignals signals;
  const RunFolder folder = RunFolder::Create(flags.folder);
  OpenModel open;
  try {
    open = model.open({.device = detector.device, .threads = detector.threads, .half = detector.half});
    CheckModel(open.traits, yaml, flags);
    if (flags.save_txt) GuardLabels(dataset, folder.labels());
  } catch (const Error&) {
    folder.RemoveIfUnused({});
    throw;
  }
  const ModelTraits& traits = open.traits;
  reporter.Say("Roost " ROOST_VERSION ", " + open.engine->Description());
  for (const std::string& line : model.summary) reporter.Say(line);
  WarnAboutSurprises(flags, traits, reporter);

  EvaluateOptions options = flags.evaluate;
  options.imgsz = traits.input.height;
  options.stride = traits.stride;
  if (traits.whole_input) options.rect = false;
  const bool one_class = options.single_cls;
  const std::vector<std::string> names = one_class                      ? std::vector<std::string>{"item"}
                                         : AreNamesMadeUp(traits.names) ? yaml.names
                                                                        : traits.names;
  const std::int64_t classes = std::ssize(names);

  const bool coco = IsCocoVal(yaml) || (!flags.annotations.empty() && AreCocoNames(names));
  ConfusionMatrix confusion(classes);
  CocoResults results(CategoryNumbers(classes, coco));
  LabelWriter labels(folder.labels(), /*save_empty=*/false);
  const Progress progress(terminal, flags.quiet, dataset.samples.size());
  int stopped_by = 0;
  std::size_t batches = 0;
  constexpr std::size_t kBatchPictures = 3;
  const auto judged = [&](const BatchResult& batch) {
    if (!flags.no_plots && batches < kBatchPictures) {
      SaveBatchPictures(batch, batches, dataset, names, folder.path());
    }
    ++batches;
    for (const PictureResult& picture : batch.pictures) {
      const Path& image = dataset.samples[picture.sample].image;
      confusion.Add(picture.detections, picture.labels);
      if (flags.save_txt) labels.Write(image.stem(), DetectionLines(picture, flags.save_conf));
      if (flags.save_json) results.Add(dataset.samples[picture.sample], picture);
    }
  };
  const Evaluation evaluation = EvaluateInFull(
      *open.engine, dataset, traits.classes, options,
      [&](const ImageBatch&, std::span<const Target>, std::int64_t done) { progress.Show(done); }, judged,
      [&] { return (stopped_by = signals.Next()) != 0; });
  progress.Clear();
  if (stopped_by != 0) {
    reporter.Warn("stopped by a signal: no figures");
    folder.RemoveIfUnused({});
    return stopped_by == SIGTERM ? static_cast<int>(ExitCode::kTryAgain) : 128 + stopped_by;
  }
  for (const std::string& why : evaluation.unusable) reporter.Warn(why);
  if (evaluation.metrics.instances == 0) {
    reporter.Warn("no labels in the " + std::string(NameOf(flags.task)) +
                  " pictures: there is nothing to find");
  }

  std::optional<CocoTable> coco_table;
  if (flags.save_json) {
    coco_table = annotations ? results.ByAnnotations(*annotations) : results.ByLabels();
  }

  const int exit_code = ExitCodeOf(dataset, evaluation, flags.strict);
  nlohmann::ordered_json figures = MetricsJson(evaluation.metrics, names);
  if (coco_table) figures["coco"] = ToJson(*coco_table);
  figures["folder"] = JsonName(folder.path().string());
  figures["exit_code"] = exit_code;
  WriteFileAtomically(folder.path() / "metrics.json", figures.dump(1, ' ', false) + "\n").value();
  if (flags.save_json) {
    const std::string stem = Path(flags.weights.front()).stem();
    WriteFileAtomically(folder.path() / (stem + "_predictions.json"), results.Text()).value();
  }
  if (!flags.no_plots) SaveCharts(evaluation.metrics, evaluation.curves, confusion, names, folder.path());
  constexpr std::int64_t kManyClasses = 50;  // the reference's limit
  const bool each_class = classes > 1 && (flags.verbose || classes < kManyClasses);
  if (flags.json) {
    std::cout << JsonLine(figures) << std::endl;
  } else {
    std::cout << MetricsTable(evaluation.metrics, names, each_class) << std::flush;
    if (coco_table) std::cout << ToText(*coco_table) << std::flush;
  }
  reporter.Say(SpeedLine(evaluation, options));
  reporter.Say("Results saved to " + folder.path().string());
  if (flags.save_txt) {
    reporter.Say(std::to_string(labels.CountFiles()) + " labels saved to " + folder.labels().string());
  }
  if (!flags.json) std::cout << folder.path().string() << std::endl;
  if (!std::cout) throw Error("cannot write to stdout", ExitCode::kCannotCreate);
  return exit_code;
}

int Main(int argc, char** argv) {
  // OpenCV's own threads would only compete with the engine's and the workers'.
  SetImageThreads(1);
  // As in yolo-detect: threads that spin while they wait cost other jobs, and us, more than they gain.
  ::setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  const auto flags = ParseValFlags(argc, argv);
  return flags ? Validate(*flags) : 0;
}

}  // namespace
}  // namespace roost::yolo

int main(int argc, char** argv) {
  return roost::RunMain("yolo-val", [&] { return roost::yolo::Main(argc, argv); });
}
