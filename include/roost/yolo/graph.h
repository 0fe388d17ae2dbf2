#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "roost/base/error.h"
#include "roost/yolo/module.h"

namespace roost::yolo {

/// Index of the operation that makes a value: operations have one result each.
using Value = std::int32_t;

using Pair = std::array<std::int64_t, 2>;  ///< (rows, columns)

enum class ActivationKind {
  kIdentity,
  kSiLU,
  kHardswish,
  kReLU,
  kReLU6,
  kLeakyReLU,
  kMish,
  kGELU,
  kGELUTanh,  ///< its approximation by tanh
  kELU,
  kTanh,
  kSigmoid,
  kSoftplus,
};
struct Activation {
  ActivationKind kind = ActivationKind::kIdentity;
  double parameter = 0;   ///< negative slope of LeakyReLU, alpha of ELU, beta of Softplus
  double threshold = 20;  ///< of Softplus: x itself where beta x is more than that
};

/// Float32 constants in C order, shared between graphs.
using Weights = std::shared_ptr<const std::vector<float>>;

// The primitives. Values are feature maps [n, channels, rows, columns] unless said otherwise.

struct InputOp {};
/// weight: [out, in / groups, kernel rows, kernel columns]; bias: [out] or null. `activation` is what the
/// fuse pass puts in.
struct ConvOp {
  Weights weight, bias;
  std::int64_t in = 0, out = 0, groups = 1;
  Pair kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};
  Activation activation;
};
/// y = (x - mean) / sqrt(variance + eps) * gamma + beta, per channel.
struct BatchNormOp {
  Weights gamma, beta, mean, variance;
  double eps = 1e-5;
};
/// weight: [in, out / groups, kernel rows, kernel columns]: torch.nn.ConvTranspose2d.
struct ConvTransposeOp {
  Weights weight, bias;
  std::int64_t in = 0, out = 0, groups = 1;
  Pair kernel{1, 1}, stride{1, 1}, padding{0, 0}, output_padding{0, 0}, dilation{1, 1};
};
struct ActivationOp {
  Activation activation;
};
/// x where x > 0, else slope x, per channel.
struct PReLUOp {
  Weights slope;
};
struct ScaleOp {
  double factor = 1;
};
struct AddOp {};
struct ConcatOp {};  ///< along the channels
/// Padding never wins: it counts as minus infinity. With `ceil_mode` a last window that starts inside the map
/// (or its leading padding) but does not fit counts too.
struct MaxPoolOp {
  Pair kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};
  bool ceil_mode = false;
};
/// Adds zeros around the map.
struct PadOp {
  std::int64_t left = 0, right = 0, top = 0, bottom = 0;
};
struct UpsampleOp {  ///< nearest
  std::int64_t scale = 2;
};
/// Every second row and column from (row, column): Focus is four of these and a concat.
struct SliceOp {
  Pair start{0, 0}, step{2, 2};
};
/// Channels become pixels: [n, s * s * c, h, w] -> [n, c, s * h, s * w]. Channel (i * s + j) * c + k becomes
/// row i, column j of each s x s square of channel k.
struct ExpandOp {
  std::int64_t scale = 2;
};
/// The mean of each channel: [n, c, h, w] -> [n, c, 1, 1].
struct MeanOp {};
/// Scaled dot-product attention between the pixels of a map. Inputs are queries, keys and values, all
/// [n, heads * d, h, w]; each head sees d channels: softmax(q k^T / sqrt(d)) v.
struct AttentionOp {
  std::int64_t heads = 1;
};

// The heads: rows of numbers, [n, rows, columns], which only JoinOp reads.

/// YOLOv5's Detect on its per-level 1x1 convolutions: [n, rows, 5 + classes + masks]. With s = sigmoid(x):
/// xy = (2 s_xy + grid - 0.5) stride, wh = (2 s_wh)^2 anchor, scores s. The mask coefficients of Segment stay
/// as they are. Rows in order level, anchor, y, x.
struct DetectOp {
  std::int64_t classes = 0;
  std::int64_t masks = 0;
  std::vector<double> strides;                                ///< per level
  std::vector<std::vector<std::pair<float, float>>> anchors;  ///< per level, (width, height) in input pixels
};

/// One row of a logit per class, [n, 1, classes], from [n, classes, 1, 1].
struct ClassifyOp {};
/// The rows of several heads with the same columns, one after the other: models that vote together.
struct JoinOp {};

using OpKind = std::variant<InputOp, ConvOp, BatchNormOp, ActivationOp, AddOp, ConcatOp, MaxPoolOp, PadOp,
                            UpsampleOp, SliceOp, ConvTransposeOp, PReLUOp, ScaleOp, ExpandOp, MeanOp,
                            AttentionOp, DetectOp, ClassifyOp, JoinOp>;

struct Operation {
  OpKind kind;
  std::vector<Value> inputs;  ///< all smaller than this operation's own index
  std::int64_t channels = 0;  ///< of the result; columns of a head
  std::string name;           ///< path of the module it came from: "model.0.conv"
};

/// The map that a layer of the model gives, for people who want to look at it.
struct Tap {
  std::int64_t layer = 0;  ///< its number in the model
  std::string class_name;  ///< as the model describes it: "models.common.C3"
  Value value = 0;
};

struct Shape {
  std::int64_t channels = 0, rows = 0, columns = 0;
};

/// A network as a list of primitive operations in an order they can run in. The builder functions check
/// channels and parameters, so that an engine need not: what cannot be right, or is beyond what any real
/// network needs, throws Error (bad data) naming the operation.
class Graph {
 public:
  /// The first operation of every graph, and only that.
  Value Input(std::int64_t channels);
  Value Conv(Value x, ConvOp op, std::string name);
  Value BatchNorm(Value x, BatchNormOp op, std::string name);
  Value Activate(Value x, Activation activation, std::string name);
  Value Add(Value a, Value b, std::string name);
  Value Concat(std::vector<Value> inputs, std::string name);
  Value MaxPool(Value x, MaxPoolOp op, std::string name);
  Value Pad(Value x, PadOp op, std::string name);
  Value Upsample(Value x, std::int64_t scale, std::string name);
  Value Slice(Value x, SliceOp op, std::string name);
  Value ConvTranspose(Value x, ConvTransposeOp op, std::string name);
  Value PReLU(Value x, PReLUOp op, std::string name);
  Value Scale(Value x, double factor, std::string name);
  Value Expand(Value x, std::int64_t scale, std::string name);
  Value Mean(Value x, std::string name);
  Value Attention(Value queries, Value keys, Value values, std::int64_t heads, std::string name);
  Value Detect(std::vector<Value> levels, DetectOp op, std::string name);
  Value Classify(Value logits, std::string name);
  Value Join(std::vector<Value> heads, std::string name);

  /// What a run gives: the rows of a head and, of a segmentation model, the prototypes. Without this call it
  /// is the last operation alone.
  void SetOutputs(std::vector<Value> outputs);

  /// A run gives this map, too.
  void AddTap(Tap tap);

  const std::vector<Operation>& operations() const { return operations_; }
  const Operation& operator[](Value value) const { return operations_[static_cast<std::size_t>(value)]; }
  std::int64_t channels(Value value) const { return (*this)[value].channels; }
  Value last() const { return static_cast<Value>(operations_.size()) - 1; }
  std::vector<Value> outputs() const { return outputs_.empty() ? std::vector{last()} : outputs_; }
  /// The first of outputs().
  Value output() const { return outputs_.empty() ? last() : outputs_.front(); }
  const std::vector<Tap>& taps() const { return taps_; }
  /// All that a run gives: the outputs, then the taps.
  std::vector<Value> results() const;
  /// For passes, which build new graphs of operations that were checked before: appends as it is.
  Value Append(Operation operation);

 private:
  /// Throws unless `x` is a feature map of this graph, not the rows of a head.
  void CheckFeatureMap(Value x, const std::string& name) const;
  /// Counts the constants of an operation against the limit of one graph.
  void CountWeights(std::size_t floats, const std::string& name);

  std::vector<Operation> operations_;
  std::vector<Value> outputs_;  ///< empty: the last operation
  std::vector<Tap> taps_;
  std::size_t weights_ = 0;
};

/// Whether an operation gives rows of numbers rather than a feature map.
bool IsHead(const OpKind& kind);

/// Shapes of all values for one picture of rows x columns; that of a head is {columns, rows, 1}.
/// Throws Error (bad data) where an operation cannot run on its inputs, or where the values that are needed
/// at one time would take an absurd amount of memory.
std::vector<Shape> InferShapes(const Graph& graph, std::int64_t rows, std::int64_t columns);

/// The stride of each level of a detection head: by how much its map is smaller than the picture. Found as
/// the reference finds it, with a picture of 256 pixels. Throws Error (bad data) as InferShapes() does, and
/// where the output is not a DetectOp.
std::vector<double> LevelStrides(const Graph& graph);

/// The graph of a checkpoint's model (`model["model"]` holds the layers): tables from class name to
/// lowering function (lowering_*.cc). Its first output is a head: DetectOp, ClassifyOp or, of an ensemble,
/// JoinOp; the second, of a segmentation model only, its prototypes. Throws Error (bad data) naming the layer
/// and class where the module tree is not a network that can run, or has a block that Roost does not know.
/// With `tap_layers` each layer that gives a feature map has a tap (not in an ensemble).
Graph Lower(const Module& model, bool tap_layers = false);

// Passes: from graph to graph, with the same output up to rounding. None leaves dead operations behind.

/// Folds each batch norm into the convolution that it alone reads, in the float32 arithmetic with which the
/// reference does it at load: w' = w gamma / sqrt(variance + eps),
/// b' = (beta - gamma mean / sqrt(variance + eps)) + b gamma / sqrt(variance + eps).
Graph FoldBatchNorm(const Graph& graph);
/// Moves an activation into the convolution whose only reader it is.
Graph FuseActivation(const Graph& graph);
/// Drops operations that do not reach a result. The input stays.
Graph DropDead(const Graph& graph);
/// All of the above, in the order that serves an engine best.
Graph Optimize(const Graph& graph);

/// Index of the last operation that reads each value; -1 for a value that nobody reads. Results are read by
/// the caller: their entries are one past the last operation.
std::vector<Value> LastReaders(const Graph& graph);

}  // namespace roost::yolo
