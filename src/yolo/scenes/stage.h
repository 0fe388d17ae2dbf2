#pragma once

#include <cstdint>

#include <opencv2/core.hpp>

#include "yolo/scenes/face.h"

namespace roost::yolo::scenes {

/// Where the camera stands and looks: over a flat world, level with the horizon.
struct View {
  cv::Size size;
  float horizon = 0;        ///< row of the picture
  float focal = 0;          ///< pixels
  float camera_height = 0;  ///< metres
  float vanishing = 0;      ///< column in which straight roads end

  /// Row in which the ground is, `distance` metres away.
  float GroundRow(float distance) const { return horizon + focal * camera_height / distance; }
};

/// The picture while it is put together, and which object each pixel belongs to. Owns both.
struct Stage {
  explicit Stage(cv::Size size) : color(size, CV_8UC3, cv::Scalar()), owner(cv::Mat::zeros(size, CV_8U)) {}

  cv::Mat color;  ///< CV_8UC3
  cv::Mat owner;  ///< CV_8U; 0 = background
};

/// Puts a face into the picture, its pixels moved by `to_picture` (from pixels of the face) and multiplied by
/// `light`; what it covers then belongs to `owner`.
void Stick(Stage& stage, const Face& face, const cv::Matx33d& to_picture, const Bgr& light,
           std::uint8_t owner);

/// The outline of a face in the picture, with points along its edges.
Points Project(const Face& face, const cv::Matx33d& to_picture);

/// How a sign hangs: turned away, tilted and rolled (degrees), seen from `distance` times its half height.
struct Pose {
  double yaw = 0, pitch = 0, roll = 0;
  double distance = 10;
};

/// A pinhole's picture of the plane that a face is in: its (0, 0) comes to `center`, a unit there is `unit`
/// pixels long before the turns.
cv::Matx33d Place(const Face& face, const Pose& pose, cv::Point2f center, double unit);

}  // namespace roost::yolo::scenes
