#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/files.h"

namespace roost::yolo {

enum class DType { kFloat32, kFloat64, kFloat16, kBFloat16, kInt64, kInt32, kInt16, kInt8, kUInt8, kBool };

/// Bytes of one element.
std::size_t SizeOf(DType type);

/// A strided view on bytes that it keeps alive: a piece of a mapped checkpoint, usually. Immutable. Strides
/// and offset are in elements; the view was checked against its storage when it was made.
struct Tensor {
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  std::int64_t offset = 0;
  std::span<const std::byte> storage;
  std::shared_ptr<const void> owner;
  bool requires_grad = false;  ///< of a parameter that was still to be trained

  std::int64_t numel() const;
  /// Whether all elements lie one after the other, in C order.
  bool IsContiguous() const;
  /// All elements in C order, converted. Any dtype.
  std::vector<float> ToFloats() const;
  /// The bytes of all elements in C order: those of the storage where they lie so, or else copied to `room`.
  std::span<const std::byte> ContiguousBytes(std::vector<std::byte>& room) const;
  /// The same numbers in float16, rounded to nearest (ties to even; too large ones become infinite).
  /// Contiguous.
  Tensor ToHalf() const;
  /// A contiguous float32 tensor that owns its data.
  static Tensor FromFloats(std::vector<std::int64_t> shape, std::vector<float> values);
  /// A contiguous tensor of elements that `owner` keeps: they are not copied.
  static Tensor View(DType dtype, std::vector<std::int64_t> shape, std::span<const std::byte> elements,
                     std::shared_ptr<const void> owner);
};

struct Attribute;
struct AttributeItem;
using AttributeList = std::vector<Attribute>;
using AttributeMap = std::vector<AttributeItem>;

/// An object of a class that Roost does not interpret: its class name only.
struct OpaqueObject {
  std::string class_name;
};

/// A plain attribute of a module as Python stored it.
struct Attribute {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, AttributeList, AttributeMap, Tensor,
               OpaqueObject>
      value;
  bool is_tuple = false;  ///< of a list: Python's tuple. Readers need not care, whoever writes it back does
};

/// An item of a dictionary, in the order of the file.
struct AttributeItem {
  Attribute key;
  Attribute value;
};

/// An item whose key is a text.
AttributeItem TextItem(std::string key, Attribute value);
/// What a dictionary has under a text. Null where it has nothing; None is something.
const Attribute* FindItem(const AttributeMap& map, std::string_view key);

/// Name-ordered as stored in the file; names are unique. Small, so looked up linearly.
template <typename T>
using NamedList = std::vector<std::pair<std::string, T>>;

/// One nn.Module of the network as Ultralytics stores it: children, parameters and buffers keep their Python
/// names, which are the checkpoint format. The tree is finite and not absurdly large to walk: a reader
/// refuses cycles. Children may be shared (one SiLU object serves every Conv of a v7 model); `path` is then
/// the first place they were met at. Torch's own attributes, whose names begin with an underscore, are left
/// out.
class Module {
 public:
  std::string class_name;  ///< "models.common.C3", "torch.nn.modules.conv.Conv2d"
  NamedList<Attribute> attributes;
  NamedList<std::shared_ptr<const Module>> children;  ///< null where Python holds None
  NamedList<std::optional<Tensor>> parameters;        ///< nothing where Python holds None
  NamedList<std::optional<Tensor>> buffers;
  std::string path;  ///< "model.24.m.0": for messages

  /// Null when absent or None.
  const Module* FindChild(std::string_view name) const;
  const Attribute* FindAttribute(std::string_view name) const;
  const Tensor* FindTensor(std::string_view name) const;  ///< parameter or buffer

  /// As above, but absence is an Error (bad data) that names this module's path and class.
  const Module& Child(std::string_view name) const;
  const Module& operator[](std::string_view name) const { return Child(name); }
  const Tensor& RequiredTensor(std::string_view name) const;

  /// Attribute of a simple type. With no default, absence is an Error; a value of another type always is.
  std::int64_t Int(std::string_view name, std::optional<std::int64_t> fallback = std::nullopt) const;
  double Double(std::string_view name, std::optional<double> fallback = std::nullopt) const;
  bool Bool(std::string_view name, std::optional<bool> fallback = std::nullopt) const;
  std::string String(std::string_view name, const std::optional<std::string>& fallback = std::nullopt) const;
  /// An int, or a tuple of two ints, as the two numbers (rows, columns).
  std::pair<std::int64_t, std::int64_t> Pair(std::string_view name,
                                             std::optional<std::int64_t> fallback = std::nullopt) const;
  /// An int or a list of ints (`f` of a layer).
  std::vector<std::int64_t> Ints(std::string_view name) const;

  /// An Error (bad data): "layer <path> (<class>): <what>", "the model (<class>): <what>" at the root.
  Error Wrong(std::string_view what) const;
};

/// What detection needs of a .pt file.
struct Checkpoint {
  std::shared_ptr<const Module>
      model;  ///< models.yolo.Model, DetectionModel, ...: children["model"] holds the layers
  std::vector<std::string> names;  ///< by class id; "class<i>" where the file names none
  std::int64_t stride = 32;        ///< largest stride: image sides are multiples of it
  std::string format;              ///< "zip" or "legacy"
  bool from_ema = false;
  std::optional<std::int64_t> epoch;
  std::string date;
};

/// Reads an Ultralytics .pt file of torch (zip or legacy container). Executes nothing of it: objects of
/// unknown classes become inert data or are refused by name. Every size is checked against the file. Throws
/// Error (bad data, one line that names the file and the reason; no input when it is not there).
Checkpoint LoadCheckpoint(const Path& file);

}  // namespace roost::yolo
