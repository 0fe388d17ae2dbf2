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
  kELU,
  kTanh,
  kSigmoid,
  kSoftplus,
};
struct Activation {
  ActivationKind kind = ActivationKind::kIdentity;
  double parameter = 0;  ///< negative slope of LeakyReLU, alpha of ELU
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
struct ActivationOp {
  Activation activation;
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
/// YOLOv5's Detect on its per-level 1x1 convolutions: [n, rows, 5 + classes]. With s = sigmoid(x):
/// xy = (2 s_xy + grid - 0.5) stride, wh = (2 s_wh)^2 anchor, the rest s. Rows in order level, anchor, y, x.
struct DetectOp {
  std::int64_t classes = 0;
  std::vector<double> strides;                                ///< per level
  std::vector<std::vector<std::pair<float, float>>> anchors;  ///< per level, (width, height) in input pixels
};

using OpKind = std::variant<InputOp, ConvOp, BatchNormOp, ActivationOp, AddOp, ConcatOp, MaxPoolOp, PadOp,
                            UpsampleOp, SliceOp, DetectOp>;

struct Operation {
  OpKind kind;
  std::vector<Value> inputs;  ///< all smaller than this operation's own index
  std::int64_t channels = 0;  ///< of the result; columns for DetectOp
  std::string name;           ///< path of the module it came from: "model.0.conv"
};

struct Shape {
  std::int64_t channels = 0, rows = 0, columns = 0;
};

/// A network as a list of primitive operations in an order they can run in; the last one is the output. The
/// builder functions check channels and parameters, so that an engine need not: what cannot be right, or is
/// beyond what any real network needs, throws Error (bad data) naming the operation.
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
  Value Detect(std::vector<Value> levels, DetectOp op, std::string name);

  const std::vector<Operation>& operations() const { return operations_; }
  const Operation& operator[](Value value) const { return operations_[static_cast<std::size_t>(value)]; }
  std::int64_t channels(Value value) const { return (*this)[value].channels; }
  Value output() const { return static_cast<Value>(operations_.size()) - 1; }
  /// For passes, which build new graphs of operations that were checked before: appends as it is.
  Value Append(Operation operation);

 private:
  /// Throws unless `x` is a feature map of this graph.
  void CheckFeatureMap(Value x, const std::string& name) const;
  /// Counts the constants of an operation against the limit of one graph.
  void CountWeights(std::size_t floats, const std::string& name);

  std::vector<Operation> operations_;
  std::size_t weights_ = 0;
};

/// Shapes of all values for one picture of rows x columns; that of Detect is {columns of the head, rows, 1}.
/// Throws Error (bad data) where an operation cannot run on its inputs, or where the values that are needed
/// at one time would take an absurd amount of memory.
std::vector<Shape> InferShapes(const Graph& graph, std::int64_t rows, std::int64_t columns);

/// The graph of a checkpoint's model (`model["model"]` holds the layers): one table from class name to
/// lowering function (lowering.cc). Its output is a DetectOp. Throws Error (bad data) naming the layer and
/// class where the module tree is not a network that can run, or has a block that Roost does not know.
Graph Lower(const Module& model);

// Passes: from graph to graph, with the same output up to rounding. None leaves dead operations behind.

/// Folds each batch norm into the convolution that it alone reads, in the float32 arithmetic with which the
/// reference does it at load: w' = w gamma / sqrt(variance + eps),
/// b' = (beta - gamma mean / sqrt(variance + eps)) + b gamma / sqrt(variance + eps).
Graph FoldBatchNorm(const Graph& graph);
/// Moves an activation into the convolution whose only reader it is.
Graph FuseActivation(const Graph& graph);
/// Drops operations that do not reach the output. The input stays.
Graph DropDead(const Graph& graph);
/// All of the above, in the order that serves an engine best.
Graph Optimize(const Graph& graph);

/// Index of the last operation that reads each value; -1 for a value that nobody reads. The output is read by
/// the caller: its entry is one past the last operation.
std::vector<Value> LastReaders(const Graph& graph);

}  // namespace roost::yolo
