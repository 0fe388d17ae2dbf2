#include "yolo/model/torch_file.h"

#include "roost/base/error.h"
#include "roost/base/text.h"
#include "yolo/model/byte_reader.h"
#include "yolo/model/content_kind.h"
#include "yolo/model/torch_objects.h"

namespace roost::yolo {
namespace {

using pickle::As;
using pickle::Behind;
using pickle::Dict;
using pickle::List;
using pickle::Value;

constexpr std::string_view kZipMagic{"PK\x03\x04", 4};
constexpr std::string_view kEmptyZipMagic{"PK\x05\x06", 4};
// The first pickle of a legacy file: protocol, since protocol 4 a frame, then this: the number
// 0x1950a86a20f9469cfc6c, STOP.
constexpr std::string_view kLegacyMagic{"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 13};
constexpr char kPickleStart = '\x80';
constexpr std::int64_t kLegacyProtocol = 1001;

// The pickle of YOLOv5x6 in training has 1 MB.
constexpr std::uint64_t kMaxPickleSize = std::uint64_t{64} << 20;

[[noreturn]] void Fail(std::string what, std::string hint = {}) {
  throw Error(std::move(what), ExitCode::kBadData, std::move(hint));
}

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t ByteSize(const pickle::StorageRef& storage) {
  return static_cast<std::uint64_t>(storage.key_numel) * SizeOf(storage.dtype);
}

std::string Quoted(std::string_view key) { return "'" + Printable(key.substr(0, 60)) + "'"; }

/// The one entry PREFIX/data.pkl; PREFIX is the folder torch.save() made up from the file's name.
const ZipArchive::Entry& FindPickle(const ZipArchive& zip) {
  const ZipArchive::Entry* pickle = nullptr;
  for (const auto& entry : zip.entries()) {
    if (!entry.name.ends_with("/data.pkl")) continue;
    if (pickle != nullptr) Fail("it is a zip archive with two data.pkl");
    pickle = &entry;
  }
  if (pickle == nullptr) Fail("it is a zip archive without data.pkl, so not a checkpoint");
  return *pickle;
}

/// Size of the pickle that a legacy stream begins with; nothing where `content` is no such stream.
std::optional<std::size_t> LegacyMagicSize(std::string_view content) {
  if (!content.starts_with(kPickleStart)) return std::nullopt;
  for (const std::size_t before : {2U, 2U + 9U}) {  // protocol; frame with its size of 8 bytes
    if (content.size() > before && content.substr(before).starts_with(kLegacyMagic)) {
      return before + kLegacyMagic.size();
    }
  }
  return std::nullopt;
}

}  // namespace

TorchFile::TorchFile(SharedBytes file) : file_(std::move(file)) {
  const std::string_view content = AsText(file_.bytes);
  if (content.starts_with(kZipMagic) || content.starts_with(kEmptyZipMagic)) {
    OpenZip();
  } else if (const auto magic_size = LegacyMagicSize(content)) {
    OpenLegacy(*magic_size);
  } else {
    Fail("it is " + DescribeContent(file_.bytes));
  }
}

void TorchFile::OpenZip() {
  format_ = "zip";
  zip_.emplace(file_);
  const ZipArchive::Entry& entry = FindPickle(*zip_);
  const std::string prefix(entry.name.substr(0, entry.name.size() - std::string_view("data.pkl").size()));
  if (zip_->Find(prefix + "constants.pkl") != nullptr) {
    Fail("it is a TorchScript archive, and TorchScript is not supported yet",
         "Use the .pt checkpoint that it was exported from.");
  }
  if (const auto* order = zip_->Find(prefix + "byteorder")) {
    if (Trim(AsText(zip_->Read(*order).bytes)) != "little") Fail("it was written on a big endian machine");
  }
  if (entry.size > kMaxPickleSize) {
    Fail("its data.pkl of " + std::to_string(entry.size) + " bytes is larger than any checkpoint's");
  }
  storage_prefix_ = prefix + "data/";
  pickle_bytes_ = zip_->Read(entry);

  TorchObjects objects;
  root_ = pickle::Unpickle(pickle_bytes_.bytes, objects, heap_).value;
  for (const auto& [key, storage] : objects.storages()) {
    const auto* record = zip_->Find(storage_prefix_ + std::string(key));
    if (record == nullptr) Fail("it lacks the data of storage " + Quoted(key));
    if (record->size != ByteSize(*storage)) {
      Fail("storage " + Quoted(key) + " should have " + std::to_string(ByteSize(*storage)) +
           " bytes but has " + std::to_string(record->size));
    }
    storage_size_ += static_cast<std::int64_t>(record->size);
  }
}

/// Magic number, protocol, properties of the machine, the object, a list of storage keys; then for each key
/// the number of elements and the elements.
void TorchFile::OpenLegacy(std::size_t magic_size) {
  format_ = "legacy";
  pickle_bytes_ = file_;
  TorchObjects objects;
  ByteReader reader(file_.bytes);
  reader.Seek(magic_size);
  const auto next = [&] {
    const auto read = pickle::Unpickle(file_.bytes.subspan(reader.position()), objects, heap_);
    reader.Seek(reader.position() + read.bytes_used);
    return read.value;
  };

  const Value protocol = next();
  if (As<std::int64_t>(protocol) == nullptr || *As<std::int64_t>(protocol) != kLegacyProtocol) {
    Fail("its legacy container has protocol " + pickle::Describe(protocol) + ", not 1001");
  }
  const Value properties = next();
  const auto* machine = Behind<Dict>(properties);
  const Value* little_endian = machine == nullptr ? nullptr : machine->Find("little_endian");
  if (little_endian == nullptr || As<bool>(*little_endian) == nullptr) {
    Fail("its legacy container does not describe the machine that wrote it");
  }
  if (!*As<bool>(*little_endian)) Fail("it was written on a big endian machine");
  root_ = next();

  const Value keys = next();
  const auto* list = Behind<List>(keys);
  if (list == nullptr) Fail("its list of storages is " + pickle::Describe(keys));
  for (const Value& item : list->items) {
    const auto* key = As<std::string_view>(item);
    const auto declared = key == nullptr ? objects.storages().end() : objects.storages().find(*key);
    if (declared == objects.storages().end()) {
      Fail("it stores " + pickle::Describe(item) + ", which nothing uses");
    }
    const auto numel = reader.Number<std::int64_t>();
    if (!numel) Fail("it is cut off (an interrupted download or copy?)");
    if (*numel != declared->second->key_numel) {
      Fail("storage " + Quoted(*key) + " should have " + std::to_string(declared->second->key_numel) +
           " elements but has " + std::to_string(*numel));
    }
    const auto data = reader.Bytes(ByteSize(*declared->second));
    if (!data) Fail("it is cut off (an interrupted download or copy?)");
    storages_.insert_or_assign(*key, SharedBytes{*data, file_.owner});
    storage_size_ += static_cast<std::int64_t>(data->size());
  }
  for (const auto& [key, storage] : objects.storages()) {
    if (!storages_.contains(key)) Fail("it lacks the data of storage " + Quoted(key));
  }
}

const SharedBytes& TorchFile::StorageBytes(std::string_view key) {
  const auto found = storages_.find(key);
  if (found != storages_.end()) return found->second;
  const auto* record = zip_->Find(storage_prefix_ + std::string(key));  // there: OpenZip() looked
  return storages_.emplace(key, zip_->Read(*record)).first->second;
}

Tensor TorchFile::Read(const pickle::TensorView& view) {
  const SharedBytes& storage = StorageBytes(view.storage->key);
  return {view.storage->dtype, view.shape,    view.strides,      view.offset,
          storage.bytes,       storage.owner, view.requires_grad};
}

}  // namespace roost::yolo
