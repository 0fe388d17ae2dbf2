#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "roost/yolo/module.h"
#include "yolo/model/model_builder_args.h"

// Modules of torch.nn, with parameters that are zeros, and what all modules are put together from.

namespace roost::yolo::build {

using ModulePtr = std::shared_ptr<Module>;

constexpr std::int64_t kMaxChannels = std::int64_t{1} << 20;

// Modules and their parts

ModulePtr Make(std::string class_name);
void Set(const ModulePtr& module, std::string name, Attribute value);
void Add(const ModulePtr& module, std::string name, ModulePtr child);
/// Zeros, which take no memory.
void Parameter(const ModulePtr& module, std::string name, std::vector<std::int64_t> shape);

ModulePtr Sequential(const std::vector<ModulePtr>& parts,
                     const std::string& class_name = "torch.nn.modules.container.Sequential");
ModulePtr ModuleList(const std::vector<ModulePtr>& parts);

template <typename MakePart>
std::vector<ModulePtr> Repeat(std::int64_t n, MakePart make_part) {
  std::vector<ModulePtr> parts;
  for (std::int64_t i = 0; i < n; ++i) parts.push_back(make_part());
  return parts;
}

// torch.nn; `args` are those of the layer that a module is made for, to name it in an Error (bad data)

struct ConvSettings {
  std::int64_t c1 = 0, c2 = 0;
  Sides k{1, 1}, s{1, 1};
  std::optional<Sides> p;  ///< nothing: half of the kernel
  std::int64_t g = 1, d = 1;
  bool bias = false;
};

ModulePtr Conv2d(const ConvSettings& c, const Args& args);
/// In the order of Python: c1, c2, k, s, p, output padding, g, bias, d.
ModulePtr ConvTranspose2d(const std::string& class_name, ConvSettings c, Sides output_padding,
                          const Args& args);
ModulePtr BatchNorm2d(std::int64_t c);
ModulePtr Linear(std::int64_t c1, std::int64_t c2, bool bias);
ModulePtr MaxPool2d(Sides k, Sides s, Sides p);
ModulePtr MaxPoolOfSameSize(std::int64_t k);
ModulePtr Upsample(Attribute size, Attribute scale, std::string mode);
ModulePtr Identity();
ModulePtr SiLU();

/// "nn.LeakyReLU(0.1)", "nn.LeakyReLU(negative_slope=0.1, inplace=True)", "nn.SiLU": a module of torch.nn by
/// the call that makes it.
ModulePtr ActivationOf(const std::string& call, const Args& args);

}  // namespace roost::yolo::build
