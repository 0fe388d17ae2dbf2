#include "yolo/model/model_builder_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace roost::yolo::build {
namespace {

std::int64_t Hidden(std::int64_t c, double e, const Args& args) {
  const double hidden = std::trunc(static_cast<double>(c) * e);  // int() of Python
  if (!(hidden >= 1 && hidden <= kMaxChannels)) throw args.Wrong("no channels are left inside");
  return static_cast<std::int64_t>(hidden);
}

/// How many of `c2` channels each kernel of a MixConv2d makes: equally many, or equally many weights.
std::vector<std::int64_t> MixedChannels(std::int64_t c2, const std::vector<std::int64_t>& kernels,
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

}  // namespace

ModulePtr Blocks::Activation(bool act, const Args& args) const {
  if (!act) return Identity();
  return yaml_.activation.empty() ? SiLU() : ActivationOf(yaml_.activation, args);
}

ModulePtr Blocks::Conv(const ConvSettings& c, const Args& args, bool act,
                       const std::string& class_name) const {
  ModulePtr conv = Make(class_name);
  Add(conv, "conv", Conv2d(c, args));
  Add(conv, "bn", BatchNorm2d(c.c2));
  Add(conv, "act", Activation(act, args));
  return conv;
}

ModulePtr Blocks::DWConv(std::int64_t c1, std::int64_t c2, Sides k, Sides s, std::int64_t d, bool act,
                         const Args& args) const {
  return Conv({.c1 = c1, .c2 = c2, .k = k, .s = s, .g = std::gcd(c1, c2), .d = d}, args, act,
              "models.common.DWConv");
}

ModulePtr Blocks::Bottleneck(std::int64_t c1, std::int64_t c2, bool shortcut, std::int64_t g, double e,
                             const Args& args) const {
  const std::int64_t hidden = Hidden(c2, e, args);
  ModulePtr block = Make("models.common.Bottleneck");
  Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
  Add(block, "cv2", Conv({.c1 = hidden, .c2 = c2, .k = {3, 3}, .g = g}, args));
  Set(block, "add", {shortcut && c1 == c2});
  return block;
}

ModulePtr Blocks::CrossConv(std::int64_t c1, std::int64_t c2, std::int64_t k, std::int64_t s, std::int64_t g,
                            double e, bool shortcut, const Args& args) const {
  const std::int64_t hidden = Hidden(c2, e, args);
  ModulePtr block = Make("models.common.CrossConv");
  Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden, .k = {1, k}, .s = {1, s}}, args));
  Add(block, "cv2", Conv({.c1 = hidden, .c2 = c2, .k = {k, 1}, .s = {s, 1}, .g = g}, args));
  Set(block, "add", {shortcut && c1 == c2});
  return block;
}

ModulePtr Blocks::BottleneckCSP(std::int64_t c1, std::int64_t c2, std::int64_t n, bool shortcut,
                                std::int64_t g, double e, const Args& args) const {
  const std::int64_t hidden = Hidden(c2, e, args);
  ModulePtr block = Make("models.common.BottleneckCSP");
  Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
  Add(block, "cv2", Conv2d({.c1 = c1, .c2 = hidden}, args));
  Add(block, "cv3", Conv2d({.c1 = hidden, .c2 = hidden}, args));
  Add(block, "cv4", Conv({.c1 = 2 * hidden, .c2 = c2}, args));
  Add(block, "bn", BatchNorm2d(2 * hidden));
  Add(block, "act", SiLU());
  Add(block, "m", Sequential(Repeat(n, [&] { return Bottleneck(hidden, hidden, shortcut, g, 1.0, args); })));
  return block;
}

ModulePtr Blocks::C3(const std::string& name, std::int64_t c1, std::int64_t c2, double e, const Args& args,
                     const std::function<ModulePtr(std::int64_t)>& make_m) const {
  const std::int64_t hidden = Hidden(c2, e, args);
  ModulePtr block = Make("models.common." + name);
  Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
  Add(block, "cv2", Conv({.c1 = c1, .c2 = hidden}, args));
  Add(block, "cv3", Conv({.c1 = 2 * hidden, .c2 = c2}, args));
  Add(block, "m", make_m(hidden));
  return block;
}

ModulePtr Blocks::TransformerLayer(std::int64_t c, std::int64_t heads) const {
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

ModulePtr Blocks::TransformerBlock(std::int64_t c1, std::int64_t c2, std::int64_t heads, std::int64_t layers,
                                   const Args& args) const {
  if (heads < 1 || c2 % heads != 0)
    throw args.Wrong(std::to_string(heads) + " heads for " + std::to_string(c2) + " channels");
  ModulePtr block = Make("models.common.TransformerBlock");
  if (c1 != c2) Add(block, "conv", Conv({.c1 = c1, .c2 = c2}, args));
  Add(block, "linear", Linear(c2, c2, true));
  Add(block, "tr", Sequential(Repeat(layers, [&] { return TransformerLayer(c2, heads); })));
  return block;
}

ModulePtr Blocks::SPP(std::int64_t c1, std::int64_t c2, const std::vector<std::int64_t>& kernels,
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

ModulePtr Blocks::SPPF(std::int64_t c1, std::int64_t c2, std::int64_t k, const Args& args) const {
  const std::int64_t hidden = Hidden(c1, 0.5, args);
  ModulePtr block = Make("models.common.SPPF");
  Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden}, args));
  Add(block, "cv2", Conv({.c1 = hidden * 4, .c2 = c2}, args));
  Add(block, "m", MaxPoolOfSameSize(k));
  return block;
}

ModulePtr Blocks::GhostConv(std::int64_t c1, std::int64_t c2, Sides k, Sides s, std::int64_t g, bool act,
                            const Args& args) const {
  const std::int64_t hidden = Hidden(c2, 0.5, args);
  ModulePtr block = Make("models.common.GhostConv");
  Add(block, "cv1", Conv({.c1 = c1, .c2 = hidden, .k = k, .s = s, .g = g}, args, act));
  Add(block, "cv2", Conv({.c1 = hidden, .c2 = hidden, .k = {5, 5}, .g = hidden}, args, act));
  return block;
}

ModulePtr Blocks::GhostBottleneck(std::int64_t c1, std::int64_t c2, std::int64_t k, std::int64_t s,
                                  const Args& args) const {
  const std::int64_t hidden = Hidden(c2, 0.5, args);
  const Sides kernel{k, k}, stride{s, s};
  ModulePtr block = Make("models.common.GhostBottleneck");
  Add(block, "conv",
      Sequential({GhostConv(c1, hidden, {1, 1}, {1, 1}, 1, true, args),
                  s == 2 ? DWConv(hidden, hidden, kernel, stride, 1, false, args) : Identity(),
                  GhostConv(hidden, c2, {1, 1}, {1, 1}, 1, false, args)}));
  Add(block, "shortcut",
      s == 2 ? Sequential(
                   {DWConv(c1, c1, kernel, stride, 1, false, args), Conv({.c1 = c1, .c2 = c2}, args, false)})
             : Identity());
  return block;
}

ModulePtr Blocks::MixConv2d(std::int64_t c1, std::int64_t c2, const std::vector<std::int64_t>& kernels,
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

ModulePtr Blocks::Proto(std::int64_t c1, std::int64_t hidden, std::int64_t masks, const Args& args) const {
  ModulePtr proto = Make("models.common.Proto");
  Add(proto, "cv1", Conv({.c1 = c1, .c2 = hidden, .k = {3, 3}}, args));
  Add(proto, "upsample", Upsample({}, {2.0}, "nearest"));
  Add(proto, "cv2", Conv({.c1 = hidden, .c2 = hidden, .k = {3, 3}}, args));
  Add(proto, "cv3", Conv({.c1 = hidden, .c2 = masks}, args));
  return proto;
}

ModulePtr Blocks::Head(const std::string& class_name, std::int64_t classes, std::int64_t masks,
                       const std::vector<std::vector<float>>& anchors,
                       const std::vector<std::int64_t>& channels, const Args& args) const {
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

}  // namespace roost::yolo::build
