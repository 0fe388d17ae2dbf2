#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "roost/yolo/engine.h"
#include "yolo/data/dataset.h"
#include "yolo/data/train_loader.h"
#include "yolo/evaluate/evaluate.h"

namespace roost::yolo {

/// Which pictures go through the network together, and in which shape.
struct PlannedBatch {
  Size shape;
  std::vector<std::size_t> samples;  ///< of the dataset
};

/// The batches of a dataset. Rectangular ones are sorted by aspect ratio, and each has the shape that its
/// pictures need (utils/dataloaders.py LoadImagesAndLabels); square ones are in the order of the dataset.
std::vector<PlannedBatch> PlanBatches(const Dataset& dataset, const EvaluateOptions& options);

/// How one picture of a batch was fitted into it.
struct Placement {
  std::size_t sample = 0;
  Size size;         ///< of the picture
  double scale = 1;  ///< from pixels of the picture to pixels of the batch
  double left = 0, top = 0;

  /// From pixels of the batch to pixels of the picture, clipped to it (utils/general.py scale_boxes).
  Box ToPicture(const Box& box) const;
};

/// A batch ready for the network.
struct PreparedBatch {
  ImageBatch images;
  std::vector<Target> targets;
  std::vector<Placement> places;  ///< of the pictures in the batch
  std::vector<std::string> unusable;
  Milliseconds decode{0};
  Milliseconds pre_process{0};
};

/// Prepares batches on threads of its own, one or two ahead of whoever takes them.
class BatchFeed {
 public:
  /// `dataset` must outlive it.
  BatchFeed(const Dataset& dataset, const EvaluateOptions& options);
  ~BatchFeed();
  /// The next batch, in order; nothing at the end. Throws what went wrong while it was prepared. A batch of
  /// which no picture could be read has none.
  std::optional<PreparedBatch> Next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roost::yolo
