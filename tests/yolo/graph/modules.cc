#include "yolo/graph/modules.h"

namespace roost::test {
namespace {

void NamePaths(Module& module, const std::string& path) {
  module.path = path;
  for (const auto& [name, child] : module.children) {
    // The trees of these tests were made here, as modules that can still change.
    if (child) NamePaths(const_cast<Module&>(*child), path.empty() ? name : path + "." + name);
  }
}

std::string TorchClass(const std::string& file, const std::string& name) {
  return "torch.nn.modules." + file + "." + name;
}

}  // namespace

ModulePtr MakeModule(const std::string& class_name) {
  auto module = std::make_shared<Module>();
  module->class_name = class_name;
  return module;
}

void SetChild(const ModulePtr& parent, const std::string& name, const ModulePtr& child) {
  for (auto& [known, value] : parent->children) {
    if (known == name) {
      value = child;
      return;
    }
  }
  parent->children.emplace_back(name, child);
}

void SetAttribute(const ModulePtr& module, const std::string& name, Attribute value) {
  for (auto& [known, old] : module->attributes) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  module->attributes.emplace_back(name, std::move(value));
}

void SetTensor(const ModulePtr& module, const std::string& name, yolo::Tensor tensor) {
  for (auto& [known, old] : module->parameters) {
    if (known == name) {
      old = std::move(tensor);
      return;
    }
  }
  module->parameters.emplace_back(name, std::move(tensor));
}

Attribute List(std::vector<std::int64_t> numbers) {
  AttributeList list;
  for (const std::int64_t number : numbers) list.push_back({number});
  return {list};
}

yolo::Tensor Noise(std::vector<std::int64_t> shape, unsigned seed) {
  std::int64_t count = 1;
  for (const std::int64_t n : shape) count *= n;
  std::uint32_t state = seed * 2654435761U + 12345U;
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    values.push_back((static_cast<float>(state >> 9U) + 0.5F) / static_cast<float>(1U << 22U) - 1.0F);
  }
  return yolo::Tensor::FromFloats(std::move(shape), std::move(values));
}

ModulePtr Conv2d(ConvSettings s) {
  const ModulePtr conv = MakeModule(TorchClass("conv", "Conv2d"));
  SetAttribute(conv, "kernel_size", List({s.kernel, s.kernel}));
  SetAttribute(conv, "stride", List({s.stride, s.stride}));
  SetAttribute(conv, "padding", List({s.kernel / 2, s.kernel / 2}));
  SetAttribute(conv, "dilation", List({1, 1}));
  SetAttribute(conv, "groups", {s.groups});
  SetTensor(conv, "weight", Noise({s.out, s.in / s.groups, s.kernel, s.kernel}, s.seed));
  if (s.bias) SetTensor(conv, "bias", Noise({s.out}, s.seed + 1));
  return conv;
}

ModulePtr BatchNorm2d(std::int64_t channels, unsigned seed) {
  const ModulePtr bn = MakeModule(TorchClass("batchnorm", "BatchNorm2d"));
  SetAttribute(bn, "eps", {0.001});
  SetTensor(bn, "weight", Noise({channels}, seed));
  SetTensor(bn, "bias", Noise({channels}, seed + 1));
  SetTensor(bn, "running_mean", Noise({channels}, seed + 2));
  std::vector<float> variance = Noise({channels}, seed + 3).ToFloats();
  for (float& v : variance) v = v * v + 0.1F;
  SetTensor(bn, "running_var", yolo::Tensor::FromFloats({channels}, variance));
  return bn;
}

ModulePtr Activation(const std::string& name) { return MakeModule(TorchClass("activation", name)); }

ModulePtr MaxPool2d(std::int64_t kernel) {
  const ModulePtr pool = MakeModule(TorchClass("pooling", "MaxPool2d"));
  SetAttribute(pool, "kernel_size", {kernel});
  SetAttribute(pool, "stride", {std::int64_t{1}});
  SetAttribute(pool, "padding", {kernel / 2});
  return pool;
}

ModulePtr Conv(ConvSettings settings) {
  const ModulePtr conv = MakeModule("models.common.Conv");
  SetChild(conv, "conv", Conv2d(settings));
  SetChild(conv, "bn", BatchNorm2d(settings.out, settings.seed + 10));
  SetChild(conv, "act", Activation("SiLU"));
  return conv;
}

ModulePtr Bottleneck(std::int64_t channels, bool add) {
  const ModulePtr bottleneck = MakeModule("models.common.Bottleneck");
  SetChild(bottleneck, "cv1", Conv({.in = channels, .out = channels, .seed = 21}));
  SetChild(bottleneck, "cv2", Conv({.in = channels, .out = channels, .kernel = 3, .seed = 22}));
  SetAttribute(bottleneck, "add", {add});
  return bottleneck;
}

ModulePtr Sequential(const std::vector<ModulePtr>& children) {
  const ModulePtr sequential = MakeModule(TorchClass("container", "Sequential"));
  for (std::size_t i = 0; i < children.size(); ++i) SetChild(sequential, std::to_string(i), children[i]);
  return sequential;
}

ModulePtr Upsample(double scale) {
  const ModulePtr upsample = MakeModule(TorchClass("upsampling", "Upsample"));
  SetAttribute(upsample, "size", {});
  SetAttribute(upsample, "scale_factor", {scale});
  SetAttribute(upsample, "mode", {std::string("nearest")});
  return upsample;
}

ModulePtr Concat() {
  const ModulePtr concat = MakeModule("models.common.Concat");
  SetAttribute(concat, "d", {std::int64_t{1}});
  return concat;
}

namespace {

/// Detect or Segment, on `columns` numbers a box.
ModulePtr Head(const std::string& class_name, std::int64_t classes, std::int64_t columns,
               const std::vector<std::int64_t>& channels) {
  const ModulePtr detect = MakeModule(class_name);
  const auto levels = static_cast<std::int64_t>(channels.size());
  constexpr std::int64_t kAnchors = 3;
  const ModulePtr convs = MakeModule(TorchClass("container", "ModuleList"));
  std::vector<float> strides;
  for (std::size_t level = 0; level < channels.size(); ++level) {
    SetChild(convs, std::to_string(level),
             Conv2d({.in = channels[level], .out = kAnchors * columns, .bias = true, .seed = 31}));
    strides.push_back(static_cast<float>(8U << level));
  }
  SetChild(detect, "m", convs);
  SetAttribute(detect, "nc", {classes});
  SetAttribute(detect, "no", {columns});
  SetAttribute(detect, "nl", {levels});
  SetAttribute(detect, "na", {kAnchors});
  SetAttribute(detect, "stride", {yolo::Tensor::FromFloats({levels}, strides)});
  std::vector<float> anchors;
  for (std::int64_t i = 0; i < levels * kAnchors * 2; ++i)
    anchors.push_back(1.0F + static_cast<float>(i) / 4);
  SetTensor(detect, "anchors", yolo::Tensor::FromFloats({levels, kAnchors, 2}, anchors));
  return detect;
}

}  // namespace

ModulePtr Detect(std::int64_t classes, const std::vector<std::int64_t>& channels) {
  return Head("models.yolo.Detect", classes, classes + 5, channels);
}

ModulePtr Segment(std::int64_t classes, std::int64_t masks, const std::vector<std::int64_t>& channels) {
  const ModulePtr segment = Head("models.yolo.Segment", classes, classes + 5 + masks, channels);
  SetAttribute(segment, "nm", {masks});
  const ModulePtr proto = MakeModule("models.common.Proto");
  SetChild(proto, "cv1", Conv({.in = channels.front(), .out = 4, .kernel = 3, .seed = 41}));
  SetChild(proto, "upsample", Upsample(2));
  SetChild(proto, "cv2", Conv({.in = 4, .out = 4, .kernel = 3, .seed = 42}));
  SetChild(proto, "cv3", Conv({.in = 4, .out = masks, .seed = 43}));
  SetChild(segment, "proto", proto);
  return segment;
}

ModulePtr Linear(std::int64_t in, std::int64_t out, unsigned seed, bool bias) {
  const ModulePtr linear = MakeModule(TorchClass("linear", "Linear"));
  SetTensor(linear, "weight", Noise({out, in}, seed));
  if (bias) SetTensor(linear, "bias", Noise({out}, seed + 1));
  return linear;
}

ModulePtr TransformerLayer(std::int64_t channels, std::int64_t heads) {
  const ModulePtr attention = Activation("MultiheadAttention");
  SetTensor(attention, "in_proj_weight", Noise({3 * channels, channels}, 51));
  SetTensor(attention, "in_proj_bias", Noise({3 * channels}, 52));
  SetAttribute(attention, "num_heads", {heads});
  const ModulePtr out = Linear(channels, channels, 53, true);
  out->class_name = TorchClass("linear", "NonDynamicallyQuantizableLinear");
  SetChild(attention, "out_proj", out);

  const ModulePtr layer = MakeModule("models.common.TransformerLayer");
  SetChild(layer, "q", Linear(channels, channels, 54));
  SetChild(layer, "k", Linear(channels, channels, 55));
  SetChild(layer, "v", Linear(channels, channels, 56));
  SetChild(layer, "ma", attention);
  SetChild(layer, "fc1", Linear(channels, channels, 57));
  SetChild(layer, "fc2", Linear(channels, channels, 58));
  return layer;
}

ModulePtr Classify(std::int64_t in, std::int64_t classes) {
  const ModulePtr head = MakeModule("models.common.Classify");
  SetChild(head, "conv", Conv({.in = in, .out = 6, .seed = 61}));
  const ModulePtr pool = MakeModule(TorchClass("pooling", "AdaptiveAvgPool2d"));
  SetAttribute(pool, "output_size", {std::int64_t{1}});
  SetChild(head, "pool", pool);
  SetChild(head, "drop", MakeModule(TorchClass("dropout", "Dropout")));
  SetChild(head, "linear", Linear(6, classes, 62, true));
  return head;
}

ModulePtr From(std::vector<std::int64_t> f, const ModulePtr& layer) {
  SetAttribute(layer, "f", f.size() == 1 ? Attribute{f.front()} : List(f));
  return layer;
}

ModulePtr Model(const std::vector<ModulePtr>& layers) {
  const ModulePtr model = MakeModule("models.yolo.Model");
  SetChild(model, "model", Sequential(layers));
  NamePaths(*model, "");
  return model;
}

}  // namespace roost::test
