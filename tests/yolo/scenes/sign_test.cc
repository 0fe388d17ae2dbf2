#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <opencv2/imgproc.hpp>

#include "yolo/scenes/camera.h"
#include "yolo/scenes/sign_faces.h"
#include "yolo/scenes/stage.h"

namespace roost::yolo::scenes {
namespace {

struct Extent {
  double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
};

/// Of an outline, edges of pixels being whole numbers.
Extent ExtentOf(const Points& points) {
  Extent extent;
  for (const cv::Point2f point : points) {
    extent.left = std::min(extent.left, point.x + 0.5);
    extent.top = std::min(extent.top, point.y + 0.5);
    extent.right = std::max(extent.right, point.x + 0.5);
    extent.bottom = std::max(extent.bottom, point.y + 0.5);
  }
  return extent;
}

/// Of the pixels that are set.
Extent ExtentOf(const cv::Mat& mask) {
  const cv::Rect rect = cv::boundingRect(mask);
  return {static_cast<double>(rect.x), static_cast<double>(rect.y), static_cast<double>(rect.br().x),
          static_cast<double>(rect.br().y)};
}

void ExpectNear(const Extent& expected, const Extent& seen, double tolerance, const std::string& what) {
  EXPECT_NEAR(expected.left, seen.left, tolerance) << what << ", left";
  EXPECT_NEAR(expected.top, seen.top, tolerance) << what << ", top";
  EXPECT_NEAR(expected.right, seen.right, tolerance) << what << ", right";
  EXPECT_NEAR(expected.bottom, seen.bottom, tolerance) << what << ", bottom";
}

class Signs : public testing::TestWithParam<int> {};

TEST_P(Signs, OutlineIsWhereThePixelsEnd) {
  const auto kind = static_cast<SignKind>(GetParam());
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const float height = random.Real(16, 220);
    const Pose pose{.yaw = random.Uniform(-50, 50),
                    .pitch = random.Uniform(-15, 15),
                    .roll = random.Uniform(-20, 20),
                    .distance = random.Uniform(4, 20)};
    const Face face = MakeSign(kind, height / 2 * (height < 80 ? 4.F : 2.F), random);
    const cv::Point2f center(random.Real(230, 250), random.Real(230, 250));
    const cv::Matx33d to_picture = Place(face, pose, center, height / 2);
    Stage stage({480, 480});
    Stick(stage, face, to_picture, {1, 1, 1}, 7);
    const double bend = seed % 2 == 0 ? random.Uniform(-0.08, 0.3) : 0;
    const Lens lens(stage.color.size(), bend);
    Points seen;
    for (const cv::Point2f point : Project(face, to_picture)) seen.push_back(lens.See(point));
    const cv::Mat owner = lens.Show(stage.owner == 7, cv::INTER_LINEAR);
    // A pointed corner fills less than half of its last pixel.
    ExpectNear(ExtentOf(seen), ExtentOf(owner >= 128), 1.5, "seed " + std::to_string(seed));
  }
}

INSTANTIATE_TEST_SUITE_P(AllKinds, Signs, testing::Range(0, 4));

}  // namespace
}  // namespace roost::yolo::scenes
