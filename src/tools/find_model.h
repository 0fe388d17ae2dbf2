#pragma once

#include <functional>
#include <string>

#include "roost/base/files.h"

namespace roost::yolo {

/// The file behind --weights, downloaded where that is what the name means (WeightsStore). `say` is told what
/// takes time. Throws Error.
Path FindWeights(const std::string& name, std::function<void(const std::string&)> say);

/// The file behind --cfg: itself, or one of that name among those that come with Roost ("yolov5n.yaml").
Path FindModelYaml(const std::string& name);

}  // namespace roost::yolo
