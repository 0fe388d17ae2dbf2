#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "roost/yolo/graph.h"
#include "yolo/data/train_loader.h"
#include "yolo/train/hyperparameters.h"
#include "yolo/train/torch_headers.h"

namespace roost::yolo {

class ProcessGroup;

/// What a batch was found to be wrong by; parts of the whole batch, before they are scaled by its size.
struct LossItems {
  double box = 0, obj = 0, cls = 0;
};

struct Loss {
  at::Tensor total;  ///< to be differentiated: (box + obj + cls) * pictures of all processes
  LossItems items;   ///< of all processes
};

/// The loss of YOLOv5's detection head (utils/loss.py ComputeLoss): 1 - CIoU of the boxes of the matched
/// anchors, binary cross entropy of objectness against that IoU in every cell, and of the classes of the
/// matched anchors. A label matches the anchors whose sides differ by less than a factor of anchor_t, in its
/// own cell and the two nearest ones.
class DetectionLoss {
 public:
  /// Gains as in `hyperparameters`, scaled to levels, classes and picture size as train.py does.
  DetectionLoss(const DetectOp& head, const Hyperparameters& hyperparameters, std::int64_t imgsz);

  /// `levels` of TrainNetwork::Forward(). With `group` the parts are means over the batches of all processes
  /// together, so that the gradients, summed over the processes, are those of one process with the whole
  /// batch.
  Loss operator()(const std::vector<at::Tensor>& levels, std::span<const Target> targets,
                  ProcessGroup* group = nullptr) const;

  /// The matched anchors of one level: for each its row in [n, anchors, ny, nx] counted flat, the box it
  /// should have (offset in its cell, size; in cells), its anchor's size in cells, its class.
  struct Matches {
    std::vector<std::int64_t> rows;
    std::vector<float> boxes;    ///< [matches, 4]
    std::vector<float> anchors;  ///< [matches, 2]
    std::vector<std::int64_t> classes;
  };
  Matches Match(std::size_t level, std::int64_t ny, std::int64_t nx, std::span<const Target> targets) const;

 private:
  at::Tensor BinaryCrossEntropy(const at::Tensor& logits, const at::Tensor& targets, double positive_weight,
                                double count) const;

  std::int64_t classes_;
  std::vector<std::vector<std::pair<float, float>>> anchors_;  ///< per level, in cells
  std::vector<double> balance_;                                ///< of objectness, per level
  Hyperparameters hyperparameters_;                            ///< gains scaled
};

}  // namespace roost::yolo
