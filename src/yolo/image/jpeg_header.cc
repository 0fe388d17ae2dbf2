#include "yolo/image/jpeg_header.h"

#include <cstdint>

#include "yolo/image/exif.h"

namespace roost::yolo {
namespace {

constexpr unsigned kStartOfImage = 0xFFD8;
constexpr unsigned kStartOfScan = 0xDA;
constexpr unsigned kApp1 = 0xE1;
constexpr std::string_view kExif{"Exif\0\0", 6};

// Three times what the largest cameras make; 200 MB when decoded.
constexpr std::uint64_t kHugePixels = std::uint64_t{1} << 26;
// Every block of 8x8 pixels takes a bit at the very least: its DC coefficient (ITU-T T.81, F.1.2.1).
constexpr std::uint64_t kMostPixelsPerByte = std::uint64_t{8} * 8 * 8;

/// Markers of frames: SOF0 to SOF15, without what else lies between them (DHT, JPG, DAC).
bool IsFrame(unsigned marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Markers of Huffman-coded frames. Arithmetic coding (SOF9 and up) has no least size per block.
bool IsHuffmanFrame(unsigned marker) { return marker <= 0xC7; }

/// Markers that stand alone: TEM and the restarts.
bool HasNoLength(unsigned marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7); }

}  // namespace

std::optional<JpegHeader> ReadJpegHeader(std::string_view bytes) {
  const auto byte = [&](std::size_t at) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[at]));
  };
  const auto word = [&](std::size_t at) { return byte(at) << 8U | byte(at + 1); };
  constexpr std::size_t kFrameHeader = 9;  // up to its width: marker, length, precision, height, width
  if (bytes.size() < 2 || word(0) != kStartOfImage) return std::nullopt;
  JpegHeader header;
  for (std::size_t at = 2; bytes.size() - at >= kFrameHeader;) {
    const unsigned marker = byte(at + 1);
    if (byte(at) != 0xFF || marker == kStartOfScan) return std::nullopt;
    if (marker == 0xFF) {  // fill
      ++at;
    } else if (HasNoLength(marker)) {
      at += 2;
    } else if (IsFrame(marker)) {
      header.stored = {word(at + 5), word(at + 7)};
      header.huffman_coded = IsHuffmanFrame(marker);
      return header;
    } else {
      const std::size_t length = word(at + 2);
      if (length < 2 || length > bytes.size() - at - 2) return std::nullopt;
      const std::string_view content = bytes.substr(at + 4, length - 2);
      if (marker == kApp1 && content.starts_with(kExif)) {
        header.orientation = ExifOrientation(content.substr(kExif.size()));
      }
      at += 2 + length;
    }
  }
  return std::nullopt;
}

bool IsJpegBomb(std::string_view bytes) {
  const auto header = ReadJpegHeader(bytes);
  if (!header || !header->huffman_coded) return false;
  const auto pixels = static_cast<std::uint64_t>(header->stored.height * header->stored.width);
  return pixels > kHugePixels && pixels / kMostPixelsPerByte > bytes.size();
}

}  // namespace roost::yolo
