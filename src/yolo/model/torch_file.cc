#include "yolo/model/torch_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "roost/base/error.h"
#include "roost/base/text.h"
#include "yolo/model/byte_reader.h"
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
// The first pickle of a legacy file: protocol 2, the number 0x1950a86a20f9469cfc6c, STOP.
constexpr std::string_view kLegacyMagic{"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15};
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

}  // namespace

TorchFile::TorchFile(SharedBytes file) : file_(std::move(file)) {
  const std::string_view content = AsText(file_.bytes);
  if (content.starts_with(kZipMagic) || content.starts_with(kEmptyZipMagic)) {
    OpenZip();
  } else if (content.starts_with(kLegacyMagic)) {
    OpenLegacy();
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
void TorchFile::OpenLegacy() {
  format_ = "legacy";
  pickle_bytes_ = file_;
  TorchObjects objects;
  ByteReader reader(file_.bytes);
  reader.Seek(kLegacyMagic.size());
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
    if (declared == objects.storages().end())
      Fail("it stores " + pickle::Describe(item) + ", which nothing uses");
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
  return {view.storage->dtype, view.shape, view.strides, view.offset, storage.bytes, storage.owner};
}

std::string DescribeContent(std::span<const std::byte> bytes) {
  const std::string_view text = AsText(bytes);
  if (text.empty()) return "empty";

  struct Known {
    std::string_view magic;
    std::size_t offset;
    std::string_view what;
  };
  constexpr std::array kKnown = {
      Known{"version https://git-lfs", 0, "a git-lfs pointer, not the file itself: run 'git lfs pull'"},
      Known{"ustar", 257, "a tar archive (torch before 2017 wrote those): save it again with a newer torch"},
      Known{"\x1f\x8b", 0, "a gzip file: unpack it first"},
      Known{"BZh", 0, "a bzip2 file: unpack it first"},
      Known{"\xfd"
            "7zXZ",
            0, "an xz file: unpack it first"},
      Known{"\x28\xb5\x2f\xfd", 0, "a zstd file: unpack it first"},
      Known{"7z\xbc\xaf", 0, "a 7z archive: unpack it first"},
      Known{"Rar!", 0, "a RAR archive: unpack it first"},
      Known{"\x89PNG", 0, "a PNG picture"},
      Known{"\xff\xd8\xff", 0, "a JPEG picture"},
      Known{"RIFF", 0, "a RIFF file (a WebP picture or AVI video)"},
      Known{"ftyp", 4, "an MP4 video"},
      Known{"\x7f"
            "ELF",
            0, "an ELF program or library"},
      Known{"\x89HDF", 0, "an HDF5 file"},
      Known{"GGUF", 0, "a GGUF file"},
      Known{"%PDF", 0, "a PDF document"},
      Known{"\x93NUMPY", 0, "a NumPy array"},
      Known{"PK", 0, "a damaged zip archive"},
      Known{"\x80", 0, "a Python pickle, but not one that torch.save() wrote"},
  };
  for (const Known& known : kKnown) {
    if (text.size() >= known.offset && text.substr(known.offset).starts_with(known.magic)) {
      return std::string(known.what);
    }
  }

  const std::string_view start = text.substr(0, 4096);
  const std::string lower = ToLower(Trim(start));
  if (lower.starts_with("<!doc") || lower.starts_with("<html") || lower.starts_with("<head")) {
    return "an HTML page (a failed download?)";
  }
  if (lower.starts_with("<?xml")) return "an XML document (a failed download?)";
  const auto is_text = [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\r' || c == '\t';
  };
  if (start.find_first_not_of('\0') == std::string_view::npos) {
    return "nothing but zero bytes at its start (an interrupted download or copy?)";
  }
  // The last character may be cut by the substr above, so the encoding of all but a few bytes counts.
  if (std::all_of(start.begin(), start.end(), is_text) && (start.size() == 4096 || IsUtf8(start))) {
    return "a text file: '" + Printable(Trim(start).substr(0, 40)) + "'...";
  }
  return "not a file that torch.save() wrote";
}

}  // namespace roost::yolo
