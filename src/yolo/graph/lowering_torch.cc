// Layers of torch.nn.

#include <array>
#include <cmath>
#include <optional>

#include "roost/base/text.h"
#include "yolo/graph/lowering.h"

namespace roost::yolo {
namespace {

Pair PairOf(const Module& m, std::string_view name, std::int64_t fallback) {
  const auto [rows, columns] = m.Pair(name, fallback);
  return {rows, columns};
}

Value LowerIdentity(const Module&, Value x, Graph&) { return x; }

Value LowerSequential(const Module& m, Value x, Graph& g) {
  for (const auto& [name, child] : m.children) x = Lower(m[name], x, g);
  return x;
}

/// Padding is one or two numbers, 'valid' for none, or 'same', which keeps the size: what is odd then goes to
/// the right and the bottom, before the convolution.
Value PadForConv(const Module& m, ConvOp& op, Value x, Graph& g) {
  const Attribute* padding = m.FindAttribute("padding");
  const auto* text = padding == nullptr ? nullptr : std::get_if<std::string>(&padding->value);
  if (text == nullptr) {
    op.padding = PairOf(m, "padding", 0);
    return x;
  }
  if (*text == "valid") return x;
  if (*text != "same") throw m.Wrong("padding '" + Printable(text->substr(0, 40)) + "' is not supported");
  Pair odd{0, 0};
  for (std::size_t i = 0; i < 2; ++i) {
    constexpr std::int64_t kMaxDilation = 4096;
    if (op.dilation.at(i) < 1 || op.dilation.at(i) > kMaxDilation) return x;  // the graph refuses it
    const std::int64_t total = op.dilation.at(i) * (op.kernel.at(i) - 1);
    op.padding.at(i) = total / 2;
    odd.at(i) = total % 2;
  }
  return odd == Pair{0, 0} ? x : g.Pad(x, {.right = odd[1], .bottom = odd[0]}, m.path);
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
  op.dilation = PairOf(m, "dilation", 1);
  x = PadForConv(m, op, x, g);
  if (m.FindAttribute("kernel_size") != nullptr && PairOf(m, "kernel_size", 1) != op.kernel) {
    throw m.Wrong("kernel_size is not that of the weight, a tensor of " + Text(weight.shape));
  }
  if (m.FindTensor("bias") != nullptr) op.bias = PerChannel(m, "bias", op.out);
  return g.Conv(x, std::move(op), m.path);
}

/// Also models.common.DWConvTranspose2d, which is one with as many groups as channels.
Value LowerConvTranspose2d(const Module& m, Value x, Graph& g) {
  const Tensor& weight = m.RequiredTensor("weight");
  if (weight.shape.size() != 4) throw m.Wrong("the weight is a tensor of " + Text(weight.shape));
  ConvTransposeOp op;
  op.weight = Floats(m, "weight", weight);
  op.in = weight.shape[0];
  op.groups = m.Int("groups", 1);
  if (op.groups < 1 || op.groups > op.in) {
    throw m.Wrong(std::to_string(op.in) + " channels in " + std::to_string(op.groups) + " groups");
  }
  op.out = weight.shape[1] * op.groups;
  op.kernel = {weight.shape[2], weight.shape[3]};
  op.stride = PairOf(m, "stride", 1);
  op.padding = PairOf(m, "padding", 0);
  op.output_padding = PairOf(m, "output_padding", 0);
  op.dilation = PairOf(m, "dilation", 1);
  if (m.FindTensor("bias") != nullptr) op.bias = PerChannel(m, "bias", op.out);
  return g.ConvTranspose(x, std::move(op), m.path);
}

/// A matrix of [out, in] and a bias or none as a 1x1 convolution: what torch.nn.Linear does to each pixel.
Value PixelwiseLinear(const Module& m, Value x, std::int64_t out, std::int64_t in, Weights weight,
                      Weights bias, Graph& g) {
  return g.Conv(x, {.weight = std::move(weight), .bias = std::move(bias), .in = in, .out = out}, m.path);
}

// The pixels of a map are the rows it is applied to. [n, c1, h, w] -> [n, c2, h, w]
Value LowerLinear(const Module& m, Value x, Graph& g) {
  const Tensor& weight = m.RequiredTensor("weight");
  if (weight.shape.size() != 2) throw m.Wrong("the weight is a tensor of " + Text(weight.shape));
  const std::int64_t out = weight.shape[0];
  const Weights bias = m.FindTensor("bias") == nullptr ? nullptr : PerChannel(m, "bias", out);
  return PixelwiseLinear(m, x, out, weight.shape[1], Floats(m, "weight", weight), bias, g);
}

// Queries, keys and values, each through its third of in_proj; attention; out_proj.
// [n, c, h, w] three times -> [n, c, h, w]
Value LowerMultiheadAttention(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  const Tensor& in_proj = m.RequiredTensor("in_proj_weight");
  const std::int64_t channels = g.channels(inputs.front());
  if (inputs.size() != 3 || in_proj.shape != std::vector{3 * channels, channels}) {
    throw m.Wrong("in_proj_weight is a tensor of " + Text(in_proj.shape) + " for " +
                  std::to_string(channels) + " channels");
  }
  if (m.FindTensor("bias_k") != nullptr || m.FindTensor("bias_v") != nullptr ||
      m.Bool("add_zero_attn", false)) {
    throw m.Wrong("attention to additional keys and values is not supported");
  }
  const Weights weight = Floats(m, "in_proj_weight", in_proj);
  const Weights bias =
      m.FindTensor("in_proj_bias") == nullptr ? nullptr : PerChannel(m, "in_proj_bias", 3 * channels);
  const auto third = [](const Weights& all, std::size_t i) {
    const auto size = static_cast<std::ptrdiff_t>(all->size() / 3);
    const auto first = all->begin() + static_cast<std::ptrdiff_t>(i) * size;
    return std::make_shared<const std::vector<float>>(first, first + size);
  };
  std::array<Value, 3> projected{};
  for (std::size_t i = 0; i < projected.size(); ++i) {
    projected.at(i) = PixelwiseLinear(m, inputs[i], channels, channels, third(weight, i),
                                      bias == nullptr ? nullptr : third(bias, i), g);
  }
  const auto [queries, keys, values] = projected;
  return Lower(m["out_proj"], g.Attention(queries, keys, values, m.Int("num_heads"), m.path), g);
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

// [n, c, h, w] -> [n, c, 1, 1]
Value LowerAdaptiveAvgPool2d(const Module& m, Value x, Graph& g) {
  if (PairOf(m, "output_size", 0) != Pair{1, 1}) throw m.Wrong("its output_size is not 1");
  return g.Mean(x, m.path);
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
  const std::string how = m.String("approximate", "none");
  if (how == "none") return g.Activate(x, {ActivationKind::kGELU}, m.path);
  if (how == "tanh") return g.Activate(x, {ActivationKind::kGELUTanh}, m.path);
  throw m.Wrong("GELU with approximation '" + Printable(how) + "' is not supported");
}

Value LowerSoftplus(const Module& m, Value x, Graph& g) {
  return g.Activate(x, {ActivationKind::kSoftplus, m.Double("beta", 1.0), m.Double("threshold", 20.0)},
                    m.path);
}

// One slope for all channels, or one each.
Value LowerPReLU(const Module& m, Value x, Graph& g) {
  const std::int64_t channels = g.channels(x);
  if (m.RequiredTensor("weight").shape != std::vector<std::int64_t>{1}) {
    return g.PReLU(x, {PerChannel(m, "weight", channels)}, m.path);
  }
  const float slope = PerChannel(m, "weight", 1)->front();
  const std::vector<float> slopes(static_cast<std::size_t>(channels), slope);
  return g.PReLU(x, {std::make_shared<const std::vector<float>>(slopes)}, m.path);
}

constexpr std::array kBlocks = {
    Block{"torch.nn.modules.container.Sequential", LowerSequential},
    Block{"torch.nn.modules.conv.Conv2d", LowerConv2d},
    Block{"torch.nn.modules.conv.ConvTranspose2d", LowerConvTranspose2d},
    Block{"models.common.DWConvTranspose2d", LowerConvTranspose2d},
    Block{"torch.nn.modules.linear.Linear", LowerLinear},
    Block{"torch.nn.modules.linear.NonDynamicallyQuantizableLinear", LowerLinear},
    Block{"torch.nn.modules.linear._LinearWithBias", LowerLinear},  // its name before torch 1.9
    Block{"torch.nn.modules.activation.MultiheadAttention", LowerMultiheadAttention},
    Block{"torch.nn.modules.batchnorm.BatchNorm2d", LowerBatchNorm2d},
    Block{"torch.nn.modules.pooling.MaxPool2d", LowerMaxPool2d},
    Block{"torch.nn.modules.pooling.AdaptiveAvgPool2d", LowerAdaptiveAvgPool2d},
    Block{"torch.nn.modules.padding.ZeroPad2d", LowerZeroPad2d},
    Block{"torch.nn.modules.upsampling.Upsample", LowerUpsample},
    Block{"torch.nn.modules.linear.Identity", LowerIdentity},
    Block{"torch.nn.modules.dropout.Dropout", LowerIdentity},  // these drop in training only
    Block{"torch.nn.modules.dropout.Dropout2d", LowerIdentity},
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
    Block{"torch.nn.modules.activation.PReLU", LowerPReLU},
    // Stand-ins that YOLOv5 brought along for torch versions without these.
    Block{"utils.activations.SiLU", LowerActivation<ActivationKind::kSiLU>},
    Block{"utils.activations.Hardswish", LowerActivation<ActivationKind::kHardswish>},
    Block{"utils.activations.Mish", LowerActivation<ActivationKind::kMish>},
    Block{"utils.activations.MemoryEfficientMish", LowerActivation<ActivationKind::kMish>},
};

}  // namespace

std::span<const Block> TorchBlocks() { return kBlocks; }

}  // namespace roost::yolo
