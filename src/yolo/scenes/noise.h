#pragma once

#include <opencv2/core.hpp>

#include "yolo/scenes/random.h"

namespace roost::yolo::scenes {

/// A smooth random field, CV_32F in 0..1, that changes over about `cell` pixels: random numbers on a coarse
/// grid, enlarged.
cv::Mat SmoothNoise(cv::Size size, double cell, Random& random);

/// Smooth fields of halving cells added up, each `roughness` times as strong as the one before, brought to
/// 0..1: clouds, dirt, foliage. The finest cell is at least 2 pixels.
cv::Mat CloudNoise(cv::Size size, double cell, int octaves, double roughness, Random& random);

/// A random number of its own for every pixel, around 0.5.
cv::Mat Grain(cv::Size size, Random& random);

/// Multiplies the pixels of `picture` (CV_8UC3) by 1 + strength * (2 * field - 1).
void Shade(cv::Mat& picture, const cv::Mat& field, double strength);

/// Mixes `color` into `picture` (CV_8UC3) by `weights` (CV_32F, 0..1).
void Tint(cv::Mat& picture, const cv::Mat& weights, const cv::Vec3f& color);

/// 0 below `low`, 1 above `high`, straight between.
void Threshold(cv::Mat& field, double low, double high);

/// CV_32F field that grows from 0 to 1 along a direction.
cv::Mat Ramp(cv::Size size, double degrees);

}  // namespace roost::yolo::scenes
