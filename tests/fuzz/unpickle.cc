#include <set>
#include <vector>

#include "fuzz/guard.h"
#include "fuzz/targets.h"
#include "yolo/model/pickle.h"
#include "yolo/model/torch_objects.h"

namespace roost::fuzz {
namespace {

using namespace yolo::pickle;  // NOLINT: what is walked below
using Bytes = fuzz::Bytes;

/// Looks at everything that can be reached from `root`, once: a sanitizer sees what dangles.
void Walk(const Value& root) {
  std::set<const void*> seen;
  std::vector<Value> left{root};
  std::size_t characters = 0;
  const auto look = [&](const Value& value) {
    if (const auto* text = As<std::string_view>(value)) {
      Promise(IsUtf8(*text), "a text is not UTF-8");
    } else if (const auto* bytes = As<yolo::pickle::Bytes>(value)) {
      for (const char c : bytes->bytes) characters += c == 'x' ? 1 : 0;
    } else if (const auto* list = Behind<List>(value)) {
      if (seen.insert(list).second) left.insert(left.end(), list->items.begin(), list->items.end());
    } else if (const auto* dict = Behind<Dict>(value)) {
      if (!seen.insert(dict).second) return;
      for (const auto& [key, item] : dict->items) left.insert(left.end(), {key, item});
    } else if (const auto* object = Behind<Object>(value)) {
      if (!seen.insert(object).second) return;
      Promise(object->type != nullptr && !object->type->FullName().empty(), "an object without a class");
      for (const auto& [key, item] : object->state.items) left.insert(left.end(), {key, item});
    } else if (const auto* tensor = Behind<TensorView>(value)) {
      Promise(tensor->storage != nullptr, "a tensor without a storage");
      Promise(tensor->shape.size() == tensor->strides.size(), "a tensor of two ranks");
    }
  };
  while (!left.empty()) {
    const Value value = left.back();
    left.pop_back();
    Describe(value);
    look(value);
  }
}

}  // namespace

void Unpickle(Bytes bytes) {
  constexpr int kPicklesOfALegacyFile = 5;
  Heap heap;
  yolo::TorchObjects objects;
  MayRefuse([&] {
    for (int i = 0; i < kPicklesOfALegacyFile && !bytes.empty(); ++i) {
      const Unpickled unpickled = yolo::pickle::Unpickle(bytes, objects, heap);
      Promise(unpickled.bytes_used <= bytes.size(), "it read more than there is");
      bytes = bytes.subspan(unpickled.bytes_used);
      Walk(unpickled.value);
    }
  });
  for (const auto& [key, storage] : objects.storages()) {
    Promise(storage != nullptr && storage->key == key, "a storage has lost its key");
  }
}

}  // namespace roost::fuzz
