#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "yolo/data/dataset.h"

/// How often pictures are shown so that rare and difficult classes are seen more (--image-weights,
/// utils/general.py).
namespace roost::yolo {

/// By class: the rarer, the larger; together 1. Classes without objects count as if they had one.
std::vector<double> ClassWeights(const Dataset& dataset, std::int64_t classes);

/// By sample: the weights of its objects' classes, added up. Background weighs nothing.
std::vector<double> ImageWeights(const Dataset& dataset, std::span<const double> class_weights);

}  // namespace roost::yolo
