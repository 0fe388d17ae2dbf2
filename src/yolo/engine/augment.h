#pragma once

#include <cstdint>
#include <memory>

#include "roost/yolo/engine.h"

namespace roost::yolo {

/// What test-time augmentation needs to know of a detector's head.
struct DetectionLevels {
  std::int64_t count = 3;  ///< levels of the pyramid, the finest first, each half as fine as the one before
  std::int64_t max_stride = 32;  ///< of the coarsest level, as the head has it (not raised to 32)
};

/// detect.py --augment: an engine that looks at each picture three times, as it is, at 0.83 of its size and
/// mirrored, and at 0.67 of its size, and gives the rows of all three in pixels of the picture. As in the
/// reference (models/yolo.py _forward_augment), the coarsest level of the whole picture and the finest level
/// of the smallest are left out; with a single level that leaves the rows of the mirrored picture only.
///
/// For detectors: Run() throws Error (usage) where `engine` gives prototypes.
std::shared_ptr<const Engine> Augment(std::shared_ptr<const Engine> engine, DetectionLevels levels);

/// `batch` scaled bilinearly by `ratio` and padded to multiples of `stride` at the bottom and on the right
/// (utils/torch_utils.py scale_img); `mirrored` left to right before that.
ImageBatch ScaleBatch(const ImageBatch& batch, double ratio, std::int64_t stride, bool mirrored);

}  // namespace roost::yolo
