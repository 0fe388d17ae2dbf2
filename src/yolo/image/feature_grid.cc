#include <algorithm>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "roost/yolo/image.h"
#include "yolo/image/mat.h"

namespace roost::yolo {

Image FeatureGrid(std::span<const float> maps, Size size) {
  constexpr std::int64_t kMaxMaps = 32;  // the reference shows as many, 8 in a row
  constexpr std::int64_t kPerRow = 8;
  constexpr std::int64_t kLeastSide = 160;  // of a map on the picture
  constexpr std::int64_t kGap = 8;

  const auto per_map = static_cast<std::size_t>(size.height * size.width);
  const std::int64_t count = std::min(kMaxMaps, static_cast<std::int64_t>(maps.size() / per_map));
  const std::int64_t scale = std::max<std::int64_t>(1, kLeastSide / std::min(size.height, size.width));
  const Size tile{size.height * scale, size.width * scale};
  const std::int64_t rows = (count + kPerRow - 1) / kPerRow;
  const std::int64_t columns = std::min(count, kPerRow);
  Image grid({rows * (tile.height + kGap) + kGap, columns * (tile.width + kGap) + kGap}, {255, 255, 255});
  const cv::Mat canvas = AsMat(grid);
  for (std::int64_t i = 0; i < count; ++i) {
    // OpenCV has no read-only matrix; normalize() only reads.
    const cv::Mat map(static_cast<int>(size.height), static_cast<int>(size.width), CV_32F,
                      const_cast<float*>(maps.subspan(static_cast<std::size_t>(i) * per_map).data()));
    cv::Mat grey, colored;
    cv::normalize(map, grey, 0, 255, cv::NORM_MINMAX, CV_8U);
    cv::applyColorMap(grey, colored, cv::COLORMAP_VIRIDIS);
    const cv::Rect place(static_cast<int>(kGap + i % kPerRow * (tile.width + kGap)),
                         static_cast<int>(kGap + i / kPerRow * (tile.height + kGap)),
                         static_cast<int>(tile.width), static_cast<int>(tile.height));
    cv::Mat target = canvas(place);
    cv::resize(colored, target, target.size(), 0, 0, cv::INTER_NEAREST);
  }
  return grid;
}

}  // namespace roost::yolo
