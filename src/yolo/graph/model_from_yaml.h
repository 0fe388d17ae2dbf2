#pragma once

#include <memory>

#include "roost/base/files.h"
#include "roost/yolo/module.h"
#include "yolo/model/model_yaml.h"

namespace roost::yolo {

/// The network that a YOLOv5 model YAML describes, strides included; all its weights are zeros. Throws Error
/// (bad data with file and line, no input).
std::shared_ptr<const Module> ModelFromYaml(const Path& model_yaml);
std::shared_ptr<const Module> ModelFromYaml(const ModelYaml& model_yaml);

}  // namespace roost::yolo
