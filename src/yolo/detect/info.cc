#include "yolo/detect/info.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "roost/yolo/detector.h"
#include "roost/yolo/graph.h"
#include "yolo/engine/torchscript.h"

namespace roost::yolo {
namespace {

constexpr Size kUsual{640, 640};
constexpr Size kUsualOfClassification{224, 224};  // classify/predict.py --imgsz

std::string_view ToText(Task task) {
  switch (task) {
    case Task::kDetect:
      return "detect";
    case Task::kSegment:
      return "segment";
    case Task::kClassify:
      return "classify";
  }
  ROOST_CHECK(false, "every task has a name");
}

std::string_view ToText(DType type) {
  constexpr std::array<std::string_view, 10> kNames = {"float32", "float64", "float16", "bfloat16", "int64",
                                                       "int32",   "int16",   "int8",    "uint8",    "bool"};
  return kNames.at(static_cast<std::size_t>(type));
}

std::string ToText(Size size) { return std::to_string(size.height) + "x" + std::to_string(size.width); }

/// Whether the reference's fuse() folds this module's batch norm away.
bool IsFused(const Module& module) {
  const bool conv = module.class_name == "models.common.Conv" || module.class_name == "models.common.DWConv";
  return conv && module.FindChild("conv") != nullptr && module.FindChild("bn") != nullptr;
}

class Measure {
 public:
  void Add(const Module& module) {
    if (!seen_.insert(&module).second) return;
    ++size_.layers;
    AddParameters(module);
    const bool fused = IsFused(module);
    for (const auto& [name, child] : module.children) {
      if (child == nullptr || (fused && name == "bn")) continue;
      if (fused && name == "conv" && !seen_.contains(child.get())) {
        AddFused(*child, module["bn"]);
      } else {
        Add(*child);
      }
    }
  }
  const ModelSize& size() const { return size_; }

 private:
  void AddParameters(const Module& module) {
    for (const auto& [name, tensor] : module.parameters) {
      if (!tensor) continue;
      size_.parameters += tensor->numel();
      if (tensor->requires_grad) size_.gradients += tensor->numel();
    }
  }

  /// A convolution that takes in a batch norm has a bias afterwards. What it is computed from decides whether
  /// it asks for gradients.
  void AddFused(const Module& conv, const Module& bn) {
    seen_.insert(&conv);
    ++size_.layers;
    const Tensor* weight = conv.FindTensor("weight");
    if (weight == nullptr) return;
    const auto trained = [](const Module& module, std::string_view name) {
      const Tensor* tensor = module.FindTensor(name);
      return tensor != nullptr && tensor->requires_grad;
    };
    const std::int64_t bias = weight->shape.empty() ? 0 : weight->shape.front();
    size_.parameters += weight->numel() + bias;
    const bool scaled = trained(bn, "weight");
    if (scaled || weight->requires_grad) size_.gradients += weight->numel();
    if (scaled || trained(bn, "bias") || trained(conv, "bias")) size_.gradients += bias;
  }

  std::set<const Module*> seen_;
  ModelSize size_;
};

/// Whether the reference's model has a batch norm of this path after fuse().
bool IsKeptBatchNorm(const Module& model, std::string_view path) {
  const Module* parent = &model;
  const Module* module = &model;
  for (const std::string& name : Split(path, '.')) {
    parent = module;
    module = module->FindChild(name);
    if (module == nullptr) return false;  // part of a block whose name stands for the whole
  }
  return !IsFused(*parent);
}

/// Operations as thop 0.1 counts multiplications, times two: a convolution's or linear layer's for each
/// output, four per number of a batch norm, one per number of an upsampled map. It counts no biases,
/// activations, pools, sums or attention.
double CountOperations(const Graph& graph, const Module& model, Size input) {
  const std::vector<Shape> shapes = InferShapes(graph, input.height, input.width);
  double multiplications = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Shape& shape = shapes[i];
    const double outputs = static_cast<double>(shape.channels) * static_cast<double>(shape.rows) *
                           static_cast<double>(shape.columns);
    const Operation& operation = graph.operations()[i];
    std::visit(
        [&]<typename Op>(const Op& op) {
          if constexpr (requires { op.weight, op.kernel, op.in, op.groups; }) {  // convolutions of any kind
            multiplications += outputs * static_cast<double>(op.in / op.groups * op.kernel[0] * op.kernel[1]);
          } else if constexpr (std::is_same_v<Op, BatchNormOp>) {
            if (IsKeptBatchNorm(model, operation.name)) multiplications += 4 * outputs;
          } else if constexpr (std::is_same_v<Op, UpsampleOp>) {
            multiplications += outputs;
          }
        },
        operation.kind);
  }
  return 2 * multiplications;
}

/// The last layer, or null.
const Module* FindHead(const Module& model) {
  const Module* layers = model.FindChild("model");
  return layers == nullptr || layers->children.empty() ? nullptr : layers->children.back().second.get();
}

Task TaskOf(const Module& model) {
  const Module* head = FindHead(model);
  if (head != nullptr && head->class_name.ends_with(".Segment")) return Task::kSegment;
  if (head != nullptr && head->class_name.ends_with(".Classify")) return Task::kClassify;
  return model.class_name.ends_with(".ClassificationModel") ? Task::kClassify : Task::kDetect;
}

/// Path(model.yaml_file).stem.replace('yolov5', 'YOLOv5')
std::string NameOf(const Module& model) {
  const Attribute* attribute = model.FindAttribute("yaml_file");
  const auto* file = attribute == nullptr ? nullptr : std::get_if<std::string>(&attribute->value);
  if (file == nullptr || file->empty()) return "Model";
  std::string name = Path(*file).stem().string();
  constexpr std::string_view kSmall = "yolov5";
  for (std::size_t at = name.find(kSmall); at != std::string::npos; at = name.find(kSmall, at)) {
    name.replace(at, 4, "YOLO");
  }
  return name;
}

/// Of the first parameter in the tree: a file's weights have one type.
std::string DTypeOf(const Module& module) {
  for (const auto& [name, tensor] : module.parameters) {
    if (tensor) return std::string(ToText(tensor->dtype));
  }
  for (const auto& [name, child] : module.children) {
    if (child == nullptr) continue;
    if (std::string type = DTypeOf(*child); !type.empty()) return type;
  }
  return {};
}

Size InputFor(Size asked, Task task, std::int64_t stride) {
  if (asked == Size{}) asked = task == Task::kClassify ? kUsualOfClassification : kUsual;
  return RoundedUp(asked, stride);
}

/// What only the graph tells. A network that Roost cannot run is described without it.
void DescribeGraph(const Module& model, ModelInfo& info) {
  try {
    const Graph graph = Lower(model);
    for (const Operation& operation : graph.operations()) {
      const auto* head = std::get_if<DetectOp>(&operation.kind);
      if (head == nullptr) continue;
      info.strides = head->strides;
      info.anchors = head->anchors;
      break;
    }
    info.gflops = CountOperations(graph, model, info.input) / 1e9;
  } catch (const Error& error) {
    info.trouble = error.message();
  }
}

ModelInfo DescribeCheckpoint(const Path& weights, Size input) {
  const Checkpoint checkpoint = LoadCheckpoint(weights);
  const Module& model = *checkpoint.model;
  ModelInfo info{.file = weights, .format = checkpoint.format, .task = TaskOf(model), .name = NameOf(model)};
  info.size = MeasureModel(model);
  info.stride = checkpoint.stride;
  info.input = InputFor(input, info.task, info.stride);
  info.names = checkpoint.names;
  info.dtype = DTypeOf(model);
  info.from_ema = checkpoint.from_ema;
  info.epoch = checkpoint.epoch;
  info.date = checkpoint.date;
  DescribeGraph(model, info);
  return info;
}

ModelInfo DescribeScript(const Path& weights, Size input) {
  const ScriptInfo script = ReadScriptInfo(weights);
  ModelInfo info{.file = weights, .format = "TorchScript", .task = script.task, .name = "Model"};
  info.stride = script.stride;
  info.input = script.fixed_input().value_or(InputFor(input, info.task, info.stride));
  info.names = script.names;
  info.dynamic = script.dynamic;
  if (script.traced) {
    info.traced_batch = script.traced->batch;
    info.traced_size = script.traced->size;
  }
  return info;
}

/// As few digits as tell floats apart: "10", "13.5".
std::string ToText(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", number);
  return text.data();
}

template <typename T>
nlohmann::json OrNull(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json OrNull(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

}  // namespace

ModelSize MeasureModel(const Module& model) {
  Measure measure;
  measure.Add(model);
  return measure.size();
}

ModelInfo Describe(const Path& weights, Size input) {
  return IsTorchScript(weights) ? DescribeScript(weights, input) : DescribeCheckpoint(weights, input);
}

std::string ToText(const ModelInfo& info) {
  std::string text = Printable(info.name) + " summary: ";
  if (info.size) {
    text += std::to_string(info.size->layers) + " layers, " + std::to_string(info.size->parameters) +
            " parameters, " + std::to_string(info.size->gradients) + " gradients";
    if (info.gflops) {
      std::array<char, 32> gflops{};
      std::snprintf(gflops.data(), gflops.size(), ", %.1f GFLOPs", *info.gflops);
      text += gflops.data();
    }
  } else {
    text += "a TorchScript program";
  }
  text += "\n";

  const auto line = [&](std::string_view what, std::string_view value) {
    constexpr std::size_t kColumn = 10;
    text.append(what).append(kColumn - what.size(), ' ').append(value).append("\n");
  };
  line("file", Printable(info.file.string()));
  line("format", info.format + (info.dtype.empty() ? "" : ", " + info.dtype));
  line("task", ToText(info.task));
  line("input", ToText(info.input) + ", sides are multiples of " + std::to_string(info.stride));
  if (info.traced_size) {
    line("made for", std::to_string(*info.traced_batch) + " x " + ToText(*info.traced_size) +
                         (*info.dynamic ? ", takes other sizes" : ", takes no other size"));
  }
  for (std::size_t level = 0; level < info.strides.size(); ++level) {
    std::string anchors = "stride " + ToText(info.strides[level]) + ":";
    for (const auto& [width, height] : info.anchors[level]) {
      anchors += " " + ToText(double{width}) + "x" + ToText(double{height});
    }
    line(level == 0 ? "anchors" : "", anchors);
  }
  if (info.from_ema) line("weights", "the smoothed ones of training (ema)");
  if (info.epoch && *info.epoch >= 0) line("epoch", std::to_string(*info.epoch));
  if (!info.date.empty()) line("date", Printable(info.date));
  std::string names;
  for (std::size_t i = 0; i < info.names.size(); ++i) {
    names += (i == 0 ? "" : ", ") + std::to_string(i) + " " + Printable(info.names[i]);
  }
  line("classes", info.names.empty() ? "not named" : std::to_string(info.names.size()) + ": " + names);
  if (!info.trouble.empty()) line("problem", Printable(info.trouble));
  return text;
}

std::string ToJson(const ModelInfo& info) {
  using nlohmann::json;
  const auto size_of = [](Size size) { return json{size.height, size.width}; };
  json object;
  object["file"] = info.file.string();
  object["format"] = info.format;
  object["dtype"] = OrNull(info.dtype);
  object["task"] = ToText(info.task);
  object["name"] = info.name;
  object["layers"] = info.size ? json(info.size->layers) : json();
  object["parameters"] = info.size ? json(info.size->parameters) : json();
  object["gradients"] = info.size ? json(info.size->gradients) : json();
  object["gflops"] = OrNull(info.gflops);
  object["input"] = size_of(info.input);
  object["stride"] = info.stride;
  object["strides"] = info.strides;
  object["anchors"] = json::array();
  for (const auto& level : info.anchors) {
    json anchors = json::array();
    for (const auto& [width, height] : level) anchors.push_back({width, height});
    object["anchors"].push_back(std::move(anchors));
  }
  object["names"] = info.names;
  object["ema"] = info.from_ema;
  object["epoch"] = OrNull(info.epoch);
  object["date"] = OrNull(info.date);
  object["traced"] = info.traced_size
                         ? json{*info.traced_batch, 3, info.traced_size->height, info.traced_size->width}
                         : json();
  object["dynamic"] = OrNull(info.dynamic);
  object["trouble"] = OrNull(info.trouble);
  // Names need not be UTF-8.
  return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace roost::yolo
