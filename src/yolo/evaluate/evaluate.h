#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "roost/yolo/engine.h"
#include "roost/yolo/nms.h"
#include "yolo/data/dataset.h"
#include "yolo/data/train_loader.h"
#include "yolo/detect/stage_times.h"
#include "yolo/evaluate/metrics.h"

namespace roost::yolo {

struct EvaluateOptions {
  std::int64_t imgsz = 640;
  std::int64_t stride = 32;
  std::int64_t batch = 32;
  bool rect = true;
  double pad = 0.5;  ///< of the stride, around rectangular batches
  bool single_cls = false;
  NmsOptions nms{.conf_thres = 0.001, .iou_thres = 0.6, .max_det = 300, .multi_label = true};
  bool hybrid = false;  ///< labels count as detections of confidence 1, too: to add to the labels
  int workers = 0;      ///< threads that read pictures; 0 = one per CPU
};

/// Told of each batch after the engine has seen it: for progress and for the loss of a training run.
using BatchSeen =
    std::function<void(const ImageBatch& batch, std::span<const Target> targets, std::int64_t pictures_done)>;

/// val.py's figures for a detection network.
Metrics Evaluate(const Engine& engine, const Dataset& dataset, std::int64_t classes,
                 const EvaluateOptions& options, const BatchSeen& seen = {});

/// What was found in one picture, and what should have been.
struct PictureResult {
  std::size_t sample = 0;             ///< of the dataset
  Size size;                          ///< of the picture
  std::vector<Detection> detections;  ///< best first; boxes in pixels of the picture, clipped to it
  std::vector<Detection> in_network;  ///< the same ones in pixels of the network input
  std::vector<LabelBox> labels;       ///< in pixels of the picture
};

/// A batch as the network saw it: for pictures of it.
struct BatchResult {
  const ImageBatch& images;
  std::span<const Target> targets;
  std::span<const PictureResult> pictures;
};

/// Told of each batch when all about it is known, in order.
using BatchJudged = std::function<void(const BatchResult& batch)>;

struct Evaluation {
  Metrics metrics;
  Curves curves;
  StageTimes times;                   ///< of all pictures together
  std::vector<std::string> unusable;  ///< a sentence for each picture that could not be read any more
};

/// Evaluate(), with all that it finds on its way. `stopped` is asked between batches; when it answers true
/// the figures are those of the pictures so far.
Evaluation EvaluateInFull(const Engine& engine, const Dataset& dataset, std::int64_t classes,
                          const EvaluateOptions& options, const BatchSeen& seen, const BatchJudged& judged,
                          const std::function<bool()>& stopped = {});

}  // namespace roost::yolo
