// What models/yolo.py's parse_model() builds of a YAML: each function below is the constructor of one block.

#include "yolo/model/model_builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

using ModulePtr = std::shared_ptr<Module>;
using Sides = std::pair<std::int64_t, std::int64_t>;

constexpr std::int64_t kMaxChannels = std::int64_t{1} << 20;
constexpr std::int64_t kMaxRepeats = 1000;

// Modules and their parts

ModulePtr Make(std::string class_name) {
  auto module = std::make_shared<Module>();
  module->class_name = std::move(class_name);
  return module;
}

Attribute ListOf(Sides sides) { return {AttributeList{{sides.first}, {sides.second}}}; }

void Set(const ModulePtr& module, std::string name, Attribute value) {
  module->attributes.emplace_back(std::move(name), std::move(value));
}

void Add(const ModulePtr& module, std::string name, ModulePtr child) {
  module->children.emplace_back(std::move(name), std::move(child));
}

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

void Parameter(const ModulePtr& module, std::string name, std::vector<std::int64_t> shape) {
  module->parameters.emplace_back(std::move(name), Zeros(std::move(shape)));
}

ModulePtr Sequential(const std::vector<ModulePtr>& parts,
                     const std::string& class_name = "torch.nn.modules.container.Sequential") {
  ModulePtr sequential = Make(class_name);
  for (std::size_t i = 0; i < parts.size(); ++i) Add(sequential, std::to_string(i), parts[i]);
  return sequential;
}

ModulePtr ModuleList(const std::vector<ModulePtr>& parts) {
  return Sequential(parts, "torch.nn.modules.container.ModuleList");
}

template <typename MakePart>
std::vector<ModulePtr> Repeat(std::int64_t n, MakePart make_part) {
  std::vector<ModulePtr> parts;
  for (std::int64_t i = 0; i < n; ++i) parts.push_back(make_part());
  return parts;
}

std::int64_t MakeDivisible(double x) {
  constexpr double kDivisor = 8;
  return static_cast<std::int64_t>(std::ceil(x / kDivisor) * kDivisor);
}

/// The arguments of one layer, by position. Those that are not there have their constructor's default.
class Args {
 public:
  Args(const ModelYaml& yaml, const LayerYaml& layer, AttributeList values)
      : yaml_(yaml), layer_(layer), values_(std::move(values)) {}

  Error Wrong(const std::string& what) const {
    return yaml_.Wrong(layer_.line, Printable(layer_.module.substr(0, 60)) + ": " + what);
  }

  bool Has(std::size_t i) const {
    return i < values_.size() && !std::holds_alternative<std::monostate>(values_[i].value);
  }
  const Attribute& operator[](std::size_t i) const {
    if (i >= values_.size()) throw Wrong("argument " + std::to_string(i + 1) + " is missing");
    return values_[i];
  }
  std::int64_t Int(std::size_t i) const {
    if (const auto* number = std::get_if<std::int64_t>(&(*this)[i].value)) return *number;
    if (const auto* flag = std::get_if<bool>(&(*this)[i].value)) return *flag ? 1 : 0;  // as in Python
    throw Wrong("argument " + std::to_string(i + 1) + " is not a whole number");
  }
  std::int64_t Int(std::size_t i, std::int64_t fallback) const { return Has(i) ? Int(i) : fallback; }
  std::int64_t Positive(std::size_t i, std::int64_t fallback = 0) const {
    const std::int64_t number = fallback > 0 ? Int(i, fallback) : Int(i);
    if (number < 1) throw Wrong(std::to_string(number) + " cannot be");
    return number;
  }
  double Double(std::size_t i, double fallback) const {
    if (!Has(i)) return fallback;
    if (const auto* number = std::get_if<double>(&values_[i].value)) return *number;
    return static_cast<double>(Int(i));
  }
  bool Bool(std::size_t i, bool fallback) const { return Has(i) ? Int(i) != 0 : fallback; }
  std::string String(std::size_t i, std::string fallback) const {
    if (!Has(i)) return fallback;
    if (const auto* text = std::get_if<std::string>(&values_[i].value)) return *text;
    throw Wrong("argument " + std::to_string(i + 1) + " is not a text");
  }
  /// A number, or two.
  Sides Pair(std::size_t i, Sides fallback) const {
    if (!Has(i)) return fallback;
    const auto* list = std::get_if<AttributeList>(&values_[i].value);
    if (list == nullptr) return {Int(i), Int(i)};
    const std::vector<std::int64_t> both = Ints(i, {});
    if (both.size() != 2) throw Wrong("argument " + std::to_string(i + 1) + " is not one number or two");
    return {both[0], both[1]};
  }
  std::vector<std::int64_t> Ints(std::size_t i, std::vector<std::int64_t> fallback) const {
    if (!Has(i)) return fallback;
    const auto* list = std::get_if<AttributeList>(&values_[i].value);
    if (list == nullptr) return {Int(i)};
    std::vector<std::int64_t> numbers;
    for (const Attribute& item : *list) {
      const auto* number = std::get_if<std::int64_t>(&item.value);
      if (number == nullptr) throw Wrong("argument " + std::to_string(i + 1) + " holds no whole numbers");
      numbers.push_back(*number);
    }
    return numbers;
  }

 private:
  const ModelYaml& yaml_;
  const LayerYaml& layer_;
  AttributeList values_;
};

/// "nn.LeakyReLU(0.1)", "nn.LeakyReLU(negative_slope=0.1, inplace=True)", "nn.SiLU": a module of torch.nn by
/// the call that makes it.
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
  const ModulePtr module =
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

// torch.nn

struct ConvSettings {
  std::int64_t c1 = 0, c2 = 0;
  Sides k{1, 1}, s{1, 1};
  std::optional<Sides> p;  ///< nothing: half of the kernel
  std::int64_t g = 1, d = 1;
  bool bias = false;
};

class Blocks {
 public:
  explicit Blocks(const ModelYaml& yaml) : yaml_(yaml) {}

  ModulePtr Conv2d(const ConvSettings& c, const Args& args) const {
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

  static ModulePtr BatchNorm2d(std::int64_t c) {
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

  static ModulePtr Linear(std::int64_t c1, std::int64_t c2, bool bias) {
    ModulePtr linear = Make("torch.nn.modules.linear.Linear");
    Parameter(linear, "weight", {c2, c1});
    if (bias) Parameter(linear, "bias", {c2});
    return linear;
  }

  static ModulePtr MaxPool2d(Sides k, Sides s, Sides p) {
    ModulePtr pool = Make("torch.nn.modules.pooling.MaxPool2d");
    Set(pool, "kernel_size", ListOf(k));
    Set(pool, "stride", ListOf(s));
    Set(pool, "padding", ListOf(p));
    return pool;
  }

  static ModulePtr MaxPoolOfSameSize(std::int64_t k) { return MaxPool2d({k, k}, {1, 1}, {k / 2, k / 2}); }

  static ModulePtr Upsample(Attribute size, Attribute scale, std::string mode) {
    ModulePtr upsample = Make("torch.nn.modules.upsampling.Upsample");
    Set(upsample, "size", std::move(size));
    Set(upsample, "scale_factor", std::move(scale));
    Set(upsample, "mode", {std::move(mode)});
    return upsample;
  }

  static ModulePtr Identity() { return Make("torch.nn.modules.linear.Identity"); }
  static ModulePtr SiLU() { return Make("torch.nn.modules.activation.SiLU"); }

  /// c1, c2, k, s, p, output padding, g, bias, d
  ModulePtr ConvTranspose2d(const std::string& class_name, ConvSettings c, Sides output_padding,
                            const Args& args) const {
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

  // models.common

  ModulePtr Activation(bool act, const Args& args) const {
    if (!act) return Identity();
    return yaml_.activation.empty() ? SiLU() : ActivationOf(yaml_.activation, args);
  }

  ModulePtr Conv(const ConvSettings& c, const Args& args, bool act = true,
                 const std::string& class_name = "models.common.Conv") const {
    ModulePtr conv = Make(class_name);
    Add(conv, "conv", Conv2d(c, args));
    Add(conv, "bn", BatchNorm2d(c.c2));
    Add(conv, "act", Activation(act, args));
    return conv;
  }

  ModulePtr DWConv(std::int64_t c1, std::int64_t c2, Sides k, Sides s, std::int64_t d, bool act,
                   const Args& args) const {
    return Conv({.c1 = c1, .c2 = c2, .k = k, .s = s, .g = std::gcd(c1, c2), .d = d}, args, act,
                "models.common.DWConv");
  }

  ModulePtr Bottleneck(std::int64_t c1, std::int64_t c2, bool shortcut, std::int64_t g, double e,
                       const Args& args) const {
    const std::int64_t hidden = Hidden(c2, e, args);
    ModulePtr block = Make("models.common.Bottleneck");
    Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
    Add(block, "cv2", Conv({.c1 = hidden, .c2 = c2, .k = {3, 3}, .g = g}, args));
    Set(block, "add", {shortcut && c1 == c2});
    return block;
  }

  ModulePtr CrossConv(std::int64_t c1, std::int64_t c2, std::int64_t k, std::int64_t s, std::int64_t g,
                      double e, bool shortcut, const Args& args) const {
    const std::int64_t hidden = Hidden(c2, e, args);
    ModulePtr block = Make("models.common.CrossConv");
    Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden, .k = {1, k}, .s = {1, s}}, args));
    Add(block, "cv2", Conv({.c1 = hidden, .c2 = c2, .k = {k, 1}, .s = {s, 1}, .g = g}, args));
    Set(block, "add", {shortcut && c1 == c2});
    return block;
  }

  ModulePtr BottleneckCSP(std::int64_t c1, std::int64_t c2, std::int64_t n, bool shortcut, std::int64_t g,
                          double e, const Args& args) const {
    const std::int64_t hidden = Hidden(c2, e, args);
    ModulePtr block = Make("models.common.BottleneckCSP");
    Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
    Add(block, "cv2", Conv2d({.c1 = c1, .c2 = hidden}, args));
    Add(block, "cv3", Conv2d({.c1 = hidden, .c2 = hidden}, args));
    Add(block, "cv4", Conv({.c1 = 2 * hidden, .c2 = c2}, args));
    Add(block, "bn", BatchNorm2d(2 * hidden));
    Add(block, "act", SiLU());
    Add(block, "m",
        Sequential(Repeat(n, [&] { return Bottleneck(hidden, hidden, shortcut, g, 1.0, args); })));
    return block;
  }

  /// C3 and its relatives, which differ in what `m` is; `make_m` is given the hidden channels.
  template <typename MakeM>
  ModulePtr C3(const std::string& name, std::int64_t c1, std::int64_t c2, double e, const Args& args,
               MakeM make_m) const {
    const std::int64_t hidden = Hidden(c2, e, args);
    ModulePtr block = Make("models.common." + name);
    Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
    Add(block, "cv2", Conv({.c1 = c1, .c2 = hidden}, args));
    Add(block, "cv3", Conv({.c1 = 2 * hidden, .c2 = c2}, args));
    Add(block, "m", make_m(hidden));
    return block;
  }

  ModulePtr TransformerLayer(std::int64_t c, std::int64_t heads) const {
    ModulePtr attention = Make("torch.nn.modules.activation.MultiheadAttention");
    Set(attention, "embed_dim", {c});
    Set(attention, "num_heads", {heads});
    Parameter(attention, "in_proj_weight", {3 * c, c});
    Parameter(attention, "in_proj_bias", {3 * c});
    ModulePtr out = Linear(c, c, true);
    out->class_name = "torch.nn.modules.linear.NonDynamicallyQuantizableLinear";
    Add(attention, "out_proj", out);

    ModulePtr layer = Make("models.common.TransformerLayer");
    for (const char* name : {"q", "k", "v"}) Add(layer, name, Linear(c, c, false));
    Add(layer, "ma", attention);
    for (const char* name : {"fc1", "fc2"}) Add(layer, name, Linear(c, c, false));
    return layer;
  }

  ModulePtr TransformerBlock(std::int64_t c1, std::int64_t c2, std::int64_t heads, std::int64_t layers,
                             const Args& args) const {
    if (heads < 1 || c2 % heads != 0)
      throw args.Wrong(std::to_string(heads) + " heads for " + std::to_string(c2) + " channels");
    ModulePtr block = Make("models.common.TransformerBlock");
    if (c1 != c2) Add(block, "conv", Conv({.c1 = c1, .c2 = c2}, args));
    Add(block, "linear", Linear(c2, c2, true));
    Add(block, "tr", Sequential(Repeat(layers, [&] { return TransformerLayer(c2, heads); })));
    return block;
  }

  ModulePtr SPP(std::int64_t c1, std::int64_t c2, const std::vector<std::int64_t>& kernels,
                const Args& args) const {
    const std::int64_t hidden = Hidden(c1, 0.5, args);
    ModulePtr block = Make("models.common.SPP");
    const auto maps = static_cast<std::int64_t>(kernels.size()) + 1;
    Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
    Add(block, "cv2", Conv({.c1 = hidden * maps, .c2 = c2}, args));
    std::vector<ModulePtr> pools;
    pools.reserve(kernels.size());
    for (const std::int64_t k : kernels) pools.push_back(MaxPoolOfSameSize(k));
    Add(block, "m", ModuleList(pools));
    return block;
  }

  ModulePtr SPPF(std::int64_t c1, std::int64_t c2, std::int64_t k, const Args& args) const {
    const std::int64_t hidden = Hidden(c1, 0.5, args);
    ModulePtr block = Make("models.common.SPPF");
    Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
    Add(block, "cv2", Conv({.c1 = hidden * 4, .c2 = c2}, args));
    Add(block, "m", MaxPoolOfSameSize(k));
    return block;
  }

  ModulePtr GhostConv(std::int64_t c1, std::int64_t c2, Sides k, Sides s, std::int64_t g, bool act,
                      const Args& args) const {
    const std::int64_t hidden = Hidden(c2, 0.5, args);
    ModulePtr block = Make("models.common.GhostConv");
    Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden, .k = k, .s = s, .g = g}, args, act));
    Add(block, "cv2", Conv({.c1 = hidden, .c2 = hidden, .k = {5, 5}, .g = hidden}, args, act));
    return block;
  }

  ModulePtr GhostBottleneck(std::int64_t c1, std::int64_t c2, std::int64_t k, std::int64_t s,
                            const Args& args) const {
    const std::int64_t hidden = Hidden(c2, 0.5, args);
    const Sides kernel{k, k}, stride{s, s};
    ModulePtr block = Make("models.common.GhostBottleneck");
    Add(block, "conv",
        Sequential({GhostConv(c1, hidden, {1, 1}, {1, 1}, 1, true, args),
                    s == 2 ? DWConv(hidden, hidden, kernel, stride, 1, false, args) : Identity(),
                    GhostConv(hidden, c2, {1, 1}, {1, 1}, 1, false, args)}));
    Add(block, "shortcut",
        s == 2 ? Sequential({DWConv(c1, c1, kernel, stride, 1, false, args),
                             Conv({.c1 = c1, .c2 = c2}, args, false)})
               : Identity());
    return block;
  }

  ModulePtr MixConv2d(std::int64_t c1, std::int64_t c2, const std::vector<std::int64_t>& kernels,
                      std::int64_t s, bool equal_channels, const Args& args) const {
    std::vector<ModulePtr> convs;
    const std::vector<std::int64_t> parts = MixedChannels(c2, kernels, equal_channels, args);
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      const std::int64_t k = kernels[i];
      convs.push_back(Conv2d({.c1 = c1,
                              .c2 = parts[i],
                              .k = {k, k},
                              .s = {s, s},
                              .p = Sides{k / 2, k / 2},
                              .g = std::gcd(c1, parts[i])},
                             args));
    }
    ModulePtr block = Make("models.experimental.MixConv2d");
    Add(block, "m", ModuleList(convs));
    Add(block, "bn", BatchNorm2d(c2));
    Add(block, "act", SiLU());
    return block;
  }

  ModulePtr Proto(std::int64_t c1, std::int64_t hidden, std::int64_t masks, const Args& args) const {
    ModulePtr proto = Make("models.common.Proto");
    Add(proto, "cv1", Conv({.c1 = c1, .c2 = hidden, .k = {3, 3}}, args));
    Add(proto, "upsample", Upsample({}, {2.0}, "nearest"));
    Add(proto, "cv2", Conv({.c1 = hidden, .c2 = hidden, .k = {3, 3}}, args));
    Add(proto, "cv3", Conv({.c1 = hidden, .c2 = masks}, args));
    return proto;
  }

  /// Detect, or Segment with `masks` coefficients. `anchors`: per level, in pixels.
  ModulePtr Head(const std::string& class_name, std::int64_t classes, std::int64_t masks,
                 const std::vector<std::vector<float>>& anchors, const std::vector<std::int64_t>& channels,
                 const Args& args) const {
    const auto levels = static_cast<std::int64_t>(anchors.size());
    const auto per_level = static_cast<std::int64_t>(anchors.front().size() / 2);
    const std::int64_t numbers = 5 + classes + masks;
    std::vector<float> pixels;
    for (const auto& level : anchors) pixels.insert(pixels.end(), level.begin(), level.end());
    std::vector<ModulePtr> convs;
    convs.reserve(channels.size());
    for (const std::int64_t c : channels) {
      convs.push_back(Conv2d({.c1 = c, .c2 = numbers * per_level, .bias = true}, args));
    }
    ModulePtr head = Make(class_name);
    Set(head, "nc", {classes});
    Set(head, "no", {numbers});
    Set(head, "nl", {levels});
    Set(head, "na", {per_level});
    head->buffers.emplace_back("anchors", Tensor::FromFloats({levels, per_level, 2}, pixels));
    Add(head, "m", ModuleList(convs));
    return head;
  }

 private:
  static std::int64_t Hidden(std::int64_t c, double e, const Args& args) {
    const double hidden = std::trunc(static_cast<double>(c) * e);  // int() of Python
    if (!(hidden >= 1 && hidden <= kMaxChannels)) throw args.Wrong("no channels are left inside");
    return static_cast<std::int64_t>(hidden);
  }

  static void CheckConv(const ConvSettings& c, const Args& args) {
    const bool sane = c.c1 >= 1 && c.c1 <= kMaxChannels && c.c2 >= 1 && c.c2 <= kMaxChannels && c.g >= 1 &&
                      c.c1 % c.g == 0 && c.c2 % c.g == 0 && c.k.first >= 1 && c.k.second >= 1;
    if (sane) return;
    throw args.Wrong("a convolution from " + std::to_string(c.c1) + " to " + std::to_string(c.c2) +
                     " channels in " + std::to_string(c.g) + " groups with a kernel of " +
                     std::to_string(c.k.first) + "x" + std::to_string(c.k.second));
  }

  /// How many of `c2` channels each kernel of a MixConv2d makes: equally many, or equally many weights.
  static std::vector<std::int64_t> MixedChannels(std::int64_t c2, const std::vector<std::int64_t>& kernels,
                                                 bool equal_channels, const Args& args) {
    const std::size_t n = kernels.size();
    if (n == 0) throw args.Wrong("has no kernels");
    std::vector<std::int64_t> parts(n, 0);
    if (equal_channels) {
      // torch.linspace(0, n - 1e-6, c2).floor() counts, in float32 and from both ends.
      const auto last = static_cast<float>(static_cast<double>(n) - 1e-6);
      const float step = c2 > 1 ? last / static_cast<float>(c2 - 1) : 0;
      for (std::int64_t i = 0; i < c2; ++i) {
        const float at =
            i < c2 / 2 ? step * static_cast<float>(i) : last - step * static_cast<float>(c2 - i - 1);
        ++parts.at(std::min(static_cast<std::size_t>(at), n - 1));
      }
      return parts;
    }
    double inverse_sum = 0;
    for (const std::int64_t k : kernels) inverse_sum += 1 / static_cast<double>(k * k);
    for (std::size_t i = 0; i < n; ++i) {
      const auto k2 = static_cast<double>(kernels[i] * kernels[i]);
      parts[i] = std::llround(std::nearbyint(static_cast<double>(c2) / k2 / inverse_sum));
    }
    return parts;
  }

  const ModelYaml& yaml_;
};

/// What a layer became, and the channels it gives.
struct Layer {
  ModulePtr module;
  std::int64_t channels = 0;
};

class Parser {
 public:
  explicit Parser(const ModelYaml& yaml) : yaml_(yaml), blocks_(yaml) {}

  BuiltModel Build() {
    std::vector<ModulePtr> layers;
    std::vector<std::int64_t> channels;  // of the layers so far
    for (const LayerYaml& layer : yaml_.layers) {
      Layer built = BuildLayer(layer, channels);
      const auto index = static_cast<std::int64_t>(layers.size());
      if (built.channels < 1 || built.channels > kMaxChannels) {
        throw yaml_.Wrong(layer.line, std::to_string(built.channels) + " channels");
      }
      Set(built.module, "i", {index});
      Set(built.module, "f", layer.reads_several ? Attribute{layer.from} : layer.from.front());
      layers.push_back(built.module);
      channels.push_back(built.channels);
    }
    if (layers.empty()) throw yaml_.Wrong(1, "has no layers");
    const bool segments = layers.back()->class_name == "models.yolo.Segment";
    if (!segments && layers.back()->class_name != "models.yolo.Detect") {
      throw yaml_.Wrong(yaml_.layers.back().line, "the last layer is neither Detect nor Segment");
    }
    BuiltModel built{Make(segments ? "models.yolo.SegmentationModel" : "models.yolo.DetectionModel"),
                     layers.back()};
    Set(built.model, "nc", {yaml_.classes});
    Add(built.model, "model", Sequential(layers));
    NamePaths(*built.model);
    return built;
  }

 private:
  /// The trees are ours until they are handed out, also below the top.
  static void NamePaths(const Module& module) {
    for (const auto& [name, child] : module.children) {
      auto& own = const_cast<Module&>(*child);
      own.path = module.path.empty() ? name : module.path + "." + name;
      NamePaths(own);
    }
  }

  std::int64_t ChannelsOf(std::int64_t from, const std::vector<std::int64_t>& channels,
                          const LayerYaml& layer) const {
    const auto count = static_cast<std::int64_t>(channels.size());
    if (from == -1 && count == 0) return yaml_.channels;
    const std::int64_t index = from < 0 ? count + from : from;
    if (index < 0 || index >= count) {
      throw yaml_.Wrong(layer.line,
                        "reads layer " + std::to_string(from) + ", which does not come before it");
    }
    return channels[static_cast<std::size_t>(index)];
  }

  Layer BuildLayer(const LayerYaml& layer, const std::vector<std::int64_t>& channels) const {
    std::vector<std::int64_t> in;
    for (const Attribute& from : layer.from) {
      in.push_back(ChannelsOf(std::get<std::int64_t>(from.value), channels, layer));
    }
    if (in.empty()) throw yaml_.Wrong(layer.line, "reads nothing");
    std::int64_t n = layer.number;
    if (n > 1) {  // Python's round() goes to the even neighbour, as nearbyint() does
      n = std::max<std::int64_t>(std::llround(std::nearbyint(static_cast<double>(n) * yaml_.depth_multiple)),
                                 1);
    }
    if (n > kMaxRepeats) throw yaml_.Wrong(layer.line, "repeats its module " + std::to_string(n) + " times");
    return ScalesItsChannels(layer.module) ? Scaled(layer, in, n) : Other(layer, in, n);
  }

  static bool Repeats(std::string_view name) {
    constexpr std::array<std::string_view, 5> kNames = {"BottleneckCSP", "C3", "C3TR", "C3Ghost", "C3x"};
    return std::ranges::find(kNames, name) != kNames.end();
  }

  static bool ScalesItsChannels(std::string_view name) {
    constexpr std::array<std::string_view, 13> kNames = {"Conv",
                                                         "GhostConv",
                                                         "Bottleneck",
                                                         "GhostBottleneck",
                                                         "SPP",
                                                         "SPPF",
                                                         "DWConv",
                                                         "MixConv2d",
                                                         "Focus",
                                                         "CrossConv",
                                                         "C3SPP",
                                                         "nn.ConvTranspose2d",
                                                         "DWConvTranspose2d"};
    return Repeats(name) || std::ranges::find(kNames, name) != kNames.end();
  }

  Layer Repeated(std::int64_t n, std::int64_t channels, const auto& make) const {
    return {n > 1 ? Sequential(Repeat(n, make)) : make(), channels};
  }

  /// Blocks whose first argument is a number of channels, scaled by the width: Class(c1, c2, the rest).
  Layer Scaled(const LayerYaml& layer, const std::vector<std::int64_t>& in, std::int64_t n) const {
    const std::string& name = layer.module;
    const Args given(yaml_, layer, layer.args);
    const std::int64_t c1 = in.front();
    std::int64_t c2 = given.Positive(0);
    if (c2 != OutputsOfHead()) c2 = MakeDivisible(static_cast<double>(c2) * yaml_.width_multiple);
    if (c2 > kMaxChannels) throw given.Wrong(std::to_string(c2) + " channels");
    if (Repeats(name)) return {RepeatedInside(name, given, c1, c2, n), c2};

    return Repeated(n, c2, [&] { return ScaledBlock(name, given, c1, c2); });
  }

  /// Blocks that take the repeats as an argument: Class(c1, c2, n, shortcut, g, e).
  ModulePtr RepeatedInside(const std::string& name, const Args& a, std::int64_t c1, std::int64_t c2,
                           std::int64_t n) const {
    const bool shortcut = a.Bool(1, true);
    const std::int64_t g = a.Positive(2, 1);
    const double e = a.Double(3, 0.5);
    if (name == "BottleneckCSP") return blocks_.BottleneckCSP(c1, c2, n, shortcut, g, e, a);
    return blocks_.C3(name, c1, c2, e, a, [&](std::int64_t c) -> ModulePtr {
      if (name == "C3TR") return blocks_.TransformerBlock(c, c, 4, n, a);
      return Sequential(Repeat(n, [&] {
        if (name == "C3Ghost") return blocks_.GhostBottleneck(c, c, 3, 1, a);
        if (name == "C3x") return blocks_.CrossConv(c, c, 3, 1, g, 1.0, shortcut, a);
        return blocks_.Bottleneck(c, c, shortcut, g, 1.0, a);
      }));
    });
  }

  ModulePtr ScaledBlock(const std::string& name, const Args& a, std::int64_t c1, std::int64_t c2) const {
    const Sides one{1, 1};
    const auto optional_pair = [&](std::size_t i) {
      return a.Has(i) ? std::optional(a.Pair(i, one)) : std::nullopt;
    };
    if (name == "Conv" || name == "Focus") {
      // Focus has no dilation: its arguments are k, s, p, g, act.
      const bool focus = name == "Focus";
      const ConvSettings settings{.c1 = focus ? 4 * c1 : c1,
                                  .c2 = c2,
                                  .k = a.Pair(1, one),
                                  .s = a.Pair(2, one),
                                  .p = optional_pair(3),
                                  .g = a.Positive(4, 1),
                                  .d = focus ? 1 : a.Positive(5, 1)};
      ModulePtr conv = blocks_.Conv(settings, a, a.Bool(focus ? 5 : 6, true));
      if (!focus) return conv;
      ModulePtr block = Make("models.common.Focus");
      Add(block, "conv", conv);
      return block;
    }
    if (name == "DWConv") {
      return blocks_.DWConv(c1, c2, a.Pair(1, one), a.Pair(2, one), a.Positive(3, 1), a.Bool(4, true), a);
    }
    if (name == "GhostConv") {
      return blocks_.GhostConv(c1, c2, a.Pair(1, one), a.Pair(2, one), a.Positive(3, 1), a.Bool(4, true), a);
    }
    if (name == "GhostBottleneck") {
      return blocks_.GhostBottleneck(c1, c2, a.Positive(1, 3), a.Positive(2, 1), a);
    }
    if (name == "Bottleneck") {
      return blocks_.Bottleneck(c1, c2, a.Bool(1, true), a.Positive(2, 1), a.Double(3, 0.5), a);
    }
    if (name == "CrossConv") {
      return blocks_.CrossConv(c1, c2, a.Positive(1, 3), a.Positive(2, 1), a.Positive(3, 1), a.Double(4, 1.0),
                               a.Bool(5, false), a);
    }
    if (name == "SPP") return blocks_.SPP(c1, c2, a.Ints(1, {5, 9, 13}), a);
    if (name == "SPPF") return blocks_.SPPF(c1, c2, a.Positive(1, 5), a);
    if (name == "C3SPP") {
      return blocks_.C3("C3SPP", c1, c2, a.Double(5, 0.5), a, [&](std::int64_t c) {
        return blocks_.SPP(c, c, a.Ints(1, {5, 9, 13}), a);
      });
    }
    if (name == "MixConv2d") {
      return blocks_.MixConv2d(c1, c2, a.Ints(1, {1, 3}), a.Positive(2, 1), a.Bool(3, true), a);
    }
    const bool depthwise = name == "DWConvTranspose2d";
    const ConvSettings settings{.c1 = c1,
                                .c2 = c2,
                                .k = a.Pair(1, one),
                                .s = a.Pair(2, one),
                                .p = a.Pair(3, {0, 0}),
                                .g = depthwise ? std::gcd(c1, c2) : a.Positive(5, 1),
                                .d = depthwise ? 1 : a.Positive(7, 1),
                                .bias = depthwise || a.Bool(6, true)};
    return blocks_.ConvTranspose2d(
        depthwise ? "models.common.DWConvTranspose2d" : "torch.nn.modules.conv.ConvTranspose2d", settings,
        a.Pair(4, {0, 0}), a);
  }

  /// Everything else: the arguments are the constructor's own.
  Layer Other(const LayerYaml& layer, const std::vector<std::int64_t>& in, std::int64_t n) const {
    const std::string& name = layer.module;
    const Args a(yaml_, layer, layer.args);
    const std::int64_t c1 = in.front();
    if (name == "Concat") {
      ModulePtr concat = Make("models.common.Concat");
      Set(concat, "d", {a.Int(0, 1)});
      return {concat, std::accumulate(in.begin(), in.end(), std::int64_t{0})};
    }
    if (name == "Detect" || name == "Segment") return {BuildHead(name, a, in), c1};
    if (name == "Sum") {
      ModulePtr sum = Make("models.experimental.Sum");
      const bool weighted = a.Bool(1, false);
      Set(sum, "weight", {weighted});
      if (weighted && a.Positive(0) > 1) Parameter(sum, "w", {a.Positive(0) - 1});
      return {sum, c1};
    }
    if (name == "Contract" || name == "Expand") {
      const std::int64_t gain = a.Positive(0, 2);
      constexpr std::int64_t kMaxGain = 1000;
      if (gain > kMaxGain) throw a.Wrong("a gain of " + std::to_string(gain));
      return Repeated(n, name == "Contract" ? c1 * gain * gain : c1 / (gain * gain), [&] {
        ModulePtr module = Make("models.common." + name);
        Set(module, "gain", {gain});
        return module;
      });
    }
    return Repeated(n, name == "nn.Conv2d" ? a.Positive(1) : c1, [&] { return TorchLayer(name, a, c1); });
  }

  ModulePtr TorchLayer(const std::string& name, const Args& a, std::int64_t c1) const {
    if (name == "nn.BatchNorm2d") return Blocks::BatchNorm2d(c1);
    if (name == "nn.Identity") return Blocks::Identity();
    if (name == "nn.Dropout") return Make("torch.nn.modules.dropout.Dropout");
    if (name == "nn.Upsample") {
      return Blocks::Upsample(a.Has(0) ? a[0] : Attribute{}, a.Has(1) ? a[1] : Attribute{},
                              a.String(2, "nearest"));
    }
    if (name == "nn.MaxPool2d") {
      const Sides k = a.Pair(0, {1, 1});
      return Blocks::MaxPool2d(k, a.Pair(1, k), a.Pair(2, {0, 0}));
    }
    if (name == "nn.ZeroPad2d") {
      ModulePtr pad = Make("torch.nn.modules.padding.ZeroPad2d");
      Set(pad, "padding", a[0]);
      return pad;
    }
    if (name == "nn.Conv2d") {
      return blocks_.Conv2d({.c1 = a.Positive(0),
                             .c2 = a.Positive(1),
                             .k = a.Pair(2, {1, 1}),
                             .s = a.Pair(3, {1, 1}),
                             .p = a.Pair(4, {0, 0}),
                             .g = a.Positive(6, 1),
                             .d = a.Positive(5, 1),
                             .bias = a.Bool(7, true)},
                            a);
    }
    if (name == "TransformerBlock") {
      return blocks_.TransformerBlock(a.Positive(0), a.Positive(1), a.Positive(2), a.Positive(3), a);
    }
    if (name.starts_with("nn.")) {
      ModulePtr activation = ActivationOf(name, a);
      if (name == "nn.LeakyReLU") Set(activation, "negative_slope", {a.Double(0, 0.01)});
      if (name == "nn.ELU") Set(activation, "alpha", {a.Double(0, 1.0)});
      return activation;
    }
    throw a.Wrong("this kind of layer is not supported");
  }

  ModulePtr BuildHead(const std::string& name, const Args& a, const std::vector<std::int64_t>& in) const {
    const std::int64_t classes = a.Positive(0);
    const std::vector<std::vector<float>> anchors = Anchors(a, in.size());
    if (name == "Detect") return blocks_.Head("models.yolo.Detect", classes, 0, anchors, in, a);
    const std::int64_t masks = a.Positive(2, 32);
    const std::int64_t prototypes = MakeDivisible(static_cast<double>(a.Positive(3)) * yaml_.width_multiple);
    ModulePtr head = blocks_.Head("models.yolo.Segment", classes, masks, anchors, in, a);
    Set(head, "nm", {masks});
    Set(head, "npr", {prototypes});
    Add(head, "proto", blocks_.Proto(in.front(), prototypes, masks, a));
    return head;
  }

  /// Argument 1 of a head: lists of numbers, one per level; or how many anchors there are, then any will do.
  std::vector<std::vector<float>> Anchors(const Args& a, std::size_t levels) const {
    std::vector<std::vector<float>> anchors;
    if (const auto* list = std::get_if<AttributeList>(&a[1].value)) {
      for (const Attribute& level : *list) {
        const auto* numbers = std::get_if<AttributeList>(&level.value);
        if (numbers == nullptr) throw a.Wrong("anchors are a list of lists");
        auto& of_level = anchors.emplace_back();
        for (const Attribute& number : *numbers) {
          const auto* whole = std::get_if<std::int64_t>(&number.value);
          const auto* real = std::get_if<double>(&number.value);
          if (whole == nullptr && real == nullptr) throw a.Wrong("an anchor that is no number");
          of_level.push_back(whole != nullptr ? static_cast<float>(*whole) : static_cast<float>(*real));
        }
      }
    } else {
      constexpr std::int64_t kMaxAnchors = 1000;
      const std::int64_t count = a.Positive(1);
      if (count > kMaxAnchors) throw a.Wrong(std::to_string(count) + " anchors");
      std::vector<float> numbers(static_cast<std::size_t>(2 * count));
      std::iota(numbers.begin(), numbers.end(), 0.0F);
      anchors.assign(levels, numbers);
    }
    for (const auto& level : anchors) {
      if (level.empty() || level.size() % 2 != 0 || level.size() != anchors.front().size()) {
        throw a.Wrong("anchors are pairs of numbers, as many for each level");
      }
    }
    if (anchors.size() != levels) {
      throw a.Wrong("anchors for " + std::to_string(anchors.size()) + " levels, but " +
                    std::to_string(levels) + " inputs");
    }
    return anchors;
  }

  /// A layer with this many channels is an output convolution of the oldest releases and not scaled.
  std::int64_t OutputsOfHead() const {
    std::int64_t anchors = 0;
    if (const auto* number = std::get_if<std::int64_t>(&yaml_.anchors.value)) anchors = *number;
    if (const auto* list = std::get_if<AttributeList>(&yaml_.anchors.value);
        list != nullptr && !list->empty()) {
      const auto* first = std::get_if<AttributeList>(&list->front().value);
      if (first != nullptr) anchors = static_cast<std::int64_t>(first->size() / 2);
    }
    return anchors * (yaml_.classes + 5);
  }

  const ModelYaml& yaml_;
  const Blocks blocks_;
};

}  // namespace

BuiltModel BuildModel(const ModelYaml& yaml) { return Parser(yaml).Build(); }

void SetStrides(BuiltModel& built, const std::vector<double>& strides) {
  std::optional<Tensor>& buffer = built.head->buffers.front().second;
  const std::int64_t levels = buffer->shape[0];
  if (static_cast<std::int64_t>(strides.size()) != levels) {
    throw built.head->Wrong(std::to_string(strides.size()) + " strides for " + std::to_string(levels) +
                            " levels");
  }
  std::vector<float> anchors = buffer->ToFloats();
  const auto per_level = static_cast<std::ptrdiff_t>(anchors.size() / strides.size());
  const auto area = [&](std::ptrdiff_t level) {
    double sum = 0;
    for (std::ptrdiff_t i = level * per_level; i < (level + 1) * per_level; i += 2) {
      sum += static_cast<double>(anchors[static_cast<std::size_t>(i)]) *
             anchors[static_cast<std::size_t>(i + 1)];
    }
    return sum;
  };
  const double anchors_grow = area(levels - 1) - area(0);
  const double strides_grow = strides.back() - strides.front();
  if (anchors_grow * strides_grow < 0) {
    std::vector<float> flipped;
    for (std::ptrdiff_t level = levels; level-- > 0;) {
      const auto first = anchors.begin() + level * per_level;
      flipped.insert(flipped.end(), first, first + per_level);
    }
    anchors = std::move(flipped);
  }
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    anchors[i] /= static_cast<float>(strides[i / static_cast<std::size_t>(per_level)]);
  }
  buffer = Tensor::FromFloats(buffer->shape, std::move(anchors));
  const std::vector<float> numbers(strides.begin(), strides.end());
  for (const ModulePtr& module : {built.head, built.model}) {
    std::erase_if(module->attributes, [](const auto& attribute) { return attribute.first == "stride"; });
    Set(module, "stride", {Tensor::FromFloats({levels}, numbers)});
  }
}

}  // namespace roost::yolo
