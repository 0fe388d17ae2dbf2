#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/detection.h"
#include "roost/yolo/module.h"

namespace roost::yolo {

/// Sizes of a network as the reference's model_info gives them, that is once its fuse() has folded the batch
/// norms of models.common.Conv and DWConv into their convolutions.
struct ModelSize {
  std::int64_t layers = 0;      ///< modules of any kind, a shared one once
  std::int64_t parameters = 0;  ///< numbers that training would change
  std::int64_t gradients = 0;   ///< ... those of them that still asked for a gradient when they were saved
};

ModelSize MeasureModel(const Module& model);

/// What `yolo-detect info` tells of a file with weights.
struct ModelInfo {
  Path file;
  std::string format;  ///< "zip", "legacy" or "TorchScript"
  Task task = Task::kDetect;
  std::string name;               ///< "YOLOv5n", "Model" where the file does not say
  std::optional<ModelSize> size;  ///< not of TorchScript
  /// Billions of operations for one picture of `input` size: two for each multiplication of a convolution or
  /// linear layer, and what thop, which the reference asks, counts besides. Nothing where Roost cannot run
  /// the network: `trouble` says why.
  std::optional<double> gflops;
  std::string trouble;
  Size input;  ///< asked for, rounded up to the stride
  std::int64_t stride = 32;
  std::vector<double> strides;                                ///< per level of a detection head
  std::vector<std::vector<std::pair<float, float>>> anchors;  ///< per level, (width, height) in input pixels
  std::vector<std::string> names;                             ///< of the classes, by id
  std::string dtype;                                          ///< of the weights: "float16"
  bool from_ema = false;                                      ///< the smoothed weights of training are used
  std::optional<std::int64_t> epoch;
  std::string date;
  std::optional<std::int64_t> traced_batch;  ///< TorchScript: the pictures it was made with ...
  std::optional<Size> traced_size;           ///< ... and their size
  std::optional<bool> dynamic;               ///< TorchScript: whether it takes others
};

/// Reads what `weights` says of itself. Executes nothing of it and loads no engine. `input` (0x0: 640, of
/// classification models 224) is what GFLOPs are for. Throws Error (bad data, no input).
ModelInfo Describe(const Path& weights, Size input);

/// For people: "YOLOv5n summary: 213 layers, ..." and a line per property. Ends with a newline.
std::string ToText(const ModelInfo& info);

/// One JSON object on one line: what is not known is null. Ends with a newline.
std::string ToJson(const ModelInfo& info);

}  // namespace roost::yolo
