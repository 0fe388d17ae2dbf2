#pragma once

#include <functional>
#include <string>

#include "roost/base/files.h"

namespace roost::yolo {

/// The file behind --weights, downloaded where that is what the name means (WeightsStore). `say` is told what
/// takes time. Throws Error.
Path FindWeights(const std::string& name, std::function<void(const std::string&)> say);

}  // namespace roost::yolo
