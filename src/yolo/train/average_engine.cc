#include "yolo/train/average_engine.h"

#include "roost/base/error.h"

namespace roost::yolo {

AverageEngine::AverageEngine(const TrainNetwork& network, const DetectionLoss& loss, at::Device device)
    : network_(network), loss_(loss), device_(device) {}

Predictions AverageEngine::Run(const ImageBatch& batch) const {
  const at::NoGradGuard no_gradients;
  // from_blob takes no const; nothing writes to it.
  const at::Tensor pictures = at::from_blob(const_cast<float*>(batch.pixels.data()),
                                            {batch.n, 3, batch.height, batch.width}, at::kFloat)
                                  .to(device_);
  std::vector<at::Tensor> levels = network_.Forward(pictures, Mode::kEvaluate);
  const at::Tensor rows = network_.Decode(levels).cpu().contiguous();
  const auto* first = rows.data_ptr<float>();
  Predictions predictions{.n = rows.size(0),
                          .rows = rows.size(1),
                          .columns = rows.size(2),
                          .values = {first, first + rows.numel()}};
  const std::lock_guard lock(mutex_);
  levels_.push_back(std::move(levels));
  return predictions;
}

void AverageEngine::AddLoss(std::span<const Target> targets) {
  const at::NoGradGuard no_gradients;
  std::vector<at::Tensor> levels;
  {
    const std::lock_guard lock(mutex_);
    ROOST_CHECK(!levels_.empty(), "a loss is of a batch that was run");
    levels = std::move(levels_.front());
    levels_.pop_front();
  }
  const LossItems items = loss_(levels, targets).items;
  sum_.box += items.box;
  sum_.obj += items.obj;
  sum_.cls += items.cls;
  ++batches_;
}

LossItems AverageEngine::MeanLoss() const {
  if (batches_ == 0) return {};
  const auto n = static_cast<double>(batches_);
  return {sum_.box / n, sum_.obj / n, sum_.cls / n};
}

}  // namespace roost::yolo
