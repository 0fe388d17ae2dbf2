#include "yolo/scenes/stage.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace roost::yolo::scenes {
namespace {

cv::Rect2d BoundsOf(const Points& points) {
  double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
  for (const cv::Point2f point : points) {
    left = std::min<double>(left, point.x);
    top = std::min<double>(top, point.y);
    right = std::max<double>(right, point.x);
    bottom = std::max<double>(bottom, point.y);
  }
  return {left, top, right - left, bottom - top};
}

}  // namespace

Points Project(const Face& face, const cv::Matx33d& to_picture) {
  // Also points between the corners: a lens bends the edges.
  constexpr int kPieces = 6;
  const Points& outline = face.outline();
  Points points;
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const cv::Point2f from = outline[i], to = outline[(i + 1) % outline.size()];
    for (int piece = 0; piece < kPieces; ++piece) {
      const cv::Point2f point = from + (to - from) * (static_cast<float>(piece) / kPieces);
      points.push_back(point * face.scale() + face.middle());
    }
  }
  Points projected;
  cv::perspectiveTransform(points, projected, to_picture);
  return projected;
}

cv::Matx33d Place(const Face& face, const Pose& pose, cv::Point2f center, double unit) {
  const auto radians = [](double degrees) { return degrees * CV_PI / 180; };
  const double cy = std::cos(radians(pose.yaw)), sy = std::sin(radians(pose.yaw));
  const double cp = std::cos(radians(pose.pitch)), sp = std::sin(radians(pose.pitch));
  const double cr = std::cos(radians(pose.roll)), sr = std::sin(radians(pose.roll));
  const cv::Matx33d yaw(cy, 0, sy, 0, 1, 0, -sy, 0, cy), pitch(1, 0, 0, 0, cp, -sp, 0, sp, cp),
      roll(cr, -sr, 0, sr, cr, 0, 0, 0, 1);
  const cv::Matx33d turn = yaw * pitch * roll;
  // The plane's z is 0: of the rotation only the first two columns matter. Then divide by the distance.
  const double distance = pose.distance;
  const cv::Matx33d plane(turn(0, 0), turn(0, 1), 0, turn(1, 0), turn(1, 1), 0, turn(2, 0) / distance,
                          turn(2, 1) / distance, 1);
  const cv::Matx33d to_units(1 / face.scale(), 0, -face.middle().x / face.scale(), 0, 1 / face.scale(),
                             -face.middle().y / face.scale(), 0, 0, 1);
  const cv::Matx33d to_picture(unit, 0, center.x, 0, unit, center.y, 0, 0, 1);
  return to_picture * plane * to_units;
}

void Stick(Stage& stage, const Face& face, const cv::Matx33d& to_picture, const Bgr& light,
           std::uint8_t owner) {
  const cv::Rect2d bounds = BoundsOf(Project(face, to_picture));
  const cv::Rect area = cv::Rect(cv::Point(static_cast<int>(std::floor(bounds.x)) - 1,
                                           static_cast<int>(std::floor(bounds.y)) - 1),
                                 cv::Point(static_cast<int>(std::ceil(bounds.br().x)) + 3,
                                           static_cast<int>(std::ceil(bounds.br().y)) + 3)) &
                        cv::Rect(cv::Point(), stage.color.size());
  if (area.empty()) return;
  // Drawn larger and averaged: an edge that runs through a pixel covers a part of it.
  const int fine = std::max(area.width, area.height) < 80 ? 4 : 2;
  const cv::Matx33d to_fine(fine, 0, (0.5 - area.x) * fine - 0.5, 0, fine, (0.5 - area.y) * fine - 0.5, 0, 0,
                            1);
  const cv::Size size(area.width * fine, area.height * fine);
  cv::Mat color, alpha;
  cv::warpPerspective(face.color(), color, to_fine * to_picture, size, cv::INTER_LINEAR,
                      cv::BORDER_REPLICATE);
  cv::warpPerspective(face.alpha(), alpha, to_fine * to_picture, size, cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  cv::resize(color, color, area.size(), 0, 0, cv::INTER_AREA);
  cv::resize(alpha, alpha, area.size(), 0, 0, cv::INTER_AREA);
  for (int y = 0; y < area.height; ++y) {
    auto* to = stage.color.ptr<cv::Vec3b>(area.y + y) + area.x;
    auto* to_owner = stage.owner.ptr<std::uint8_t>(area.y + y) + area.x;
    const auto* from = color.ptr<cv::Vec3b>(y);
    const auto* weight = alpha.ptr<std::uint8_t>(y);
    for (int x = 0; x < area.width; ++x) {
      if (weight[x] == 0) continue;
      const float part = static_cast<float>(weight[x]) / 255;
      for (int c = 0; c < 3; ++c) {
        const float lit = std::min(255.F, static_cast<float>(from[x][c]) * light[c]);
        to[x][c] =
            static_cast<std::uint8_t>(std::lround(static_cast<float>(to[x][c]) * (1 - part) + lit * part));
      }
      if (weight[x] >= 128) to_owner[x] = owner;
    }
  }
}

}  // namespace roost::yolo::scenes
