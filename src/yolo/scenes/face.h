#pragma once

#include "yolo/scenes/painter.h"
#include "yolo/scenes/random.h"

namespace roost::yolo::scenes {

/// What a sign looks like from the front, drawn large enough to be seen in its picture without loss. Owns its
/// pixels. Lengths are in units of half the height of an ordinary sign (0.375 m); (0, 0) is the middle.
class Face {
 public:
  /// An empty plate of 2 * `half` units, `scale` pixels a unit, all of `base`; nothing of it is visible
  /// before Cut().
  Face(cv::Size2f half, float scale, const Bgr& base);

  /// Draws in units. Valid as long as the face is.
  Painter Paint() { return Painter(color_, scale_, middle_); }
  /// The plate ends at `outline` (units): what is outside is not visible.
  void Cut(Points outline);

  const Points& outline() const { return outline_; }  ///< units
  cv::Size2f half() const { return half_; }
  float scale() const { return scale_; }
  cv::Point2f middle() const { return middle_; }  ///< pixel of (0, 0)
  cv::Mat& color() { return color_; }
  const cv::Mat& color() const { return color_; }
  const cv::Mat& alpha() const { return alpha_; }

 private:
  cv::Size2f half_;
  float scale_;
  cv::Point2f middle_;
  cv::Mat color_;  // CV_8UC3
  cv::Mat alpha_;  // CV_8U
  Points outline_;
};

/// What years and people did to a sign: fading, dirt, rust, scratches, stickers, graffiti, holes, bent edges'
/// light; `amount` 0 = as new .. 1 = a lot.
void Weather(Face& face, double amount, Random& random);

/// Light on the face: a gradient, sheen, glare, shadows of branches. `sun` is how hard the light is, 0..1.
void Illuminate(Face& face, double sun, Random& random);

}  // namespace roost::yolo::scenes
