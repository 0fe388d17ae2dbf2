#include "yolo/train/train_run.h"

#include <algorithm>
#include <array>
#include <functional>
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
  void Add(TrainObserver& observer) { observers_.push_back(&observer); }
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
/// False where it was told to stop.
bool MeasureBest(const Path& best, const Data& data, const TrainOptions& options, const Path& folder,
                 TrainConsole& console, const std::function<bool()>& stopped) {
  const Checkpoint checkpoint = LoadCheckpoint(best);
  const auto engine = OpenEngine("torch", Lower(*checkpoint.model),
                                 {.device = options.device, .threads = static_cast<int>(options.threads)});
  ConfusionMatrix confusion(std::ssize(data.names));
  const auto judged = [&](const BatchResult& batch) {
    for (const PictureResult& picture : batch.pictures) confusion.Add(picture.detections, picture.labels);
  };
  bool stop = false;
  const Evaluation evaluation = EvaluateInFull(*engine, data.val, std::ssize(data.names),
                                               {.imgsz = options.imgsz,
                                                .stride = checkpoint.stride,
                                                .single_cls = options.single_cls,
                                                .workers = static_cast<int>(options.workers)},
                                               {}, judged, [&] { return stop = stopped(); });
  if (stop) return false;
  console.Say(best.string() + ":\n" +
              MetricsTable(evaluation.metrics, data.names, /*each_class=*/data.names.size() > 1));
  if (!options.noplots) {
    SaveCharts(evaluation.metrics, evaluation.curves, confusion, data.names, folder);
  }
  return true;
}

/// In YAML's single quotes.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

void WriteSettings(const Path& folder, const TrainOptions& options) {
  std::string text;
  for (const auto& [name, value] : options.All()) text += name + ": " + Quoted(value) + "\n";
  WriteFileAtomically(folder / "opt.yaml", text).value();
  WriteFileAtomically(folder / "hyp.yaml", ToYaml(options.hyperparameters)).value();
}

/// Throws Error (usage); mends what can be mended, and says so.
void CheckOptions(TrainOptions& options, const ProcessGroup* group, TrainConsole& console) {
  ParseOptimizer(options.optimizer);
  ParseCache(options.cache);
  if (options.label_smoothing < 0 || options.label_smoothing > 1) {
    throw Error("--label-smoothing is a number from 0 to 1", ExitCode::kUsage);
  }
  if (options.hyperparameters.anchor_t <= 1) {
    throw Error("anchor_t: a factor above 1, by how much labels and anchors may differ", ExitCode::kUsage);
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

namespace {

/// The folder of a run that is over: there is nothing to go on with.
bool IsFinished(const Path& last) {
  std::error_code ignored;
  if (!std::filesystem::exists(last.parent_path().parent_path() / "results.csv", ignored)) return false;
  constexpr std::int64_t kDone = -1;
  return LoadCheckpoint(last).epoch == kDone;
}

/// The options that a run was started with, and of those that were given now the ones that may change.
TrainOptions ResumedOptions(const SavedTraining& saved, const TrainRunContext& context,
                            TrainConsole& console) {
  constexpr std::array kMayChange = {"data", "device", "workers", "threads", "cache", "quiet", "project"};
  TrainOptions options = OptionsOf(saved);
  for (const auto& [name, value] : context.given) {
    if (name == "resume") continue;
    if (std::ranges::find(kMayChange, name) == kMayChange.end()) {
      console.Warn(name + ": a resumed run keeps what it was started with");
    } else if (name != "project") {
      options.Set(name, value).value();
    }
  }
  return options;
}

/// Sides that the network can work with: a multiple of its stride, of two maps' cells at least.
void FitImageSize(TrainOptions& options, const Module& model, TrainConsole& console) {
  constexpr std::int64_t kLeastStride = 32;
  std::int64_t stride = kLeastStride;
  for (const float one : StridesOf(model)) stride = std::max(stride, static_cast<std::int64_t>(one));
  const std::int64_t side = std::max((options.imgsz + stride - 1) / stride * stride, 2 * stride);
  if (side == options.imgsz) return;
  console.Warn("--imgsz " + std::to_string(options.imgsz) + " does not suit the model's stride " +
               std::to_string(stride) + ": using " + std::to_string(side));
  options.imgsz = side;
}

int Interrupted(const Path& folder, TrainConsole& console) {
  const Path last = folder / "weights" / "last.pt";
  std::error_code ignored;
  const bool saved = !folder.empty() && std::filesystem::exists(last, ignored);
  console.Warn(saved ? "stopped; go on with: yolo-train --resume " + last.string()
                     : "stopped before anything was saved: start again");
  return static_cast<int>(ExitCode::kTryAgain);
}

}  // namespace

int RunTraining(TrainOptions options, const TrainRunContext& context) {
  const bool is_first = context.group == nullptr || context.group->rank() == 0;
  TrainConsole console(std::cerr, context.terminal, options.quiet || !is_first);
  RunJson json(std::cout);
  const auto tell_folder = [&](const Path& folder) {
    if (!is_first) return;
    if (context.json) return json.Finished(folder);
    std::cout << folder.string() << std::endl;
  };
  const auto stopped = [&] { return context.stop_requested && context.stop_requested(); };

  std::optional<SavedTraining> saved;
  Path folder;
  if (!options.resume.empty()) {
    const Path last = FindCheckpoint(options.resume, options.project);
    folder = last.parent_path().parent_path();
    if (IsFinished(last)) {
      console.Say(folder.string() + " is finished");
      tell_folder(folder);
      return static_cast<int>(ExitCode::kOk);
    }
    saved = ReadSavedTraining(last);
    options = ResumedOptions(*saved, context, console);
    console.Say("going on with " + folder.string() + " from epoch " + std::to_string(saved->epoch + 1) + "/" +
                std::to_string(options.epochs - 1));
  }
  CheckOptions(options, context.group, console);
  SetImageThreads(1);  // OpenCV's own would only compete with the threads that read pictures
  SetTorchThreads(static_cast<int>(options.threads));

  const Data data = ReadData(options, console);
  options.data = std::filesystem::absolute(options.data).string();  // it may be resumed from elsewhere
  const std::int64_t classes = std::ssize(data.names);
  std::shared_ptr<const Module> model = saved ? saved->model : MakeModel(options, classes, console);
  FitImageSize(options, *model, console);
  if (!saved && !options.noautoanchor)
    model = WithFittingAnchors(std::move(model), options, data.train, console);

  Observers observers;
  Trainer trainer({.options = options,
                   .model = model,
                   .train = &data.train,
                   .val = &data.val,
                   .names = data.names,
                   .group = context.group,
                   .stop_requested = context.stop_requested},
                  observers);
  if (saved) trainer.Restore(saved->training_state, saved->ema, saved->updates.value_or(0), saved->epoch + 1);

  observers.Add(console);
  std::optional<RunCheckpoints> checkpoints;
  std::optional<RunLogs> logs;
  std::optional<RunPictures> pictures;
  if (is_first) {
    if (!saved) {
      folder =
          RunFolder::Create({.project = options.project, .name = options.name, .exist_ok = options.exist_ok})
              .path();
      WriteSettings(folder, options);
    }
    checkpoints.emplace(folder, options, data.names,
                        saved ? RunCheckpoints::Begin::kResumed : RunCheckpoints::Begin::kFresh);
    // The checkpoint last: a run that is killed in between does the epoch again, and its line of results.
    observers.Add(logs.emplace(folder, saved ? std::optional(saved->epoch + 1) : std::nullopt));
    if (!options.noplots) observers.Add(pictures.emplace(folder, data.train, data.names));
    if (context.json) observers.Add(json);
    observers.Add(*checkpoints);
  }
  console.Say("training for " + std::to_string(options.epochs - trainer.epoch()) + " epochs in " +
              folder.string());

  const TrainEnd end = trainer.Run();
  for (const std::string& warning : trainer.warnings()) console.Warn(warning);
  if (end == TrainEnd::kInterrupted) return Interrupted(folder, console);
  if (end == TrainEnd::kStoppedEarly) {
    console.Say("stopped early: no better for " + std::to_string(options.patience) + " epochs");
  }
  if (checkpoints) {
    checkpoints->Finish(checkpoints->best());
    if (!MeasureBest(checkpoints->best(), data, options, folder, console, stopped)) {
      return Interrupted(folder, console);
    }
    checkpoints->Finish(checkpoints->last());
  }
  tell_folder(folder);
  return static_cast<int>(ExitCode::kOk);
}

}  // namespace roost::yolo
