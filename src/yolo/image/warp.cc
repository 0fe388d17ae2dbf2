#include "yolo/image/warp.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

const cv::Scalar& Grey() {
  static const cv::Scalar grey(114, 114, 114);  // the reference trains with this padding
  return grey;
}

bool IsAffine(const Matrix3& map) { return map[6] == 0 && map[7] == 0 && map[8] == 1; }

/// What becomes of each byte.
using ByteTable = std::array<std::uint8_t, 256>;

/// Tables of hue, saturation and value. Numbers are cut off, not rounded, as the reference does.
std::array<ByteTable, 3> HsvTables(const HsvGains& gains) {
  constexpr double kHues = 180;  // OpenCV halves degrees, to fit them into a byte
  const auto byte = [](double value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)); };
  std::array<ByteTable, 3> tables{};
  auto& [hues, saturations, values] = tables;
  for (std::size_t i = 0; i < hues.size(); ++i) {
    const auto number = static_cast<double>(i);
    hues[i] = byte(std::fmod(number * gains.hue, kHues));
    saturations[i] = byte(number * gains.saturation);
    values[i] = byte(number * gains.value);
  }
  return tables;
}

/// cv::LUT, three times as fast.
void Replace(cv::Mat& hsv, const std::array<ByteTable, 3>& tables) {
  const auto& [hues, saturations, values] = tables;
  std::uint8_t* pixel = hsv.data;
  const std::uint8_t* end = pixel + hsv.total() * 3;
  for (; pixel != end; pixel += 3) {
    pixel[0] = hues[pixel[0]];
    pixel[1] = saturations[pixel[1]];
    pixel[2] = values[pixel[2]];
  }
}

}  // namespace

void Warp(const Image& from, const Matrix3& map, Image& to) {
  const cv::Mat matrix(3, 3, CV_64F, const_cast<double*>(map.data()));
  cv::Mat target = AsMat(to);  // written in place: it has the right size and type
  if (IsAffine(map)) {
    cv::warpAffine(AsMat(from), target, matrix.rowRange(0, 2), target.size(), cv::INTER_LINEAR,
                   cv::BORDER_CONSTANT, Grey());
  } else {
    cv::warpPerspective(AsMat(from), target, matrix, target.size(), cv::INTER_LINEAR, cv::BORDER_CONSTANT,
                        Grey());
  }
}

Region ReadByWarp(const Matrix3& map, Size from, Size to) {
  const Region all{0, 0, from.width, from.height};
  const double determinant = map[0] * map[4] - map[1] * map[3];
  // A perspective can have its horizon in the picture, behind which corners say nothing.
  if (!IsAffine(map) || determinant == 0) return all;
  double left = static_cast<double>(from.width);
  double top = static_cast<double>(from.height);
  double right = 0;
  double bottom = 0;
  for (const std::int64_t corner_x : {std::int64_t{0}, to.width}) {
    for (const std::int64_t corner_y : {std::int64_t{0}, to.height}) {
      const double x = static_cast<double>(corner_x) - map[2];
      const double y = static_cast<double>(corner_y) - map[5];
      const double source_x = (map[4] * x - map[1] * y) / determinant;
      const double source_y = (map[0] * y - map[3] * x) / determinant;
      left = std::min(left, source_x);
      right = std::max(right, source_x);
      top = std::min(top, source_y);
      bottom = std::max(bottom, source_y);
    }
  }
  constexpr double kMargin = 2;  // the neighbours of a pixel, and rounding
  const auto bounded = [](double value, std::int64_t size) {
    return static_cast<std::int64_t>(std::clamp(value, 0.0, static_cast<double>(size)));
  };
  return {bounded(std::floor(left) - kMargin, from.width), bounded(std::floor(top) - kMargin, from.height),
          bounded(std::ceil(right) + kMargin, from.width), bounded(std::ceil(bottom) + kMargin, from.height)};
}

Image Resize(const Image& image, Size size, bool average) {
  cv::Mat resized;
  cv::resize(AsMat(image), resized, {static_cast<int>(size.width), static_cast<int>(size.height)}, 0, 0,
             average ? cv::INTER_AREA : cv::INTER_LINEAR);
  return FromMat(std::move(resized));
}

void ToBytePlanes(const Image& image, const Finish& finish, std::span<std::uint8_t> planes) {
  const auto pixels = static_cast<std::size_t>(image.size().height * image.size().width);
  ROOST_CHECK(planes.size() == 3 * pixels, "planes of another size than the picture");
  const cv::Mat all = AsMat(image);
  const auto tables = HsvTables(finish.gains.value_or(HsvGains{}));
  // A few rows at a time: they stay in the processor's cache from one step to the next.
  constexpr int kRows = 16;
  cv::Mat hsv;
  cv::Mat varied;
  cv::Mat flipped;
  for (int first = 0; first < all.rows; first += kRows) {
    const int end = std::min(first + kRows, all.rows);
    cv::Mat bgr = all.rowRange(first, end);
    if (finish.gains) {
      cv::cvtColor(bgr, hsv, cv::COLOR_BGR2HSV);
      Replace(hsv, tables);
      cv::cvtColor(hsv, varied, cv::COLOR_HSV2BGR);
      bgr = varied;
    }
    if (finish.upside_down || finish.mirrored) {
      const int axis = !finish.mirrored ? 0 : finish.upside_down ? -1 : 1;
      cv::flip(bgr, flipped, axis);
      bgr = flipped;
    }
    const int place = finish.upside_down ? all.rows - end : first;
    std::uint8_t* red = planes.data() + static_cast<std::size_t>(place) * static_cast<std::size_t>(all.cols);
    std::array<cv::Mat, 3> channels;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      channels.at(i) = cv::Mat(bgr.rows, bgr.cols, CV_8UC1, red + (2 - i) * pixels);
    }
    cv::split(bgr, channels.data());
  }
}

}  // namespace roost::yolo
