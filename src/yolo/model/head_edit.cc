#include "yolo/model/head_edit.h"

#include <algorithm>
#include <functional>
#include <string>

namespace roost::yolo {
namespace {

void SetAttribute(Module& module, const std::string& name, Attribute value) {
  const auto found = std::ranges::find(module.attributes, name, &std::pair<std::string, Attribute>::first);
  if (found != module.attributes.end()) {
    found->second = std::move(value);
  } else {
    module.attributes.emplace_back(name, std::move(value));
  }
}

/// A copy of the model whose head is what `edit` makes of it.
std::shared_ptr<Module> WithHead(const Module& model, const std::function<void(Module&)>& edit) {
  auto head = std::make_shared<Module>(DetectHead(model));
  edit(*head);
  auto layers = std::make_shared<Module>(model["model"]);
  layers->children.back().second = std::move(head);
  auto copy = std::make_shared<Module>(model);
  const auto child = std::ranges::find(copy->children, "model",
                                       &std::pair<std::string, std::shared_ptr<const Module>>::first);
  child->second = std::move(layers);
  return copy;
}

/// A 1x1 convolution with other outputs.
std::shared_ptr<const Module> WithOutputs(const Module& conv, std::int64_t outputs) {
  auto copy = std::make_shared<Module>(conv);
  for (auto& [name, tensor] : copy->parameters) {
    if (!tensor) continue;
    std::vector<std::int64_t> shape = tensor->shape;
    std::int64_t numbers = outputs;
    shape.front() = outputs;
    for (std::size_t i = 1; i < shape.size(); ++i) numbers *= shape[i];
    tensor = Tensor::FromFloats(std::move(shape), std::vector<float>(static_cast<std::size_t>(numbers)));
    tensor->requires_grad = true;
  }
  SetAttribute(*copy, "out_channels", {outputs});
  return copy;
}

}  // namespace

const Module& DetectHead(const Module& model) {
  const Module& layers = model["model"];
  if (layers.children.empty()) throw layers.Wrong("has no layers");
  const Module& head = layers[layers.children.back().first];
  if (head.class_name != "models.yolo.Detect") {
    throw head.Wrong("is the last layer, but not the head of a detection model");
  }
  return head;
}

std::vector<float> StridesOf(const Module& model) {
  const Module& head = DetectHead(model);
  const Attribute* attribute = head.FindAttribute("stride");
  const auto* tensor =
      attribute == nullptr ? head.FindTensor("stride") : std::get_if<Tensor>(&attribute->value);
  if (tensor == nullptr || tensor->shape.size() != 1) throw head.Wrong("has no strides");
  return tensor->ToFloats();
}

std::shared_ptr<const Module> WithClasses(const Module& model, std::int64_t classes) {
  const std::int64_t outputs = classes + 5;
  auto copy = WithHead(model, [&](Module& head) {
    if (head.Int("nc") == classes) return;
    SetAttribute(head, "nc", {classes});
    SetAttribute(head, "no", {outputs});
    auto convs = std::make_shared<Module>(head["m"]);
    for (auto& [name, conv] : convs->children) {
      conv = WithOutputs((*convs)[name], head.Int("na") * outputs);
    }
    std::ranges::find(head.children, "m", &std::pair<std::string, std::shared_ptr<const Module>>::first)
        ->second = std::move(convs);
  });
  SetAttribute(*copy, "nc", {classes});
  for (auto& [name, attribute] : copy->attributes) {
    auto* yaml = name == "yaml" ? std::get_if<AttributeMap>(&attribute.value) : nullptr;
    if (yaml == nullptr) continue;
    for (AttributeItem& item : *yaml) {
      const auto* key = std::get_if<std::string>(&item.key.value);
      if (key != nullptr && *key == "nc") item.value = {classes};
    }
  }
  return copy;
}

std::vector<std::pair<float, float>> AnchorsOf(const Module& model) {
  const Module& head = DetectHead(model);
  const std::vector<float> strides = StridesOf(model);
  const std::vector<float> numbers = head.RequiredTensor("anchors").ToFloats();
  if (strides.empty() || numbers.size() % (2 * strides.size()) != 0) throw head.Wrong("has odd anchors");
  const std::size_t per_level = numbers.size() / strides.size();
  std::vector<std::pair<float, float>> anchors;
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    const float stride = strides[i / per_level];
    anchors.emplace_back(numbers[i] * stride, numbers[i + 1] * stride);
  }
  return anchors;
}

std::shared_ptr<const Module> WithAnchors(const Module& model,
                                          std::span<const std::pair<float, float>> anchors) {
  return WithHead(model, [&](Module& head) {
    const std::vector<float> strides = StridesOf(model);
    const auto buffer =
        std::ranges::find(head.buffers, "anchors", &std::pair<std::string, std::optional<Tensor>>::first);
    if (buffer == head.buffers.end() || !buffer->second) throw head.Wrong("has no anchors");
    Tensor& old = *buffer->second;
    const std::size_t count = anchors.size();
    if (static_cast<std::int64_t>(count) * 2 != old.numel() || count % strides.size() != 0) {
      throw head.Wrong(std::to_string(count) + " anchors do not fit");
    }
    std::vector<float> numbers;
    for (std::size_t i = 0; i < count; ++i) {
      const float stride = strides[i / (count / strides.size())];
      numbers.push_back(anchors[i].first / stride);
      numbers.push_back(anchors[i].second / stride);
    }
    old = Tensor::FromFloats(old.shape, std::move(numbers));
  });
}

}  // namespace roost::yolo
