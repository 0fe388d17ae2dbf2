#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "roost/yolo/module.h"
#include "yolo/data/dataset.h"
#include "yolo/data/train_loader.h"
#include "yolo/evaluate/evaluate.h"
#include "yolo/train/average_engine.h"
#include "yolo/train/early_stopping.h"
#include "yolo/train/ema.h"
#include "yolo/train/loss.h"
#include "yolo/train/mixed_precision.h"
#include "yolo/train/network.h"
#include "yolo/train/optimizer.h"
#include "yolo/train/schedule.h"
#include "yolo/train/train_observer.h"
#include "yolo/train/train_options.h"

namespace roost::yolo {

class ProcessGroup;

/// What a run starts with.
struct TrainTask {
  TrainOptions options;
  std::shared_ptr<const Module> model;  ///< weights included
  const Dataset* train = nullptr;
  const Dataset* val = nullptr;
  std::vector<std::string> names;
  ProcessGroup* group = nullptr;         ///< null: alone
  std::function<bool()> stop_requested;  ///< asked between two steps
};

/// "", "ram" or "disk". Throws Error (usage) for anything else.
Cache ParseCache(const std::string& text);

/// How a run ended.
enum class TrainEnd { kFinished, kStoppedEarly, kInterrupted };

/// Trains a network. The processes of a group do the same, each with its share of every batch; the first of
/// them also measures and tells its observer. Everything that decides what comes next is in State(): a run
/// that goes on from there ends as if it had never stopped.
class Trainer {
 public:
  /// Throws Error. `observer` must outlive it.
  Trainer(TrainTask task, TrainObserver& observer);

  TrainEnd Run();

  /// What people should know about how pictures were read.
  std::vector<std::string> warnings() const { return loader_.warnings(); }
  std::int64_t epoch() const { return epoch_; }  ///< the next one, from 0
  double best_fitness() const { return stopping_.best_fitness; }
  std::int64_t updates() const { return average_.updates(); }

  /// The networks as they are now.
  std::shared_ptr<const Module> Model() const { return network_.Export(average_.updates()); }
  std::shared_ptr<const Module> Average() const { return smooth_.Export(average_.updates()); }

  /// Numbers and tensors, apart from the two networks. Restore() takes them back, before Run(). Throws Error
  /// (bad data) where they are of another run.
  Attribute State() const;
  void Restore(const Attribute& state, std::shared_ptr<const Module> average, std::int64_t updates,
               std::int64_t next_epoch);

 private:
  bool is_first() const;
  bool TrainEpoch();
  void TakeBatch(std::int64_t batch, const TrainBatch& pictures);
  void Step(std::int64_t batch);
  void SumGradients();
  at::Tensor PicturesOf(const TrainBatch& batch, std::int64_t number) const;
  /// Nothing where it was told to stop.
  std::optional<EpochResult> Measure();
  void ShareClassMap();
  bool Agreed(bool mine) const;
  std::vector<double> SampleWeights() const;
  void ScaleRates();

  TrainTask task_;
  TrainObserver& observer_;
  at::Device device_;
  TrainNetwork network_, smooth_;
  MovingAverage average_;
  DetectionLoss loss_;
  TrainLoader loader_;
  Schedule schedule_;
  Optimizer optimizer_;
  MixedPrecision precision_;
  EarlyStopping stopping_;
  std::int64_t epoch_ = 0;
  std::int64_t last_step_ = -1;    ///< the batch, counted from the first epoch, after which the last step was
  LossItems mean_;                 ///< of the epoch so far
  std::vector<double> class_map_;  ///< mAP50-95 by class, for --image-weights
};

}  // namespace roost::yolo
