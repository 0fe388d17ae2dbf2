#include "yolo/model/torch_writer.h"

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <variant>

#include "yolo/model/zip_writer.h"

namespace roost::yolo {
namespace {

constexpr std::string_view kArchive = "archive";  // the folder in the zip, torch's own name for it

std::string_view StorageType(DType type) {
  switch (type) {
    case DType::kFloat32:
      return "FloatStorage";
    case DType::kFloat64:
      return "DoubleStorage";
    case DType::kFloat16:
      return "HalfStorage";
    case DType::kBFloat16:
      return "BFloat16Storage";
    case DType::kInt64:
      return "LongStorage";
    case DType::kInt32:
      return "IntStorage";
    case DType::kInt16:
      return "ShortStorage";
    case DType::kInt8:
      return "CharStorage";
    case DType::kUInt8:
      return "ByteStorage";
    case DType::kBool:
      return "BoolStorage";
  }
  return {};
}

std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

void TorchWriter::Write(const Attribute& attribute) {
  struct Visitor {
    TorchWriter& writer;
    bool is_tuple;
    PickleWriter& pickle = writer.pickle_;

    void operator()(std::monostate) const { pickle.None(); }
    void operator()(bool value) const { pickle.Bool(value); }
    void operator()(std::int64_t value) const { pickle.Int(value); }
    void operator()(double value) const { pickle.Double(value); }
    void operator()(const std::string& value) const { pickle.Text(value); }
    void operator()(const Tensor& value) const { writer.Write(value); }
    void operator()(const OpaqueObject& /*value*/) const { pickle.None(); }
    void operator()(const AttributeList& list) const {
      is_tuple ? pickle.BeginTuple() : pickle.BeginList();
      for (const Attribute& item : list) writer.Write(item);
      is_tuple ? pickle.EndTuple() : pickle.EndList();
    }
    void operator()(const AttributeMap& map) const {
      pickle.BeginDict();
      for (const auto& [key, value] : map) {
        writer.Write(key);
        writer.Write(value);
      }
      pickle.EndDict();
    }
  };
  std::visit(Visitor{*this, attribute.is_tuple}, attribute.value);
}

void TorchWriter::Write(const Tensor& tensor) {
  pickle_.Global("torch._utils", "_rebuild_tensor_v2");
  pickle_.BeginTuple();
  pickle_.BeginTuple();
  pickle_.Text("storage");
  pickle_.Global("torch", StorageType(tensor.dtype));
  pickle_.Text(std::to_string(storages_.size()));
  pickle_.Text("cpu");
  pickle_.Int(tensor.numel());
  pickle_.EndTuple();
  pickle_.PersistentId();
  pickle_.Int(0);  // where it begins in the storage

  std::vector<std::int64_t> strides(tensor.shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = strides.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= tensor.shape[i];
  }
  for (const auto& numbers : {tensor.shape, strides}) {
    pickle_.BeginTuple();
    for (const std::int64_t number : numbers) pickle_.Int(number);
    pickle_.EndTuple();
  }
  pickle_.Bool(false);
  pickle_.BeginOrderedDict();  // hooks
  pickle_.EndDict();
  pickle_.EndTuple();
  pickle_.Call();
  storages_.push_back(tensor);
}

void TorchWriter::WriteParameter(const Tensor& tensor) {
  pickle_.Global("torch._utils", "_rebuild_parameter");
  pickle_.BeginTuple();
  Write(tensor);
  pickle_.Bool(tensor.requires_grad);
  pickle_.BeginOrderedDict();
  pickle_.EndDict();
  pickle_.EndTuple();
  pickle_.Call();
}

void TorchWriter::Save(const Path& file) {
  AtomicFile out(file);
  ZipWriter zip([&](std::string_view bytes) { out.Write(bytes).value(); });
  const std::string folder(kArchive);
  zip.Add(folder + "/data.pkl", AsBytes(pickle_.Finish()));
  for (std::size_t i = 0; i < storages_.size(); ++i) {
    std::vector<std::byte> room;
    zip.Add(folder + "/data/" + std::to_string(i), storages_[i].ContiguousBytes(room));
  }
  zip.Add(folder + "/version", AsBytes("3\n"));
  zip.Finish();
  out.Commit().value();
}

}  // namespace roost::yolo
