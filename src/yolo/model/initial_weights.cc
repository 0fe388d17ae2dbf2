#include "yolo/model/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roost::yolo {
namespace {

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers everywhere, from any seed.
class Generator {
 public:
  Generator(std::uint64_t seed, std::string_view name) : state_(seed) {
    for (const unsigned char c : name) state_ = Next() ^ c;
  }

  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9E37'79B9'7F4A'7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
    return z ^ (z >> 31U);
  }

  /// Within [-bound, bound).
  float Uniform(double bound) {
    const double unit = static_cast<double>(Next() >> 11U) * 0x1p-53;
    return static_cast<float>(bound * (2 * unit - 1));
  }

 private:
  std::uint64_t state_;
};

bool IsOneOf(const std::string& name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

/// Numbers that one element of the result is made of: all dimensions of a kernel but the first.
double FanIn(const Tensor& weight) {
  double fan = 1;
  for (std::size_t i = 1; i < weight.shape.size(); ++i) fan *= static_cast<double>(weight.shape[i]);
  return std::max(fan, 1.0);
}

class Drawer {
 public:
  explicit Drawer(std::uint64_t seed) : seed_(seed) {}

  std::shared_ptr<Module> Draw(const Module& module, const std::string& prefix) const {
    auto drawn = std::make_shared<Module>(module);
    for (auto& [name, tensor] : drawn->parameters) {
      if (!tensor) continue;
      tensor = Tensor::FromFloats(tensor->shape, Parameter(module, name, *tensor, prefix + name));
      tensor->requires_grad = true;
    }
    for (auto& [name, tensor] : drawn->buffers) {
      if (tensor && name == "running_var") tensor = Filled(tensor->shape, 1);
    }
    for (auto& [name, child] : drawn->children) {
      if (child != nullptr) child = Draw(*child, prefix + name + ".");
    }
    if (IsOneOf(module.class_name, {"models.yolo.Detect", "models.yolo.Segment"})) StartBiases(*drawn);
    return drawn;
  }

 private:
  static Tensor Filled(const std::vector<std::int64_t>& shape, float value) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    return Tensor::FromFloats(shape, std::vector<float>(static_cast<std::size_t>(count), value));
  }

  std::vector<float> Parameter(const Module& module, const std::string& name, const Tensor& tensor,
                               const std::string& full_name) const {
    const auto count = static_cast<std::size_t>(tensor.numel());
    if (module.class_name == "torch.nn.modules.batchnorm.BatchNorm2d") {
      return std::vector<float>(count, name == "weight" ? 1.0F : 0.0F);
    }
    if (module.class_name == "torch.nn.modules.activation.PReLU") return std::vector<float>(count, 0.25F);
    if (module.class_name == "torch.nn.modules.activation.MultiheadAttention") {
      if (name == "in_proj_bias") return std::vector<float>(count, 0.0F);
      const auto fans = static_cast<double>(tensor.shape.front() + tensor.shape.back());
      return Uniform(count, std::sqrt(6 / fans), full_name);  // Xavier's
    }
    if (module.class_name == "torch.nn.modules.linear.NonDynamicallyQuantizableLinear" && name == "bias") {
      return std::vector<float>(count, 0.0F);
    }
    if (module.class_name == "models.experimental.Sum") {
      std::vector<float> weights(count);
      for (std::size_t i = 0; i < count; ++i) weights[i] = -static_cast<float>(i + 1) / 2;
      return weights;
    }
    const Tensor* weight = module.FindTensor("weight");
    return Uniform(count, 1 / std::sqrt(FanIn(weight != nullptr ? *weight : tensor)), full_name);
  }

  std::vector<float> Uniform(std::size_t count, double bound, const std::string& full_name) const {
    Generator generator(seed_, full_name);
    std::vector<float> values(count);
    for (float& value : values) value = generator.Uniform(bound);
    return values;
  }

  static void StartBiases(Module& head) {
    const Attribute* attribute = head.FindAttribute("stride");
    const auto* strides = attribute == nullptr ? nullptr : std::get_if<Tensor>(&attribute->value);
    if (strides == nullptr) throw head.Wrong("has no strides");
    const std::vector<float> stride = strides->ToFloats();
    const std::int64_t classes = head.Int("nc");
    const std::int64_t numbers = head.Int("no");
    constexpr double kPicture = 640;
    constexpr double kObjects = 8;
    const auto of_class = static_cast<float>(std::log(0.6 / (static_cast<double>(classes) - 0.99999)));

    const Module& convs = head.Child("m");
    auto started = std::make_shared<Module>(convs);
    for (std::size_t level = 0; level < started->children.size() && level < stride.size(); ++level) {
      auto conv = std::make_shared<Module>(*started->children[level].second);
      const double cells = std::pow(kPicture / static_cast<double>(stride[level]), 2);
      const auto of_object = static_cast<float>(std::log(kObjects / cells));
      for (auto& [name, tensor] : conv->parameters) {
        if (name != "bias" || !tensor) continue;
        std::vector<float> bias = tensor->ToFloats();
        for (std::size_t i = 0; i < bias.size(); ++i) {
          const auto number = static_cast<std::int64_t>(i) % numbers;
          if (number == 4) bias[i] += of_object;
          if (number >= 5 && number < 5 + classes) bias[i] += of_class;
        }
        tensor = Tensor::FromFloats(tensor->shape, std::move(bias));
        tensor->requires_grad = true;
      }
      started->children[level].second = conv;
    }
    for (auto& [name, child] : head.children) {
      if (name == "m") child = started;
    }
  }

  std::uint64_t seed_;
};

/// Calls `use` with the full name of every parameter and buffer that is there.
template <typename AnyModule, typename Use>
void ForEachTensor(AnyModule& module, const std::string& prefix, const Use& use) {
  for (auto* tensors : {&module.parameters, &module.buffers}) {
    for (auto& [name, tensor] : *tensors) {
      if (tensor) use(prefix + name, *tensor);
    }
  }
}

class Transfer {
 public:
  Transfer(const Module& from, TransferAnchors anchors) : anchors_(anchors) { Collect(from, ""); }

  std::shared_ptr<const Module> Into(const Module& module, const std::string& prefix) {
    auto copy = std::make_shared<Module>(module);
    ForEachTensor(*copy, prefix, [&](const std::string& name, Tensor& tensor) {
      ++of_;
      const auto found = offered_.find(name);
      if (found == offered_.end() || found->second->shape != tensor.shape) return;
      if (anchors_ == TransferAnchors::kNo && name.find("anchor") != std::string::npos) return;
      ++taken_;
      const bool requires_grad = tensor.requires_grad;
      tensor = found->second->dtype == tensor.dtype || tensor.dtype != DType::kFloat32
                   ? *found->second
                   : Tensor::FromFloats(tensor.shape, found->second->ToFloats());
      tensor.requires_grad = requires_grad;
    });
    for (auto& [name, child] : copy->children) {
      if (child != nullptr) child = Into(*child, prefix + name + ".");
    }
    return copy;
  }

  std::int64_t taken() const { return taken_; }
  std::int64_t of() const { return of_; }

 private:
  void Collect(const Module& module, const std::string& prefix) {
    ForEachTensor(module, prefix,
                  [&](const std::string& name, const Tensor& tensor) { offered_[name] = &tensor; });
    for (const auto& [name, child] : module.children) {
      if (child != nullptr) Collect(*child, prefix + name + ".");
    }
  }

  TransferAnchors anchors_;
  std::map<std::string, const Tensor*> offered_;
  std::int64_t taken_ = 0;
  std::int64_t of_ = 0;
};

}  // namespace

std::shared_ptr<const Module> DrawInitialWeights(const Module& model, std::uint64_t seed) {
  return Drawer(seed).Draw(model, "");
}

TransferredWeights TransferWeights(const Module& from, const Module& into, TransferAnchors anchors) {
  Transfer transfer(from, anchors);
  std::shared_ptr<const Module> model = transfer.Into(into, "");
  return {std::move(model), transfer.taken(), transfer.of()};
}

}  // namespace roost::yolo
