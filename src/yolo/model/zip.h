#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace roost::yolo {

/// Bytes, and what keeps them alive.
struct SharedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

/// A zip archive that lies in memory (a mapped file). Trusts nothing it reads: whatever does not fit the file
/// throws Error (bad data). Nothing is ever written to disk, so names like "../x" are only names.
///
/// Format: PKWARE APPNOTE.TXT, with zip64. Archives in several parts or behind a prefix are not supported.
class ZipArchive {
 public:
  struct Entry {
    std::string_view name;
    std::uint16_t flags = 0;
    std::uint16_t method = 0;
    std::uint32_t crc = 0;
    std::uint64_t compressed_size = 0;
    std::uint64_t size = 0;
    std::uint64_t header_offset = 0;  ///< of the local header
  };

  /// Reads the central directory. Two entries of one name are refused: readers disagree which one counts.
  explicit ZipArchive(SharedBytes file);

  const std::vector<Entry>& entries() const { return entries_; }
  /// Null where there is none.
  const Entry* Find(std::string_view name) const;

  /// The content, its CRC checked: a view of the archive where it is stored, a new buffer where it is
  /// deflated. What one archive may inflate to in total is bounded.
  SharedBytes Read(const Entry& entry);

 private:
  std::span<const std::byte> CompressedData(const Entry& entry) const;
  SharedBytes Inflate(const Entry& entry, std::span<const std::byte> compressed);

  SharedBytes file_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::uint64_t inflate_budget_ = 0;
};

}  // namespace roost::yolo
