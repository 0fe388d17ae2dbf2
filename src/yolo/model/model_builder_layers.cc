#include "yolo/model/model_builder_layers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "yolo/model/model_builder_args.h"
#include "yolo/model/model_builder_blocks.h"

namespace roost::yolo::build {
namespace {

std::int64_t MakeDivisible(double x) {
  constexpr double kDivisor = 8;
  return static_cast<std::int64_t>(std::ceil(x / kDivisor) * kDivisor);
}

Layer Repeated(std::int64_t n, std::int64_t channels, const auto& make) {
  return {n > 1 ? Sequential(Repeat(n, make)) : make(), channels};
}

/// Argument 1 of a head: lists of numbers, one per level; or how many anchors there are, then any will do.
std::vector<std::vector<float>> Anchors(const Args& a, std::size_t levels) {
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
    throw a.Wrong("anchors for " + std::to_string(anchors.size()) + " levels, but " + std::to_string(levels) +
                  " inputs");
  }
  return anchors;
}

/// Blocks that take the repeats as an argument.
bool Repeats(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"BottleneckCSP", "C3", "C3TR", "C3Ghost", "C3x"};
  return std::ranges::find(kNames, name) != kNames.end();
}

/// Blocks whose first argument is a number of channels, scaled by the width.
bool ScalesItsChannels(std::string_view name) {
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

/// Which constructor each name of a YAML stands for, and its arguments with their defaults. A new block goes
/// into the one of these functions that takes its kind of arguments.
class LayerMaker {
 public:
  explicit LayerMaker(const ModelYaml& yaml) : yaml_(yaml), blocks_(yaml) {}

  Layer Named(const LayerYaml& layer, const std::vector<std::int64_t>& in, std::int64_t n) const {
    return ScalesItsChannels(layer.module) ? Scaled(layer, in, n) : Other(layer, in, n);
  }

 private:
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
    return ConvTranspose2d(
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
    if (name == "nn.BatchNorm2d") return BatchNorm2d(c1);
    if (name == "nn.Identity") return Identity();
    if (name == "nn.Dropout") return Make("torch.nn.modules.dropout.Dropout");
    if (name == "nn.Upsample") {
      return Upsample(a.Has(0) ? a[0] : Attribute{}, a.Has(1) ? a[1] : Attribute{}, a.String(2, "nearest"));
    }
    if (name == "nn.MaxPool2d") {
      const Sides k = a.Pair(0, {1, 1});
      return MaxPool2d(k, a.Pair(1, k), a.Pair(2, {0, 0}));
    }
    if (name == "nn.ZeroPad2d") {
      ModulePtr pad = Make("torch.nn.modules.padding.ZeroPad2d");
      Set(pad, "padding", a[0]);
      return pad;
    }
    if (name == "nn.Conv2d") {
      return Conv2d({.c1 = a.Positive(0),
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

Layer MakeLayer(const ModelYaml& yaml, const LayerYaml& layer, const std::vector<std::int64_t>& in,
                std::int64_t n) {
  return LayerMaker(yaml).Named(layer, in, n);
}

}  // namespace roost::yolo::build
