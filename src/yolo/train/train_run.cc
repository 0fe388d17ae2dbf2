#include "yolo/train/train_run.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "roost/yolo/engine.h"
#include "roost/yolo/image.h"
#include "yolo/data/anchors.h"
#include "yolo/data/dataset.h"
#include "yolo/detect/run_folder.h"
#include "yolo/engine/torch_device.h"
#include "yolo/evaluate/charts.h"
#include "yolo/evaluate/confusion.h"
#include "yolo/evaluate/evaluate.h"
#include "yolo/evaluate/report.h"
#include "yolo/graph/model_from_yaml.h"
#include "yolo/model/checkpoint_writer.h"
#include "yolo/model/head_edit.h"
#include "yolo/model/initial_weights.h"
#include "yolo/model/model_yaml.h"
#include "yolo/train/process_group.h"
#include "yolo/train/run_checkpoints.h"
#include "yolo/train/run_logs.h"
#include "yolo/train/run_pictures.h"
#include "yolo/train/train_console.h"
#include "yolo/train/trainer.h"

namespace roost::yolo {
namespace {

/// Several observers as one.
class Observers final : public TrainObserver {
 public:
  explicit Observers(std::vector<TrainObserver*> observers) : observers_(std::move(observers)) {}
  void EpochStarted(std::int64_t epoch) override {
    for (TrainObserver* o : observers_) o->EpochStarted(epoch);
  }
  void BatchDone(const BatchProgress& progress, const TrainBatch& batch) override {
    for (TrainObserver* o : observers_) o->BatchDone(progress, batch);
  }
  void Measuring(std::int64_t done, std::int64_t pictures) override {
    for (TrainObserver* o : observers_) o->Measuring(done, pictures);
  }
  void EpochDone(const EpochResult& result, const Trainer& trainer) override {
    for (TrainObserver* o : observers_) o->EpochDone(result, trainer);
  }

 private:
  std::vector<TrainObserver*> observers_;
};

struct Data {
  std::vector<std::string> names;
  Dataset train, val;
};

Dataset Scan(const char* what, const std::vector<Path>& sources, const TrainOptions& options,
             std::int64_t classes, TrainConsole& console) {
  Dataset dataset = ReadDataset(
      sources,
      {.classes = classes, .single_cls = options.single_cls, .workers = static_cast<int>(options.workers)});
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < dataset.warnings.size() && i < kShown; ++i) console.Warn(dataset.warnings[i]);
  if (dataset.warnings.size() > kShown) {
    console.Warn("... and " + std::to_string(dataset.warnings.size() - kShown) + " more like these");
  }
  std::size_t labels = 0;
  for (const Sample& sample : dataset.samples) labels += sample.labels.size();
  console.Say(std::string(what) + ": " + std::to_string(dataset.samples.size()) + " pictures, " +
              std::to_string(labels) + " labels, " + std::to_string(dataset.background()) + " backgrounds, " +
              std::to_string(dataset.corrupt) + " corrupt");
  return dataset;
}

Data ReadData(const TrainOptions& options, TrainConsole& console) {
  if (options.data.empty()) {
    throw Error("there is nothing to train on", ExitCode::kUsage, "name a dataset YAML with --data");
  }
  const DatasetYaml yaml = ReadDatasetYaml(options.data);
  const auto need = [&](const std::vector<Path>& sources, const char* key) {
    if (sources.empty()) {
      throw Error(options.data + ": it has no '" + key + "'", ExitCode::kBadData,
                  "training needs the pictures of 'train' and of 'val'");
    }
  };
  need(yaml.train, "train");
  need(yaml.val, "val");
  Data data{.names = yaml.names};
  const std::int64_t classes = std::ssize(yaml.names);
  if (options.single_cls && classes != 1) data.names = {"item"};
  data.train = Scan("train", yaml.train, options, classes, console);
  data.val = Scan("val", yaml.val, options, classes, console);
  return data;
}

/// The network that is to be trained, with the weights that it begins with.
std::shared_ptr<const Module> MakeModel(const TrainOptions& options, std::int64_t classes,
                                        TrainConsole& console) {
  ModelYamlChanges changes{.classes = classes, .anchors = std::nullopt};
  if (options.hyperparameters.anchors >= 1) {
    changes.anchors = static_cast<std::int64_t>(options.hyperparameters.anchors + 0.5);
  }
  const auto seed = static_cast<std::uint64_t>(options.seed);
  if (options.weights.empty()) {
    if (options.cfg.empty()) {
      throw Error("there is no model to train", ExitCode::kUsage,
                  "give --weights, to begin with a trained one, or --cfg, to train from scratch");
    }
    return DrawInitialWeights(*ModelFromYaml(ReadModelYaml(options.cfg, changes)), seed);
  }
  const Checkpoint checkpoint = LoadCheckpoint(options.weights);
  const std::shared_ptr<const Module> wanted = options.cfg.empty()
                                                   ? WithClasses(*checkpoint.model, classes)
                                                   : ModelFromYaml(ReadModelYaml(options.cfg, changes));
  const bool keeps_anchors = options.cfg.empty() && options.hyperparameters.anchors < 1;
  const TransferredWeights transferred =
      TransferWeights(*checkpoint.model, *DrawInitialWeights(*wanted, seed),
                      keeps_anchors ? TransferAnchors::kYes : TransferAnchors::kNo);
  console.Say("took " + std::to_string(transferred.taken) + " of " + std::to_string(transferred.of) +
              " tensors over from " + options.weights);
  return transferred.model;
}

/// The model with anchors that suit the labels: its own, or better ones.
std::shared_ptr<const Module> WithFittingAnchors(std::shared_ptr<const Module> model,
                                                 const TrainOptions& options, const Dataset& dataset,
                                                 TrainConsole& console) {
  const AnchorCheck check = CheckAnchors(dataset, AnchorsOf(*model),
                                         {.imgsz = options.imgsz,
                                          .threshold = options.hyperparameters.anchor_t,
                                          .seed = static_cast<std::uint64_t>(options.seed)});
  std::ostringstream text;
  text << "anchors: " << std::fixed << std::setprecision(2) << check.before.above_threshold
       << " suit a label, best possible recall " << std::setprecision(4) << check.before.best_possible_recall;
  if (check.replaced) {
    text << "; with new ones " << check.after->best_possible_recall << ":" << std::setprecision(0);
    for (const auto& [width, height] : check.anchors) text << ' ' << width << 'x' << height;
  }
  console.Say(text.str());
  if (check.tiny > 0) {
    console.Warn(std::to_string(check.tiny) + " of " + std::to_string(check.objects) +
                 " labels are less than 3 pixels wide or high");
  }
  return check.replaced ? WithAnchors(*model, check.anchors) : std::move(model);
}

/// What --resume names: a checkpoint, a run folder, or "latest".
Path FindCheckpoint(const std::string& resume, const Path& project) {
  std::error_code ignored;
  if (resume != "latest") {
    return std::filesystem::is_directory(resume, ignored) ? Path(resume) / "weights" / "last.pt"
                                                          : Path(resume);
  }
  std::optional<std::pair<std::filesystem::file_time_type, Path>> newest;
  for (const auto& run : std::filesystem::directory_iterator(project, ignored)) {
    const Path last = run.path() / "weights" / "last.pt";
    const auto time = std::filesystem::last_write_time(last, ignored);
    if (ignored) continue;
    if (!newest || newest->first < time) newest = {time, last};
  }
  if (!newest) {
    throw Error("--resume: there is no run with a weights/last.pt below '" + project.string() + "'",
                ExitCode::kNoInput, "name the checkpoint: --resume RUN/weights/last.pt");
  }
  return newest->second;
}

/// The weights that are kept, on the validation pictures: figures of each class for people, curves for the
/// folder.
void MeasureBest(const Path& best, const Data& data, const TrainOptions& options, const Path& folder,
                 TrainConsole& console) {
  const Checkpoint checkpoint = LoadCheckpoint(best);
  const auto engine = OpenEngine("torch", Lower(*checkpoint.model),
                                 {.device = options.device, .threads = static_cast<int>(options.threads)});
  ConfusionMatrix confusion(std::ssize(data.names));
  const auto judged = [&](const BatchResult& batch) {
    for (const PictureResult& picture : batch.pictures) confusion.Add(picture.detections, picture.labels);
  };
  const Evaluation evaluation = EvaluateInFull(*engine, data.val, std::ssize(data.names),
                                               {.imgsz = options.imgsz,
                                                .stride = checkpoint.stride,
                                                .single_cls = options.single_cls,
                                                .workers = static_cast<int>(options.workers)},
                                               {}, judged);
  console.Say(best.string() + ":\n" +
              MetricsTable(evaluation.metrics, data.names, /*each_class=*/data.names.size() > 1));
  if (!options.noplots) {
    SaveCharts(evaluation.metrics, evaluation.curves, confusion, data.names, folder);
  }
}

void WriteSettings(const Path& folder, const TrainOptions& options) {
  std::string text;
  for (const auto& [name, value] : options.All()) text += name + ": '" + value + "'\n";
  WriteFileAtomically(folder / "opt.yaml", text).value();
  WriteFileAtomically(folder / "hyp.yaml", ToYaml(options.hyperparameters)).value();
}

/// Throws Error (usage); mends what can be mended, and says so.
void CheckOptions(TrainOptions& options, const ProcessGroup* group, TrainConsole& console) {
  constexpr std::int64_t kStride = 32;  // of most models; a larger one is checked when the model is known
  if (const std::int64_t side = (options.imgsz + kStride - 1) / kStride * kStride; side != options.imgsz) {
    console.Warn("--imgsz " + std::to_string(options.imgsz) + " is not a multiple of " +
                 std::to_string(kStride) + ": using " + std::to_string(side));
    options.imgsz = side;
  }
  if (options.rect && options.image_weights) {
    console.Warn("--image-weights draws pictures of all shapes: --rect has no effect");
    options.rect = false;
  }
  const std::int64_t world = group == nullptr ? 1 : group->world();
  if (options.batch_size % world != 0) {
    throw Error("--batch-size " + std::to_string(options.batch_size) + " cannot be shared by " +
                    std::to_string(world) + " processes",
                ExitCode::kUsage, "use a multiple of " + std::to_string(world));
  }
}

}  // namespace

int RunTraining(TrainOptions options, const TrainRunContext& context) {
  const bool is_first = context.group == nullptr || context.group->rank() == 0;
  TrainConsole console(std::cerr, context.terminal, options.quiet || !is_first);

  std::optional<SavedTraining> saved;
  Path folder;
  if (!options.resume.empty()) {
    const Path last = FindCheckpoint(options.resume, options.project);
    saved = ReadSavedTraining(last);
    folder = last.parent_path().parent_path();
    options = OptionsOf(*saved);
    console.Say("going on with " + folder.string() + " from epoch " + std::to_string(saved->epoch + 1) +
                " of " + std::to_string(options.epochs));
  }
  CheckOptions(options, context.group, console);
  SetImageThreads(1);  // OpenCV's own would only compete with the threads that read pictures
  SetTorchThreads(static_cast<int>(options.threads));

  const Data data = ReadData(options, console);
  const std::int64_t classes = std::ssize(data.names);
  std::shared_ptr<const Module> model = saved ? saved->model : MakeModel(options, classes, console);
  if (!saved && !options.noautoanchor)
    model = WithFittingAnchors(std::move(model), options, data.train, console);

  std::optional<RunCheckpoints> checkpoints;
  std::optional<RunLogs> logs;
  std::optional<RunPictures> pictures;
  RunJson json(std::cout);
  std::vector<TrainObserver*> observers{&console};
  if (is_first) {
    if (!saved) {
      folder =
          RunFolder::Create({.project = options.project, .name = options.name, .exist_ok = options.exist_ok})
              .path();
      WriteSettings(folder, options);
    }
    checkpoints.emplace(folder, options, data.names);
    observers.push_back(&*checkpoints);
    observers.push_back(&logs.emplace(folder, saved ? std::optional(saved->epoch + 1) : std::nullopt));
    if (context.json) observers.push_back(&json);
    if (!options.noplots) observers.push_back(&pictures.emplace(folder, data.train, data.names));
  }
  Observers all(std::move(observers));
  Trainer trainer({.options = options,
                   .model = model,
                   .train = &data.train,
                   .val = &data.val,
                   .names = data.names,
                   .group = context.group,
                   .stop_requested = context.stop_requested},
                  all);
  if (saved) trainer.Restore(saved->training_state, saved->ema, saved->updates.value_or(0), saved->epoch + 1);
  console.Say("training for " + std::to_string(options.epochs - trainer.epoch()) + " epochs in " +
              folder.string());

  const TrainEnd end = trainer.Run();
  for (const std::string& warning : trainer.warnings()) console.Warn(warning);
  if (end == TrainEnd::kInterrupted) {
    console.Warn("stopped in epoch " + std::to_string(trainer.epoch()) +
                 "; go on with: yolo-train --resume " + (folder / "weights" / "last.pt").string());
    return static_cast<int>(ExitCode::kTryAgain);
  }
  if (checkpoints) {
    checkpoints->Finish();
    MeasureBest(checkpoints->best(), data, options, folder, console);
    if (context.json) {
      json.Finished(folder);
    } else {
      std::cout << folder.string() << std::endl;
    }
  }
  return static_cast<int>(ExitCode::kOk);
}

}  // namespace roost::yolo
