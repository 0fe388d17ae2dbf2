// The network as a whole: which layer reads what, and who lowers it.

#include "yolo/graph/lowering.h"

#include <algorithm>

namespace roost::yolo {
namespace {

// A hostile tree can share children so that it unfolds to 2^40 of them; yolov5x6 has about 1000.
constexpr int kMaxModules = 20'000;
constexpr int kMaxDepth = 64;

const Block& BlockOf(const Module& m) {
  for (const auto blocks : {YoloBlocks(), TorchBlocks(), HeadBlocks()}) {
    const auto block = std::ranges::find(blocks, m.class_name, &Block::class_name);
    if (block != blocks.end()) return *block;
  }
  throw m.Wrong("this kind of block is not supported");
}

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

/// Taps the map that `layer`, the model's number `index`, gave; a head gives none.
void TapLayer(const Module& layer, std::int64_t index, Value value, Graph& graph) {
  if (IsHead(graph[value].kind)) return;
  const Attribute* type = layer.FindAttribute("type");  // of a Sequential: what it repeats
  const auto* name = type == nullptr ? nullptr : std::get_if<std::string>(&type->value);
  graph.AddTap({index, name == nullptr ? layer.class_name : *name, value});
}

/// The layers of one model, on the picture; its head is the result.
Value LowerLayers(const Module& model, Value picture, bool tap_layers, Graph& graph) {
  const Module& layers = model["model"];
  if (layers.children.empty()) throw layers.Wrong("has no layers");
  std::vector<Value> outputs;
  for (const auto& [name, child] : layers.children) {
    const Module& layer = layers[name];
    outputs.push_back(Lower(layer, InputsOf(layer, outputs, picture), graph));
    if (tap_layers) TapLayer(layer, std::ssize(outputs) - 1, outputs.back(), graph);
  }
  const Value last = outputs.back();
  if (last != graph.output() || !IsHead(graph[last].kind)) {
    throw layers[layers.children.back().first].Wrong(
        "is the last layer, but not the head of a detection, segmentation or classification model");
  }
  return last;
}

}  // namespace

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

Value Lower(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  const Block& block = BlockOf(m);
  if (const auto* many = std::get_if<ManyInputs>(&block.lower)) return (*many)(m, inputs, g);
  if (inputs.size() != 1) throw m.Wrong("takes one input but is given " + std::to_string(inputs.size()));
  return std::get<OneInput>(block.lower)(m, inputs.front(), g);
}

Value Lower(const Module& m, Value x, Graph& g) { return Lower(m, std::vector<Value>{x}, g); }

Graph Lower(const Module& model, bool tap_layers) {
  int modules = 0;
  CheckSize(model, 0, modules);
  Graph graph;
  const Value picture = graph.Input(3);  // red, green, blue
  if (model.class_name != "models.experimental.Ensemble") {
    LowerLayers(model, picture, tap_layers, graph);
    return graph;
  }
  std::vector<Value> heads;
  for (const auto& [name, child] : model.children) {
    heads.push_back(LowerLayers(model[name], picture, /*tap_layers=*/false, graph));
  }
  if (heads.empty()) throw model.Wrong("holds no model");
  graph.SetOutputs({graph.Join(std::move(heads), "ensemble")});
  return graph;
}

}  // namespace roost::yolo
