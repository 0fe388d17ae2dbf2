#pragma once

#include <span>
#include <string>

#include "roost/yolo/image.h"
#include "yolo/data/dataset.h"

namespace roost::yolo {

/// What the objects of a dataset are like, in four charts: how many there are of each class, their boxes laid
/// over each other, where their centres are and which sides they have (utils/plots.py plot_labels):
/// labels.jpg.
Image DrawLabels(const Dataset& dataset, std::span<const std::string> names);

}  // namespace roost::yolo
