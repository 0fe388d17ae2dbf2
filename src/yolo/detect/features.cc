#include "yolo/detect/features.h"

#include <bit>
#include <cstring>
#include <string_view>

#include "roost/yolo/image.h"

namespace roost::yolo {
namespace {

/// NumPy's format 1.0 (numpy.lib.format): magic, length of the header, a Python dictionary padded with spaces
/// to a multiple of 64 bytes, the numbers.
std::string Npy(const LayerMaps& maps) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kPrefix = 10;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(maps.channels) +
                       ", " + std::to_string(maps.height) + ", " + std::to_string(maps.width) + "), }";
  while ((kPrefix + header.size() + 1) % kAlignment != 0) header += ' ';
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xFFU);
  file += static_cast<char>(header.size() >> 8U);
  file += header;
  const auto* first = reinterpret_cast<const char*>(maps.values.data());
  return file.append(first, maps.values.size() * sizeof(float));
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> FeatureFiles(const std::vector<LayerMaps>& layers) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const LayerMaps& maps : layers) {
    if (maps.height < 2 || maps.width < 2) continue;
    const std::string_view class_name =
        std::string_view(maps.class_name).substr(maps.class_name.rfind('.') + 1);
    const std::string stem =
        "stage" + std::to_string(maps.layer) + "_" + std::string(class_name) + "_features";
    auto picture = EncodeImage(FeatureGrid(maps.values, {maps.height, maps.width}), ".png");
    if (!picture) return picture.error();
    files.emplace_back(stem + ".png", std::move(*picture));
    files.emplace_back(stem + ".npy", Npy(maps));
  }
  return files;
}

}  // namespace roost::yolo
