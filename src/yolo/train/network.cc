#include "yolo/train/network.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "roost/base/error.h"
#include "roost/base/text.h"
#include "yolo/train/process_group.h"
#include "yolo/train/sync_batch_norm.h"

namespace roost::yolo {
namespace {

at::IntArrayRef Sizes(const Pair& pair) { return {pair.data(), pair.size()}; }

at::Tensor Activate(const at::Tensor& x, const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::kIdentity:
      return x;
    case ActivationKind::kSiLU:
      return at::silu(x);
    case ActivationKind::kHardswish:
      return at::hardswish(x);
    case ActivationKind::kReLU:
      return at::relu(x);
    case ActivationKind::kReLU6:
      return at::clamp(x, 0, 6);
    case ActivationKind::kLeakyReLU:
      return at::leaky_relu(x, activation.parameter);
    case ActivationKind::kMish:
      return at::mish(x);
    case ActivationKind::kGELU:
      return at::gelu(x);
    case ActivationKind::kGELUTanh:
      return at::gelu(x, "tanh");
    case ActivationKind::kELU:
      return at::elu(x, activation.parameter);
    case ActivationKind::kTanh:
      return at::tanh(x);
    case ActivationKind::kSigmoid:
      return at::sigmoid(x);
    case ActivationKind::kSoftplus:
      return at::softplus(x, activation.parameter, activation.threshold);
  }
  ROOST_CHECK(false, "every kind of activation is handled");
}

void CollectModules(const Module& module, std::unordered_map<std::string, const Module*>& by_path) {
  by_path.emplace(module.path, &module);
  for (const auto& [name, child] : module.children) {
    if (child != nullptr) CollectModules(*child, by_path);
  }
}

/// Weights that a trained model has and whoever opens it works out again.
bool IsNotTrained(std::string_view name) {
  return name == "anchors" || name == "anchor_grid" || name == "num_batches_tracked" || name == "stride";
}

}  // namespace

/// Makes the step of each operation, and of its constants the parameters and buffers.
class TrainNetwork::Compiler {
 public:
  Compiler(TrainNetwork& network, const Module& model) : network_(network) {
    CollectModules(model, modules_);
  }

  Step Compile(const Operation& operation) {
    name_ = operation.name;
    return std::visit([&](const auto& op) { return Make(op); }, operation.kind);
  }

  /// Every weight of the tree must have become a parameter: a weight that is never trained is a mistake that
  /// nobody would see.
  void CheckAllUsed(const Module& module) const {
    for (const auto& [name, tensor] : module.parameters) {
      const std::string full = module.path + "." + name;
      if (!tensor || IsNotTrained(name) || used_.contains(full)) continue;
      throw module.Wrong("its weight '" + name + "' cannot be trained by Roost");
    }
    for (const auto& [name, child] : module.children) {
      if (child != nullptr) CheckAllUsed(*child);
    }
  }

 private:
  /// The weight `name` of the module that the operation came from, in the shape that the operation wants.
  at::Tensor Weight(const std::string& name, const Weights& values, at::IntArrayRef shape,
                    ParameterGroup group) {
    if (values == nullptr) return {};
    at::Tensor tensor = Claim(name, values, shape);
    tensor.requires_grad_();
    network_.parameters_.push_back({name_ + "." + name, tensor, group});
    return tensor;
  }

  at::Tensor Buffer(const std::string& name, const Weights& values) {
    at::Tensor tensor = Claim(name, values, {std::ssize(*values)});
    network_.buffers_.push_back({name_ + "." + name, tensor});
    return tensor;
  }

  at::Tensor Claim(const std::string& name, const Weights& values, at::IntArrayRef shape) {
    const auto module = modules_.find(name_);
    const Tensor* stored = module == modules_.end() ? nullptr : module->second->FindTensor(name);
    if (stored == nullptr || stored->numel() != std::ssize(*values) ||
        !used_.insert(name_ + "." + name).second) {
      throw Error("layer " + name_ + ": its weight '" + name + "' is used in a way that cannot be trained",
                  ExitCode::kBadData);
    }
    // from_blob takes no const; the copy is ours.
    return at::from_blob(const_cast<float*>(values->data()), shape, at::kFloat).clone().to(network_.device_);
  }

  template <typename Op>
  [[noreturn]] Step Unsupported(const Op&) const {
    throw Error("layer " + name_ + ": this kind of layer cannot be trained by Roost", ExitCode::kBadData);
  }

  Step Make(const InputOp& op) { return Unsupported(op); }
  Step Make(const ConvOp& op) {
    at::Tensor weight = Weight("weight", op.weight, {op.out, op.in / op.groups, op.kernel[0], op.kernel[1]},
                               ParameterGroup::kWeight);
    at::Tensor bias = Weight("bias", op.bias, {op.out}, ParameterGroup::kBias);
    return [op, weight, bias](const auto& in, Mode) {
      return at::conv2d(in[0], weight, bias, Sizes(op.stride), Sizes(op.padding), Sizes(op.dilation),
                        op.groups);
    };
  }
  Step Make(const ConvTransposeOp& op) {
    at::Tensor weight = Weight("weight", op.weight, {op.in, op.out / op.groups, op.kernel[0], op.kernel[1]},
                               ParameterGroup::kWeight);
    at::Tensor bias = Weight("bias", op.bias, {op.out}, ParameterGroup::kBias);
    return [op, weight, bias](const auto& in, Mode) {
      return at::conv_transpose2d(in[0], weight, bias, Sizes(op.stride), Sizes(op.padding),
                                  Sizes(op.output_padding), op.groups, Sizes(op.dilation));
    };
  }
  Step Make(const BatchNormOp& op) {
    const std::int64_t channels = std::ssize(*op.mean);
    BatchNormState state{.gamma = Weight("weight", op.gamma, {channels}, ParameterGroup::kNorm),
                         .beta = Weight("bias", op.beta, {channels}, ParameterGroup::kBias),
                         .mean = Buffer("running_mean", op.mean),
                         .variance = Buffer("running_var", op.variance),
                         .momentum = modules_.at(name_)->Double("momentum", 0.1),
                         .eps = op.eps};
    return [state, sync = network_.sync_](const auto& in, Mode mode) {
      const bool training = mode == Mode::kTrain;
      if (training && *sync != nullptr) return SyncBatchNorm(in[0], state, **sync);
      return at::batch_norm(in[0], state.gamma, state.beta, state.mean, state.variance, training,
                            state.momentum, state.eps, /*cudnn_enabled=*/true);
    };
  }
  Step Make(const ActivationOp& op) {
    return [op](const auto& in, Mode) { return Activate(in[0], op.activation); };
  }
  Step Make(const AddOp&) {
    return [](const auto& in, Mode) { return at::add(in[0], in[1]); };
  }
  Step Make(const ConcatOp&) {
    return [](const auto& in, Mode) { return at::cat(in, /*dim=*/1); };
  }
  Step Make(const MaxPoolOp& op) {
    return [op](const auto& in, Mode) {
      return at::max_pool2d(in[0], Sizes(op.kernel), Sizes(op.stride), Sizes(op.padding), Sizes(op.dilation),
                            op.ceil_mode);
    };
  }
  Step Make(const PadOp& op) {
    return [op](const auto& in, Mode) {
      return at::constant_pad_nd(in[0], {op.left, op.right, op.top, op.bottom}, 0);
    };
  }
  Step Make(const UpsampleOp& op) {
    return [op](const auto& in, Mode) {
      const Pair size{in[0].size(2) * op.scale, in[0].size(3) * op.scale};
      return at::upsample_nearest2d(in[0], Sizes(size));
    };
  }
  Step Make(const SliceOp& op) {
    return [op](const auto& in, Mode) {
      const at::Tensor& x = in[0];
      return x.slice(2, op.start[0], x.size(2), op.step[0]).slice(3, op.start[1], x.size(3), op.step[1]);
    };
  }
  Step Make(const PReLUOp& op) {
    at::Tensor slope = Weight("weight", op.slope, {std::ssize(*op.slope)}, ParameterGroup::kWeight);
    return [slope](const auto& in, Mode) { return at::prelu(in[0], slope); };
  }
  Step Make(const ScaleOp& op) {
    return [op](const auto& in, Mode) { return at::mul(in[0], op.factor); };
  }
  Step Make(const ExpandOp& op) { return Unsupported(op); }
  Step Make(const MeanOp& op) { return Unsupported(op); }
  Step Make(const AttentionOp& op) { return Unsupported(op); }
  Step Make(const ClassifyOp& op) { return Unsupported(op); }
  Step Make(const JoinOp& op) { return Unsupported(op); }
  Step Make(const DetectOp& op) { return Unsupported(op); }

  TrainNetwork& network_;
  std::unordered_map<std::string, const Module*> modules_;
  std::set<std::string> used_;
  std::string name_;  ///< of the operation being compiled
};

TrainNetwork::TrainNetwork(std::shared_ptr<const Module> model, at::Device device)
    : model_(std::move(model)), device_(device), sync_(std::make_shared<ProcessGroup*>(nullptr)) {
  const Graph graph = Lower(*model_);
  const auto* head = std::get_if<DetectOp>(&graph[graph.output()].kind);
  if (head == nullptr || head->masks > 0 || graph.output() != graph.last()) {
    throw Error("only detection models can be trained", ExitCode::kBadData);
  }
  head_ = *head;
  operations_ = graph.operations();
  Compiler compiler(*this, *model_);
  steps_.emplace_back();  // the pictures
  for (std::size_t v = 1; v + 1 < operations_.size(); ++v) {
    steps_.push_back(compiler.Compile(operations_[v]));
  }
  compiler.CheckAllUsed(*model_);
  // The numbers live in the parameters from here on.
  for (Operation& operation : operations_) operation.kind = InputOp{};
}

std::vector<at::Tensor> TrainNetwork::Forward(const at::Tensor& pictures, Mode mode) const {
  std::vector<at::Tensor> values(steps_.size());
  // Pictures come as planes; convolutions on the CPU are faster where the channels of a pixel are together.
  values.front() = device_.is_cpu() ? pictures.contiguous(at::MemoryFormat::ChannelsLast) : pictures;
  std::vector<at::Tensor> in;
  for (std::size_t v = 1; v < steps_.size(); ++v) {
    in.clear();
    for (const Value input : operations_[v].inputs) in.push_back(values[static_cast<std::size_t>(input)]);
    values[v] = steps_[v](in, mode);
  }
  std::vector<at::Tensor> levels;
  const std::int64_t columns = 5 + head_.classes;
  for (const Value input : operations_.back().inputs) {
    const at::Tensor& map = values[static_cast<std::size_t>(input)];
    const std::int64_t anchors = map.size(1) / columns;
    levels.push_back(map.contiguous()
                         .view({map.size(0), anchors, columns, map.size(2), map.size(3)})
                         .permute({0, 1, 3, 4, 2})
                         .contiguous());
  }
  return levels;
}

at::Tensor TrainNetwork::Decode(const std::vector<at::Tensor>& levels) const {
  std::vector<at::Tensor> rows;
  for (std::size_t level = 0; level < levels.size(); ++level) {
    const at::Tensor s = levels[level].to(at::kFloat).sigmoid();
    const std::int64_t ny = s.size(2), nx = s.size(3);
    const double stride = head_.strides[level];
    const at::Tensor x = (at::arange(nx, s.options()) - 0.5).view({1, nx, 1}).expand({ny, nx, 1});
    const at::Tensor y = (at::arange(ny, s.options()) - 0.5).view({ny, 1, 1}).expand({ny, nx, 1});
    std::vector<float> sizes;
    for (const auto& [width, height] : head_.anchors[level]) sizes.insert(sizes.end(), {width, height});
    const at::Tensor anchors =
        at::tensor(sizes, s.options()).view({1, static_cast<std::int64_t>(sizes.size() / 2), 1, 1, 2});
    const at::Tensor xy = (s.narrow(4, 0, 2) * 2 + at::cat({x, y}, 2)) * stride;
    const at::Tensor wh = (s.narrow(4, 2, 2) * 2).square() * anchors;
    const at::Tensor scores = s.narrow(4, 4, s.size(4) - 4);
    rows.push_back(at::cat({xy, wh, scores}, 4).view({s.size(0), -1, s.size(4)}));
  }
  return at::cat(rows, 1);
}

std::size_t TrainNetwork::Freeze(const std::set<std::int64_t>& layers) {
  std::size_t frozen = 0;
  for (Parameter& parameter : parameters_) {
    // "model.<layer>. ..."
    const std::vector<std::string> parts = Split(parameter.name, '.');
    const std::optional<std::int64_t> layer = parts.size() > 1 ? ParseInt(parts[1]) : std::nullopt;
    if (!layer || !layers.contains(*layer)) continue;
    parameter.tensor.set_requires_grad(false);
    ++frozen;
  }
  return frozen;
}

namespace {

/// A copy of the tree with what is in `weights` in place of its own.
std::shared_ptr<const Module> WithWeights(const Module& module,
                                          const std::map<std::string, at::Tensor>& weights,
                                          std::int64_t batches_seen) {
  auto copy = std::make_shared<Module>(module);
  for (auto* list : {&copy->parameters, &copy->buffers}) {
    for (auto& [name, tensor] : *list) {
      if (!tensor) continue;
      if (name == "num_batches_tracked") {
        auto count = std::make_shared<const std::int64_t>(batches_seen);
        tensor = Tensor{.dtype = DType::kInt64,
                        .storage = std::as_bytes(std::span(count.get(), 1)),
                        .owner = std::static_pointer_cast<const void>(count)};
        continue;
      }
      const auto found = weights.find(module.path + "." + name);
      const bool requires_grad = tensor->requires_grad;
      if (found != weights.end()) {
        const at::Tensor on_host = found->second.detach().cpu().to(at::kFloat).contiguous();
        const auto* first = on_host.data_ptr<float>();
        tensor = Tensor::FromFloats(tensor->shape, {first, first + on_host.numel()});
      } else if (tensor->dtype == DType::kFloat16 || tensor->dtype == DType::kBFloat16) {
        tensor = Tensor::FromFloats(tensor->shape, tensor->ToFloats());
      }
      tensor->requires_grad = requires_grad;
    }
  }
  for (auto& [name, child] : copy->children) {
    if (child != nullptr) child = WithWeights(*child, weights, batches_seen);
  }
  return copy;
}

}  // namespace

std::shared_ptr<const Module> TrainNetwork::Export(std::int64_t batches_seen) const {
  std::map<std::string, at::Tensor> weights;
  for (const Parameter& parameter : parameters_) weights.emplace(parameter.name, parameter.tensor);
  for (const NamedTensor& buffer : buffers_) weights.emplace(buffer.name, buffer.tensor);
  return WithWeights(*model_, weights, batches_seen);
}

}  // namespace roost::yolo
