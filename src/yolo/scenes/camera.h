#pragma once

#include "yolo/scenes/stage.h"

namespace roost::yolo::scenes {

/// What a wide lens does to straight lines: barrel (`bend` > 0) or pincushion. The picture keeps its size and
/// has no empty corners.
class Lens {
 public:
  Lens(cv::Size size, double bend);

  /// `picture` as the lens shows it.
  cv::Mat Show(const cv::Mat& picture, int interpolation) const;
  /// Where a point of the unbent picture is seen.
  cv::Point2f See(cv::Point2f point) const;

 private:
  /// How far from the middle (1 = the corner) something is that is seen at `radius`.
  double Unbent(double radius) const { return radius * (1 + bend_ * radius * radius) / scale_; }
  cv::Size size_;
  double bend_;
  double scale_;
  cv::Point2d middle_;
  double corner_;  // pixels from the middle
  cv::Mat map_x_, map_y_;
};

/// When a picture is taken, and in what weather.
struct Light {
  enum class Time { kDay, kDusk, kNight };
  Time time = Time::kDay;
  double sun = 0.5;  ///< 0 = overcast .. 1 = hard shadows
  double fog = 0;
  bool rain = false;
  bool snow = false;
};
Light AnyLight(Random& random);

/// Darkens the picture for the hour. Signs throw the light of headlamps back: where `owner` is set they stay
/// brighter than what is around them.
void Dim(Stage& stage, const Light& light, Random& random);

/// Air, exposure, white balance, vignetting, blur, drops and noise.
void Develop(cv::Mat& picture, const Light& light, float horizon, Random& random);

}  // namespace roost::yolo::scenes
