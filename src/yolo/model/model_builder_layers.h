#pragma once

#include <cstdint>
#include <vector>

#include "yolo/model/model_builder_torch.h"
#include "yolo/model/model_yaml.h"

namespace roost::yolo::build {

/// What a layer became, and the channels it gives.
struct Layer {
  ModulePtr module;
  std::int64_t channels = 0;
};

/// Looks up the module that `layer` names and gives it its arguments, with the channels it reads, `in` (one
/// number per input, at least one), and its `n` repeats put in where parse_model() does so. Throws Error (bad
/// data, with file and line) for a name that is unknown and arguments that cannot be.
Layer MakeLayer(const ModelYaml& yaml, const LayerYaml& layer, const std::vector<std::int64_t>& in,
                std::int64_t n);

}  // namespace roost::yolo::build
