#include "yolo/image/mosaic_picture.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "yolo/image/mat.h"
#include "yolo/image/warp.h"

namespace roost::yolo {
namespace {

constexpr double kLargestSide = 1920;

/// `planes` as a picture; `byte` says what becomes of each number.
template <typename Number, typename ToByte>
Image FromAnyPlanes(std::span<const Number> planes, Size size, ToByte byte) {
  const auto pixels = static_cast<std::size_t>(size.height * size.width);
  ROOST_CHECK(planes.size() == 3 * pixels, "planes of another size than the picture");
  Image image(size, {});
  std::uint8_t* bgr = image.pixels().data();
  for (std::size_t i = 0; i < pixels; ++i, bgr += 3) {
    bgr[0] = byte(planes[2 * pixels + i]);
    bgr[1] = byte(planes[pixels + i]);
    bgr[2] = byte(planes[i]);
  }
  return image;
}

/// Where pictures go.
struct Layout {
  std::int64_t per_side = 1;
  Size cell;  ///< of each

  Size Whole() const { return {per_side * cell.height, per_side * cell.width}; }

  cv::Rect Cell(std::size_t picture) const {
    const auto number = static_cast<std::int64_t>(picture);
    return {static_cast<int>(number / per_side * cell.width),
            static_cast<int>(number % per_side * cell.height), static_cast<int>(cell.width),
            static_cast<int>(cell.height)};
  }
};

Layout LayoutOf(std::size_t pictures, Size size) {
  Layout layout;
  layout.per_side = std::llrint(std::ceil(std::sqrt(static_cast<double>(pictures))));
  const auto longer = static_cast<double>(std::max(size.height, size.width));
  const double scale = std::min(kLargestSide / static_cast<double>(layout.per_side) / longer, 1.0);
  const auto scaled = [&](std::int64_t side) {
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(side) * scale));
  };
  layout.cell = {scaled(size.height), scaled(size.width)};
  return layout;
}

void DrawBoxes(Image& image, std::size_t picture, std::span<const MarkedBox> boxes, const DrawStyle& style) {
  const auto width = static_cast<float>(image.size().width);
  const auto height = static_cast<float>(image.size().height);
  const auto within = [](float fraction) { return std::clamp(fraction, 0.0F, 1.0F); };
  for (const MarkedBox& marked : boxes) {
    if (marked.picture != picture) continue;
    const Box& box = marked.box;
    DrawBox(
        image,
        {within(box.x1) * width, within(box.y1) * height, within(box.x2) * width, within(box.y2) * height},
        marked.label, marked.color, style);
  }
}

/// In the upper left corner; text that can be read on any background: light, with a dark rim.
void DrawTitle(Image& image, const std::string& title) {
  constexpr std::size_t kLongest = 40;  // characters
  const std::string text = Printable(title).substr(0, kLongest);
  const double font = std::clamp(static_cast<double>(image.size().height) / 700.0, 0.35, 1.0);
  const cv::Point baseline(5, 5 + static_cast<int>(std::lrint(font * 22)));
  cv::Mat picture = AsMat(image);
  cv::putText(picture, text, baseline, cv::FONT_HERSHEY_SIMPLEX, font, cv::Scalar(0, 0, 0), 3, cv::LINE_AA);
  cv::putText(picture, text, baseline, cv::FONT_HERSHEY_SIMPLEX, font, cv::Scalar(220, 220, 220), 1,
              cv::LINE_AA);
}

}  // namespace

Image FromPlanes(std::span<const std::uint8_t> planes, Size size) {
  return FromAnyPlanes(planes, size, [](std::uint8_t value) { return value; });
}

Image FromPlanes(std::span<const float> planes, Size size) {
  return FromAnyPlanes(planes, size, [](float value) {
    return static_cast<std::uint8_t>(std::lrint(std::clamp(value, 0.0F, 1.0F) * 255.0F));
  });
}

Image MosaicPicture(std::span<const Image> pictures, std::span<const MarkedBox> boxes,
                    std::span<const std::string> titles) {
  pictures = pictures.first(std::min(pictures.size(), kMosaicPictures));
  ROOST_CHECK(!pictures.empty(), "a mosaic of no pictures");
  const Layout layout = LayoutOf(pictures.size(), pictures.front().size());
  Image mosaic(layout.Whole(), {255, 255, 255});
  const cv::Mat canvas = AsMat(mosaic);
  const DrawStyle style{std::max(static_cast<int>(std::lrint(canvas.cols * 0.001)), 1)};
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    // Drawn apart from the others: names of objects at its right side do not run into the next picture.
    Image scaled = Resize(pictures[i], layout.cell, /*average=*/true);
    DrawBoxes(scaled, i, boxes, style);
    const cv::Mat picture = AsMat(scaled);
    cv::rectangle(picture, {0, 0, picture.cols, picture.rows}, cv::Scalar(255, 255, 255), 1);
    if (i < titles.size()) DrawTitle(scaled, titles[i]);
    picture.copyTo(canvas(layout.Cell(i)));
  }
  return mosaic;
}

}  // namespace roost::yolo
