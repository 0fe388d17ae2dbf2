#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace roost::yolo {

/// Writes a zip archive front to back, as torch.save() does: entries are stored, not deflated, and the bytes
/// of each begin at a multiple of 64, so that a reader may map them. Zip64 records are there only where a
/// number does not fit without.
///
/// Format: PKWARE APPNOTE.TXT. The counterpart is ZipArchive.
class ZipWriter {
 public:
  /// Takes the next bytes of the archive; what it throws leaves through Add() and Finish().
  using Sink = std::function<void(std::string_view bytes)>;

  /// The numbers from which on zip64 is needed. Tests set smaller ones.
  struct Limits {
    std::uint64_t bytes = 0xFFFF'FFFF;  ///< of sizes and positions
    std::uint64_t entries = 0xFFFF;
  };

  explicit ZipWriter(Sink sink) : ZipWriter(std::move(sink), Limits{}) {}
  ZipWriter(Sink sink, Limits limits) : sink_(std::move(sink)), limits_(limits) {}

  /// An entry; its name is a plain path of at most 65535 bytes that no other entry has.
  void Add(std::string_view name, std::span<const std::byte> content);

  /// Writes the directory. Nothing may follow.
  void Finish();

 private:
  struct Entry {
    std::string name;
    std::uint32_t crc = 0;
    std::uint64_t size = 0;
    std::uint64_t header_offset = 0;
  };

  void Write(std::string_view bytes);
  bool NeedsZip64(const Entry& entry) const;
  std::string DirectoryRecord(const Entry& entry) const;

  Sink sink_;
  Limits limits_;
  std::uint64_t position_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace roost::yolo
