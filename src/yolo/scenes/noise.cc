#include "yolo/scenes/noise.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace roost::yolo::scenes {

cv::Mat SmoothNoise(cv::Size size, double cell, Random& random) {
  const cv::Size grid(static_cast<int>(size.width / cell) + 3, static_cast<int>(size.height / cell) + 3);
  cv::Mat coarse(grid, CV_32F);
  for (int y = 0; y < grid.height; ++y) {
    auto* row = coarse.ptr<float>(y);
    for (int x = 0; x < grid.width; ++x) row[x] = static_cast<float>(random.Uniform());
  }
  // The grid is a little larger than the picture and starts at a random place of its first cell: fields of
  // different cells have no common lines.
  cv::Mat fine;
  const double dx = random.Uniform(0, 1), dy = random.Uniform(0, 1);
  const cv::Mat to_grid = (cv::Mat_<double>(2, 3) << 1 / cell, 0, dx + 0.5, 0, 1 / cell, dy + 0.5);
  cv::warpAffine(coarse, fine, to_grid, size,
                 cell > 3 ? cv::INTER_CUBIC | cv::WARP_INVERSE_MAP : cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                 cv::BORDER_REPLICATE);
  return fine;
}

cv::Mat CloudNoise(cv::Size size, double cell, int octaves, double roughness, Random& random) {
  cv::Mat sum = cv::Mat::zeros(size, CV_32F);
  double weight = 1, total = 0;
  for (int octave = 0; octave < octaves && cell >= 2; ++octave, cell /= 2, weight *= roughness) {
    // Coarse octaves are drawn small and enlarged.
    const int shrink = std::clamp(static_cast<int>(cell / 8), 1, 8);
    const cv::Size small((size.width + shrink - 1) / shrink, (size.height + shrink - 1) / shrink);
    cv::Mat field = SmoothNoise(small, cell / shrink, random);
    if (shrink > 1) cv::resize(field, field, size, 0, 0, cv::INTER_LINEAR);
    cv::scaleAdd(field, weight, sum, sum);
    total += weight;
  }
  if (total > 0) sum *= 1 / total;
  // The sum of several fields stays near its mean: spread it again.
  const double spread = 1 + 0.25 * std::min(octaves, 5);
  sum.convertTo(sum, CV_32F, spread, 0.5 - 0.5 * spread);
  cv::min(sum, 1, sum);
  cv::max(sum, 0, sum);
  return sum;
}

cv::Mat Grain(cv::Size size, Random& random) {
  cv::Mat grain(size, CV_32F);
  cv::RNG(random.Next()).fill(grain, cv::RNG::NORMAL, 0.5, 0.25);
  return grain;
}

void Shade(cv::Mat& picture, const cv::Mat& field, double strength) {
  const auto base = static_cast<float>(1 - strength), slope = static_cast<float>(2 * strength);
  for (int y = 0; y < picture.rows; ++y) {
    auto* pixel = picture.ptr<cv::Vec3b>(y);
    const auto* value = field.ptr<float>(y);
    for (int x = 0; x < picture.cols; ++x) {
      const float gain = base + slope * value[x];
      for (int c = 0; c < 3; ++c) {
        pixel[x][c] = static_cast<uchar>(std::clamp(static_cast<float>(pixel[x][c]) * gain, 0.F, 255.F));
      }
    }
  }
}

void Tint(cv::Mat& picture, const cv::Mat& weights, const cv::Vec3f& color) {
  for (int y = 0; y < picture.rows; ++y) {
    auto* pixel = picture.ptr<cv::Vec3b>(y);
    const auto* weight = weights.ptr<float>(y);
    for (int x = 0; x < picture.cols; ++x) {
      const float part = weight[x];
      for (int c = 0; c < 3; ++c) {
        const auto old = static_cast<float>(pixel[x][c]);
        pixel[x][c] = static_cast<uchar>(std::clamp(old + (color[c] - old) * part, 0.F, 255.F));
      }
    }
  }
}

void Threshold(cv::Mat& field, double low, double high) {
  const double slope = 1 / std::max(1e-6, high - low);
  field.convertTo(field, CV_32F, slope, -low * slope);
  cv::min(field, 1, field);
  cv::max(field, 0, field);
}

cv::Mat Ramp(cv::Size size, double degrees) {
  const double turn = degrees * CV_PI / 180;
  const double dx = std::cos(turn) / size.width, dy = std::sin(turn) / size.height;
  const double reach = std::abs(std::cos(turn)) + std::abs(std::sin(turn));
  cv::Mat ramp(size, CV_32F);
  for (int y = 0; y < size.height; ++y) {
    auto* row = ramp.ptr<float>(y);
    for (int x = 0; x < size.width; ++x) {
      row[x] = static_cast<float>(0.5 + ((x - size.width / 2.0) * dx + (y - size.height / 2.0) * dy) / reach);
    }
  }
  return ramp;
}

}  // namespace roost::yolo::scenes
