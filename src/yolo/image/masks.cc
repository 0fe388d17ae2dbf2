#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "roost/yolo/image.h"
#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

constexpr float kAlpha = 0.5F;  // the reference's: 0 = transparent, 1 = opaque

/// The pixels of a mask's part as OpenCV sees them; only to be read.
cv::Mat AsMat(const Mask& mask) {
  return {static_cast<int>(mask.size.height), static_cast<int>(mask.size.width), CV_8UC1,
          const_cast<std::uint8_t*>(mask.pixels.data())};
}

cv::Rect PlaceOf(const Mask& mask) {
  return {static_cast<int>(mask.left), static_cast<int>(mask.top), static_cast<int>(mask.size.width),
          static_cast<int>(mask.size.height)};
}

/// Where the picture lies in the padded network input. The reference computes it again from the two sizes
/// (scale_image), a little different from what letterbox did; so do we.
cv::Rect PictureIn(Size padded, Size original) {
  const double gain = std::min(static_cast<double>(padded.height) / static_cast<double>(original.height),
                               static_cast<double>(padded.width) / static_cast<double>(original.width));
  const auto side = [&](std::int64_t outer, std::int64_t inner) {
    const double padding = (static_cast<double>(outer) - static_cast<double>(inner) * gain) / 2;
    const int begin = static_cast<int>(padding);
    return cv::Range(begin, std::max(begin + 1, static_cast<int>(static_cast<double>(outer) - padding)));
  };
  const cv::Range rows = side(padded.height, original.height);
  const cv::Range columns = side(padded.width, original.width);
  return {columns.start, rows.start, columns.size(), rows.size()};
}

/// Colours that add up over the pixels of the network input, each mask at half the strength of what the ones
/// before it left over.
class Tint {
 public:
  explicit Tint(Size size)
      : width_(static_cast<std::size_t>(size.width)),
        left_over_(static_cast<std::size_t>(size.height) * width_, 1.0F),
        sums_(left_over_.size()) {}

  void Add(const Mask& mask, Color color) {
    std::array<float, 3> share{};
    for (std::size_t i = 0; i < 3; ++i) share[i] = static_cast<float>(color[i]) / 255.0F * kAlpha;
    const std::uint8_t* pixel = mask.pixels.data();
    for (std::int64_t row = 0; row < mask.size.height; ++row) {
      std::size_t at =
          static_cast<std::size_t>(mask.top + row) * width_ + static_cast<std::size_t>(mask.left);
      for (std::int64_t column = 0; column < mask.size.width; ++column, ++at) {
        if (*pixel++ == 0) continue;
        left_over_[at] *= 1.0F - kAlpha;
        for (std::size_t i = 0; i < 3; ++i) sums_[at][i] += share[i] * left_over_[at];
      }
    }
  }

  /// Float32 in the reference's order, down to the cut at the end: it makes some untouched pixels darker by
  /// one.
  void ApplyTo(Image& padded) const {
    std::uint8_t* value = padded.pixels().data();
    for (std::size_t at = 0; at < left_over_.size(); ++at) {
      for (std::size_t i = 0; i < 3; ++i, ++value) {
        const float scaled = static_cast<float>(*value) / 255.0F;
        *value = static_cast<std::uint8_t>((scaled * left_over_[at] + sums_[at][i] * 2) * 255.0F);
      }
    }
  }

 private:
  std::size_t width_;
  std::vector<float> left_over_;  ///< of the picture, per pixel
  std::vector<std::array<float, 3>> sums_;
};

void DrawOnNetworkInput(Image& image, const LetterboxPlan& plan, std::span<const Mask> masks,
                        std::span<const Color> colors) {
  Tint tint(plan.padded());
  for (std::size_t i = 0; i < masks.size(); ++i) tint.Add(masks[i], colors[i]);
  Image padded = Letterbox(image, plan);
  tint.ApplyTo(padded);
  cv::Mat picture = AsMat(image);
  cv::resize(AsMat(padded)(PictureIn(plan.padded(), image.size())), picture, picture.size(), 0, 0,
             cv::INTER_LINEAR);
}

void DrawOnPicture(Image& image, std::span<const Mask> masks, std::span<const Color> colors) {
  cv::Mat picture = AsMat(image);
  cv::Mat sums(picture.size(), CV_32SC3, cv::Scalar::all(0));
  cv::Mat covered(picture.size(), CV_8UC1, cv::Scalar::all(0));
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (masks[i].pixels.empty()) continue;
    cv::Mat whole(static_cast<int>(masks[i].input.height), static_cast<int>(masks[i].input.width), CV_8UC1,
                  cv::Scalar::all(0));
    AsMat(masks[i]).copyTo(whole(PlaceOf(masks[i])));
    cv::Mat scaled;
    cv::resize(whole(PictureIn(masks[i].input, image.size())), scaled, picture.size(), 0, 0,
               cv::INTER_LINEAR);
    const Color& color = colors[i];
    cv::add(sums, cv::Scalar(color[0], color[1], color[2]), sums, scaled);
    covered |= scaled;
  }
  for (int row = 0; row < picture.rows; ++row) {
    for (int column = 0; column < picture.cols; ++column) {
      if (covered.at<std::uint8_t>(row, column) == 0) continue;
      auto& pixel = picture.at<cv::Vec3b>(row, column);
      const auto& sum = sums.at<cv::Vec3i>(row, column);
      for (int i = 0; i < 3; ++i) {
        pixel[i] = static_cast<std::uint8_t>((std::min(sum[i], 255) + pixel[i]) / 2);  // kAlpha is one half
      }
    }
  }
}

}  // namespace

Polygon LargestContour(const Mask& mask) {
  if (mask.pixels.empty()) return {};
  std::vector<std::vector<cv::Point>> contours;
  cv::findContours(AsMat(mask), contours, cv::RETR_EXTERNAL, cv::CHAIN_APPROX_SIMPLE, PlaceOf(mask).tl());
  const auto largest = std::max_element(contours.begin(), contours.end(),
                                        [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (largest == contours.end()) return {};
  Polygon polygon;
  polygon.reserve(largest->size());
  for (const cv::Point& point : *largest) {
    polygon.push_back({static_cast<float>(point.x), static_cast<float>(point.y)});
  }
  return polygon;
}

void DrawMasks(Image& image, const LetterboxPlan& plan, std::span<const Mask> masks,
               std::span<const Color> colors, MaskStyle style) {
  ROOST_CHECK(masks.size() == colors.size(), "a colour for each mask");
  if (masks.empty()) return;
  try {
    switch (style) {
      case MaskStyle::kNetwork:
        return DrawOnNetworkInput(image, plan, masks, colors);
      case MaskStyle::kRetina:
        return DrawOnPicture(image, masks, colors);
    }
  } catch (const cv::Exception& error) {
    throw Error("cannot draw masks: " + FirstLine(error));
  }
}

}  // namespace roost::yolo
