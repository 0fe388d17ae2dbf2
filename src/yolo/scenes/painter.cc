#include "yolo/scenes/painter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace roost::yolo::scenes {
namespace {

constexpr float kPi = 3.14159265F;
constexpr int kFractionBits = 4;

cv::Point ToFixed(cv::Point2f point) {
  // OpenCV's fixed numbers have 16 bits of fraction inside: far outside of the picture they would overflow.
  static constexpr float kFarthest = 8000;
  const auto fixed = [](float value) {
    return static_cast<int>(std::lround(std::clamp(value, -kFarthest, kFarthest) * (1 << kFractionBits)));
  };
  return {fixed(point.x), fixed(point.y)};
}

cv::Scalar ToScalar(const Bgr& color) { return {color[0], color[1], color[2]}; }

}  // namespace

Bgr FromHsv(double hue_degrees, double saturation, double value) {
  const auto channel = [&](double n) {
    const double k = std::fmod(n + hue_degrees / 60, 6);
    return static_cast<float>(255 * value * (1 - saturation * std::max(0.0, std::min({k, 4 - k, 1.0}))));
  };
  return {channel(1), channel(3), channel(5)};
}

Bgr Vary(const Bgr& color, double by, Random& random) {
  const double together = random.Uniform(-by, by);
  Bgr varied;
  for (int i = 0; i < 3; ++i) {
    varied[i] = std::clamp(color[i] + static_cast<float>(together + random.Uniform(-by, by)), 0.F, 255.F);
  }
  return varied;
}

Points Rounded(std::span<const cv::Point2f> corners, float radius) {
  if (radius <= 0) return {corners.begin(), corners.end()};
  Points points;
  const std::size_t count = corners.size();
  for (std::size_t i = 0; i < count; ++i) {
    const cv::Point2f corner = corners[i];
    const cv::Point2f before = corners[(i + count - 1) % count] - corner;
    const cv::Point2f after = corners[(i + 1) % count] - corner;
    const cv::Point2f to_before = before / std::hypot(before.x, before.y);
    const cv::Point2f to_after = after / std::hypot(after.x, after.y);
    const float half_angle = std::acos(std::clamp(to_before.dot(to_after), -1.F, 1.F)) / 2;
    const cv::Point2f inwards = to_before + to_after;
    const cv::Point2f center =
        corner + inwards / std::hypot(inwards.x, inwards.y) * (radius / std::sin(half_angle));
    const float reach = radius / std::tan(half_angle);
    const cv::Point2f from = corner + to_before * reach - center;
    const cv::Point2f to = corner + to_after * reach - center;
    const float start = std::atan2(from.y, from.x);
    float sweep = std::atan2(to.y, to.x) - start;
    if (sweep > kPi) sweep -= 2 * kPi;
    if (sweep < -kPi) sweep += 2 * kPi;
    constexpr int kSteps = 6;
    for (int step = 0; step <= kSteps; ++step) {
      const float angle = start + sweep * static_cast<float>(step) / kSteps;
      points.push_back(center + cv::Point2f(std::cos(angle), std::sin(angle)) * radius);
    }
  }
  return points;
}

Points RegularPolygon(int count, float radius, float first_degrees, cv::Point2f center) {
  Points points;
  for (int i = 0; i < count; ++i) {
    const float angle =
        (first_degrees + 360.F * static_cast<float>(i) / static_cast<float>(count)) * kPi / 180;
    points.push_back(center + cv::Point2f(std::cos(angle), std::sin(angle)) * radius);
  }
  return points;
}

Points Rectangle(float left, float top, float right, float bottom) {
  return {{left, top}, {right, top}, {right, bottom}, {left, bottom}};
}

void Painter::Polygon(std::span<const cv::Point2f> points, const Bgr& color) {
  if (points.size() < 3) return;
  std::vector<cv::Point> fixed;
  fixed.reserve(points.size());
  for (const cv::Point2f point : points) fixed.push_back(ToFixed(ToPixels(point)));
  cv::fillPoly(mat_, std::vector{fixed}, ToScalar(color), cv::LINE_AA, kFractionBits);
}

void Painter::Ellipse(cv::Point2f center, cv::Size2f radii, float degrees, const Bgr& color) {
  const float pixels = std::max(radii.width, radii.height) * scale_;
  const int corners = pixels < 3 ? 8 : pixels < 12 ? 14 : pixels < 60 ? 28 : 72;
  const float turn = degrees * kPi / 180;
  Points points;
  for (int i = 0; i < corners; ++i) {
    const float angle = 2 * kPi * static_cast<float>(i) / static_cast<float>(corners);
    const float x = radii.width * std::cos(angle), y = radii.height * std::sin(angle);
    points.push_back(center + cv::Point2f(x * std::cos(turn) - y * std::sin(turn),
                                          x * std::sin(turn) + y * std::cos(turn)));
  }
  Polygon(points, color);
}

void Painter::Crumb(cv::Point2f center, float length, float width, float degrees, const Bgr& color) {
  const float turn = degrees * kPi / 180;
  const cv::Point2f along = cv::Point2f(std::cos(turn), std::sin(turn)) * (length / 2);
  const cv::Point2f aside = cv::Point2f(-std::sin(turn), std::cos(turn)) * (width / 2);
  const std::array<cv::Point, 4> corners{ToFixed(ToPixels(center + along)), ToFixed(ToPixels(center + aside)),
                                         ToFixed(ToPixels(center - along)),
                                         ToFixed(ToPixels(center - aside))};
  cv::fillConvexPoly(mat_, corners.data(), static_cast<int>(corners.size()), ToScalar(color), cv::LINE_8,
                     kFractionBits);
}

void Painter::Stroke(std::span<const cv::Point2f> points, float width, const Bgr& color, bool round_ends) {
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const cv::Point2f along = points[i + 1] - points[i];
    const float length = std::hypot(along.x, along.y);
    if (length <= 0) continue;
    const cv::Point2f side = cv::Point2f(-along.y, along.x) * (width / 2 / length);
    const Points quad{points[i] + side, points[i + 1] + side, points[i + 1] - side, points[i] - side};
    Polygon(quad, color);
    if (i > 0) Disc(points[i], width / 2, color);
  }
  if (!round_ends || points.empty()) return;
  Disc(points.front(), width / 2, color);
  Disc(points.back(), width / 2, color);
}

}  // namespace roost::yolo::scenes
