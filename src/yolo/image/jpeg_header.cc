#include "yolo/image/jpeg_header.h"

#include <cstdint>
#include <optional>

namespace roost::yolo {
namespace {

constexpr unsigned kStartOfImage = 0xFFD8;
constexpr unsigned kStartOfScan = 0xDA;

// Three times what the largest cameras make; 200 MB when decoded.
constexpr std::uint64_t kHugePixels = std::uint64_t{1} << 26;
// Every block of 8x8 pixels takes a bit at the very least: its DC coefficient (ITU-T T.81, F.1.2.1).
constexpr std::uint64_t kMostPixelsPerByte = std::uint64_t{8} * 8 * 8;

/// Markers of Huffman-coded frames. Arithmetic coding (SOF9 and up) has no least size per block.
bool IsHuffmanFrame(unsigned marker) { return marker >= 0xC0 && marker <= 0xC7 && marker != 0xC4; }

/// Markers that stand alone: TEM and the restarts.
bool HasNoLength(unsigned marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7); }

/// Height times width as the header of a Huffman-coded JPEG declares them.
std::optional<std::uint64_t> DeclaredPixels(std::string_view bytes) {
  const auto byte = [&](std::size_t at) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[at]));
  };
  const auto word = [&](std::size_t at) { return byte(at) << 8U | byte(at + 1); };
  constexpr std::size_t kFrameHeader = 9;  // up to its width: marker, length, precision, height, width
  if (bytes.size() < 2 || word(0) != kStartOfImage) return std::nullopt;
  for (std::size_t at = 2; bytes.size() - at >= kFrameHeader;) {
    const unsigned marker = byte(at + 1);
    if (byte(at) != 0xFF || marker == kStartOfScan) return std::nullopt;
    if (marker == 0xFF) {  // fill
      ++at;
    } else if (HasNoLength(marker)) {
      at += 2;
    } else if (IsHuffmanFrame(marker)) {
      return std::uint64_t{word(at + 5)} * word(at + 7);
    } else {
      const std::size_t length = word(at + 2);
      if (length > bytes.size() - at - 2) return std::nullopt;
      at += 2 + length;
    }
  }
  return std::nullopt;
}

}  // namespace

bool IsJpegBomb(std::string_view bytes) {
  const auto pixels = DeclaredPixels(bytes);
  return pixels && *pixels > kHugePixels && *pixels / kMostPixelsPerByte > bytes.size();
}

}  // namespace roost::yolo
