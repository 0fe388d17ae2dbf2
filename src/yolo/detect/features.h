#pragma once

#include <string>
#include <utility>
#include <vector>

#include "roost/base/error.h"
#include "roost/yolo/engine.h"

namespace roost::yolo {

/// What --visualize saves of one picture, names and contents: of each layer stage<i>_<class>_features.png,
/// its first 32 maps, and .npy, all of them as [channels, height, width] of float32 (utils/plots.py
/// feature_visualization; the picture's layout is our own). Layers whose maps have one row or column are left
/// out. `layers` are those of one picture.
Result<std::vector<std::pair<std::string, std::string>>> FeatureFiles(const std::vector<LayerMaps>& layers);

}  // namespace roost::yolo
