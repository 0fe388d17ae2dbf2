#include "yolo/train/ema.h"

#include <cmath>

#include "roost/base/error.h"

namespace roost::yolo {
namespace {

std::vector<at::Tensor> AllWeights(const TrainNetwork& network) {
  std::vector<at::Tensor> weights;
  for (const Parameter& parameter : network.parameters()) weights.push_back(parameter.tensor.detach());
  for (const NamedTensor& buffer : network.buffers()) weights.push_back(buffer.tensor);
  return weights;
}

}  // namespace

MovingAverage::MovingAverage(const TrainNetwork& network, TrainNetwork& average)
    : from_(AllWeights(network)), to_(AllWeights(average)) {
  ROOST_CHECK(from_.size() == to_.size(), "two networks of one kind");
  const at::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < to_.size(); ++i) to_[i].copy_(from_[i]);
}

void MovingAverage::Update() {
  constexpr double kDecay = 0.9999, kTau = 2000;
  const at::NoGradGuard no_gradients;
  ++updates_;
  const double decay = kDecay * (1 - std::exp(-static_cast<double>(updates_) / kTau));
  for (std::size_t i = 0; i < to_.size(); ++i) to_[i].mul_(decay).add_(from_[i], 1 - decay);
}

}  // namespace roost::yolo
