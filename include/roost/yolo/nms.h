#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "roost/yolo/detection.h"

namespace roost::yolo {

/// detect.py's options of the same names.
struct NmsOptions {
  double conf_thres = 0.25;  ///< kept: objectness > this, and objectness * class score > this
  double iou_thres = 0.45;   ///< dropped: overlap with a better box of the class > this
  std::int64_t max_det = 1000;
  std::optional<std::set<std::int64_t>> classes;  ///< only these; nothing = all
  bool agnostic = false;                          ///< boxes of different classes suppress each other too
  bool multi_label = false;  ///< as val.py: a row is a detection of every class above the threshold, not only
                             ///< of its best one
  std::int64_t masks = 0;    ///< last columns of a row, mask coefficients and no scores: Network::masks
};

/// Turns one picture's rows of a detection head (x, y, w, h, objectness, a score per class and
/// `options.masks` mask coefficients; pixels of the network input) into detections, best first. Boxes are in
/// the same pixels. Rows whose box or scores are not finite numbers are no detections. The arithmetic is the
/// reference's, float by float (utils/general.py non_max_suppression on torchvision's nms).
std::vector<Detection> NonMaxSuppression(std::span<const float> rows, std::int64_t columns,
                                         const NmsOptions& options);

}  // namespace roost::yolo
