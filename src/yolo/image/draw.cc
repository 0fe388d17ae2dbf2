#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "roost/yolo/image.h"
#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

// Ultralytics' palette, red first.
constexpr std::array<std::uint32_t, 20> kPalette = {
    0xFF3838, 0xFF9D97, 0xFF701F, 0xFFB21D, 0xCFD231, 0x48F90A, 0x92CC17, 0x3DDB86, 0x1A9334, 0x00D4BB,
    0x2C99A8, 0x00C2FF, 0x344593, 0x6473FF, 0x0018EC, 0x8438FF, 0x520085, 0xCB38FF, 0xFF95C8, 0xFF37C7};

int LineThickness(const DrawStyle& style, Size size) {
  if (style.line_thickness > 0) return style.line_thickness;
  // The reference takes the mean of im.shape as if it had two entries; the third is the 3 channels.
  const auto sum = static_cast<double>(size.height + size.width + 3);
  return std::max(static_cast<int>(std::lrint(sum / 2 * 0.003)), 2);
}

/// The text with its filled background, its lower (or upper) left corner at `corner`.
void DrawLabel(cv::Mat& picture, cv::Point corner, const std::string& label, const cv::Scalar& color,
               int line_thickness) {
  const int thickness = std::max(line_thickness - 1, 1);
  const double scale = line_thickness / 3.0;
  const cv::Size text =
      cv::getTextSize(label, cv::FONT_HERSHEY_SIMPLEX, scale, thickness, /*baseLine=*/nullptr);
  const bool above = corner.y - text.height >= 3;
  const cv::Point opposite(corner.x + text.width,
                           above ? corner.y - text.height - 3 : corner.y + text.height + 3);
  const cv::Point baseline(corner.x, above ? corner.y - 2 : corner.y + text.height + 2);
  cv::rectangle(picture, corner, opposite, color, cv::FILLED, cv::LINE_AA);
  cv::putText(picture, label, baseline, cv::FONT_HERSHEY_SIMPLEX, scale, cv::Scalar(255, 255, 255), thickness,
              cv::LINE_AA);
}

}  // namespace

Color ClassColor(std::int64_t class_id) {
  const std::uint32_t rgb = kPalette[static_cast<std::size_t>(class_id) % kPalette.size()];
  return {static_cast<std::uint8_t>(rgb), static_cast<std::uint8_t>(rgb >> 8),
          static_cast<std::uint8_t>(rgb >> 16)};
}

void DrawBox(Image& image, const Box& box, const std::string& label, Color color, const DrawStyle& style) {
  cv::Mat picture = AsMat(image);
  const int thickness = LineThickness(style, image.size());
  try {
    const cv::Scalar bgr(color[0], color[1], color[2]);
    const cv::Point top_left(static_cast<int>(box.x1), static_cast<int>(box.y1));
    const cv::Point bottom_right(static_cast<int>(box.x2), static_cast<int>(box.y2));
    cv::rectangle(picture, top_left, bottom_right, bgr, thickness, cv::LINE_AA);
    if (!label.empty()) DrawLabel(picture, top_left, label, bgr, thickness);
  } catch (const cv::Exception& error) {
    throw Error("cannot draw a box with lines of " + std::to_string(thickness) +
                " pixels: " + FirstLine(error));
  }
}

void DrawLines(Image& image, std::int64_t left, std::int64_t top, const std::string& lines) {
  // The reference's size of a font in pixels, and Arial's measures relative to it.
  const double mean_side = static_cast<double>(image.size().height + image.size().width) / 2;
  const double font_size = std::max(std::nearbyint(mean_side * 0.035), 12.0);
  constexpr double kAscent = 0.905;
  constexpr double kCapitals = 0.716;
  constexpr double kHersheyCapitals = 22;  // pixels at scale 1
  constexpr double kSpacing = 4;           // pixels between lines
  const double scale = font_size * kCapitals / kHersheyCapitals;
  const int thickness = std::max(static_cast<int>(std::lrint(scale * 1.5)), 1);
  cv::Mat picture = AsMat(image);
  double baseline = static_cast<double>(top) + font_size * kAscent;
  try {
    for (const std::string& line : Split(lines, '\n')) {
      cv::putText(picture, line, {static_cast<int>(left), static_cast<int>(std::lrint(baseline))},
                  cv::FONT_HERSHEY_SIMPLEX, scale, cv::Scalar(255, 255, 255), thickness, cv::LINE_AA);
      baseline += font_size * kAscent + kSpacing;
    }
  } catch (const cv::Exception& error) {
    throw Error("cannot draw text: " + FirstLine(error));
  }
}

}  // namespace roost::yolo
