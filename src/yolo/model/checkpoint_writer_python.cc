#include "yolo/model/checkpoint_writer_python.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace roost::yolo {
namespace {

Attribute Tuple(AttributeList items) { return {std::move(items), true}; }

/// A module that is given what it lacks.
class Completion {
 public:
  explicit Completion(const Module& module) : module_(module) {
    std::erase_if(module_.attributes, [](const auto& attribute) {
      return std::holds_alternative<OpaqueObject>(attribute.second.value);
    });
  }

  const Module& module() const { return module_; }
  Module Take() { return std::move(module_); }

  /// Null where there is none. None is one.
  const Attribute* Find(std::string_view name) const {
    const auto found = std::ranges::find(module_.attributes, name, &std::pair<std::string, Attribute>::first);
    return found == module_.attributes.end() ? nullptr : &found->second;
  }
  void Default(std::string_view name, Attribute value) {
    if (Find(name) == nullptr) module_.attributes.emplace_back(name, std::move(value));
  }
  void Set(std::string_view name, Attribute value) {
    std::erase_if(module_.attributes, [&](const auto& attribute) { return attribute.first == name; });
    module_.attributes.emplace_back(name, std::move(value));
  }
  /// `register_parameter(name, None)`, where there is none.
  void NoParameter(std::string_view name) {
    const bool there = std::ranges::any_of(module_.parameters,
                                           [&](const auto& parameter) { return parameter.first == name; });
    if (!there) module_.parameters.emplace_back(name, std::nullopt);
  }
  /// Lists under these names become tuples.
  void Tuples(std::initializer_list<std::string_view> names) {
    for (auto& [name, attribute] : module_.attributes) {
      const bool listed = std::ranges::find(names, name) != names.end();
      if (listed && std::holds_alternative<AttributeList>(attribute.value)) attribute.is_tuple = true;
    }
  }
  /// Size `dimension` of a tensor; 0 where there is none.
  std::int64_t Size(std::string_view tensor_name, std::size_t dimension) const {
    const Tensor* tensor = module_.FindTensor(tensor_name);
    return tensor != nullptr && dimension < tensor->shape.size() ? tensor->shape[dimension] : 0;
  }

 private:
  Module module_;
};

// torch.nn

void CompleteConv(Completion& conv, bool transposed) {
  const std::int64_t groups = conv.module().Int("groups", 1);
  conv.Default("in_channels", {transposed ? conv.Size("weight", 0) : conv.Size("weight", 1) * groups});
  conv.Default("out_channels", {transposed ? conv.Size("weight", 1) * groups : conv.Size("weight", 0)});
  conv.Default("groups", {groups});
  conv.Default("transposed", {transposed});
  conv.Default("output_padding", Tuple({{std::int64_t{0}}, {std::int64_t{0}}}));
  conv.Default("padding_mode", {std::string("zeros")});
  conv.Tuples({"kernel_size", "stride", "padding", "dilation", "output_padding"});
  const Attribute* padding = conv.Find("padding");
  if (padding != nullptr && std::holds_alternative<AttributeList>(padding->value)) {
    const auto [rows, columns] = conv.module().Pair("padding");
    conv.Set("_reversed_padding_repeated_twice", Tuple({{columns}, {columns}, {rows}, {rows}}));
  }
  conv.NoParameter("bias");
}

void CompleteConv2d(Completion& conv) { CompleteConv(conv, false); }
void CompleteConvTranspose2d(Completion& conv) { CompleteConv(conv, true); }

void CompleteBatchNorm(Completion& bn) {
  bn.Default("num_features", {bn.Size("running_mean", 0)});
  bn.Default("eps", {1e-5});
  bn.Default("momentum", {0.1});
  bn.Default("affine", {true});
  bn.Default("track_running_stats", {true});
}

void CompleteLinear(Completion& linear) {
  linear.Default("in_features", {linear.Size("weight", 1)});
  linear.Default("out_features", {linear.Size("weight", 0)});
  linear.NoParameter("bias");
}

void CompleteMaxPool(Completion& pool) {
  pool.Tuples({"kernel_size", "stride", "padding", "dilation"});
  pool.Default("dilation", {std::int64_t{1}});
  pool.Default("return_indices", {false});
  pool.Default("ceil_mode", {false});
}

void CompleteUpsample(Completion& upsample) {
  upsample.Default("name", {std::string("Upsample")});
  upsample.Default("size", {});
  upsample.Default("scale_factor", {});
  upsample.Default("mode", {std::string("nearest")});
  upsample.Default("align_corners", {});
  upsample.Default("recompute_scale_factor", {});
  // The constructor keeps numbers of its own type.
  if (const auto* whole = std::get_if<std::int64_t>(&upsample.Find("scale_factor")->value)) {
    upsample.Set("scale_factor", {static_cast<double>(*whole)});
  }
  upsample.Tuples({"size", "scale_factor"});
}

void CompleteZeroPad(Completion& pad) {
  pad.Default("padding", {std::int64_t{0}});
  if (const auto* all = std::get_if<std::int64_t>(&pad.Find("padding")->value)) {
    pad.Set("padding", Tuple({{*all}, {*all}, {*all}, {*all}}));
  }
  pad.Tuples({"padding"});
  pad.Default("value", {0.0});
}

void CompleteDropout(Completion& dropout) {
  dropout.Default("p", {0.5});
  dropout.Default("inplace", {false});
}

/// initialize_weights() lets these work in place; other activations have another default.
void CompleteInPlace(Completion& activation) { activation.Default("inplace", {true}); }
void CompleteOutOfPlace(Completion& activation) { activation.Default("inplace", {false}); }

void CompleteLeakyReLU(Completion& activation) {
  activation.Default("negative_slope", {0.01});
  CompleteInPlace(activation);
}

void CompleteReLU6(Completion& activation) {
  activation.Default("min_val", {0.0});
  activation.Default("max_val", {6.0});
  CompleteInPlace(activation);
}

void CompleteELU(Completion& activation) {
  activation.Default("alpha", {1.0});
  CompleteOutOfPlace(activation);
}

void CompleteGELU(Completion& activation) { activation.Default("approximate", {std::string("none")}); }

void CompleteSoftplus(Completion& activation) {
  activation.Default("beta", {std::int64_t{1}});
  activation.Default("threshold", {std::int64_t{20}});
}

void CompletePReLU(Completion& activation) {
  activation.Set("num_parameters", {activation.Size("weight", 0)});
}

void CompleteAttention(Completion& attention) {
  const std::int64_t size = attention.module().Int("embed_dim");
  attention.Default("kdim", {size});
  attention.Default("vdim", {size});
  attention.Default("_qkv_same_embed_dim", {true});
  attention.Default("dropout", {0.0});
  attention.Default("batch_first", {false});
  attention.Default("head_dim", {size / std::max<std::int64_t>(attention.module().Int("num_heads"), 1)});
  attention.Default("bias_k", {});
  attention.Default("bias_v", {});
  attention.Default("add_zero_attn", {false});
  for (const char* name : {"q_proj_weight", "k_proj_weight", "v_proj_weight"}) attention.NoParameter(name);
}

// YOLOv5

void CompleteHead(Completion& head) {
  head.Default("inplace", {true});
  // Tables of positions that the first forward pass makes for the size of its picture.
  const Tensor empty = Tensor::FromFloats({0}, {});
  const AttributeList tables(
      static_cast<std::size_t>(std::clamp<std::int64_t>(head.module().Int("nl"), 0, 100)), Attribute{empty});
  head.Set("grid", {tables});
  if (head.module().FindTensor("anchor_grid") == nullptr) head.Set("anchor_grid", {tables});
}

void CompleteSum(Completion& sum) {
  const std::vector<std::int64_t> inputs = sum.module().Ints("f");
  AttributeList others;  // Python has a range; a list runs through the same numbers
  for (std::size_t i = 1; i < inputs.size(); ++i) others.push_back({static_cast<std::int64_t>(i - 1)});
  sum.Default("iter", {std::move(others)});
}

void CompleteTransformerBlock(Completion& block) {
  if (block.module().FindChild("conv") == nullptr) block.Default("conv", {});
  if (const Module* linear = block.module().FindChild("linear")) {
    const Tensor* weight = linear->FindTensor("weight");
    if (weight != nullptr) block.Default("c2", {weight->shape.front()});
  }
}

std::int64_t CountParameters(const Module& module) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : module.parameters) count += tensor ? tensor->numel() : 0;
  for (const auto& [name, child] : module.children) count += child != nullptr ? CountParameters(*child) : 0;
  return count;
}

/// Which layers' results are read later than by the next one: `save` of a model.
AttributeList LayersReadLater(const Module& model) {
  std::vector<std::int64_t> later;
  if (const Module* layers = model.FindChild("model")) {
    std::int64_t index = 0;
    for (const auto& [name, layer] : layers->children) {
      if (layer == nullptr || layer->FindAttribute("f") == nullptr) continue;
      for (const std::int64_t from : layer->Ints("f")) {
        if (from != -1) later.push_back(from < 0 ? index + from : from);
      }
      ++index;
    }
  }
  std::ranges::sort(later);
  AttributeList list;
  for (const std::int64_t layer : later) list.push_back({layer});
  return list;
}

void CompleteModel(Completion& model) {
  model.Default("save", {LayersReadLater(model.module())});
  model.Default("inplace", {true});
  const std::int64_t classes = model.Find("names") != nullptr ? 0 : model.module().Int("nc", 0);
  AttributeList names(static_cast<std::size_t>(std::max<std::int64_t>(classes, 0)));
  for (std::size_t i = 0; i < names.size(); ++i)
    names[i].value = std::to_string(i);  // until it gets better ones
  model.Default("names", {std::move(names)});
}

/// What a layer, which is a module with its number and inputs, says about itself.
void CompleteLayer(Completion& layer) {
  const Module& module = layer.module();
  if (layer.Find("i") == nullptr || layer.Find("f") == nullptr) return;
  const bool repeated = module.class_name.ends_with(".Sequential") && !module.children.empty() &&
                        module.children.front().second != nullptr;
  layer.Default("type", {repeated ? module.children.front().second->class_name : module.class_name});
  layer.Default("np", {CountParameters(module)});
}

using Complete = void (*)(Completion&);

Complete FindClass(const std::string& class_name) {
  static const std::unordered_map<std::string_view, Complete> kClasses = {
      {"torch.nn.modules.conv.Conv2d", CompleteConv2d},
      {"torch.nn.modules.conv.ConvTranspose2d", CompleteConvTranspose2d},
      {"models.common.DWConvTranspose2d", CompleteConvTranspose2d},
      {"torch.nn.modules.batchnorm.BatchNorm2d", CompleteBatchNorm},
      {"torch.nn.modules.linear.Linear", CompleteLinear},
      {"torch.nn.modules.linear.NonDynamicallyQuantizableLinear", CompleteLinear},
      {"torch.nn.modules.pooling.MaxPool2d", CompleteMaxPool},
      {"torch.nn.modules.upsampling.Upsample", CompleteUpsample},
      {"torch.nn.modules.padding.ZeroPad2d", CompleteZeroPad},
      {"torch.nn.modules.dropout.Dropout", CompleteDropout},
      {"torch.nn.modules.activation.SiLU", CompleteInPlace},
      {"torch.nn.modules.activation.Hardswish", CompleteInPlace},
      {"torch.nn.modules.activation.ReLU", CompleteInPlace},
      {"torch.nn.modules.activation.ReLU6", CompleteReLU6},
      {"torch.nn.modules.activation.Mish", CompleteOutOfPlace},
      {"torch.nn.modules.activation.LeakyReLU", CompleteLeakyReLU},
      {"torch.nn.modules.activation.ELU", CompleteELU},
      {"torch.nn.modules.activation.GELU", CompleteGELU},
      {"torch.nn.modules.activation.Softplus", CompleteSoftplus},
      {"torch.nn.modules.activation.PReLU", CompletePReLU},
      {"torch.nn.modules.activation.MultiheadAttention", CompleteAttention},
      {"models.yolo.Detect", CompleteHead},
      {"models.yolo.Segment", CompleteHead},
      {"models.yolo.Model", CompleteModel},
      {"models.yolo.DetectionModel", CompleteModel},
      {"models.yolo.SegmentationModel", CompleteModel},
      {"models.experimental.Sum", CompleteSum},
      {"models.common.TransformerBlock", CompleteTransformerBlock},
  };
  const auto found = kClasses.find(class_name);
  return found == kClasses.end() ? nullptr : found->second;
}

}  // namespace

Module WithPythonAttributes(const Module& module) {
  Completion completion(module);
  completion.Default("training", {false});
  CompleteLayer(completion);
  if (const Complete complete = FindClass(module.class_name)) complete(completion);
  return completion.Take();
}

}  // namespace roost::yolo
