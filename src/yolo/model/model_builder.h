#pragma once

#include <memory>
#include <vector>

#include "roost/yolo/module.h"
#include "yolo/model/model_yaml.h"

namespace roost::yolo {

/// A network that was built from its description and may still be changed.
struct BuiltModel {
  std::shared_ptr<Module> model;  ///< models.yolo.DetectionModel or SegmentationModel
  std::shared_ptr<Module> head;   ///< its last layer
};

/// The module tree that YOLOv5 v7.0 builds of `yaml`, with the parameter names and shapes of its state_dict.
/// All parameters are zeros which take no memory: weights are filled in, or drawn, later. The head has no
/// strides yet and its anchors are in pixels. Throws Error (bad data, with file and line).
BuiltModel BuildModel(const ModelYaml& yaml);

/// Gives the head its strides, one per level, and its anchors in units of those: in the order of the strides
/// if they came in the opposite one. Throws Error (bad data) where the numbers of levels differ.
void SetStrides(BuiltModel& built, const std::vector<double>& strides);

}  // namespace roost::yolo
