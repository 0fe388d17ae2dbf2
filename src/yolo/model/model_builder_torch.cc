#include "yolo/model/model_builder_torch.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roost/base/text.h"

namespace roost::yolo::build {
namespace {

Attribute ListOf(Sides sides) { return {AttributeList{{sides.first}, {sides.second}}}; }

/// Zeros of `shape`: all elements are the same eight bytes.
Tensor Zeros(std::vector<std::int64_t> shape, DType dtype = DType::kFloat32) {
  const auto zero = std::make_shared<const std::array<std::byte, 8>>();
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.strides.assign(shape.size(), 0);
  tensor.shape = std::move(shape);
  tensor.storage = *zero;
  tensor.owner = zero;
  return tensor;
}

void CheckConv(const ConvSettings& c, const Args& args) {
  const bool sane = c.c1 >= 1 && c.c1 <= kMaxChannels && c.c2 >= 1 && c.c2 <= kMaxChannels && c.g >= 1 &&
                    c.c1 % c.g == 0 && c.c2 % c.g == 0 && c.k.first >= 1 && c.k.second >= 1;
  if (sane) return;
  throw args.Wrong("a convolution from " + std::to_string(c.c1) + " to " + std::to_string(c.c2) +
                   " channels in " + std::to_string(c.g) + " groups with a kernel of " +
                   std::to_string(c.k.first) + "x" + std::to_string(c.k.second));
}

}  // namespace

// Modules and their parts

ModulePtr Make(std::string class_name) {
  auto module = std::make_shared<Module>();
  module->class_name = std::move(class_name);
  return module;
}

void Set(const ModulePtr& module, std::string name, Attribute value) {
  module->attributes.emplace_back(std::move(name), std::move(value));
}

void Add(const ModulePtr& module, std::string name, ModulePtr child) {
  module->children.emplace_back(std::move(name), std::move(child));
}

void Parameter(const ModulePtr& module, std::string name, std::vector<std::int64_t> shape) {
  module->parameters.emplace_back(std::move(name), Zeros(std::move(shape)));
}

ModulePtr Sequential(const std::vector<ModulePtr>& parts, const std::string& class_name) {
  ModulePtr sequential = Make(class_name);
  for (std::size_t i = 0; i < parts.size(); ++i) Add(sequential, std::to_string(i), parts[i]);
  return sequential;
}

ModulePtr ModuleList(const std::vector<ModulePtr>& parts) {
  return Sequential(parts, "torch.nn.modules.container.ModuleList");
}

// torch.nn

ModulePtr Conv2d(const ConvSettings& c, const Args& args) {
  CheckConv(c, args);
  const auto half = [&](std::int64_t k) { return (c.d * (k - 1) + 1) / 2; };
  ModulePtr conv = Make("torch.nn.modules.conv.Conv2d");
  Set(conv, "in_channels", {c.c1});
  Set(conv, "out_channels", {c.c2});
  Set(conv, "kernel_size", ListOf(c.k));
  Set(conv, "stride", ListOf(c.s));
  Set(conv, "padding", ListOf(c.p.value_or(Sides{half(c.k.first), half(c.k.second)})));
  Set(conv, "dilation", ListOf({c.d, c.d}));
  Set(conv, "groups", {c.g});
  Parameter(conv, "weight", {c.c2, c.c1 / c.g, c.k.first, c.k.second});
  if (c.bias) Parameter(conv, "bias", {c.c2});
  return conv;
}

ModulePtr BatchNorm2d(std::int64_t c) {
  ModulePtr bn = Make("torch.nn.modules.batchnorm.BatchNorm2d");
  Set(bn, "eps", {1e-3});  // initialize_weights() sets it
  Set(bn, "momentum", {0.03});
  Parameter(bn, "weight", {c});
  Parameter(bn, "bias", {c});
  bn->buffers.emplace_back("running_mean", Zeros({c}));
  bn->buffers.emplace_back("running_var", Zeros({c}));
  bn->buffers.emplace_back("num_batches_tracked", Zeros({}, DType::kInt64));
  return bn;
}

ModulePtr Linear(std::int64_t c1, std::int64_t c2, bool bias) {
  ModulePtr linear = Make("torch.nn.modules.linear.Linear");
  Parameter(linear, "weight", {c2, c1});
  if (bias) Parameter(linear, "bias", {c2});
  return linear;
}

ModulePtr MaxPool2d(Sides k, Sides s, Sides p) {
  ModulePtr pool = Make("torch.nn.modules.pooling.MaxPool2d");
  Set(pool, "kernel_size", ListOf(k));
  Set(pool, "stride", ListOf(s));
  Set(pool, "padding", ListOf(p));
  return pool;
}

ModulePtr MaxPoolOfSameSize(std::int64_t k) { return MaxPool2d({k, k}, {1, 1}, {k / 2, k / 2}); }

ModulePtr Upsample(Attribute size, Attribute scale, std::string mode) {
  ModulePtr upsample = Make("torch.nn.modules.upsampling.Upsample");
  Set(upsample, "size", std::move(size));
  Set(upsample, "scale_factor", std::move(scale));
  Set(upsample, "mode", {std::move(mode)});
  return upsample;
}

ModulePtr Identity() { return Make("torch.nn.modules.linear.Identity"); }

ModulePtr SiLU() { return Make("torch.nn.modules.activation.SiLU"); }

ModulePtr ConvTranspose2d(const std::string& class_name, ConvSettings c, Sides output_padding,
                          const Args& args) {
  CheckConv(c, args);
  ModulePtr conv = Make(class_name);
  Set(conv, "kernel_size", ListOf(c.k));
  Set(conv, "stride", ListOf(c.s));
  Set(conv, "padding", ListOf(c.p.value_or(Sides{0, 0})));
  Set(conv, "output_padding", ListOf(output_padding));
  Set(conv, "dilation", ListOf({c.d, c.d}));
  Set(conv, "groups", {c.g});
  Parameter(conv, "weight", {c.c1, c.c2 / c.g, c.k.first, c.k.second});
  if (c.bias) Parameter(conv, "bias", {c.c2});
  return conv;
}

ModulePtr ActivationOf(const std::string& call, const Args& args) {
  struct Known {
    std::string_view name;
    std::vector<std::string_view> parameters;  ///< of the constructor, by position
  };
  const std::vector<Known> known = {{"SiLU", {}},
                                    {"Hardswish", {}},
                                    {"ReLU", {}},
                                    {"ReLU6", {}},
                                    {"Mish", {}},
                                    {"Tanh", {}},
                                    {"Sigmoid", {}},
                                    {"LeakyReLU", {"negative_slope"}},
                                    {"ELU", {"alpha"}},
                                    {"GELU", {"approximate"}},
                                    {"Softplus", {"beta", "threshold"}},
                                    {"PReLU", {"num_parameters", "init"}},
                                    {"Identity", {}}};
  const std::size_t open = std::min(call.find('('), call.size());
  std::string name(Trim(call.substr(0, open)));
  for (const std::string_view prefix : {"torch.", "nn."}) {
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  }
  const auto found = std::ranges::find(known, name, &Known::name);
  if (found == known.end())
    throw args.Wrong("the activation '" + Printable(call.substr(0, 60)) + "' is unknown");
  ModulePtr module =
      Make((name == "Identity" ? "torch.nn.modules.linear." : "torch.nn.modules.activation.") + name);

  std::string_view inside = open < call.size() ? std::string_view(call).substr(open + 1) : "";
  inside = Trim(inside.substr(0, inside.rfind(')')));
  std::size_t position = 0;
  std::int64_t slopes = 1;
  for (const std::string& part : inside.empty() ? std::vector<std::string>{} : Split(inside, ',')) {
    const std::size_t equals = part.find('=');
    const bool by_name = equals != std::string::npos;
    std::string_view parameter(Trim(std::string_view(part).substr(0, by_name ? equals : 0)));
    if (!by_name && position < found->parameters.size()) parameter = found->parameters[position];
    ++position;
    const std::string_view value = Trim(std::string_view(part).substr(by_name ? equals + 1 : 0));
    if (parameter.empty() || parameter == "inplace") continue;
    if (std::ranges::find(found->parameters, parameter) == found->parameters.end()) {
      throw args.Wrong("the activation '" + Printable(call.substr(0, 60)) + "' has no such parameter");
    }
    if (parameter == "num_parameters") slopes = ParseInt(value).value_or(0);
    if (const auto number = ParseDouble(value)) {
      Set(module, std::string(parameter), {*number});
    } else if (value.size() >= 2) {
      Set(module, std::string(parameter), {std::string(value.substr(1, value.size() - 2))});  // quoted
    }
  }
  if (name == "PReLU") {
    if (slopes < 1 || slopes > kMaxChannels) throw args.Wrong("a PReLU with that many parameters");
    Parameter(module, "weight", {slopes});
  }
  return module;
}

}  // namespace roost::yolo::build
