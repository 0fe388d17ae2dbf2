#include "roost/yolo/module.h"

#include <algorithm>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

template <typename T>
const T* Find(const NamedList<T>& list, std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.first == name; });
  return found == list.end() ? nullptr : &found->second;
}

/// What kind of value an attribute has, for messages.
std::string KindOf(const Attribute& attribute) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool) const { return "a bool"; }
    std::string operator()(std::int64_t) const { return "an integer"; }
    std::string operator()(double) const { return "a float"; }
    std::string operator()(const std::string& v) const { return "'" + Printable(v.substr(0, 40)) + "'"; }
    std::string operator()(const AttributeList&) const { return "a list"; }
    std::string operator()(const AttributeMap&) const { return "a dict"; }
    std::string operator()(const Tensor&) const { return "a tensor"; }
    std::string operator()(const OpaqueObject& v) const { return "an object of class " + v.class_name; }
  };
  return std::visit(Visitor(), attribute.value);
}

/// The attribute as a T, the fallback where it is absent, or an Error that says which of both is missing.
template <typename T>
T Simple(const Module& module, std::string_view name, const std::optional<T>& fallback,
         std::string_view type_name) {
  const Attribute* attribute = module.FindAttribute(name);
  if (attribute == nullptr) {
    if (fallback) return *fallback;
    throw module.Wrong("has no attribute '" + std::string(name) + "'");
  }
  if (const auto* value = std::get_if<T>(&attribute->value)) return *value;
  throw module.Wrong("attribute '" + std::string(name) + "' is " + KindOf(*attribute) + ", not " +
                     std::string(type_name));
}

}  // namespace

AttributeItem TextItem(std::string key, Attribute value) {
  AttributeItem item;
  item.key.value = std::move(key);
  item.value = std::move(value);
  return item;
}

const Attribute* FindItem(const AttributeMap& map, std::string_view key) {
  const auto found = std::ranges::find_if(map, [&](const AttributeItem& item) {
    const auto* text = std::get_if<std::string>(&item.key.value);
    return text != nullptr && *text == key;
  });
  return found == map.end() ? nullptr : &found->value;
}

const Module* Module::FindChild(std::string_view name) const {
  const auto* child = Find(children, name);
  return child == nullptr ? nullptr : child->get();
}

const Attribute* Module::FindAttribute(std::string_view name) const {
  const auto* attribute = Find(attributes, name);
  const bool none = attribute != nullptr && std::holds_alternative<std::monostate>(attribute->value);
  return none ? nullptr : attribute;
}

const Tensor* Module::FindTensor(std::string_view name) const {
  for (const auto* list : {&parameters, &buffers}) {
    const auto* tensor = Find(*list, name);
    if (tensor != nullptr && tensor->has_value()) return &**tensor;
  }
  return nullptr;
}

const Module& Module::Child(std::string_view name) const {
  const Module* child = FindChild(name);
  if (child == nullptr) throw Wrong("has no module '" + std::string(name) + "'");
  return *child;
}

const Tensor& Module::RequiredTensor(std::string_view name) const {
  const Tensor* tensor = FindTensor(name);
  if (tensor == nullptr) throw Wrong("has no tensor '" + std::string(name) + "'");
  return *tensor;
}

std::int64_t Module::Int(std::string_view name, std::optional<std::int64_t> fallback) const {
  return Simple<std::int64_t>(*this, name, fallback, "an integer");
}

double Module::Double(std::string_view name, std::optional<double> fallback) const {
  const Attribute* attribute = FindAttribute(name);
  const auto* integer = attribute == nullptr ? nullptr : std::get_if<std::int64_t>(&attribute->value);
  if (integer != nullptr) return static_cast<double>(*integer);
  return Simple<double>(*this, name, fallback, "a number");
}

bool Module::Bool(std::string_view name, std::optional<bool> fallback) const {
  return Simple<bool>(*this, name, fallback, "a bool");
}

std::string Module::String(std::string_view name, const std::optional<std::string>& fallback) const {
  return Simple<std::string>(*this, name, fallback, "a text");
}

std::pair<std::int64_t, std::int64_t> Module::Pair(std::string_view name,
                                                   std::optional<std::int64_t> fallback) const {
  const Attribute* attribute = FindAttribute(name);
  const auto* list = attribute == nullptr ? nullptr : std::get_if<AttributeList>(&attribute->value);
  if (list == nullptr) {
    const std::int64_t both = Simple<std::int64_t>(*this, name, fallback, "an integer or two");
    return {both, both};
  }
  const auto* rows = list->size() == 2 ? std::get_if<std::int64_t>(&(*list)[0].value) : nullptr;
  const auto* columns = list->size() == 2 ? std::get_if<std::int64_t>(&(*list)[1].value) : nullptr;
  if (rows == nullptr || columns == nullptr) {
    throw Wrong("attribute '" + std::string(name) + "' is a list of something other than two integers");
  }
  return {*rows, *columns};
}

std::vector<std::int64_t> Module::Ints(std::string_view name) const {
  const Attribute* attribute = FindAttribute(name);
  const auto* list = attribute == nullptr ? nullptr : std::get_if<AttributeList>(&attribute->value);
  if (list == nullptr) return {Simple<std::int64_t>(*this, name, std::nullopt, "an integer or a list")};
  std::vector<std::int64_t> integers;
  integers.reserve(list->size());
  for (const Attribute& item : *list) {
    const auto* integer = std::get_if<std::int64_t>(&item.value);
    if (integer == nullptr) {
      throw Wrong("attribute '" + std::string(name) + "' holds " + KindOf(item) + " among integers");
    }
    integers.push_back(*integer);
  }
  return integers;
}

Error Module::Wrong(std::string_view what) const {
  const std::string place = path.empty() ? "the model" : "layer " + path;
  return Error(place + " (" + class_name + "): " + std::string(what), ExitCode::kBadData);
}

}  // namespace roost::yolo
