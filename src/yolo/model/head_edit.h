#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "roost/yolo/module.h"

namespace roost::yolo {

/// The last layer of a detection model (`model["model"]`'s last child). Throws Error (bad data) where that is
/// no Detect.
const Module& DetectHead(const Module& model);

/// By how much the map of each level is smaller than the picture. Throws Error as DetectHead() does.
std::vector<float> StridesOf(const Module& model);

/// A copy whose head finds this many classes: its convolutions are new, zeros, where their number changes,
/// and the rest is shared. Throws Error as DetectHead() does.
std::shared_ptr<const Module> WithClasses(const Module& model, std::int64_t classes);

/// The head's anchors, level by level: width and height in pixels.
std::vector<std::pair<float, float>> AnchorsOf(const Module& model);

/// A copy whose head has these anchors, as many as it has now. Throws Error as DetectHead() does.
std::shared_ptr<const Module> WithAnchors(const Module& model,
                                          std::span<const std::pair<float, float>> anchors);

}  // namespace roost::yolo
