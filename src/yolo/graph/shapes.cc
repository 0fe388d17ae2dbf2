#include <algorithm>
#include <string>

#include "roost/yolo/graph.h"

namespace roost::yolo {
namespace {

// One picture through YOLOv5x6 at 1280 x 1280 needs less than 1 GiB at a time.
constexpr std::int64_t kMaxLiveBytes = std::int64_t{8} << 30;
// Keeps products of three sizes within 64 bits.
constexpr std::int64_t kMaxSide = std::int64_t{1} << 20;

/// Shapes of the values so far; knows how each operation makes its own from those.
class ShapeRule {
 public:
  ShapeRule(const std::vector<Shape>& shapes, const Operation& operation, Shape picture)
      : shapes_(shapes), operation_(operation), picture_(picture) {}

  Shape operator()(const InputOp&) const { return Sized(picture_.rows, picture_.columns); }
  Shape operator()(const ConvOp& op) const {
    return Sized(Windows(In().rows, op.kernel[0], op.stride[0], op.padding[0], op.dilation[0], false),
                 Windows(In().columns, op.kernel[1], op.stride[1], op.padding[1], op.dilation[1], false));
  }
  Shape operator()(const BatchNormOp&) const { return In(); }
  Shape operator()(const ActivationOp&) const { return In(); }
  Shape operator()(const AddOp&) const { return Alike("adds"); }
  Shape operator()(const ConcatOp&) const { return Alike("concatenates"); }
  Shape operator()(const MaxPoolOp& op) const {
    const bool ceil = op.ceil_mode;
    return Sized(Windows(In().rows, op.kernel[0], op.stride[0], op.padding[0], op.dilation[0], ceil),
                 Windows(In().columns, op.kernel[1], op.stride[1], op.padding[1], op.dilation[1], ceil));
  }
  Shape operator()(const PadOp& op) const {
    return Sized(In().rows + op.top + op.bottom, In().columns + op.left + op.right);
  }
  Shape operator()(const UpsampleOp& op) const {
    return Sized(In().rows * op.scale, In().columns * op.scale);
  }
  Shape operator()(const ConvTransposeOp& op) const {
    const auto side = [&](std::int64_t in, std::size_t i) {
      return (in - 1) * op.stride[i] - 2 * op.padding[i] + op.dilation[i] * (op.kernel[i] - 1) +
             op.output_padding[i] + 1;
    };
    return Sized(side(In().rows, 0), side(In().columns, 1));
  }
  Shape operator()(const PReLUOp&) const { return In(); }
  Shape operator()(const ScaleOp&) const { return In(); }
  Shape operator()(const ExpandOp& op) const { return Sized(In().rows * op.scale, In().columns * op.scale); }
  Shape operator()(const MeanOp&) const { return Sized(1, 1); }
  Shape operator()(const AttentionOp&) const { return Alike("attends to"); }
  Shape operator()(const SliceOp& op) const {
    return Sized((In().rows - op.start[0] + op.step[0] - 1) / op.step[0],
                 (In().columns - op.start[1] + op.step[1] - 1) / op.step[1]);
  }
  Shape operator()(const DetectOp& op) const {
    std::int64_t rows = 0;
    for (std::size_t level = 0; level < operation_.inputs.size(); ++level) {
      const Shape& in = In(level);
      rows += static_cast<std::int64_t>(op.anchors[level].size()) * in.rows * in.columns;
    }
    return {operation_.channels, rows, 1};
  }
  Shape operator()(const ClassifyOp&) const {
    if (In().rows != 1 || In().columns != 1) throw Wrong("a logit per pixel of " + Text(In()));
    return {operation_.channels, 1, 1};
  }
  Shape operator()(const JoinOp&) const {
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < operation_.inputs.size(); ++i) rows += In(i).rows;
    return {operation_.channels, rows, 1};
  }

 private:
  const Shape& In(std::size_t i = 0) const { return shapes_[static_cast<std::size_t>(operation_.inputs[i])]; }

  Error Wrong(const std::string& what) const {
    return Error("layer " + operation_.name + ": " + what + " (network input " + Text(picture_) + ")",
                 ExitCode::kBadData);
  }

  static std::string Text(const Shape& shape) {
    return std::to_string(shape.rows) + "x" + std::to_string(shape.columns);
  }

  /// How many windows of a convolution or pooling fit along one side: torch.nn.Conv2d, torch.nn.MaxPool2d.
  static std::int64_t Windows(std::int64_t side, std::int64_t kernel, std::int64_t stride,
                              std::int64_t padding, std::int64_t dilation, bool ceil) {
    const std::int64_t room = side + 2 * padding - dilation * (kernel - 1) - 1;
    if (room < 0) return 0;
    const std::int64_t windows = (room + (ceil ? stride - 1 : 0)) / stride + 1;
    const bool last_starts_behind = ceil && (windows - 1) * stride >= side + padding;
    return last_starts_behind ? windows - 1 : windows;
  }

  Shape Sized(std::int64_t rows, std::int64_t columns) const {
    const Shape shape{operation_.channels, rows, columns};
    if (rows < 1 || columns < 1) throw Wrong("nothing is left of its input");
    if (rows > kMaxSide || columns > kMaxSide) throw Wrong("a map of " + Text(shape));
    return shape;
  }

  Shape Alike(const std::string& verb) const {
    const Shape& first = In();
    for (std::size_t i = 1; i < operation_.inputs.size(); ++i) {
      if (In(i).rows != first.rows || In(i).columns != first.columns) {
        throw Wrong(verb + " maps of " + Text(first) + " and " + Text(In(i)));
      }
    }
    return Sized(first.rows, first.columns);
  }

  const std::vector<Shape>& shapes_;
  const Operation& operation_;
  const Shape picture_;
};

std::int64_t Bytes(const Shape& shape) {
  // Channels and sides are below 2^20 each, the rows of a head below 2^60: one division avoids overflow.
  const std::int64_t plane = shape.rows * shape.columns;
  if (plane > kMaxLiveBytes) return kMaxLiveBytes + 1;
  return std::min(plane * shape.channels, kMaxLiveBytes) * static_cast<std::int64_t>(sizeof(float));
}

/// What an operation needs while it runs, beside its inputs and result: the weights that every pixel gives
/// every other, twice.
std::int64_t ScratchBytes(const Operation& operation, const Shape& shape) {
  const auto* attention = std::get_if<AttentionOp>(&operation.kind);
  if (attention == nullptr) return 0;
  const std::int64_t pixels = shape.rows * shape.columns;
  if (pixels > kMaxSide) return kMaxLiveBytes + 1;
  return 2 * Bytes({attention->heads, pixels, pixels});
}

}  // namespace

std::vector<Value> LastReaders(const Graph& graph) {
  std::vector<Value> last(graph.operations().size(), -1);
  if (last.empty()) return last;
  for (Value v = 0; v <= graph.last(); ++v) {
    for (const Value input : graph[v].inputs) last[static_cast<std::size_t>(input)] = v;
  }
  for (const Value result : graph.results()) last[static_cast<std::size_t>(result)] = graph.last() + 1;
  return last;
}

std::vector<Shape> InferShapes(const Graph& graph, std::int64_t rows, std::int64_t columns) {
  const std::vector<Value> last_readers = LastReaders(graph);
  std::vector<std::vector<Value>> read_last_by(last_readers.size() + 1);
  for (std::size_t v = 0; v < last_readers.size(); ++v) {
    if (last_readers[v] >= 0)
      read_last_by[static_cast<std::size_t>(last_readers[v])].push_back(static_cast<Value>(v));
  }

  std::vector<Shape> shapes;
  shapes.reserve(last_readers.size());
  std::int64_t live = 0;
  for (std::size_t v = 0; v < last_readers.size(); ++v) {
    const Operation& operation = graph.operations()[v];
    shapes.push_back(std::visit(ShapeRule(shapes, operation, {0, rows, columns}), operation.kind));
    live += Bytes(shapes.back());
    if (live + ScratchBytes(operation, shapes.back()) > kMaxLiveBytes) {
      throw Error("layer " + operation.name + ": a picture of " + std::to_string(rows) + "x" +
                      std::to_string(columns) + " would need more than 8 GiB of memory",
                  ExitCode::kBadData, "use a smaller --imgsz, if the weights are what they should be");
    }
    for (const Value done : read_last_by[v]) live -= Bytes(shapes[static_cast<std::size_t>(done)]);
    if (last_readers[v] < 0) live -= Bytes(shapes.back());
  }
  return shapes;
}

std::vector<double> LevelStrides(const Graph& graph) {
  constexpr std::int64_t kSide = 256;
  const Operation& head = graph[graph.output()];
  if (!std::holds_alternative<DetectOp>(head.kind)) {
    throw Error("layer " + head.name + ": is no detection head, and only those have strides",
                ExitCode::kBadData);
  }
  const std::vector<Shape> shapes = InferShapes(graph, kSide, kSide);
  std::vector<double> strides;
  for (const Value level : head.inputs) {
    const std::int64_t rows = shapes[static_cast<std::size_t>(level)].rows;
    strides.push_back(static_cast<double>(kSide) / static_cast<double>(rows));
  }
  return strides;
}

}  // namespace roost::yolo
