#pragma once

#include <span>
#include <vector>

#include <opencv2/core.hpp>

#include "yolo/scenes/random.h"

namespace roost::yolo::scenes {

/// Blue, green, red, each 0..255.
using Bgr = cv::Vec3f;
using Points = std::vector<cv::Point2f>;

Bgr FromHsv(double hue_degrees, double saturation, double value);
inline Bgr Grey(double value) {
  const auto level = static_cast<float>(value);
  return {level, level, level};
}
/// `a` at 0, `b` at 1.
inline Bgr Blend(const Bgr& a, const Bgr& b, double part) {
  return a * static_cast<float>(1 - part) + b * static_cast<float>(part);
}
/// A colour near `color`: each channel moves by up to `by`, all together by as much again.
Bgr Vary(const Bgr& color, double by, Random& random);

/// `corners` with arcs of `radius` in place of its corners (convex polygons).
Points Rounded(std::span<const cv::Point2f> corners, float radius);
/// `count` corners on a circle, the first at `first_degrees` (0 = right, 90 = down).
Points RegularPolygon(int count, float radius, float first_degrees, cv::Point2f center = {});
Points Rectangle(float left, float top, float right, float bottom);

/// Draws smooth-edged shapes into a matrix of 8-bit BGR or grey pixels, in coordinates of its own: `origin`
/// is where (0, 0) is and `scale` how many pixels a unit has. Whole numbers are the middles of pixels. Does
/// not own the matrix.
class Painter {
 public:
  explicit Painter(cv::Mat& mat, float scale = 1, cv::Point2f origin = {})
      : mat_(mat), scale_(scale), origin_(origin) {}

  void Polygon(std::span<const cv::Point2f> points, const Bgr& color);
  void Disc(cv::Point2f center, float radius, const Bgr& color) {
    Ellipse(center, {radius, radius}, 0, color);
  }
  void Ellipse(cv::Point2f center, cv::Size2f radii, float degrees, const Bgr& color);
  /// A line with corners; its ends reach half the width further where they are `square`, else they are cut.
  void Stroke(std::span<const cv::Point2f> points, float width, const Bgr& color, bool round_ends = false);
  void Rect(float left, float top, float right, float bottom, const Bgr& color) {
    Polygon(Rectangle(left, top, right, bottom), color);
  }

  /// A small leaf or crumb without smooth edges: quick, for thousands of them.
  void Crumb(cv::Point2f center, float length, float width, float degrees, const Bgr& color);

  cv::Mat& mat() { return mat_; }
  float scale() const { return scale_; }
  cv::Point2f origin() const { return origin_; }

 private:
  cv::Point2f ToPixels(cv::Point2f point) const { return point * scale_ + origin_; }
  cv::Mat& mat_;
  float scale_;
  cv::Point2f origin_;
};

}  // namespace roost::yolo::scenes
