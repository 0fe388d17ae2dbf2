#pragma once

#include "yolo/scenes/painter.h"
#include "yolo/scenes/stage.h"

namespace roost::yolo::scenes {

/// Things that stand on the ground of a scene. `foot` is where the middle of each touches it, lengths are
/// pixels.

void PaintTree(cv::Mat& picture, cv::Point2f foot, float height, Random& random);
/// Leaves without a trunk: a bush, or a branch that hangs into the picture.
void PaintFoliage(cv::Mat& picture, cv::Point2f center, cv::Size2f radii, Random& random);
void PaintCar(cv::Mat& picture, cv::Point2f foot, float width, Random& random);
/// The back of a lorry or van: a large box.
void PaintTruck(cv::Mat& picture, cv::Point2f foot, float width, Random& random);
void PaintPerson(cv::Mat& picture, cv::Point2f foot, float height, Random& random);
void PaintTrafficLight(cv::Mat& picture, cv::Point2f foot, float height, Random& random);
void PaintLamp(cv::Mat& picture, cv::Point2f foot, float height, Random& random);
/// A front of windows between two columns; `far_*` are the rows at its far edge.
struct Wall {
  float near_x, near_top, near_bottom;
  float far_x, far_top, far_bottom;
};
void PaintBuilding(cv::Mat& picture, const Wall& wall, Random& random);

}  // namespace roost::yolo::scenes
