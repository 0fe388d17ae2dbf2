#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "yolo/evaluate/metrics.h"

namespace roost::yolo {

/// What objects of each class were taken for (utils/metrics.py ConfusionMatrix): detections of more than 25 %
/// confidence are matched with labels of any class by an IoU of more than 0.45. The last row and column are
/// background: objects that were not found, and detections of nothing.
///
/// As in the reference, detections of nothing count only in pictures where at least one is matched, and
/// pictures without labels not at all.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::int64_t classes);

  void Add(std::span<const Detection> detections, std::span<const LabelBox> labels);

  std::size_t classes() const { return classes_; }
  /// How often an object of class `is` was taken for `taken_for`; classes() is background.
  std::int64_t At(std::size_t taken_for, std::size_t is) const {
    return counts_[taken_for * (classes_ + 1) + is];
  }
  /// [classes + 1, classes + 1], rows what it was taken for: fractions of all objects of a class.
  std::vector<double> ByTruth() const;

 private:
  void Count(std::size_t taken_for, std::size_t is) { ++counts_[taken_for * (classes_ + 1) + is]; }
  std::size_t classes_;
  std::vector<std::int64_t> counts_;
};

}  // namespace roost::yolo
