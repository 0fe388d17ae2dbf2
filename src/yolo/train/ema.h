#pragma once

#include <cstdint>
#include <vector>

#include "yolo/train/network.h"

namespace roost::yolo {

/// The exponential moving average of a network's weights and running statistics, which is what is measured
/// and saved (utils/torch_utils.py ModelEMA): average = d average + (1 - d) weights, where d rises from 0 to
/// 0.9999 so that the first, bad weights are soon forgotten.
class MovingAverage {
 public:
  /// Begins with the weights as they are. `average` is a network of the same kind; its weights are set.
  MovingAverage(const TrainNetwork& network, TrainNetwork& average);

  /// Takes in the weights as they are now.
  void Update();

  std::int64_t updates() const { return updates_; }
  void set_updates(std::int64_t updates) { updates_ = updates; }

 private:
  std::int64_t updates_ = 0;
  std::vector<at::Tensor> from_, to_;
};

}  // namespace roost::yolo
