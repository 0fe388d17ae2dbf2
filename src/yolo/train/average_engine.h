#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "roost/yolo/engine.h"
#include "yolo/data/train_loader.h"
#include "yolo/train/loss.h"
#include "yolo/train/network.h"

namespace roost::yolo {

/// A network in training as an engine, so that it is measured by the code that measures every other one. It
/// remembers what it saw, for the loss of the same batches.
class AverageEngine final : public Engine {
 public:
  /// `network` and `loss` must outlive it.
  AverageEngine(const TrainNetwork& network, const DetectionLoss& loss, at::Device device);

  Predictions Run(const ImageBatch& batch) const override;
  std::string Description() const override { return "LibTorch, in training"; }

  /// Adds the loss of the oldest batch that was run and not asked about yet.
  void AddLoss(std::span<const Target> targets);
  /// The means over the batches.
  LossItems MeanLoss() const;

 private:
  const TrainNetwork& network_;
  const DetectionLoss& loss_;
  at::Device device_;
  mutable std::mutex mutex_;
  mutable std::deque<std::vector<at::Tensor>> levels_;  ///< of batches that wait for AddLoss()
  LossItems sum_;
  std::int64_t batches_ = 0;
};

}  // namespace roost::yolo
