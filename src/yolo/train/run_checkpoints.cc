#include "yolo/train/run_checkpoints.h"

#include <chrono>
#include <ctime>
#include <system_error>
#include <utility>

#include "yolo/train/trainer.h"

namespace roost::yolo {
namespace {

constexpr const char* kHyp = "hyp";  // in the options the numbers themselves, as train.py keeps them

AttributeMap ToAttributes(const Hyperparameters& hyperparameters) {
  AttributeMap map;
  for (const auto& [name, value] : hyperparameters.All()) map.push_back(TextItem(name, {value}));
  return map;
}

AttributeMap ToAttributes(const TrainOptions& options) {
  AttributeMap map;
  for (const auto& [name, value] : options.All()) {
    map.push_back(
        TextItem(name, name == kHyp ? Attribute{ToAttributes(options.hyperparameters)} : Attribute{value}));
  }
  return map;
}

/// ISO 8601, local time
std::string Now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts));
  return text;
}

}  // namespace

RunCheckpoints::RunCheckpoints(const Path& run_folder, TrainOptions options, std::vector<std::string> names,
                               Begin begin)
    : folder_(run_folder / "weights"), options_(std::move(options)), names_(std::move(names)) {
  MakeDirectories(folder_);
  if (begin == Begin::kResumed) return;
  for (const Path& file : {last(), best()}) {
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error) throw ErrnoError(error.value(), "remove", file);
  }
}

void RunCheckpoints::EpochDone(const EpochResult& result, const Trainer& trainer) {
  if (options_.nosave && !result.is_last) return;
  const CheckpointToSave checkpoint{.model = trainer.Model(),
                                    .ema = trainer.Average(),
                                    .names = names_,
                                    .epoch = result.epoch,
                                    .best_fitness = trainer.best_fitness(),
                                    .updates = trainer.updates(),
                                    .hyp = ToAttributes(options_.hyperparameters),
                                    .opt = ToAttributes(options_),
                                    .date = Now(),
                                    .training_state = trainer.State()};
  // The best one first: a run that goes on from last.pt must not find an older best.pt than it knows of.
  std::error_code ignored;
  if (result.is_best || !std::filesystem::exists(best(), ignored)) SaveCheckpoint(checkpoint, best());
  SaveCheckpoint(checkpoint, last());
  if (options_.save_period > 0 && result.epoch % options_.save_period == 0) {
    SaveCheckpoint(checkpoint, folder_ / ("epoch" + std::to_string(result.epoch) + ".pt"));
  }
}

void RunCheckpoints::Finish(const Path& file) const {
  SavedTraining saved;
  try {
    saved = ReadSavedTraining(file);
  } catch (const Error&) {
    LoadCheckpoint(file);  // says what is wrong, if anything
    return;                // finished before: by a run that was stopped a little later
  }
  SaveCheckpoint({.model = saved.ema != nullptr ? saved.ema : saved.model,
                  .names = names_,
                  .half = true,
                  .hyp = ToAttributes(options_.hyperparameters),
                  .opt = ToAttributes(options_),
                  .date = Now()},
                 file);
}

TrainOptions OptionsOf(const SavedTraining& saved) {
  TrainOptions options;
  const auto each = [](const AttributeMap& map, auto take) {
    for (const AttributeItem& item : map) {
      if (const auto* name = std::get_if<std::string>(&item.key.value)) take(*name, item.value);
    }
  };
  each(saved.opt, [&](const std::string& name, const Attribute& value) {
    if (const auto* text = std::get_if<std::string>(&value.value)) options.Set(name, *text).value();
    const auto* numbers = std::get_if<AttributeMap>(&value.value);
    if (name != kHyp || numbers == nullptr) return;
    each(*numbers, [&](const std::string& hyperparameter, const Attribute& number) {
      if (const auto* n = std::get_if<double>(&number.value)) options.hyperparameters.Set(hyperparameter, *n);
    });
  });
  return options;
}

}  // namespace roost::yolo
