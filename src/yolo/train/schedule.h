#pragma once

#include <cstdint>

#include "yolo/train/hyperparameters.h"
#include "yolo/train/optimizer.h"

namespace roost::yolo {

/// How large the steps are in the course of a run (train.py): learning rates rise during the warm-up, that of
/// biases falls, and then all go down from lr0 to lr0 * lrf along a line or a cosine.
class Schedule {
 public:
  struct Options {
    std::int64_t epochs = 1;
    std::int64_t batches = 1;  ///< of an epoch
    std::int64_t batch_size = 16;
    bool cosine = false;
  };
  Schedule(const Hyperparameters& hyperparameters, const Options& options);

  /// For batch `batch` of `epoch`, both from 0.
  StepSize At(std::int64_t epoch, std::int64_t batch) const;
  /// After how many batches the optimizer makes a step there: gradients are summed to a batch of 64 pictures.
  std::int64_t Accumulate(std::int64_t epoch, std::int64_t batch) const;
  /// Weight decay for such steps.
  double weight_decay() const { return weight_decay_; }

 private:
  double Fraction(std::int64_t epoch) const;
  /// Along a line from `first` to `last` in the course of the warm-up.
  double Warm(std::int64_t done, double first, double last) const;

  Hyperparameters hyperparameters_;
  Options options_;
  std::int64_t warmup_;  ///< batches
  double weight_decay_;
};

}  // namespace roost::yolo
