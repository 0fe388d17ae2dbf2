#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "roost/yolo/module.h"

/// Python pickles as data. Nothing of a pickle is ever run: names of classes and functions stay names, and
/// the few "calls" that torch needs to describe its tensors are values built by ObjectBuilder.
namespace roost::yolo::pickle {

struct List;
struct Dict;
struct Object;
struct Symbol;
struct StorageRef;
struct TensorView;

struct Bytes {
  std::string_view bytes;
};
/// An integer beyond 64 bits. Nobody needs its digits.
struct BigInt {};

/// A Python value. Small and copied freely: what is behind a pointer lives in a Heap, may be shared by many
/// values and may be part of a cycle. Whoever follows pointers bounds depth and count.
using Value = std::variant<std::monostate, bool, std::int64_t, BigInt, double, std::string_view, Bytes, List*,
                           Dict*, Object*, Symbol*, StorageRef*, TensorView*>;

/// The name of a class or function: "models.common Conv". Never resolved to anything.
struct Symbol {
  std::string module;
  std::string name;
  std::string FullName() const { return module + "." + name; }
};

struct List {
  enum class Kind { kList, kTuple, kSet };
  Kind kind = Kind::kList;
  std::vector<Value> items;
};

/// In the order of the file. A key that is set twice is here twice, and the last one counts.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  /// Null when absent.
  const Value* Find(std::string_view key) const;
};

/// An instance of a class: what BUILD said about its attributes. Anything else that is known about it (its
/// arguments, a state of another form) is dropped.
struct Object {
  const Symbol* type = nullptr;
  Dict state;
};

/// Elements of a storage named by `key`: the file has `key_numel` of them, this is a part.
struct StorageRef {
  DType dtype = DType::kFloat32;
  std::string_view key;
  std::int64_t key_numel = 0;
  std::int64_t offset = 0;
  std::int64_t numel = 0;
};

/// A tensor, checked to lie within its storage. `offset` counts from the start of the storage's record.
struct TensorView {
  const StorageRef* storage = nullptr;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  bool requires_grad = false;  ///< of a parameter that is still to be trained
};

/// Owns what values point to. Freed at once and without recursion, however deep or circular the data. Texts
/// are views of the pickle's bytes, which must outlive it.
class Heap {
 public:
  template <typename T>
  T* New(T value) {
    auto& pool = std::get<std::deque<T>>(pools_);
    pool.push_back(std::move(value));
    return &pool.back();
  }
  std::string_view Text(std::string text) { return *New(std::move(text)); }

 private:
  std::tuple<std::deque<List>, std::deque<Dict>, std::deque<Object>, std::deque<Symbol>,
             std::deque<StorageRef>, std::deque<TensorView>, std::deque<std::string>>
      pools_;
};

/// Gives a meaning to the two things a pickle leaves to its reader.
class ObjectBuilder {
 public:
  virtual ~ObjectBuilder() = default;
  /// The value of `function(*arguments)`. Throws Error for functions it does not know.
  virtual Value Call(const Symbol& function, const List& arguments, Heap& heap) = 0;
  /// The value of a persistent id.
  virtual Value Resolve(const Value& persistent_id, Heap& heap) = 0;
};

struct Unpickled {
  Value value;
  std::size_t bytes_used = 0;  ///< up to and including STOP: pickles may follow each other
};

/// Reads one pickle (protocols 0 to 5) at the start of `bytes`. Time and memory are bounded by fixed limits
/// far above what any checkpoint needs. Throws Error (bad data).
Unpickled Unpickle(std::span<const std::byte> bytes, ObjectBuilder& builder, Heap& heap);

/// "a list", "an object of class models.yolo.Model", "os.system": for messages. Looks at nothing behind.
std::string Describe(const Value& value);

template <typename T>
const T* As(const Value& value) {
  return std::get_if<T>(&value);
}
/// The List, Dict, ... behind the pointer in `value`, or null.
template <typename T>
const T* Behind(const Value& value) {
  if (const auto* pointer = std::get_if<T*>(&value)) return *pointer;
  return nullptr;
}

}  // namespace roost::yolo::pickle
