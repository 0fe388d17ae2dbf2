#include "yolo/model/zip_writer.h"

#include <algorithm>
#include <bit>

#include <zlib.h>

#include "roost/base/error.h"

namespace roost::yolo {
namespace {

static_assert(std::endian::native == std::endian::little, "zip archives are little endian, and so are we");

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint16_t kVersion = 20;       // of the format: needed for folders in names
constexpr std::uint16_t kVersionZip64 = 45;  // ... for zip64
constexpr std::uint16_t kUtf8Names = 1U << 11;
constexpr std::uint16_t kDate =
    33;  // 1980-01-01: the same network gives the same bytes, whenever it is saved
constexpr std::uint16_t kZip64Tag = 1;
constexpr std::uint16_t kPaddingTag = 0x4246;  // "FB", torch's own
constexpr std::uint64_t kLocalHeaderSize = 30;
constexpr std::uint32_t kFull32 = 0xFFFF'FFFF;
constexpr std::uint16_t kFull16 = 0xFFFF;

/// The raw bytes of numbers, one after the other.
template <typename... Numbers>
std::string Bytes(Numbers... numbers) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return bytes;
}

/// crc32() of zlib counts in 32 bits.
std::uint32_t Crc(std::span<const std::byte> content) {
  uLong crc = crc32(0, nullptr, 0);
  while (!content.empty()) {
    const std::size_t part = std::min<std::size_t>(content.size(), std::size_t{1} << 30);
    crc = crc32(crc, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(part));
    content = content.subspan(part);
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace

void ZipWriter::Write(std::string_view bytes) {
  sink_(bytes);
  position_ += bytes.size();
}

bool ZipWriter::NeedsZip64(const Entry& entry) const {
  return entry.size >= limits_.bytes || entry.header_offset >= limits_.bytes;
}

void ZipWriter::Add(std::string_view name, std::span<const std::byte> content) {
  ROOST_CHECK(!name.empty() && name.size() < kFull16, "an entry of an archive has a name of a sane length");
  const Entry entry{std::string(name), Crc(content), content.size(), position_};
  const bool zip64 = entry.size >= limits_.bytes;  // the local header does not say where it is itself
  std::string extra;
  if (zip64) extra = Bytes(kZip64Tag, std::uint16_t{16}, entry.size, entry.size);
  const std::uint64_t unpadded = position_ + kLocalHeaderSize + name.size() + extra.size() + 4;
  const std::uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  extra += Bytes(kPaddingTag, static_cast<std::uint16_t>(padding)) + std::string(padding, 'Z');

  const std::uint32_t size = zip64 ? kFull32 : static_cast<std::uint32_t>(entry.size);
  Write(Bytes(std::uint32_t{0x04034B50}, zip64 ? kVersionZip64 : kVersion, kUtf8Names, std::uint16_t{0},
              std::uint16_t{0}, kDate, entry.crc, size, size, static_cast<std::uint16_t>(name.size()),
              static_cast<std::uint16_t>(extra.size())));
  Write(name);
  Write(extra);
  Write({reinterpret_cast<const char*>(content.data()), content.size()});
  entries_.push_back(entry);
}

std::string ZipWriter::DirectoryRecord(const Entry& entry) const {
  const bool large = entry.size >= limits_.bytes;
  const bool far = entry.header_offset >= limits_.bytes;
  std::string numbers;
  if (large) numbers += Bytes(entry.size, entry.size);
  if (far) numbers += Bytes(entry.header_offset);
  std::string extra;
  if (!numbers.empty()) extra = Bytes(kZip64Tag, static_cast<std::uint16_t>(numbers.size())) + numbers;

  const std::uint16_t version = NeedsZip64(entry) ? kVersionZip64 : kVersion;
  const std::uint32_t size = large ? kFull32 : static_cast<std::uint32_t>(entry.size);
  return Bytes(std::uint32_t{0x02014B50}, version, version, kUtf8Names, std::uint16_t{0}, std::uint16_t{0},
               kDate, entry.crc, size, size, static_cast<std::uint16_t>(entry.name.size()),
               static_cast<std::uint16_t>(extra.size()), std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0},
               std::uint32_t{0}, far ? kFull32 : static_cast<std::uint32_t>(entry.header_offset)) +
         entry.name + extra;
}

void ZipWriter::Finish() {
  const std::uint64_t begin = position_;
  for (const Entry& entry : entries_) Write(DirectoryRecord(entry));
  const std::uint64_t size = position_ - begin;
  const std::uint64_t count = entries_.size();

  const bool many = count >= limits_.entries;
  const bool large = size >= limits_.bytes;
  const bool far = begin >= limits_.bytes;
  if (many || large || far) {
    const std::uint64_t end = position_;
    Write(Bytes(std::uint32_t{0x06064B50}, std::uint64_t{44}, kVersionZip64, kVersionZip64, std::uint32_t{0},
                std::uint32_t{0}, count, count, size, begin));
    Write(Bytes(std::uint32_t{0x07064B50}, std::uint32_t{0}, end, std::uint32_t{1}));
  }
  const std::uint16_t count16 = many ? kFull16 : static_cast<std::uint16_t>(count);
  Write(Bytes(std::uint32_t{0x06054B50}, std::uint16_t{0}, std::uint16_t{0}, count16, count16,
              large ? kFull32 : static_cast<std::uint32_t>(size),
              far ? kFull32 : static_cast<std::uint32_t>(begin), std::uint16_t{0}));
}

}  // namespace roost::yolo
