#include "yolo/model/torch_objects.h"

#include <limits>
#include <optional>
#include <unordered_map>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

using pickle::As;
using pickle::Behind;
using pickle::Describe;
using pickle::Dict;
using pickle::Heap;
using pickle::List;
using pickle::Object;
using pickle::StorageRef;
using pickle::Symbol;
using pickle::TensorView;
using pickle::Value;

// PyTorch itself stops at 64 dimensions; images of a detector have four.
constexpr std::size_t kMaxRank = 64;
// An expanded or overlapping view can have more elements than its storage (`Detect.grid` of a model that was
// saved after a forward pass: 0.6 million at 1280 pixels). This much more is fine.
constexpr std::int64_t kMaxOverlappingElements = 4'000'000;

[[noreturn]] void Fail(std::string what) { throw Error(std::move(what), ExitCode::kBadData); }

const Value& Argument(const Symbol& function, const List& arguments, std::size_t i) {
  if (i >= arguments.items.size()) {
    Fail("its pickle gives " + function.FullName() + " only " + std::to_string(arguments.items.size()) +
         " arguments");
  }
  return arguments.items[i];
}

std::int64_t IntegerOf(const Value& value, std::string_view what) {
  const auto* integer = As<std::int64_t>(value);
  if (integer == nullptr) Fail(std::string(what) + " is " + Describe(value) + ", not an integer");
  return *integer;
}

std::vector<std::int64_t> IntegersOf(const Value& value, std::string_view what) {
  const auto* list = Behind<List>(value);
  if (list == nullptr) Fail(std::string(what) + " is " + Describe(value) + ", not a tuple");
  if (list->items.size() > kMaxRank) {
    Fail(std::string(what) + " has " + std::to_string(list->items.size()) + " dimensions");
  }
  std::vector<std::int64_t> integers;
  integers.reserve(list->items.size());
  for (const Value& item : list->items) integers.push_back(IntegerOf(item, what));
  return integers;
}

/// Throws unless every element lies in the storage and reading all of them is affordable.
void CheckView(const TensorView& view) {
  if (view.shape.size() != view.strides.size()) {
    Fail("a tensor has " + std::to_string(view.shape.size()) + " sizes but " +
         std::to_string(view.strides.size()) + " strides");
  }
  if (view.offset < 0) Fail("a tensor begins before its storage");
  std::int64_t numel = 1;
  std::int64_t last = view.offset - view.storage->offset;  // index within the storage
  bool empty = false;
  for (std::size_t i = 0; i < view.shape.size(); ++i) {
    const std::int64_t size = view.shape[i];
    const std::int64_t stride = view.strides[i];
    if (size < 0 || stride < 0) Fail("a tensor has a negative size or stride");
    empty = empty || size == 0;
    if (empty) continue;
    std::int64_t extent = 0;
    if (__builtin_mul_overflow(size - 1, stride, &extent) || __builtin_add_overflow(last, extent, &last) ||
        __builtin_mul_overflow(numel, size, &numel)) {
      Fail("a tensor is larger than any memory");
    }
  }
  if (empty) return;
  if (last >= view.storage->numel) {
    Fail("a tensor reaches to element " + std::to_string(last) + " of storage '" +
         Printable(view.storage->key.substr(0, 60)) + "', which has " + std::to_string(view.storage->numel));
  }
  if (numel > view.storage->numel && numel > kMaxOverlappingElements) {
    Fail("a tensor claims " + std::to_string(numel) + " elements of a storage that has " +
         std::to_string(view.storage->numel));
  }
}

// The functions of the allow-list. `arguments` are those of the call.

Value RebuildTensor(const Symbol& function, const List& arguments, Heap& heap) {
  const Value& storage = Argument(function, arguments, 0);
  TensorView view;
  view.storage = Behind<StorageRef>(storage);
  if (view.storage == nullptr) Fail("a tensor lies in " + Describe(storage) + ", not in a storage");
  const std::int64_t offset = IntegerOf(Argument(function, arguments, 1), "the offset of a tensor");
  if (offset < 0 || __builtin_add_overflow(offset, view.storage->offset, &view.offset)) {
    Fail("the offset of a tensor is " + std::to_string(offset));
  }
  view.shape = IntegersOf(Argument(function, arguments, 2), "the shape of a tensor");
  view.strides = IntegersOf(Argument(function, arguments, 3), "the strides of a tensor");
  CheckView(view);
  return heap.New(std::move(view));
}

Value RebuildParameter(const Symbol& function, const List& arguments, Heap& heap) {
  const Value& tensor = Argument(function, arguments, 0);
  const auto* view = Behind<TensorView>(tensor);
  if (view == nullptr) Fail("a parameter is " + Describe(tensor) + ", not a tensor");
  const bool* requires_grad = arguments.items.size() > 1 ? As<bool>(arguments.items[1]) : nullptr;
  if (requires_grad == nullptr || !*requires_grad) return tensor;
  TensorView parameter = *view;
  parameter.requires_grad = true;
  return heap.New(std::move(parameter));
}

/// A tensor that somebody gave attributes: (function, type, its arguments, state). Functions that make no
/// plain tensor are refused like any other.
Value RebuildFromType(const Symbol& function, const List& arguments, Heap& heap) {
  const auto* rebuild = Behind<Symbol>(Argument(function, arguments, 0));
  const auto* of_rebuild = Behind<List>(Argument(function, arguments, 2));
  if (rebuild == nullptr || of_rebuild == nullptr ||
      rebuild->FullName() != "torch._utils._rebuild_tensor_v2") {
    Fail("refusing " + Describe(Argument(function, arguments, 0)) + " as the maker of a tensor");
  }
  return RebuildTensor(*rebuild, *of_rebuild, heap);
}

/// OrderedDict() or OrderedDict([(key, value), ...]).
Value MakeOrderedDict(const Symbol& /*function*/, const List& arguments, Heap& heap) {
  Dict dict;
  if (!arguments.items.empty()) {
    const auto* pairs = Behind<List>(arguments.items[0]);
    if (pairs == nullptr) Fail("an OrderedDict is made of " + Describe(arguments.items[0]));
    for (const Value& item : pairs->items) {
      const auto* pair = Behind<List>(item);
      if (pair == nullptr || pair->items.size() != 2) Fail("an OrderedDict is made of " + Describe(item));
      dict.items.emplace_back(pair->items[0], pair->items[1]);
    }
  }
  return heap.New(std::move(dict));
}

/// defaultdict(factory): what it holds follows as items.
Value MakeDict(const Symbol& /*function*/, const List& /*arguments*/, Heap& heap) { return heap.New(Dict()); }

/// set([...]), torch.Size([...]).
Value MakeList(List::Kind kind, const List& arguments, Heap& heap) {
  const auto* items = arguments.items.empty() ? nullptr : Behind<List>(arguments.items[0]);
  return heap.New(List{kind, items == nullptr ? std::vector<Value>() : items->items});
}
Value MakeSet(const Symbol& /*function*/, const List& arguments, Heap& heap) {
  return MakeList(List::Kind::kSet, arguments, heap);
}
Value MakeTuple(const Symbol& /*function*/, const List& arguments, Heap& heap) {
  return MakeList(List::Kind::kTuple, arguments, heap);
}

/// A class or function of a module: the `detect` attribute of segmentation heads is
/// getattr(models.yolo.Detect, 'forward'). Stays a name; calling it is refused like any other name.
Value NameAttribute(const Symbol& function, const List& arguments, Heap& heap) {
  const Value& owner = Argument(function, arguments, 0);
  const Value& name = Argument(function, arguments, 1);
  const auto* text = As<std::string_view>(name);
  const auto* symbol = Behind<Symbol>(owner);
  const auto* object = Behind<Object>(owner);
  if (text == nullptr || (symbol == nullptr && object == nullptr)) {
    Fail("refusing getattr(" + Describe(owner) + ", " + Describe(name) + ")");
  }
  const Symbol& type = symbol != nullptr ? *symbol : *object->type;
  // Long chains of getattr would double the text each time.
  if (type.module.size() + type.name.size() + text->size() > 1000) Fail("a name is too long");
  return heap.New(Symbol{type.FullName(), Printable(*text)});
}

/// copyreg._reconstructor(class, base, state): how protocols 0 and 1 make an object.
Value Reconstruct(const Symbol& function, const List& arguments, Heap& heap) {
  const Value& type = Argument(function, arguments, 0);
  if (Behind<Symbol>(type) == nullptr) Fail("an object has " + Describe(type) + " for a class");
  return heap.New(Object{Behind<Symbol>(type), {}});
}

/// A value nobody needs, of a class whose making harms nobody.
Value MakeOpaque(const Symbol& function, const List& /*arguments*/, Heap& heap) {
  return heap.New(Object{heap.New(Symbol(function)), {}});
}

using Recipe = Value (*)(const Symbol& function, const List& arguments, Heap& heap);

Recipe FindRecipe(const std::string& function) {
  static const std::unordered_map<std::string_view, Recipe> kAllowed = {
      {"torch._utils._rebuild_tensor", RebuildTensor},  // torch 0.x
      {"torch._utils._rebuild_tensor_v2", RebuildTensor},
      {"torch._utils._rebuild_parameter", RebuildParameter},
      {"torch._utils._rebuild_parameter_with_state", RebuildParameter},
      {"torch._tensor._rebuild_from_type_v2", RebuildFromType},
      {"torch.Size", MakeTuple},
      {"torch.device", MakeOpaque},
      {"collections.OrderedDict", MakeOrderedDict},
      {"collections.defaultdict", MakeDict},
      {"builtins.set", MakeSet},
      {"builtins.frozenset", MakeSet},
      {"builtins.getattr", NameAttribute},
      {"builtins.bytearray", MakeOpaque},
      {"builtins.complex", MakeOpaque},
      {"builtins.slice", MakeOpaque},
      {"builtins.range", MakeOpaque},
      {"builtins.xrange", MakeOpaque},
      {"copyreg._reconstructor", Reconstruct},
      {"_codecs.encode", MakeOpaque},
      {"collections.deque", MakeOpaque},
      {"collections.Counter", MakeOpaque},
      {"numpy.dtype", MakeOpaque},
      {"numpy.core.numeric._frombuffer", MakeOpaque},  // arrays, from protocol 5 on
      {"numpy._core.numeric._frombuffer", MakeOpaque},
      {"numpy.core.multiarray.scalar", MakeOpaque},
      {"numpy.core.multiarray._reconstruct", MakeOpaque},
      {"numpy._core.multiarray.scalar", MakeOpaque},
      {"numpy._core.multiarray._reconstruct", MakeOpaque},
      {"pathlib.Path", MakeOpaque},
      {"pathlib.PosixPath", MakeOpaque},
      {"pathlib.WindowsPath", MakeOpaque},
      {"pathlib.PurePosixPath", MakeOpaque},
      {"pathlib.PureWindowsPath", MakeOpaque},
      {"pathlib._local.PosixPath", MakeOpaque},  // Python 3.13
      {"pathlib._local.WindowsPath", MakeOpaque},
      {"datetime.date", MakeOpaque},
      {"datetime.datetime", MakeOpaque},
      {"datetime.time", MakeOpaque},
      {"datetime.timedelta", MakeOpaque},
      {"datetime.timezone", MakeOpaque},
      {"argparse.Namespace", MakeOpaque},
      {"decimal.Decimal", MakeOpaque},
      {"uuid.UUID", MakeOpaque},
  };
  const auto found = kAllowed.find(function);
  return found == kAllowed.end() ? nullptr : found->second;
}

std::optional<DType> StorageDType(const Symbol& type) {
  static const std::unordered_map<std::string_view, DType> kTypes = {
      {"FloatStorage", DType::kFloat32}, {"DoubleStorage", DType::kFloat64},
      {"HalfStorage", DType::kFloat16},  {"BFloat16Storage", DType::kBFloat16},
      {"LongStorage", DType::kInt64},    {"IntStorage", DType::kInt32},
      {"ShortStorage", DType::kInt16},   {"CharStorage", DType::kInt8},
      {"ByteStorage", DType::kUInt8},    {"BoolStorage", DType::kBool},
      {"UntypedStorage", DType::kUInt8}, {"_UntypedStorage", DType::kUInt8},
  };
  if (type.module != "torch" && type.module != "torch.cuda" && type.module != "torch.storage") {
    return std::nullopt;
  }
  const auto found = kTypes.find(type.name);
  if (found == kTypes.end()) return std::nullopt;
  return found->second;
}

}  // namespace

Value TorchObjects::Call(const Symbol& function, const List& arguments, Heap& heap) {
  const std::string name = function.FullName();
  const Recipe recipe = FindRecipe(name);
  if (recipe == nullptr) {
    Fail("refusing " + name.substr(0, 120) + ": its pickle wants to call it, and no checkpoint needs that");
  }
  return recipe(function, arguments, heap);
}

Value TorchObjects::Resolve(const Value& persistent_id, Heap& heap) {
  const auto* id = Behind<List>(persistent_id);
  const auto* kind = id == nullptr || id->items.empty() ? nullptr : As<std::string_view>(id->items[0]);
  if (kind == nullptr) Fail("a persistent id is " + Describe(persistent_id) + ", not ('storage', ...)");
  // ('module', class, source file, source text) of legacy files: the class.
  if (*kind == "module" && id->items.size() == 4 && Behind<Symbol>(id->items[1]) != nullptr) {
    return id->items[1];
  }
  if (*kind != "storage" || id->items.size() < 5) {
    Fail("a persistent id of kind " + Describe(id->items[0]) + " with " + std::to_string(id->items.size()) +
         " items is not known");
  }
  return ResolveStorage(*id, heap);
}

/// ('storage', class, key, location, numel), in legacy files with a sixth item: None or the part of the
/// storage that is meant, (view key, offset, numel). The location (cpu, cuda:0) does not matter here.
Value TorchObjects::ResolveStorage(const List& id, Heap& heap) {
  const auto* type = Behind<Symbol>(id.items[1]);
  const auto dtype = type == nullptr ? std::nullopt : StorageDType(*type);
  if (!dtype) Fail("storages of type " + Describe(id.items[1]) + " are not supported");
  const auto* key = As<std::string_view>(id.items[2]);
  if (key == nullptr) Fail("the key of a storage is " + Describe(id.items[2]));
  const std::int64_t numel = IntegerOf(id.items[4], "the size of a storage");
  if (numel < 0 || numel > std::numeric_limits<std::int64_t>::max() / 16) {
    Fail("a storage of " + std::to_string(numel) + " elements cannot be");
  }

  const StorageRef whole{*dtype, *key, numel, 0, numel};
  const auto [declared, is_new] = storages_.try_emplace(*key, nullptr);
  if (is_new) declared->second = heap.New(whole);
  if (declared->second->dtype != *dtype || declared->second->numel != numel) {
    Fail("storage '" + Printable(key->substr(0, 60)) + "' is declared with two types or sizes");
  }

  StorageRef part = whole;
  if (id.items.size() > 5 && !std::holds_alternative<std::monostate>(id.items[5])) {
    const auto* view = Behind<List>(id.items[5]);
    if (view == nullptr || view->items.size() != 3) Fail("the part of a storage is " + Describe(id.items[5]));
    part.offset = IntegerOf(view->items[1], "the offset of a part of a storage");
    part.numel = IntegerOf(view->items[2], "the size of a part of a storage");
    if (part.offset < 0 || part.numel < 0 || part.offset > numel || part.numel > numel - part.offset) {
      Fail("a part of storage '" + Printable(key->substr(0, 60)) + "' lies outside it");
    }
  }
  return heap.New(part);
}

}  // namespace roost::yolo
