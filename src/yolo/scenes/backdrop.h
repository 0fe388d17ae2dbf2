#pragma once

#include "yolo/scenes/stage.h"

namespace roost::yolo::scenes {

/// A road with what stands beside it: sky, hills, buildings, trees, vehicles, people. Nothing in it is an
/// object with a label, and nothing looks like one.
void PaintRoad(cv::Mat& picture, const View& view, Random& random);

/// Anything but a road: noise, collages of shapes, rooms, gradients.
void PaintAnything(cv::Mat& picture, Random& random);

}  // namespace roost::yolo::scenes
