#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "roost/yolo/module.h"

/// Builds module trees as a checkpoint reader does, for tests that need one by hand.
namespace roost::test {

using yolo::Attribute;
using yolo::AttributeList;
using yolo::Module;
using ModulePtr = std::shared_ptr<Module>;

ModulePtr MakeModule(const std::string& class_name);
void SetChild(const ModulePtr& parent, const std::string& name, const ModulePtr& child);
void SetAttribute(const ModulePtr& module, const std::string& name, Attribute value);
void SetTensor(const ModulePtr& module, const std::string& name, yolo::Tensor tensor);

Attribute List(std::vector<std::int64_t> numbers);
/// Numbers that look random but are the same everywhere: in -1..1, and never 0.
yolo::Tensor Noise(std::vector<std::int64_t> shape, unsigned seed);

struct ConvSettings {
  std::int64_t in = 3, out = 4, kernel = 1, stride = 1, groups = 1;
  bool bias = false;
  unsigned seed = 1;
};
/// torch.nn.Conv2d padded so that only the stride changes the size.
ModulePtr Conv2d(ConvSettings settings);
ModulePtr BatchNorm2d(std::int64_t channels, unsigned seed);
ModulePtr Activation(const std::string& name);
ModulePtr MaxPool2d(std::int64_t kernel);
/// models.common.Conv with SiLU.
ModulePtr Conv(ConvSettings settings);
ModulePtr Bottleneck(std::int64_t channels, bool add);
ModulePtr Sequential(const std::vector<ModulePtr>& children);
ModulePtr Upsample(double scale);
ModulePtr Concat();
/// One level per entry of `channels`, with strides 8, 16, ... and three anchors each.
ModulePtr Detect(std::int64_t classes, const std::vector<std::int64_t>& channels);

/// Linear of torch.nn, without a bias unless it is asked for.
ModulePtr Linear(std::int64_t in, std::int64_t out, unsigned seed, bool bias = false);
/// models.common.TransformerLayer.
ModulePtr TransformerLayer(std::int64_t channels, std::int64_t heads);
/// models.yolo.Segment on levels of `channels`, with `masks` coefficients a box.
ModulePtr Segment(std::int64_t classes, std::int64_t masks, const std::vector<std::int64_t>& channels);
/// models.common.Classify.
ModulePtr Classify(std::int64_t in, std::int64_t classes);

/// Says where a layer reads from.
ModulePtr From(std::vector<std::int64_t> f, const ModulePtr& layer);
/// models.yolo.Model of `layers`; gives every module its path.
ModulePtr Model(const std::vector<ModulePtr>& layers);

}  // namespace roost::test
