#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "roost/yolo/detection.h"

namespace roost::yolo {

/// Thresholds of IoU of the mean average precision: 0.5, 0.55, ... 0.95.
inline constexpr std::size_t kIouThresholds = 10;

/// How well the objects of one class were found.
struct ClassMetrics {
  std::int64_t class_id = 0;
  std::int64_t instances = 0;
  double precision = 0, recall = 0, f1 = 0;  ///< at the confidence where the mean F1 is best
  std::array<double, kIouThresholds> ap{};
  double ap50() const { return ap[0]; }
  double ap50_95() const;
};

struct Metrics {
  std::int64_t images = 0, instances = 0;
  double precision = 0, recall = 0, map50 = 0, map50_95 = 0;  ///< means over the classes that have instances
  std::vector<ClassMetrics> classes;                          ///< those that have instances, by id
  double f1() const;                                          ///< mean over the classes, as the others
  /// utils/metrics.py fitness(): 0.1 mAP50 + 0.9 mAP50-95.
  double fitness() const { return 0.1 * map50 + 0.9 * map50_95; }
};

/// An object that a person marked, in pixels.
struct LabelBox {
  std::int64_t class_id = 0;
  Box box;
};

/// Intersection over union, in the reference's arithmetic (utils/metrics.py box_iou).
float Overlap(const Box& a, const Box& b);

/// A detection, and at which thresholds it found an object.
struct Judged {
  float confidence = 0;
  std::int64_t class_id = 0;
  std::uint16_t correct = 0;  ///< bit i: at threshold i
};

/// Which of the detections of a picture, best first, are right: of its class's labels each takes the one that
/// it overlaps most, and of those that take the same label the best is right (val.py process_batch). Boxes in
/// the same pixels.
std::vector<Judged> Judge(std::span<const Detection> detections, std::span<const LabelBox> labels);

/// All that metrics are made of.
struct Judgements {
  std::int64_t images = 0;
  std::vector<Judged> detections;
  std::vector<std::int64_t> targets;  ///< the class of each label
};

/// Curves of each class of Metrics::classes, for drawing: values at kPoints points from 0 to 1.
struct Curves {
  static constexpr std::size_t kPoints = 1000;
  using Curve = std::vector<double>;
  std::vector<Curve> precision, recall, f1;  ///< over the confidence
  std::vector<Curve> precision_by_recall;    ///< at IoU 0.5; of classes without detections zeros
  double best_confidence = 0;                ///< where the mean F1, smoothed, is best
};

/// Point by point, of at least one curve.
std::vector<double> MeanOf(const std::vector<Curves::Curve>& curves);

/// utils/metrics.py ap_per_class(): average precision by interpolation at 101 points.
Metrics MetricsOf(const Judgements& judgements, Curves* curves = nullptr);

/// utils/metrics.py smooth(): the mean of the points around each one, `fraction` of them all; beyond the ends
/// the curve goes on level.
std::vector<double> Smoothed(std::span<const double> curve, double fraction);

}  // namespace roost::yolo
