#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/detection.h"
#include "roost/yolo/graph.h"

namespace roost::yolo {

/// A model read from a checkpoint and checked, ready for an engine.
struct Network {
  Graph graph;
  Task task = Task::kDetect;
  std::vector<std::string> names;  ///< of the classes, by id
  std::int64_t classes = 0;
  std::int64_t masks = 0;  ///< mask coefficients of a row: the last columns; 0 unless segmentation
  std::int64_t stride = 32;
  Size input;           ///< the size asked for, rounded up to the stride
  std::string summary;  ///< "213 layers, 1867405 parameters, 80 classes"
};

/// The reference's default for --imgsz.
Size UsualInput(Task task);

/// Reads `weights` and makes sure that the model can run on pictures of `input` size (0x0: the usual one of
/// its task). Needs no engine. `dataset_yaml` (may be empty) names the classes where the checkpoint does not.
/// `model_yaml` describes the network of weights that come without one, a state_dict; for others it is empty.
/// `tap_layers` as for Lower(). Throws Error (bad data, no input; usage where `model_yaml` is given and
/// `weights` hold a whole network).
Network LoadNetwork(const Path& weights, Size input, const Path& dataset_yaml, const Path& model_yaml = {},
                    bool tap_layers = false);

}  // namespace roost::yolo
