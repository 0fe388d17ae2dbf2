#include "yolo/data/npy.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);  // and the format's version, 1.0
constexpr std::size_t kPrefix = kMagic.size() + 2;          // and two bytes of header length

/// The shape in a header like {'descr': '|u1', 'fortran_order': False, 'shape': (480, 640, 3), }.
std::optional<Size> PictureSize(std::string_view header) {
  if (header.find("'descr': '|u1'") == std::string_view::npos) return std::nullopt;
  if (header.find("'fortran_order': False") == std::string_view::npos) return std::nullopt;
  const std::size_t open = header.find('(');
  const std::size_t close = header.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const auto sides = SplitAny(header.substr(open + 1, close - open - 1), ", ");
  if (sides.size() != 3 || sides[2] != "3") return std::nullopt;
  const auto height = ParseInt(sides[0]);
  const auto width = ParseInt(sides[1]);
  constexpr std::int64_t kMostSide = 1 << 20;  // OpenCV's
  if (!height || !width || *height < 1 || *width < 1 || *height > kMostSide || *width > kMostSide) {
    return std::nullopt;
  }
  return Size{*height, *width};
}

}  // namespace

Result<Image> ReadNpyImage(const Path& path) {
  const auto bytes = ReadRegularFile(path);
  if (!bytes) return bytes.error();
  const std::string_view all = *bytes;
  const Error unusable("'" + path.string() + "' is not an array of height x width x 3 bytes",
                       ExitCode::kBadData);
  if (!all.starts_with(kMagic) || all.size() < kPrefix) return unusable;
  const auto byte = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(all[at]));
  };
  const std::size_t header = byte(kPrefix - 2) + 256 * byte(kPrefix - 1);
  const auto size = PictureSize(all.substr(kPrefix, header));
  if (!size || all.size() != kPrefix + header + static_cast<std::size_t>(size->height * size->width * 3)) {
    return unusable;
  }
  Image image(*size, {0, 0, 0});
  std::ranges::copy(all.substr(kPrefix + header), image.pixels().begin());
  return image;
}

Result<void> WriteNpyImage(const Image& image, const Path& path) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                       std::to_string(image.size().height) + ", " + std::to_string(image.size().width) +
                       ", 3), }";
  constexpr std::size_t kAlignment = 64;  // of the array, with a line end before it
  header.append(kAlignment - 1 - (kPrefix + header.size()) % kAlignment, ' ');
  header += '\n';
  const std::string length = {static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  const auto pixels = image.pixels();
  try {
    AtomicFile file(path);
    for (const std::string_view part :
         {kMagic, std::string_view(length), std::string_view(header),
          std::string_view(reinterpret_cast<const char*>(pixels.data()), pixels.size())}) {
      if (auto written = file.Write(part); !written) return written;
    }
    return file.Commit(AtomicFile::Sync::kNo);  // it can be made again
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace roost::yolo
