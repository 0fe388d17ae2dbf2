#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "yolo/model/shared_bytes.h"

namespace roost::yolo {

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

  /// Reads the central directory. Refuses two entries of one name, since readers disagree which one counts,
  /// and entries that together would inflate to far more than weights do.
  explicit ZipArchive(SharedBytes file);

  const std::vector<Entry>& entries() const { return entries_; }
  /// Null where there is none.
  const Entry* Find(std::string_view name) const;

  /// The content, its CRC checked: a view of the archive where it is stored, a new buffer where it is
  /// deflated.
  SharedBytes Read(const Entry& entry) const;

 private:
  std::span<const std::byte> CompressedData(const Entry& entry) const;
  static SharedBytes Inflate(const Entry& entry, std::span<const std::byte> compressed);

  SharedBytes file_;
  std::vector<Entry> entries_;
  std::map<std::string_view, std::size_t> index_;  ///< no hash table: a file could choose names that collide
};

}  // namespace roost::yolo
