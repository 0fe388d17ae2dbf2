// The reference engine: each primitive is one LibTorch operation, float32, on the CPU or a CUDA device.

#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roost/base/text.h"
#include "roost/yolo/engine.h"
#include "yolo/engine/engine_module.h"
#include "yolo/engine/torch_device.h"
#include "yolo/engine/torch_headers.h"

namespace roost::yolo {
namespace {

// Operations, ready to run: constants are on the device

at::IntArrayRef Sizes(const Pair& pair) { return {pair.data(), pair.size()}; }

/// Where the network computes, and in which numbers.
struct Placement {
  at::Device device;
  at::ScalarType type = at::kFloat;
};

/// `values` as a tensor. In 32 bits on the CPU it is a view: the graph's constants must outlive it.
at::Tensor Constant(const Weights& values, at::IntArrayRef shape, const Placement& placement) {
  if (values == nullptr) return {};
  // from_blob takes no const; nothing below writes to a constant.
  return at::from_blob(const_cast<float*>(values->data()), shape, at::kFloat)
      .to(placement.device, placement.type);
}

/// Works in place: `x` has no other reader.
at::Tensor Activate(at::Tensor x, const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::kIdentity:
      return x;
    case ActivationKind::kSiLU:
      return at::silu_(x);
    case ActivationKind::kHardswish:
      return at::hardswish_(x);
    case ActivationKind::kReLU:
      return at::relu_(x);
    case ActivationKind::kReLU6:
      return at::clamp_(x, 0, 6);
    case ActivationKind::kLeakyReLU:
      return at::leaky_relu_(x, activation.parameter);
    case ActivationKind::kMish:
      return at::mish_(x);
    case ActivationKind::kGELU:
      return at::gelu(x);
    case ActivationKind::kGELUTanh:
      return at::gelu(x, "tanh");
    case ActivationKind::kELU:
      return at::elu_(x, activation.parameter);
    case ActivationKind::kTanh:
      return at::tanh_(x);
    case ActivationKind::kSigmoid:
      return at::sigmoid_(x);
    case ActivationKind::kSoftplus:
      return at::softplus(x, activation.parameter, activation.threshold);
  }
  ROOST_CHECK(false, "every kind of activation is handled");
}

/// Computes one value from its inputs.
using Inputs = std::vector<at::Tensor>;
using Step = std::function<at::Tensor(const Inputs&)>;

/// Makes the Step of each kind of operation.
struct Compiler {
  Placement placement;

  Step operator()(const ConvOp& op) const {
    const at::Tensor weight =
        Constant(op.weight, {op.out, op.in / op.groups, op.kernel[0], op.kernel[1]}, placement);
    const at::Tensor bias = Constant(op.bias, {op.out}, placement);
    if (placement.device.is_cpu() && at::hasMKLDNN()) return OneDnnConv(op, weight, bias);
    return [op, weight, bias](const Inputs& in) {
      return Activate(
          at::conv2d(in[0], weight, bias, Sizes(op.stride), Sizes(op.padding), Sizes(op.dilation), op.groups),
          op.activation);
    };
  }

  Step operator()(const BatchNormOp& op) const {
    const auto channels = static_cast<std::int64_t>(op.mean->size());
    const auto on_device = [&](const Weights& weights) { return Constant(weights, {channels}, placement); };
    return [gamma = on_device(op.gamma), beta = on_device(op.beta), mean = on_device(op.mean),
            variance = on_device(op.variance), eps = op.eps](const Inputs& in) {
      constexpr double kNoMomentum = 0;  // nothing is learnt here
      return at::batch_norm(in[0], gamma, beta, mean, variance, /*training=*/false, kNoMomentum, eps,
                            /*cudnn_enabled=*/true);
    };
  }

  Step operator()(const ActivationOp& op) const {
    return [op](const Inputs& in) { return Activate(in[0].clone(), op.activation); };
  }
  Step operator()(const AddOp&) const {
    return [](const Inputs& in) { return at::add(in[0], in[1]); };
  }
  Step operator()(const ConcatOp&) const {
    return [](const Inputs& in) { return at::cat(in, /*dim=*/1); };
  }
  Step operator()(const MaxPoolOp& op) const {
    return [op](const Inputs& in) {
      return at::max_pool2d(in[0], Sizes(op.kernel), Sizes(op.stride), Sizes(op.padding), Sizes(op.dilation),
                            op.ceil_mode);
    };
  }
  Step operator()(const PadOp& op) const {
    return [op](const Inputs& in) {
      return at::constant_pad_nd(in[0], {op.left, op.right, op.top, op.bottom}, 0);
    };
  }
  Step operator()(const UpsampleOp& op) const {
    return [op](const Inputs& in) {
      const Pair size{in[0].size(2) * op.scale, in[0].size(3) * op.scale};
      return at::upsample_nearest2d(in[0], Sizes(size));
    };
  }
  Step operator()(const SliceOp& op) const {
    return [op](const Inputs& in) {
      const at::Tensor& x = in[0];
      return x.slice(2, op.start[0], x.size(2), op.step[0]).slice(3, op.start[1], x.size(3), op.step[1]);
    };
  }
  Step operator()(const ConvTransposeOp& op) const {
    const at::Tensor weight =
        Constant(op.weight, {op.in, op.out / op.groups, op.kernel[0], op.kernel[1]}, placement);
    const at::Tensor bias = Constant(op.bias, {op.out}, placement);
    return [op, weight, bias](const Inputs& in) {
      return at::conv_transpose2d(in[0], weight, bias, Sizes(op.stride), Sizes(op.padding),
                                  Sizes(op.output_padding), op.groups, Sizes(op.dilation));
    };
  }
  Step operator()(const PReLUOp& op) const {
    const at::Tensor slope = Constant(op.slope, {static_cast<std::int64_t>(op.slope->size())}, placement);
    return [slope](const Inputs& in) { return at::prelu(in[0], slope); };
  }
  Step operator()(const ScaleOp& op) const {
    return [op](const Inputs& in) { return at::mul(in[0], op.factor); };
  }
  Step operator()(const ExpandOp& op) const {
    return [s = op.scale](const Inputs& in) {
      const at::Tensor& x = in[0];
      const std::int64_t n = x.size(0), c = x.size(1) / s / s, rows = x.size(2), columns = x.size(3);
      return x.contiguous()
          .view({n, s, s, c, rows, columns})
          .permute({0, 3, 4, 1, 5, 2})
          .reshape({n, c, rows * s, columns * s});
    };
  }
  Step operator()(const MeanOp&) const {
    return [](const Inputs& in) { return at::mean(in[0], {2, 3}, /*keepdim=*/true); };
  }
  Step operator()(const AttentionOp& op) const {
    return [heads = op.heads](const Inputs& in) {
      const std::int64_t n = in[0].size(0), channels = in[0].size(1), d = channels / heads;
      const auto by_head = [&](const at::Tensor& map) {  // [n * heads, pixels, d]
        return map.contiguous().view({n * heads, d, -1}).transpose(1, 2);
      };
      const at::Tensor queries = by_head(in[0]) / std::sqrt(static_cast<double>(d));
      const at::Tensor weights = at::softmax(at::bmm(queries, by_head(in[1]).transpose(1, 2)), -1);
      return at::bmm(weights, by_head(in[2])).transpose(1, 2).reshape(in[0].sizes());
    };
  }
  Step operator()(const ClassifyOp&) const {
    return [](const Inputs& in) { return in[0].flatten(1).unsqueeze(1); };
  }
  Step operator()(const JoinOp&) const {
    return [](const Inputs& in) { return at::cat(in, /*dim=*/1); };
  }
  /// Sees to the level maps one after the other: [n, anchors * columns, ny, nx] of each becomes its rows of
  /// [n, rows, columns].
  Step operator()(const DetectOp& op) const {
    std::vector<at::Tensor> anchor_sizes;  // [anchors, 1, 1, 2] per level
    for (const auto& anchors : op.anchors) {
      const auto count = static_cast<std::int64_t>(anchors.size());
      at::Tensor sizes = at::empty({count, 1, 1, 2}, at::kFloat);
      auto* number = sizes.data_ptr<float>();
      for (const auto& [width, height] : anchors) {
        *number++ = width;
        *number++ = height;
      }
      anchor_sizes.push_back(sizes.to(placement.device));
    }
    return [scores = 1 + op.classes, masks = op.masks, strides = op.strides, anchor_sizes](const Inputs& in) {
      const std::int64_t columns = 4 + scores + masks;
      std::int64_t rows = 0;
      for (const at::Tensor& map : in) rows += map.numel() / map.size(0) / columns;
      // Pixels up to 1280 have no room in 16 bits: boxes are computed in 32.
      at::Tensor boxes = at::empty({in[0].size(0), rows, columns}, in[0].options().dtype(at::kFloat));
      std::int64_t first = 0;
      for (std::size_t level = 0; level < in.size(); ++level) {
        const std::int64_t count = in[level].numel() / in[level].size(0) / columns;
        DecodeLevel(in[level].to(at::kFloat), strides[level], anchor_sizes[level], 4 + scores,
                    boxes.narrow(1, first, count));
        first += count;
      }
      return boxes;
    };
  }

  Step operator()(const InputOp&) const { return {}; }

 private:
  /// On the CPU at::conv2d chooses between oneDNN and plain BLAS by size, batch and thread count, and loses a
  /// factor of two where the BLAS is a slow one; results then depend on the batch, too. So oneDNN it is, and
  /// in the channels-last layout, which the operations in between keep: 20 % faster again.
  static Step OneDnnConv(const ConvOp& op, const at::Tensor& weight, const at::Tensor& bias) {
    constexpr auto kLayout = at::MemoryFormat::ChannelsLast;
    return [op, weight = weight.contiguous(kLayout), bias](const Inputs& in) {
      return Activate(at::mkldnn_convolution(in[0].contiguous(kLayout), weight, bias, Sizes(op.padding),
                                             Sizes(op.stride), Sizes(op.dilation), op.groups),
                      op.activation);
    };
  }

  /// The reference computes xy as (2 s + (grid - 0.5)) stride, in this order, and wh as (2 s)^2 anchor. Only
  /// the first `sigmoids` columns are put through the sigmoid.
  static void DecodeLevel(const at::Tensor& map, double stride, const at::Tensor& anchors,
                          std::int64_t sigmoids, const at::Tensor& rows) {
    const std::int64_t n = map.size(0), ny = map.size(2), nx = map.size(3);
    const std::int64_t columns = rows.size(2);
    at::Tensor boxes = rows.view({n, anchors.size(0), ny, nx, columns});
    const at::Tensor numbers = map.view({n, anchors.size(0), columns, ny, nx}).permute({0, 1, 3, 4, 2});
    boxes.narrow(4, 0, sigmoids).copy_(at::sigmoid(numbers.narrow(4, 0, sigmoids)));
    boxes.narrow(4, sigmoids, columns - sigmoids).copy_(numbers.narrow(4, sigmoids, columns - sigmoids));

    const at::Tensor x = at::arange(nx, map.options()).sub_(0.5).view({1, nx});
    const at::Tensor y = at::arange(ny, map.options()).sub_(0.5).view({ny, 1});
    boxes.select(4, 0).mul_(2).add_(x).mul_(stride);
    boxes.select(4, 1).mul_(2).add_(y).mul_(stride);
    boxes.narrow(4, 2, 2).mul_(2).square_().mul_(anchors);
  }
};

class TorchEngine final : public Engine {
 public:
  TorchEngine(const Graph& graph, Placement placement)
      : graph_(graph), last_readers_(LastReaders(graph)), placement_(placement) {
    const c10::InferenceMode no_gradients;
    for (const Operation& operation : graph_.operations()) {
      steps_.push_back(std::visit(Compiler{placement_}, operation.kind));
    }
  }

  Predictions Run(const ImageBatch& batch) const override {
    Check(batch);
    InferShapes(graph_, batch.height, batch.width);  // refuses what LibTorch would fail on, in our words
    return Guarded("while running the network", [&] {
      const c10::InferenceMode no_gradients;
      at::init_num_threads();  // of this thread, which may be new to LibTorch
      return OnHost(Compute(OnDevice(batch)));
    });
  }

  std::string Description() const override {
    const int threads = at::get_num_threads();
    const std::string where =
        placement_.device.is_cuda()
            ? "CUDA:" + std::to_string(placement_.device.index())
            : "CPU (" + std::to_string(threads) + (threads == 1 ? " thread)" : " threads)");
    return "torch " TORCH_VERSION " " + where;
  }

 private:
  void Check(const ImageBatch& batch) const {
    const std::int64_t channels = graph_.channels(0);
    const bool sides_fit = batch.n > 0 && batch.height > 0 && batch.width > 0;
    const std::int64_t numbers = sides_fit ? batch.n * channels * batch.height * batch.width : -1;
    if (static_cast<std::int64_t>(batch.pixels.size()) == numbers) return;
    throw Error("a batch of " + std::to_string(batch.n) + " pictures of " + std::to_string(batch.height) +
                    "x" + std::to_string(batch.width) + " does not have " +
                    std::to_string(batch.pixels.size()) + " numbers",
                ExitCode::kBadData);
  }

  at::Tensor OnDevice(const ImageBatch& batch) const {
    // from_blob takes no const; no step writes to its inputs.
    auto* pixels = const_cast<float*>(batch.pixels.data());
    return at::from_blob(pixels, {batch.n, graph_.channels(0), batch.height, batch.width}, at::kFloat)
        .to(placement_.device, placement_.type);
  }

  /// Runs every operation in order and returns the results; a value is given up as soon as its last reader
  /// has run.
  std::vector<at::Tensor> Compute(at::Tensor pictures) const {
    std::vector<at::Tensor> values(steps_.size());
    values.front() = std::move(pictures);
    for (std::size_t v = 1; v < steps_.size(); ++v) {
      const std::vector<Value>& inputs = graph_.operations()[v].inputs;
      Inputs in;
      for (const Value input : inputs) in.push_back(values[static_cast<std::size_t>(input)]);
      values[v] = steps_[v](in);
      for (const Value input : inputs) {
        const auto i = static_cast<std::size_t>(input);
        if (last_readers_[i] == static_cast<Value>(v)) values[i].reset();
      }
    }
    std::vector<at::Tensor> results;
    for (const Value result : graph_.results()) results.push_back(values[static_cast<std::size_t>(result)]);
    return results;
  }

  static std::vector<float> Numbers(const at::Tensor& values) {
    const at::Tensor on_host = values.cpu().to(at::kFloat).contiguous();
    const auto* first = on_host.data_ptr<float>();
    return {first, first + on_host.numel()};
  }

  /// `results` of Compute(): outputs, then taps.
  Predictions OnHost(const std::vector<at::Tensor>& results) const {
    const at::Tensor& rows = results.front();
    Predictions predictions;
    predictions.n = rows.size(0);
    predictions.rows = rows.size(1);
    predictions.columns = rows.numel() / predictions.n / predictions.rows;
    predictions.values = Numbers(rows);
    const std::size_t outputs = graph_.outputs().size();
    if (outputs > 1) {
      const at::Tensor& maps = results[1];
      predictions.prototypes = {maps.size(1), maps.size(2), maps.size(3), Numbers(maps)};
    }
    for (std::size_t i = 0; i < graph_.taps().size(); ++i) {
      const Tap& tap = graph_.taps()[i];
      const at::Tensor& maps = results[outputs + i];
      predictions.layers.push_back(
          {tap.layer, tap.class_name, maps.size(1), maps.size(2), maps.size(3), Numbers(maps)});
    }
    return predictions;
  }

  const Graph graph_;  // keeps the constants that CPU tensors are views of
  const std::vector<Value> last_readers_;
  const Placement placement_;
  std::vector<Step> steps_;
};

std::shared_ptr<const Engine> Open(const Graph& graph, const EngineOptions& options) {
  return Guarded("while making the network ready", [&]() -> std::shared_ptr<const Engine> {
    const at::Device device = SelectDevice(options.device);
    if (options.half && !device.is_cuda()) {
      throw Error("--half needs a CUDA device: LibTorch has no 16-bit convolutions for the CPU",
                  ExitCode::kUsage);
    }
    SetTorchThreads(options.threads);
    // LibTorch would round the inputs of CUDA convolutions to 10 bits of mantissa: results would depend on
    // the device.
    at::globalContext().setAllowTF32CuDNN(false);
    return std::make_shared<TorchEngine>(graph, Placement{device, options.half ? at::kHalf : at::kFloat});
  });
}

}  // namespace
}  // namespace roost::yolo

extern "C" __attribute__((visibility("default")))
const roost::yolo::EngineModule roost_engine_module = {ROOST_VERSION, roost::yolo::Open};
