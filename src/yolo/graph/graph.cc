#include "roost/yolo/graph.h"

#include <algorithm>

namespace roost::yolo {
namespace {

// Far beyond any network that Roost is for; they keep sizes well within 64 bits and a hostile file from
// costing more than a moment.
constexpr std::size_t kMaxOperations = 20'000;
constexpr std::size_t kMaxWeights = std::size_t{1} << 29;  // floats: 2 GiB; YOLOv5x6 has 1.4e8
constexpr std::int64_t kMaxChannels = std::int64_t{1} << 20;
constexpr std::int64_t kMaxStep = 4096;  // strides, dilation, padding, scale
constexpr std::int64_t kMaxConvKernel = 1024;
constexpr std::int64_t kMaxPoolKernel = 64;
constexpr double kMaxDetectStride = 1024;  // P7 networks have 128

Error Wrong(const std::string& name, const std::string& what) {
  return Error("layer " + name + ": " + what, ExitCode::kBadData);
}

void Check(bool condition, const std::string& name, const std::string& what) {
  if (!condition) throw Wrong(name, what);
}

std::string Text(const Pair& pair) { return std::to_string(pair[0]) + "x" + std::to_string(pair[1]); }

void CheckRange(const Pair& pair, std::int64_t low, std::int64_t high, const std::string& name,
                const std::string& what) {
  const bool inside = std::ranges::all_of(pair, [&](std::int64_t n) { return low <= n && n <= high; });
  Check(inside, name,
        what + " " + Text(pair) + " is not within " + std::to_string(low) + " to " + std::to_string(high));
}

std::int64_t SizeOf(const Weights& weights) {
  return weights == nullptr ? 0 : static_cast<std::int64_t>(weights->size());
}

}  // namespace

bool IsHead(const OpKind& kind) {
  return std::holds_alternative<DetectOp>(kind) || std::holds_alternative<ClassifyOp>(kind) ||
         std::holds_alternative<JoinOp>(kind);
}

Value Graph::Append(Operation operation) {
  const auto index = static_cast<Value>(operations_.size());
  for (const Value input : operation.inputs) {
    ROOST_CHECK(0 <= input && input < index, "operations read what was computed before them");
  }
  Check(operations_.size() < kMaxOperations, operation.name,
        "the network has more than " + std::to_string(kMaxOperations) + " operations");
  Check(0 < operation.channels && operation.channels <= kMaxChannels, operation.name,
        std::to_string(operation.channels) + " channels");
  operations_.push_back(std::move(operation));
  return index;
}

void Graph::CheckFeatureMap(Value x, const std::string& name) const {
  ROOST_CHECK(0 <= x && x <= last(), "operations read values of their own graph");
  Check(!IsHead((*this)[x].kind), name, "reads the output of a head");
}

void Graph::CountWeights(std::size_t floats, const std::string& name) {
  weights_ += floats;
  Check(weights_ <= kMaxWeights, name, "the network has more than 2 GiB of weights");
}

Value Graph::Input(std::int64_t channels) {
  ROOST_CHECK(operations_.empty(), "the input comes first");
  return Append({InputOp{}, {}, channels, "input"});
}

Value Graph::Conv(Value x, ConvOp op, std::string name) {
  CheckFeatureMap(x, name);
  Check(op.groups > 0 && op.in > 0 && op.out > 0 && op.in % op.groups == 0 && op.out % op.groups == 0, name,
        "a convolution from " + std::to_string(op.in) + " to " + std::to_string(op.out) + " channels in " +
            std::to_string(op.groups) + " groups");
  Check(op.in == channels(x), name,
        "takes " + std::to_string(op.in) + " channels but is given " + std::to_string(channels(x)));
  Check(op.out <= kMaxChannels, name, std::to_string(op.out) + " channels");
  CheckRange(op.kernel, 1, kMaxConvKernel, name, "kernel");
  CheckRange(op.stride, 1, kMaxStep, name, "stride");
  CheckRange(op.dilation, 1, kMaxStep, name, "dilation");
  CheckRange(op.padding, 0, kMaxStep, name, "padding");
  Check(SizeOf(op.weight) == op.out * (op.in / op.groups) * op.kernel[0] * op.kernel[1], name,
        "the weight has " + std::to_string(SizeOf(op.weight)) + " numbers, not those of a " +
            Text(op.kernel) + " convolution from " + std::to_string(op.in) + " to " + std::to_string(op.out) +
            " channels");
  Check(op.bias == nullptr || SizeOf(op.bias) == op.out, name,
        "the bias has " + std::to_string(SizeOf(op.bias)) + " numbers for " + std::to_string(op.out) +
            " channels");
  CountWeights(op.weight->size(), name);
  const std::int64_t out = op.out;
  return Append({std::move(op), {x}, out, std::move(name)});
}

Value Graph::BatchNorm(Value x, BatchNormOp op, std::string name) {
  CheckFeatureMap(x, name);
  for (const Weights& weights : {op.gamma, op.beta, op.mean, op.variance}) {
    Check(SizeOf(weights) == channels(x), name,
          "a batch norm of " + std::to_string(SizeOf(weights)) + " channels is given " +
              std::to_string(channels(x)));
  }
  return Append({std::move(op), {x}, channels(x), std::move(name)});
}

Value Graph::Activate(Value x, Activation activation, std::string name) {
  CheckFeatureMap(x, name);
  if (activation.kind == ActivationKind::kIdentity) return x;
  return Append({ActivationOp{activation}, {x}, channels(x), std::move(name)});
}

Value Graph::Add(Value a, Value b, std::string name) {
  CheckFeatureMap(a, name);
  CheckFeatureMap(b, name);
  Check(channels(a) == channels(b), name,
        "adds " + std::to_string(channels(a)) + " channels to " + std::to_string(channels(b)));
  return Append({AddOp{}, {a, b}, channels(a), std::move(name)});
}

Value Graph::Concat(std::vector<Value> inputs, std::string name) {
  Check(!inputs.empty(), name, "concatenates nothing");
  std::int64_t total = 0;
  for (const Value x : inputs) {
    CheckFeatureMap(x, name);
    total += channels(x);
  }
  return Append({ConcatOp{}, std::move(inputs), total, std::move(name)});
}

Value Graph::MaxPool(Value x, MaxPoolOp op, std::string name) {
  CheckFeatureMap(x, name);
  CheckRange(op.kernel, 1, kMaxPoolKernel, name, "kernel");
  CheckRange(op.stride, 1, kMaxStep, name, "stride");
  CheckRange(op.dilation, 1, kMaxStep, name, "dilation");
  // LibTorch's rule; it also means that no window lies in the padding alone.
  Check(0 <= op.padding[0] && op.padding[0] <= op.kernel[0] / 2 && 0 <= op.padding[1] &&
            op.padding[1] <= op.kernel[1] / 2,
        name, "padding " + Text(op.padding) + " is more than half of the kernel " + Text(op.kernel));
  return Append({op, {x}, channels(x), std::move(name)});
}

Value Graph::Pad(Value x, PadOp op, std::string name) {
  CheckFeatureMap(x, name);
  CheckRange({op.top, op.left}, 0, kMaxStep, name, "padding");
  CheckRange({op.bottom, op.right}, 0, kMaxStep, name, "padding");
  return Append({op, {x}, channels(x), std::move(name)});
}

Value Graph::Upsample(Value x, std::int64_t scale, std::string name) {
  CheckFeatureMap(x, name);
  CheckRange({scale, scale}, 1, kMaxStep, name, "scale");
  return Append({UpsampleOp{scale}, {x}, channels(x), std::move(name)});
}

Value Graph::Slice(Value x, SliceOp op, std::string name) {
  CheckFeatureMap(x, name);
  CheckRange(op.step, 1, kMaxStep, name, "step");
  CheckRange(op.start, 0, kMaxStep, name, "start");
  return Append({op, {x}, channels(x), std::move(name)});
}

Value Graph::ConvTranspose(Value x, ConvTransposeOp op, std::string name) {
  CheckFeatureMap(x, name);
  Check(op.groups > 0 && op.in > 0 && op.out > 0 && op.in % op.groups == 0 && op.out % op.groups == 0, name,
        "a transposed convolution from " + std::to_string(op.in) + " to " + std::to_string(op.out) +
            " channels in " + std::to_string(op.groups) + " groups");
  Check(op.in == channels(x), name,
        "takes " + std::to_string(op.in) + " channels but is given " + std::to_string(channels(x)));
  Check(op.out <= kMaxChannels, name, std::to_string(op.out) + " channels");
  CheckRange(op.kernel, 1, kMaxConvKernel, name, "kernel");
  CheckRange(op.stride, 1, kMaxStep, name, "stride");
  CheckRange(op.dilation, 1, kMaxStep, name, "dilation");
  CheckRange(op.padding, 0, kMaxStep, name, "padding");
  for (std::size_t i = 0; i < 2; ++i) {  // LibTorch's rule
    Check(0 <= op.output_padding[i] && op.output_padding[i] < std::max(op.stride[i], op.dilation[i]), name,
          "output padding " + Text(op.output_padding) + " is not less than stride or dilation");
  }
  Check(SizeOf(op.weight) == op.in * (op.out / op.groups) * op.kernel[0] * op.kernel[1], name,
        "the weight has " + std::to_string(SizeOf(op.weight)) + " numbers, not those of a " +
            Text(op.kernel) + " transposed convolution from " + std::to_string(op.in) + " to " +
            std::to_string(op.out) + " channels");
  Check(op.bias == nullptr || SizeOf(op.bias) == op.out, name,
        "the bias has " + std::to_string(SizeOf(op.bias)) + " numbers for " + std::to_string(op.out) +
            " channels");
  CountWeights(op.weight->size(), name);
  const std::int64_t out = op.out;
  return Append({std::move(op), {x}, out, std::move(name)});
}

Value Graph::PReLU(Value x, PReLUOp op, std::string name) {
  CheckFeatureMap(x, name);
  Check(SizeOf(op.slope) == channels(x), name,
        std::to_string(SizeOf(op.slope)) + " slopes for " + std::to_string(channels(x)) + " channels");
  return Append({std::move(op), {x}, channels(x), std::move(name)});
}

Value Graph::Scale(Value x, double factor, std::string name) {
  CheckFeatureMap(x, name);
  return Append({ScaleOp{factor}, {x}, channels(x), std::move(name)});
}

Value Graph::Expand(Value x, std::int64_t scale, std::string name) {
  CheckFeatureMap(x, name);
  CheckRange({scale, scale}, 1, kMaxStep, name, "scale");
  Check(channels(x) % (scale * scale) == 0, name,
        std::to_string(channels(x)) + " channels do not make squares of " + Text({scale, scale}));
  return Append({ExpandOp{scale}, {x}, channels(x) / (scale * scale), std::move(name)});
}

Value Graph::Mean(Value x, std::string name) {
  CheckFeatureMap(x, name);
  return Append({MeanOp{}, {x}, channels(x), std::move(name)});
}

Value Graph::Attention(Value queries, Value keys, Value values, std::int64_t heads, std::string name) {
  for (const Value x : {queries, keys, values}) {
    CheckFeatureMap(x, name);
    Check(
        channels(x) == channels(queries), name,
        "attends to " + std::to_string(channels(x)) + " channels with " + std::to_string(channels(queries)));
  }
  Check(heads > 0 && channels(queries) % heads == 0, name,
        std::to_string(channels(queries)) + " channels for " + std::to_string(heads) + " heads");
  return Append({AttentionOp{heads}, {queries, keys, values}, channels(queries), std::move(name)});
}

Value Graph::Detect(std::vector<Value> levels, DetectOp op, std::string name) {
  Check(!levels.empty(), name, "a detection head without inputs");
  Check(1 <= op.classes && op.classes <= kMaxChannels, name, std::to_string(op.classes) + " classes");
  Check(levels.size() == op.strides.size() && levels.size() == op.anchors.size(), name,
        std::to_string(levels.size()) + " inputs, " + std::to_string(op.strides.size()) + " strides and " +
            std::to_string(op.anchors.size()) + " sets of anchors");
  Check(0 <= op.masks && op.masks <= kMaxChannels, name, std::to_string(op.masks) + " masks");
  const std::int64_t columns = 5 + op.classes + op.masks;
  for (std::size_t level = 0; level < levels.size(); ++level) {
    CheckFeatureMap(levels[level], name);
    const double stride = op.strides[level];
    Check(0 < stride && stride <= kMaxDetectStride, name,
          "stride " + std::to_string(stride) + " is not within 0 to " +
              std::to_string(static_cast<int>(kMaxDetectStride)));
    const auto anchors = static_cast<std::int64_t>(op.anchors[level].size());
    Check(anchors > 0 && channels(levels[level]) == anchors * columns, name,
          std::to_string(channels(levels[level])) + " channels for " + std::to_string(anchors) +
              " anchors of " + std::to_string(columns) + " numbers");
  }
  return Append({std::move(op), std::move(levels), columns, std::move(name)});
}

Value Graph::Classify(Value logits, std::string name) {
  CheckFeatureMap(logits, name);
  return Append({ClassifyOp{}, {logits}, channels(logits), std::move(name)});
}

Value Graph::Join(std::vector<Value> heads, std::string name) {
  Check(!heads.empty(), name, "joins nothing");
  const std::int64_t columns = channels(heads.front());
  for (const Value head : heads) {
    Check(IsHead((*this)[head].kind), name, "joins what is no head");
    Check(
        channels(head) == columns, name,
        "joins heads of " + std::to_string(columns) + " and " + std::to_string(channels(head)) + " columns");
  }
  return Append({JoinOp{}, std::move(heads), columns, std::move(name)});
}

void Graph::SetOutputs(std::vector<Value> outputs) {
  for (const Value output : outputs) {
    ROOST_CHECK(0 <= output && output <= last(), "outputs are values of their own graph");
  }
  outputs_ = std::move(outputs);
}

void Graph::AddTap(Tap tap) {
  CheckFeatureMap(tap.value, "tap");
  taps_.push_back(std::move(tap));
}

std::vector<Value> Graph::results() const {
  std::vector<Value> results = outputs();
  for (const Tap& tap : taps_) results.push_back(tap.value);
  return results;
}

}  // namespace roost::yolo
