#pragma once

#include <array>
#include <cstdint>

#include "yolo/data/train_loader.h"
#include "yolo/evaluate/evaluate.h"
#include "yolo/train/loss.h"

namespace roost::yolo {

class Trainer;

/// A step of an epoch that is under way.
struct BatchProgress {
  std::int64_t epoch = 0, epochs = 0;
  std::int64_t batch = 0, batches = 0;  ///< `batch` from 0
  LossItems mean;                       ///< of the epoch so far
  std::int64_t instances = 0;           ///< labels of this batch
  std::int64_t side = 0;                ///< of its pictures
};

struct EpochResult {
  std::int64_t epoch = 0, epochs = 0;
  LossItems train;
  bool measured = false;  ///< the rest is there
  LossItems val;
  Metrics metrics;
  double fitness = 0;
  bool is_best = false;
  bool is_last = false;                   ///< the run is over
  std::array<double, 3> learning_rate{};  ///< by ParameterGroup
};

/// Told of what happens in a run, in its first process only: for people and for files.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void EpochStarted(std::int64_t /*epoch*/) {}
  virtual void BatchDone(const BatchProgress& /*progress*/, const TrainBatch& /*batch*/) {}
  virtual void Measuring(std::int64_t /*pictures_done*/, std::int64_t /*pictures*/) {}
  /// The trainer is where it would go on from: the time to save it.
  virtual void EpochDone(const EpochResult& /*result*/, const Trainer& /*trainer*/) {}
};

}  // namespace roost::yolo
