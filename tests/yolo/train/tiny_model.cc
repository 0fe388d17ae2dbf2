#include "yolo/train/tiny_model.h"

#include <cmath>

#include "roost/base/files.h"
#include "support/support.h"
#include "yolo/graph/model_from_yaml.h"

namespace roost::test {
namespace {

using yolo::Module;
using yolo::Tensor;

/// Numbers between -1 and 1 that look random.
float Scatter(std::uint64_t i) {
  std::uint64_t x = (i + 1) * 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return static_cast<float>(static_cast<double>(x >> 11) / 4503599627370496.0 - 1);
}

std::shared_ptr<const Module> Filled(const Module& module, std::uint64_t& count) {
  auto copy = std::make_shared<Module>(module);
  const bool is_norm = copy->class_name.ends_with("BatchNorm2d");
  for (auto* list : {&copy->parameters, &copy->buffers}) {
    for (auto& [name, tensor] : *list) {
      if (!tensor || tensor->dtype != yolo::DType::kFloat32 || name == "anchors") continue;
      std::vector<float> values(static_cast<std::size_t>(tensor->numel()));
      const std::size_t fan_in = values.size() / static_cast<std::size_t>(tensor->shape[0]);
      for (float& value : values) value = Scatter(count++) / std::sqrt(static_cast<float>(fan_in));
      if (is_norm) {
        for (float& value : values) {
          value = name == "weight" || name == "running_var" ? 1 + value / 4 : value / 4;
        }
      }
      tensor = Tensor::FromFloats(tensor->shape, std::move(values));
    }
  }
  for (auto& [name, child] : copy->children) {
    if (child != nullptr) child = Filled(*child, count);
  }
  return copy;
}

}  // namespace

std::string TinyModelYaml(int classes) {
  return "nc: " + std::to_string(classes) +
         "\n"
         "depth_multiple: 1\n"
         "width_multiple: 1\n"
         "anchors:\n"
         "  - [10,13, 16,30]\n"
         "  - [30,61, 62,45]\n"
         "backbone:\n"
         "  - [-1, 1, Conv, [8, 6, 2, 2]]\n"
         "  - [-1, 1, Conv, [16, 3, 2]]\n"
         "  - [-1, 1, C3, [16]]\n"
         "  - [-1, 1, Conv, [16, 3, 2]]\n"
         "  - [-1, 1, Conv, [32, 3, 2]]\n"
         "head:\n"
         "  - [[3, 4], 1, Detect, [nc, anchors]]\n";
}

std::shared_ptr<const Module> TinyModel(int classes) {
  const TemporaryDirectory folder;
  WriteFile(folder.path() / "tiny.yaml", TinyModelYaml(classes));
  std::uint64_t count = 0;
  return Filled(*yolo::ModelFromYaml(folder.path() / "tiny.yaml"), count);
}

}  // namespace roost::test
