// From the module tree of a checkpoint to primitive operations. Each function below is the definition of one
// block, under the class name that the checkpoint gives it; kBlocks lists them all.

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <variant>

#include "roost/base/text.h"
#include "roost/yolo/graph.h"

namespace roost::yolo {
namespace {

// A hostile tree can share children so that it unfolds to 2^40 of them; yolov5x6 has about 1000.
constexpr int kMaxModules = 20'000;
constexpr int kMaxDepth = 64;

Value Lower(const Module& m, Value x, Graph& g);

// Tensors

std::string Text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t n : shape) text += (text.empty() ? "" : "x") + std::to_string(n);
  return text.empty() ? "scalar" : text;
}

/// The numbers of a parameter, buffer or attribute of `m`, if they are floats, some, and not absurdly many.
Weights Floats(const Module& m, std::string_view name, const Tensor& tensor) {
  constexpr double kMaxNumbers = 1 << 28;
  double numbers = 1;
  for (const std::int64_t n : tensor.shape) numbers *= static_cast<double>(n);
  if (numbers < 1 || numbers > kMaxNumbers)
    throw m.Wrong(std::string(name) + " is a tensor of " + Text(tensor.shape));
  switch (tensor.dtype) {
    case DType::kFloat32:
    case DType::kFloat64:
    case DType::kFloat16:
    case DType::kBFloat16:
      return std::make_shared<const std::vector<float>>(tensor.ToFloats());
    case DType::kInt64:
    case DType::kInt32:
    case DType::kInt16:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kBool:
      break;
  }
  throw m.Wrong(std::string(name) + " holds integers, not floating point numbers");
}

/// One number per channel.
Weights PerChannel(const Module& m, std::string_view name, std::int64_t channels) {
  const Tensor& tensor = m.RequiredTensor(name);
  if (tensor.shape != std::vector<std::int64_t>{channels}) {
    throw m.Wrong(std::string(name) + " is a tensor of " + Text(tensor.shape) + " for " +
                  std::to_string(channels) + " channels");
  }
  return Floats(m, name, tensor);
}

Pair PairOf(const Module& m, std::string_view name, std::int64_t fallback) {
  const auto [rows, columns] = m.Pair(name, fallback);
  return {rows, columns};
}

// Layers of torch.nn

Value LowerIdentity(const Module&, Value x, Graph&) { return x; }

Value LowerSequential(const Module& m, Value x, Graph& g) {
  for (const auto& [name, child] : m.children) x = Lower(m[name], x, g);
  return x;
}

// [n, c1, h, w] -> [n, c2, h', w']
Value LowerConv2d(const Module& m, Value x, Graph& g) {
  const Tensor& weight = m.RequiredTensor("weight");
  if (weight.shape.size() != 4) throw m.Wrong("the weight is a tensor of " + Text(weight.shape));
  if (const std::string mode = m.String("padding_mode", "zeros"); mode != "zeros") {
    throw m.Wrong("padding mode '" + Printable(mode) + "' is not supported");
  }
  ConvOp op;
  op.weight = Floats(m, "weight", weight);
  op.out = weight.shape[0];
  op.groups = m.Int("groups", 1);
  if (op.groups < 1 || op.groups > op.out) {
    throw m.Wrong(std::to_string(op.out) + " channels in " + std::to_string(op.groups) + " groups");
  }
  op.in = weight.shape[1] * op.groups;
  op.kernel = {weight.shape[2], weight.shape[3]};
  op.stride = PairOf(m, "stride", 1);
  op.padding = PairOf(m, "padding", 0);
  op.dilation = PairOf(m, "dilation", 1);
  if (m.FindAttribute("kernel_size") != nullptr && PairOf(m, "kernel_size", 1) != op.kernel) {
    throw m.Wrong("kernel_size is not that of the weight, a tensor of " + Text(weight.shape));
  }
  if (m.FindTensor("bias") != nullptr) op.bias = PerChannel(m, "bias", op.out);
  return g.Conv(x, std::move(op), m.path);
}

Value LowerBatchNorm2d(const Module& m, Value x, Graph& g) {
  const std::int64_t channels = g.channels(x);
  return g.BatchNorm(x,
                     {.gamma = PerChannel(m, "weight", channels),
                      .beta = PerChannel(m, "bias", channels),
                      .mean = PerChannel(m, "running_mean", channels),
                      .variance = PerChannel(m, "running_var", channels),
                      .eps = m.Double("eps", 1e-5)},
                     m.path);
}

Value LowerMaxPool2d(const Module& m, Value x, Graph& g) {
  MaxPoolOp op;
  op.kernel = PairOf(m, "kernel_size", 0);
  op.stride = m.FindAttribute("stride") == nullptr ? op.kernel : PairOf(m, "stride", 0);
  op.padding = PairOf(m, "padding", 0);
  op.dilation = PairOf(m, "dilation", 1);
  op.ceil_mode = m.Bool("ceil_mode", false);
  return g.MaxPool(x, op, m.path);
}

Value LowerZeroPad2d(const Module& m, Value x, Graph& g) {
  std::vector<std::int64_t> sides = m.Ints("padding");
  if (sides.size() == 1) sides.assign(4, sides.front());
  if (sides.size() != 4) throw m.Wrong("padding has " + std::to_string(sides.size()) + " sides");
  return g.Pad(x, {.left = sides[0], .right = sides[1], .top = sides[2], .bottom = sides[3]}, m.path);
}

/// scale_factor: a number, or a pair of equal ones; kept as float in files of newer torch.
std::int64_t WholeScale(const Module& m) {
  const Attribute* factor = m.FindAttribute("scale_factor");
  std::vector<Attribute> factors;
  if (factor != nullptr) factors.push_back(*factor);
  if (factor != nullptr) {
    if (const auto* list = std::get_if<AttributeList>(&factor->value)) factors = *list;
  }
  std::optional<double> scale;
  for (const Attribute& one : factors) {
    double number = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&one.value)) number = static_cast<double>(*whole);
    if (const auto* real = std::get_if<double>(&one.value)) number = *real;
    if (scale.value_or(number) != number) throw m.Wrong("upsamples rows and columns differently");
    scale = number;
  }
  if (!scale) throw m.Wrong("scale_factor is missing");
  if (!(1 <= *scale && *scale <= 64 && *scale == std::floor(*scale))) {
    throw m.Wrong("scale_factor " + std::to_string(*scale) + " is not a whole number from 1 to 64");
  }
  return static_cast<std::int64_t>(*scale);
}

// [n, c, h, w] -> [n, c, h * scale, w * scale]
Value LowerUpsample(const Module& m, Value x, Graph& g) {
  if (const std::string mode = m.String("mode", "nearest"); mode != "nearest") {
    throw m.Wrong("upsampling mode '" + Printable(mode) + "' is not supported");
  }
  if (m.FindAttribute("size") != nullptr) throw m.Wrong("upsampling to a fixed size is not supported");
  return g.Upsample(x, WholeScale(m), m.path);
}

// Activations, with the parameters and defaults of torch.nn

template <ActivationKind kind>
Value LowerActivation(const Module& m, Value x, Graph& g) {
  return g.Activate(x, {kind}, m.path);
}

Value LowerLeakyReLU(const Module& m, Value x, Graph& g) {
  return g.Activate(x, {ActivationKind::kLeakyReLU, m.Double("negative_slope", 0.01)}, m.path);
}

Value LowerELU(const Module& m, Value x, Graph& g) {
  return g.Activate(x, {ActivationKind::kELU, m.Double("alpha", 1.0)}, m.path);
}

Value LowerGELU(const Module& m, Value x, Graph& g) {
  if (const std::string how = m.String("approximate", "none"); how != "none") {
    throw m.Wrong("GELU with approximation '" + Printable(how) + "' is not supported");
  }
  return g.Activate(x, {ActivationKind::kGELU}, m.path);
}

Value LowerSoftplus(const Module& m, Value x, Graph& g) {
  if (m.Double("beta", 1.0) != 1.0 || m.Double("threshold", 20.0) != 20.0) {
    throw m.Wrong("Softplus with another beta or threshold than 1 and 20 is not supported");
  }
  return g.Activate(x, {ActivationKind::kSoftplus}, m.path);
}

// models.common

// act(bn(conv(x))). A file saved after fuse() has no bn and a bias in conv. [n, c1, h, w] -> [n, c2, h / s, w
// / s]
Value LowerConv(const Module& m, Value x, Graph& g) {
  Value y = Lower(m["conv"], x, g);
  if (const Module* bn = m.FindChild("bn")) y = Lower(*bn, y, g);
  return Lower(m["act"], y, g);
}

// Two convolutions and, where the file says so, a shortcut around them; also CrossConv (1xk, then kx1).
// [n, c1, h, w] -> [n, c2, h, w]
Value LowerBottleneck(const Module& m, Value x, Graph& g) {
  const Value y = Lower(m["cv2"], Lower(m["cv1"], x, g), g);
  return m.Bool("add") ? g.Add(x, y, m.path) : y;
}

// Cross-stage partial bottleneck with plain convolutions on the way around, and a batch norm and activation
// of its own behind the concatenation. [n, c1, h, w] -> [n, c2, h, w]
Value LowerBottleneckCSP(const Module& m, Value x, Graph& g) {
  const Value deep = Lower(m["cv3"], Lower(m["m"], Lower(m["cv1"], x, g), g), g);
  const Value both = g.Concat({deep, Lower(m["cv2"], x, g)}, m.path);
  return Lower(m["cv4"], Lower(m["act"], Lower(m["bn"], both, g), g), g);
}

// Cross-stage partial bottleneck with three convolutions; C3x, C3Ghost and C3SPP differ in what m is.
// [n, c1, h, w] -> [n, c2, h, w]
Value LowerC3(const Module& m, Value x, Graph& g) {
  const Value deep = Lower(m["m"], Lower(m["cv1"], x, g), g);
  return Lower(m["cv3"], g.Concat({deep, Lower(m["cv2"], x, g)}, m.path), g);
}

// Spatial pyramid pooling: the map beside max pools of it with growing kernels (5, 9, 13).
// [n, c1, h, w] -> [n, c2, h, w]
Value LowerSPP(const Module& m, Value x, Graph& g) {
  x = Lower(m["cv1"], x, g);
  std::vector<Value> pyramid{x};
  for (const auto& [name, pool] : m["m"].children) pyramid.push_back(Lower(m["m"][name], x, g));
  return Lower(m["cv2"], g.Concat(std::move(pyramid), m.path), g);
}

// The same with one 5x5 pool after another: 5, then 9, then 13 pixels wide. [n, c1, h, w] -> [n, c2, h, w]
Value LowerSPPF(const Module& m, Value x, Graph& g) {
  x = Lower(m["cv1"], x, g);
  const Value pool5 = Lower(m["m"], x, g);
  const Value pool9 = Lower(m["m"], pool5, g);
  const Value pool13 = Lower(m["m"], pool9, g);
  return Lower(m["cv2"], g.Concat({x, pool5, pool9, pool13}, m.path), g);
}

// The four pixels of each 2x2 square become channels, left column first. [n, c, h, w] -> [n, c2, h / 2, w /
// 2]
Value LowerFocus(const Module& m, Value x, Graph& g) {
  std::vector<Value> quarters;
  for (const Pair start : {Pair{0, 0}, Pair{1, 0}, Pair{0, 1}, Pair{1, 1}}) {
    quarters.push_back(g.Slice(x, {.start = start, .step = {2, 2}}, m.path));
  }
  return Lower(m["conv"], g.Concat(std::move(quarters), m.path), g);
}

// Half of the channels by convolution, the other half cheaply from those. [n, c1, h, w] -> [n, c2, h / s, w /
// s]
Value LowerGhostConv(const Module& m, Value x, Graph& g) {
  const Value y = Lower(m["cv1"], x, g);
  return g.Concat({y, Lower(m["cv2"], y, g)}, m.path);
}

// [n, c1, h, w] -> [n, c2, h / s, w / s]
Value LowerGhostBottleneck(const Module& m, Value x, Graph& g) {
  const Value y = Lower(m["conv"], x, g);
  return g.Add(y, Lower(m["shortcut"], x, g), m.path);
}

// Layers with several inputs

Value LowerConcat(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  // -3 counts from the end of [n, c, h, w].
  if (const std::int64_t d = m.Int("d", 1); d != 1 && d != -3) {
    throw m.Wrong("concatenates along dimension " + std::to_string(d) + ", not along the channels");
  }
  return g.Concat(inputs, m.path);
}

/// strides of Detect: a tensor with one number per level.
std::vector<double> StridesOf(const Module& m) {
  const Attribute* attribute = m.FindAttribute("stride");
  const Tensor* tensor =
      attribute != nullptr ? std::get_if<Tensor>(&attribute->value) : m.FindTensor("stride");
  if (tensor == nullptr || tensor->shape.size() != 1) throw m.Wrong("has no strides");
  const Weights strides = Floats(m, "stride", *tensor);
  return {strides->begin(), strides->end()};
}

// One 1x1 convolution per level, then boxes from all of them. [n, c_i, h_i, w_i]... -> [n, boxes, 5 +
// classes]
Value LowerDetect(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  const auto levels = static_cast<std::int64_t>(inputs.size());
  const std::int64_t anchors_per_level = m.Int("na");
  DetectOp op{.classes = m.Int("nc"), .strides = StridesOf(m), .anchors = {}};

  const Tensor& anchors = m.RequiredTensor("anchors");
  const std::vector<std::int64_t> expected{levels, anchors_per_level, 2};
  const auto heads = static_cast<std::int64_t>(m["m"].children.size());
  if (m.Int("nl") != levels || heads != levels || static_cast<std::int64_t>(op.strides.size()) != levels) {
    throw m.Wrong("nl " + std::to_string(m.Int("nl")) + ", " + std::to_string(levels) + " inputs, " +
                  std::to_string(heads) + " convolutions and " + std::to_string(op.strides.size()) +
                  " strides do not fit together");
  }
  if (anchors.shape != expected) {
    throw m.Wrong("anchors are a tensor of " + Text(anchors.shape) + ", not of " + Text(expected));
  }
  constexpr std::int64_t kMaxClasses = 1 << 20;
  if (op.classes < 1 || op.classes > kMaxClasses || m.Int("no") != op.classes + 5) {
    throw m.Wrong("no " + std::to_string(m.Int("no")) + " does not fit nc " + std::to_string(op.classes));
  }

  const Weights sizes = Floats(m, "anchors", anchors);  // in units of the stride
  std::vector<Value> outputs;
  std::size_t next = 0;
  for (std::size_t level = 0; level < inputs.size(); ++level) {
    const auto stride = static_cast<float>(op.strides[level]);
    auto& of_level = op.anchors.emplace_back();
    for (std::int64_t a = 0; a < anchors_per_level; ++a, next += 2) {
      of_level.emplace_back((*sizes)[next] * stride, (*sizes)[next + 1] * stride);
    }
    outputs.push_back(Lower(m["m"][m["m"].children[level].first], inputs[level], g));
  }
  return g.Detect(std::move(outputs), std::move(op), m.path);
}

Value RefuseSegment(const Module& m, const std::vector<Value>&, Graph&) {
  throw m.Wrong("is the head of a segmentation model; only detection models are supported");
}

Value RefuseClassify(const Module& m, Value, Graph&) {
  throw m.Wrong("is the head of a classification model; only detection models are supported");
}

// The table

using OneInput = Value (*)(const Module&, Value, Graph&);
using ManyInputs = Value (*)(const Module&, const std::vector<Value>&, Graph&);

struct Block {
  std::string_view class_name;
  std::variant<OneInput, ManyInputs> lower;
};

constexpr std::array kBlocks = {
    Block{"models.common.Conv", LowerConv},
    Block{"models.common.DWConv", LowerConv},
    Block{"models.common.Bottleneck", LowerBottleneck},
    Block{"models.common.BottleneckCSP", LowerBottleneckCSP},
    Block{"models.common.C3", LowerC3},
    Block{"models.common.C3x", LowerC3},
    Block{"models.common.C3SPP", LowerC3},
    Block{"models.common.C3Ghost", LowerC3},
    Block{"models.common.CrossConv", LowerBottleneck},
    Block{"models.common.SPP", LowerSPP},
    Block{"models.common.SPPF", LowerSPPF},
    Block{"models.common.Focus", LowerFocus},
    Block{"models.common.GhostConv", LowerGhostConv},
    Block{"models.common.GhostBottleneck", LowerGhostBottleneck},
    Block{"models.common.Concat", LowerConcat},
    Block{"models.common.Classify", RefuseClassify},
    Block{"models.experimental.CrossConv", LowerBottleneck},
    Block{"models.experimental.GhostConv", LowerGhostConv},
    Block{"models.experimental.GhostBottleneck", LowerGhostBottleneck},
    Block{"models.yolo.Detect", LowerDetect},
    Block{"models.yolo.Segment", RefuseSegment},

    Block{"torch.nn.modules.container.Sequential", LowerSequential},
    Block{"torch.nn.modules.conv.Conv2d", LowerConv2d},
    Block{"torch.nn.modules.batchnorm.BatchNorm2d", LowerBatchNorm2d},
    Block{"torch.nn.modules.pooling.MaxPool2d", LowerMaxPool2d},
    Block{"torch.nn.modules.padding.ZeroPad2d", LowerZeroPad2d},
    Block{"torch.nn.modules.upsampling.Upsample", LowerUpsample},
    Block{"torch.nn.modules.linear.Identity", LowerIdentity},

    Block{"torch.nn.modules.activation.SiLU", LowerActivation<ActivationKind::kSiLU>},
    Block{"torch.nn.modules.activation.Hardswish", LowerActivation<ActivationKind::kHardswish>},
    Block{"torch.nn.modules.activation.ReLU", LowerActivation<ActivationKind::kReLU>},
    Block{"torch.nn.modules.activation.ReLU6", LowerActivation<ActivationKind::kReLU6>},
    Block{"torch.nn.modules.activation.LeakyReLU", LowerLeakyReLU},
    Block{"torch.nn.modules.activation.Mish", LowerActivation<ActivationKind::kMish>},
    Block{"torch.nn.modules.activation.GELU", LowerGELU},
    Block{"torch.nn.modules.activation.ELU", LowerELU},
    Block{"torch.nn.modules.activation.Tanh", LowerActivation<ActivationKind::kTanh>},
    Block{"torch.nn.modules.activation.Sigmoid", LowerActivation<ActivationKind::kSigmoid>},
    Block{"torch.nn.modules.activation.Softplus", LowerSoftplus},
    // Stand-ins that YOLOv5 brought along for torch versions without these.
    Block{"utils.activations.SiLU", LowerActivation<ActivationKind::kSiLU>},
    Block{"utils.activations.Hardswish", LowerActivation<ActivationKind::kHardswish>},
    Block{"utils.activations.Mish", LowerActivation<ActivationKind::kMish>},
};

const Block& BlockOf(const Module& m) {
  for (const Block& block : kBlocks) {
    if (block.class_name == m.class_name) return block;
  }
  throw m.Wrong("this kind of block is not supported");
}

Value Lower(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  const Block& block = BlockOf(m);
  if (const auto* many = std::get_if<ManyInputs>(&block.lower)) return (*many)(m, inputs, g);
  if (inputs.size() != 1) throw m.Wrong("takes one input but is given " + std::to_string(inputs.size()));
  return std::get<OneInput>(block.lower)(m, inputs.front(), g);
}

Value Lower(const Module& m, Value x, Graph& g) { return Lower(m, std::vector<Value>{x}, g); }

// The network

void CheckSize(const Module& m, int depth, int& modules) {
  if (depth > kMaxDepth) throw m.Wrong("modules are nested deeper than " + std::to_string(kMaxDepth));
  if (++modules > kMaxModules)
    throw m.Wrong("the network has more than " + std::to_string(kMaxModules) + " modules");
  for (const auto& [name, child] : m.children) {
    if (child != nullptr) CheckSize(*child, depth + 1, modules);
  }
}

/// What the layer behind those of `outputs` reads, from its `f`: -1 is the layer before (or the picture),
/// other negative numbers count back from this layer, the rest are layer numbers.
std::vector<Value> InputsOf(const Module& layer, const std::vector<Value>& outputs, Value picture) {
  std::vector<Value> inputs;
  for (const std::int64_t from : layer.Ints("f")) {
    const auto count = static_cast<std::int64_t>(outputs.size());
    const std::int64_t index = from < 0 ? count + from : from;
    if (from == -1 && count == 0) {
      inputs.push_back(picture);
    } else if (0 <= index && index < count) {
      inputs.push_back(outputs[static_cast<std::size_t>(index)]);
    } else {
      throw layer.Wrong("reads layer " + std::to_string(from) + ", which does not come before it");
    }
  }
  if (inputs.empty()) throw layer.Wrong("reads nothing");
  return inputs;
}

}  // namespace

Graph Lower(const Module& model) {
  int modules = 0;
  CheckSize(model, 0, modules);
  const Module& layers = model["model"];
  if (layers.children.empty()) throw layers.Wrong("has no layers");

  Graph graph;
  const Value picture = graph.Input(3);  // red, green, blue
  std::vector<Value> outputs;
  for (const auto& [name, child] : layers.children) {
    const Module& layer = layers[name];
    outputs.push_back(Lower(layer, InputsOf(layer, outputs, picture), graph));
  }
  const Value last = outputs.back();
  if (last != graph.output() || !std::holds_alternative<DetectOp>(graph[last].kind)) {
    throw layers[layers.children.back().first].Wrong(
        "is the last layer, but not the head of a detection model");
  }
  return graph;
}

}  // namespace roost::yolo
