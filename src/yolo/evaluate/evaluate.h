#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "roost/yolo/engine.h"
#include "roost/yolo/nms.h"
#include "yolo/data/dataset.h"
#include "yolo/data/train_loader.h"

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
  /// utils/metrics.py fitness(): 0.1 mAP50 + 0.9 mAP50-95.
  double fitness() const { return 0.1 * map50 + 0.9 * map50_95; }
};

struct EvaluateOptions {
  std::int64_t imgsz = 640;
  std::int64_t stride = 32;
  std::int64_t batch = 32;
  bool rect = true;
  double pad = 0.5;  ///< of the stride, around rectangular batches
  bool single_cls = false;
  NmsOptions nms{.conf_thres = 0.001, .iou_thres = 0.6, .max_det = 300, .multi_label = true};
  int workers = 0;  ///< threads that read pictures; 0 = one per CPU
};

/// Told of each batch after the engine has seen it: for progress and for the loss of a training run.
using BatchSeen =
    std::function<void(const ImageBatch& batch, std::span<const Target> targets, std::int64_t pictures_done)>;

/// val.py's figures for a detection network.
Metrics Evaluate(const Engine& engine, const Dataset& dataset, std::int64_t classes,
                 const EvaluateOptions& options, const BatchSeen& seen = {});

}  // namespace roost::yolo
