#include "yolo/image/exif.h"

#include <cstddef>
#include <cstdint>

namespace roost::yolo {
namespace {

constexpr unsigned kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;  // tag, type, count, value

}  // namespace

int ExifOrientation(std::string_view tiff) {
  constexpr int kUpright = 1;
  const bool little = tiff.starts_with("II");
  if (!little && !tiff.starts_with("MM")) return kUpright;
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t place = little ? at + bytes - 1 - i : at + i;
      value = value << 8U | static_cast<unsigned char>(tiff[place]);
    }
    return value;
  };
  if (tiff.size() < 8) return kUpright;
  std::size_t at = number(4, 4);  // of the first directory
  if (at > tiff.size() || tiff.size() - at < 2) return kUpright;
  std::size_t entries = number(at, 2);
  for (at += 2; entries > 0 && tiff.size() - at >= kEntryBytes; --entries, at += kEntryBytes) {
    if (number(at, 2) != kOrientationTag) continue;
    const std::uint32_t orientation = number(at + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : kUpright;
  }
  return kUpright;
}

}  // namespace roost::yolo
