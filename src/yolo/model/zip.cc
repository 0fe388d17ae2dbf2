#include "yolo/model/zip.h"

#include <algorithm>
#include <limits>
#include <string>

#include <zlib.h>

#include "roost/base/error.h"
#include "roost/base/text.h"
#include "yolo/model/byte_reader.h"

namespace roost::yolo {
namespace {

// Record signatures, and sizes of their fixed parts.
constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEndRecord = 0x06054b50;
constexpr std::uint32_t kZip64EndRecord = 0x06064b50;
constexpr std::uint32_t kZip64Locator = 0x07064b50;
constexpr std::uint64_t kCentralHeaderSize = 46;
constexpr std::uint64_t kEndRecordSize = 22;
constexpr std::uint64_t kZip64LocatorSize = 20;
constexpr std::uint64_t kLongestComment = 65535;

// These values of the old fields mean "see the zip64 record".
constexpr std::uint16_t kSee64In16 = 0xFFFF;
constexpr std::uint32_t kSee64In32 = 0xFFFFFFFF;
constexpr std::uint16_t kZip64Extra = 0x0001;

constexpr std::uint16_t kEncryptedFlags = 0x0001 | 0x0040 | 0x2000;  // plain, strong, masked headers
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;

// Weights hardly compress, their pickle does ten times. An archive that inflates beyond this is a bomb.
constexpr std::uint64_t kInflateAllowance = std::uint64_t{64} << 20;
constexpr std::uint64_t kInflateRatio = 32;

[[noreturn]] void Fail(std::string what) { throw Error(std::move(what), ExitCode::kBadData); }

[[noreturn]] void FailEntry(const ZipArchive::Entry& entry, std::string_view what) {
  Fail("its zip entry '" + Printable(entry.name.substr(0, 100)) + "' " + std::string(what));
}

template <typename T>
T Need(std::optional<T> value, std::string_view what) {
  if (!value) Fail("the zip archive is cut off: " + std::string(what) + " is missing");
  return *value;
}

/// Where the central directory is.
struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};

/// Position of the end record: the last one in the file whose comment fits.
std::uint64_t FindEndRecord(std::span<const std::byte> file) {
  const std::uint64_t size = file.size();
  const std::uint64_t first =
      size > kEndRecordSize + kLongestComment ? size - kEndRecordSize - kLongestComment : 0;
  for (std::uint64_t at = size < kEndRecordSize ? 0 : size - kEndRecordSize + 1; at-- > first;) {
    ByteReader reader(file);
    reader.Seek(at);
    if (reader.Number<std::uint32_t>() == kEndRecord) return at;
  }
  Fail("the zip archive is cut off: its directory is missing (an interrupted download or copy?)");
}

Directory ReadEndRecord(std::span<const std::byte> file) {
  const std::uint64_t end = FindEndRecord(file);
  ByteReader reader(file);
  reader.Seek(end + 4);
  constexpr std::string_view kWhat = "the end record";
  const auto disk = Need(reader.Number<std::uint16_t>(), kWhat);
  const auto directory_disk = Need(reader.Number<std::uint16_t>(), kWhat);
  reader.Number<std::uint16_t>();  // entries on this disk
  const auto entries = Need(reader.Number<std::uint16_t>(), kWhat);
  const auto size = Need(reader.Number<std::uint32_t>(), kWhat);
  const auto offset = Need(reader.Number<std::uint32_t>(), kWhat);
  Directory directory{entries, size, offset};

  const bool see64 = entries == kSee64In16 || size == kSee64In32 || offset == kSee64In32;
  if (see64 && end >= kZip64LocatorSize) {
    reader.Seek(end - kZip64LocatorSize);
    if (reader.Number<std::uint32_t>() == kZip64Locator) {
      constexpr std::string_view kWhat64 = "the zip64 end record";
      reader.Number<std::uint32_t>();  // disk
      const auto record = Need(reader.Number<std::uint64_t>(), kWhat64);
      if (!reader.Seek(record) || reader.Number<std::uint32_t>() != kZip64EndRecord) {
        Fail("the zip archive is broken: its zip64 end record is not where it should be");
      }
      // Size of the record, two versions, two disk numbers, entries on this disk.
      reader.Bytes(8 + 2 + 2 + 4 + 4 + 8);
      directory.entries = Need(reader.Number<std::uint64_t>(), kWhat64);
      directory.size = Need(reader.Number<std::uint64_t>(), kWhat64);
      directory.offset = Need(reader.Number<std::uint64_t>(), kWhat64);
    }
  } else if (disk != 0 || directory_disk != 0) {
    Fail("it is one part of a zip archive in several parts");
  }

  if (directory.offset > end || directory.size > end - directory.offset) {
    Fail("the zip archive is broken: its directory lies outside the file");
  }
  if (directory.entries > directory.size / kCentralHeaderSize) {
    Fail("the zip archive is broken: it claims " + std::to_string(directory.entries) +
         " entries, more than its directory can hold");
  }
  return directory;
}

/// Puts the 64-bit numbers of a zip64 extra field in place of those that were too small for them.
void ReadZip64Extra(std::span<const std::byte> extra, ZipArchive::Entry& entry) {
  ByteReader fields(extra);
  while (true) {
    const auto id = fields.Number<std::uint16_t>();
    const auto length = fields.Number<std::uint16_t>();
    if (!id || !length) return;
    const auto data = fields.Bytes(*length);
    if (!data) return;
    if (*id != kZip64Extra) continue;
    ByteReader numbers(*data);
    for (std::uint64_t* number : {&entry.size, &entry.compressed_size, &entry.header_offset}) {
      if (*number != kSee64In32) continue;
      const auto value = numbers.Number<std::uint64_t>();
      if (!value) FailEntry(entry, "has a broken zip64 field");
      *number = *value;
    }
    return;
  }
}

ZipArchive::Entry ReadCentralHeader(ByteReader& reader) {
  constexpr std::string_view kWhat = "an entry of its directory";
  if (Need(reader.Number<std::uint32_t>(), kWhat) != kCentralHeader) {
    Fail("the zip archive is broken: its directory holds something that is not an entry");
  }
  ZipArchive::Entry entry;
  reader.Bytes(2 + 2);  // versions
  entry.flags = Need(reader.Number<std::uint16_t>(), kWhat);
  entry.method = Need(reader.Number<std::uint16_t>(), kWhat);
  reader.Bytes(2 + 2);  // time and date
  entry.crc = Need(reader.Number<std::uint32_t>(), kWhat);
  entry.compressed_size = Need(reader.Number<std::uint32_t>(), kWhat);
  entry.size = Need(reader.Number<std::uint32_t>(), kWhat);
  const auto name_length = Need(reader.Number<std::uint16_t>(), kWhat);
  const auto extra_length = Need(reader.Number<std::uint16_t>(), kWhat);
  const auto comment_length = Need(reader.Number<std::uint16_t>(), kWhat);
  reader.Bytes(2 + 2 + 4);  // disk, internal and external attributes
  entry.header_offset = Need(reader.Number<std::uint32_t>(), kWhat);
  entry.name = Need(reader.Text(name_length), kWhat);
  ReadZip64Extra(Need(reader.Bytes(extra_length), kWhat), entry);
  Need(reader.Bytes(comment_length), kWhat);
  return entry;
}

}  // namespace

ZipArchive::ZipArchive(SharedBytes file) : file_(std::move(file)) {
  const std::uint64_t file_size = file_.bytes.size();
  const Directory directory = ReadEndRecord(file_.bytes);
  ByteReader reader(file_.bytes.subspan(directory.offset, directory.size));
  entries_.reserve(directory.entries);
  std::uint64_t left_compressed = file_size;
  std::uint64_t left = kInflateAllowance + kInflateRatio * file_size;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const Entry entry = ReadCentralHeader(reader);
    if (entry.compressed_size > left_compressed) FailEntry(entry, "cannot fit into the file");
    if (entry.size > left) {
      FailEntry(entry, "would inflate to " + std::to_string(entry.size) + " bytes, which no weights do");
    }
    left_compressed -= entry.compressed_size;
    left -= entry.size;
    if (!index_.emplace(entry.name, entries_.size()).second) FailEntry(entry, "is there twice");
    entries_.push_back(entry);
  }
}

const ZipArchive::Entry* ZipArchive::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

SharedBytes ZipArchive::Read(const Entry& entry) const {
  const auto compressed = CompressedData(entry);
  SharedBytes content =
      entry.method == kStored ? SharedBytes{compressed, file_.owner} : Inflate(entry, compressed);
  const auto* data = reinterpret_cast<const Bytef*>(content.bytes.data());
  if (::crc32_z(0, data, content.bytes.size()) != entry.crc) {
    FailEntry(entry, "is damaged: its checksum does not match (download or copy the file again)");
  }
  return content;
}

std::span<const std::byte> ZipArchive::CompressedData(const Entry& entry) const {
  ByteReader reader(file_.bytes);
  if (!reader.Seek(entry.header_offset) || reader.Number<std::uint32_t>() != kLocalHeader) {
    FailEntry(entry, "is not where the directory says");
  }
  reader.Bytes(2);  // version
  const auto flags = Need(reader.Number<std::uint16_t>(), "a local header");
  const auto method = Need(reader.Number<std::uint16_t>(), "a local header");
  // Time, date, CRC and sizes: these are zero when a descriptor follows the data, so the directory counts.
  reader.Bytes(2 + 2 + 4 + 4 + 4);
  const auto name_length = Need(reader.Number<std::uint16_t>(), "a local header");
  const auto extra_length = Need(reader.Number<std::uint16_t>(), "a local header");

  if (((flags | entry.flags) & kEncryptedFlags) != 0) FailEntry(entry, "is encrypted");
  if (method != entry.method || reader.Text(name_length) != entry.name) {
    FailEntry(entry, "has a local header that contradicts the directory");
  }
  if (method != kStored && method != kDeflated) {
    FailEntry(entry, "is compressed with method " + std::to_string(method) + "; only deflate is known");
  }
  if (method == kStored && entry.compressed_size != entry.size) {
    FailEntry(entry, "is stored, but has two sizes");
  }
  const auto extra = reader.Bytes(extra_length);
  const auto data = reader.Bytes(entry.compressed_size);
  if (!extra || !data) FailEntry(entry, "reaches beyond the end of the file");
  return *data;
}

SharedBytes ZipArchive::Inflate(const Entry& entry, std::span<const std::byte> compressed) {
  constexpr std::uint64_t kMost = std::numeric_limits<uInt>::max();  // zlib counts in 32 bits
  if (entry.size > kMost || compressed.size() > kMost) FailEntry(entry, "is deflated and larger than 4 GB");
  auto buffer = std::make_shared_for_overwrite<std::byte[]>(entry.size);

  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error("zlib cannot start to inflate");
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(buffer.get());
  stream.avail_out = static_cast<uInt>(entry.size);
  const int result = ::inflate(&stream, Z_FINISH);
  const auto produced = stream.total_out;
  ::inflateEnd(&stream);
  if (result != Z_STREAM_END || produced != entry.size) FailEntry(entry, "cannot be inflated: it is damaged");
  return {{buffer.get(), entry.size}, buffer};
}

}  // namespace roost::yolo
