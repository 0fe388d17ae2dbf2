#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "yolo/model/model_builder_args.h"
#include "yolo/model/model_builder_torch.h"
#include "yolo/model/model_yaml.h"

namespace roost::yolo::build {

/// The constructors of YOLOv5's blocks: those of models/common.py, models/experimental.py and the heads of
/// models/yolo.py, with their parameters' names and order. All may throw Error (bad data) that names the
/// layer of `args`.
class Blocks {
 public:
  /// Keeps a reference to `yaml`, which names the activation of all convolutions.
  explicit Blocks(const ModelYaml& yaml) : yaml_(yaml) {}

  ModulePtr Activation(bool act, const Args& args) const;
  ModulePtr Conv(const ConvSettings& c, const Args& args, bool act = true,
                 const std::string& class_name = "models.common.Conv") const;
  ModulePtr DWConv(std::int64_t c1, std::int64_t c2, Sides k, Sides s, std::int64_t d, bool act,
                   const Args& args) const;
  ModulePtr Bottleneck(std::int64_t c1, std::int64_t c2, bool shortcut, std::int64_t g, double e,
                       const Args& args) const;
  ModulePtr CrossConv(std::int64_t c1, std::int64_t c2, std::int64_t k, std::int64_t s, std::int64_t g,
                      double e, bool shortcut, const Args& args) const;
  ModulePtr BottleneckCSP(std::int64_t c1, std::int64_t c2, std::int64_t n, bool shortcut, std::int64_t g,
                          double e, const Args& args) const;
  /// C3 and its relatives, which differ in what `m` is; `make_m` is given the hidden channels.
  ModulePtr C3(const std::string& name, std::int64_t c1, std::int64_t c2, double e, const Args& args,
               const std::function<ModulePtr(std::int64_t)>& make_m) const;
  ModulePtr TransformerLayer(std::int64_t c, std::int64_t heads) const;
  ModulePtr TransformerBlock(std::int64_t c1, std::int64_t c2, std::int64_t heads, std::int64_t layers,
                             const Args& args) const;
  ModulePtr SPP(std::int64_t c1, std::int64_t c2, const std::vector<std::int64_t>& kernels,
                const Args& args) const;
  ModulePtr SPPF(std::int64_t c1, std::int64_t c2, std::int64_t k, const Args& args) const;
  ModulePtr GhostConv(std::int64_t c1, std::int64_t c2, Sides k, Sides s, std::int64_t g, bool act,
                      const Args& args) const;
  ModulePtr GhostBottleneck(std::int64_t c1, std::int64_t c2, std::int64_t k, std::int64_t s,
                            const Args& args) const;
  ModulePtr MixConv2d(std::int64_t c1, std::int64_t c2, const std::vector<std::int64_t>& kernels,
                      std::int64_t s, bool equal_channels, const Args& args) const;
  ModulePtr Proto(std::int64_t c1, std::int64_t hidden, std::int64_t masks, const Args& args) const;
  /// Detect, or Segment with `masks` coefficients. `anchors`: per level, in pixels.
  ModulePtr Head(const std::string& class_name, std::int64_t classes, std::int64_t masks,
                 const std::vector<std::vector<float>>& anchors, const std::vector<std::int64_t>& channels,
                 const Args& args) const;

 private:
  const ModelYaml& yaml_;
};

}  // namespace roost::yolo::build
