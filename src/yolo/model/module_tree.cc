#include "yolo/model/module_tree.h"

#include <map>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

using pickle::As;
using pickle::Behind;
using pickle::Describe;
using pickle::Dict;
using pickle::List;
using pickle::Object;
using pickle::Symbol;
using pickle::TensorView;
using pickle::Value;

// YOLOv5x6 has about 900 modules, ten deep at most, and 20000 values in their attributes.
constexpr int kMaxModuleDepth = 64;
constexpr std::int64_t kMaxModules = 100'000;
// An element takes a byte at least, unless tensors overlap or modules are shared. This much more is fine.
constexpr std::int64_t kMaxSharedElements = 16'000'000;
constexpr std::size_t kMaxPath = 1000;  // every module keeps its own
constexpr int kMaxAttributeDepth = 32;
constexpr std::size_t kMaxCopiedValues = 1'000'000;
constexpr std::size_t kTextPerValue = 16;  // characters that cost as much as a value

[[noreturn]] void Fail(std::string what) { throw Error(std::move(what), ExitCode::kBadData); }

/// The dictionary `name` (`_modules`, `_parameters`, `_buffers`) of a module, or null where it has none.
const Dict* FindContainer(const Object& object, std::string_view name) {
  const Value* value = object.state.Find(name);
  if (value == nullptr || std::holds_alternative<std::monostate>(*value)) return nullptr;
  const auto* dict = Behind<Dict>(*value);
  if (dict == nullptr) {
    Fail("'" + std::string(name) + "' of a " + object.type->FullName() + " is " + Describe(*value));
  }
  return dict;
}

}  // namespace

ModuleTree::Built ModuleTree::Build(const Object& object, const std::string& path, int depth) {
  const auto [place, is_new] = built_.try_emplace(&object);
  if (!is_new) {
    if (place->second.module == nullptr) Fail("its module '" + path + "' contains itself");
    return place->second;
  }
  if (depth > kMaxModuleDepth) Fail("its modules nest deeper than any network's");

  auto module = std::make_shared<Module>();
  module->class_name = object.type->FullName();
  module->path = path;
  Extent extent{.modules = 1};
  AddChildren(object, depth, *module, extent);
  AddTensors(object, "_parameters", *module, module->parameters, extent);
  AddTensors(object, "_buffers", *module, module->buffers, extent);
  for (const auto& [name, value] : UniqueItems(object.state, "an attribute")) {
    // What begins with an underscore is torch's own: the containers above, hooks, flags.
    if (!name.starts_with('_')) module->attributes.emplace_back(name, Copy(value));
  }
  return built_[&object] = {std::move(module), extent};
}

void ModuleTree::AddChildren(const Object& object, int depth, Module& parent, Extent& extent) {
  const Dict* modules = FindContainer(object, "_modules");
  if (modules == nullptr) return;
  for (const auto& [name, value] : UniqueItems(*modules, "a module")) {
    const std::string path = (parent.path.empty() ? "" : parent.path + ".") + Printable(name.substr(0, 100));
    if (path.size() > kMaxPath) Fail("its module '" + path.substr(0, 100) + "...' has an endless name");
    if (std::holds_alternative<std::monostate>(value)) {
      parent.children.emplace_back(name, nullptr);
      continue;
    }
    const auto* child = Behind<Object>(value);
    if (child == nullptr) Fail("its module '" + path + "' is " + Describe(value) + ", not a module");
    Built built = Build(*child, path, depth + 1);
    extent.modules += built.extent.modules;
    extent.elements += built.extent.elements;
    CheckExtent(extent);
    parent.children.emplace_back(name, std::move(built.module));
  }
}

void ModuleTree::AddTensors(const Object& object, std::string_view container, const Module& module,
                            NamedList<std::optional<Tensor>>& tensors, Extent& extent) {
  const Dict* dict = FindContainer(object, container);
  if (dict == nullptr) return;
  for (const auto& [name, value] : UniqueItems(*dict, "a tensor")) {
    if (std::holds_alternative<std::monostate>(value)) {
      tensors.emplace_back(name, std::nullopt);
    } else if (const auto* view = Behind<TensorView>(value)) {
      Tensor tensor = file_.Read(*view);
      extent.elements += tensor.numel();
      CheckExtent(extent);
      tensors.emplace_back(name, std::move(tensor));
    } else {
      throw module.Wrong("tensor '" + Printable(name.substr(0, 100)) + "' is " + Describe(value));
    }
  }
}

void ModuleTree::CheckExtent(const Extent& extent) const {
  if (extent.modules > kMaxModules) Fail("it has more modules than any network");
  const std::int64_t stored = file_.storage_size();
  if (extent.elements > kMaxSharedElements && extent.elements - kMaxSharedElements > stored) {
    Fail("its tensors have " + std::to_string(extent.elements) + " elements, but it stores only " +
         std::to_string(stored) + " bytes");
  }
}

/// Dictionaries and texts may be shared by many modules, and each gets its own copy: that ends somewhere.
void ModuleTree::Spend(std::size_t values) {
  if (values > kMaxCopiedValues - copied_) Fail("its modules hold more than any network's");
  copied_ += values;
}

NamedList<Value> ModuleTree::UniqueItems(const Dict& dict, std::string_view what) {
  Spend(dict.items.size());
  NamedList<Value> items;
  items.reserve(dict.items.size());
  std::map<std::string_view, std::size_t> places;
  for (const auto& [key, value] : dict.items) {
    const auto* name = As<std::string_view>(key);
    if (name == nullptr) Fail("the name of " + std::string(what) + " is " + Describe(key));
    Spend(name->size() / kTextPerValue);
    const auto [place, is_new] = places.emplace(*name, items.size());
    if (is_new) {
      items.emplace_back(*name, value);
    } else {
      items[place->second].second = value;
    }
  }
  return items;
}

Attribute ModuleTree::Copy(const Value& value, int depth) {
  // Lists may be shared or contain themselves. Whoever calls has paid for this value.
  if (depth > kMaxAttributeDepth) Fail("the attributes of a module nest without end");

  struct Visitor {
    ModuleTree& tree;
    int depth;
    Attribute operator()(std::monostate) const { return {}; }
    Attribute operator()(bool v) const { return {v}; }
    Attribute operator()(std::int64_t v) const { return {v}; }
    Attribute operator()(double v) const { return {v}; }
    Attribute operator()(std::string_view v) const {
      tree.Spend(v.size() / kTextPerValue);
      return {std::string(v)};
    }
    Attribute operator()(pickle::BigInt) const { return {OpaqueObject{"builtins.int"}}; }
    Attribute operator()(pickle::Bytes) const { return {OpaqueObject{"builtins.bytes"}}; }
    Attribute operator()(const List* v) const {
      tree.Spend(v->items.size());
      AttributeList list;
      list.reserve(v->items.size());
      for (const Value& item : v->items) list.push_back(tree.Copy(item, depth + 1));
      return {std::move(list), v->kind == List::Kind::kTuple};
    }
    Attribute operator()(const Dict* v) const {
      tree.Spend(2 * v->items.size());
      AttributeMap map;
      map.reserve(v->items.size());
      for (const auto& [key, item] : v->items) {
        map.push_back({tree.Copy(key, depth + 1), tree.Copy(item, depth + 1)});
      }
      return {std::move(map)};
    }
    Attribute operator()(const Object* v) const { return (*this)(v->type); }
    Attribute operator()(const Symbol* v) const {
      tree.Spend((v->module.size() + v->name.size()) / kTextPerValue);
      return {OpaqueObject{v->FullName()}};
    }
    Attribute operator()(const pickle::StorageRef*) const { return {OpaqueObject{"torch.Storage"}}; }
    Attribute operator()(const TensorView* v) const {
      tree.Spend(v->shape.size());
      return {tree.file_.Read(*v)};
    }
  };
  return std::visit(Visitor{*this, depth}, value);
}

}  // namespace roost::yolo
