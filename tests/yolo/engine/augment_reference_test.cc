// Test-time augmentation against `detect.py --augment` on all pictures of the reference.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/yolo/detector.h"
#include "support/support.h"
#include "yolo/detect/labels.h"
#include "yolo/detect/network.h"
#include "yolo/engine/augment.h"

namespace roost::yolo {
namespace {

constexpr double kConfidenceTolerance = 1e-5;
constexpr double kPixelTolerance = 2e-3;

DetectionLevels LevelsOf(const Graph& graph) {
  const auto& head = std::get<DetectOp>(graph[graph.output()].kind);
  const double stride = *std::max_element(head.strides.begin(), head.strides.end());
  return {static_cast<std::int64_t>(head.strides.size()), static_cast<std::int64_t>(stride)};
}

Path FindPicture(const std::string& name) {
  const Path photo = *test::ReferenceDir() / "images/photos" / name;
  return std::filesystem::exists(photo) ? photo
                                        : *test::ReferenceDir() / "images/coco/images/train2017" / name;
}

TEST(AugmentReferenceTest, DetectionsAreThoseOfThePeerInFullPrecision) {
  ROOST_NEEDS_REFERENCE();
  const Network network = LoadNetwork(*test::ReferenceDir() / "weights/yolov5n.pt", {640, 640}, {});
  const auto engine = OpenEngine("torch", network.graph, {.device = "cpu", .threads = 1});
  const Detector detector(Augment(engine, LevelsOf(network.graph)), network.input, network.stride, {});
  const auto golden = nlohmann::json::parse(
      test::ReadText(*test::ReferenceDir() / "golden/yolov5/det_conf0.25_augment.json"));
  ASSERT_EQ(91U, golden.at("images").size());
  for (const auto& [name, expected] : golden.at("images").items()) {
    SCOPED_TRACE(name);
    const auto detections = detector.Detect(ReadImage(FindPicture(name)).value()).value();
    const auto& boxes = expected.at("det");
    ASSERT_EQ(boxes.size(), detections.size());
    for (std::size_t i = 0; i < detections.size(); ++i) {
      const auto& [box, confidence, class_id, row] = detections[i];
      EXPECT_NEAR(boxes[i][0].get<double>(), box.x1, kPixelTolerance) << i;
      EXPECT_NEAR(boxes[i][1].get<double>(), box.y1, kPixelTolerance) << i;
      EXPECT_NEAR(boxes[i][2].get<double>(), box.x2, kPixelTolerance) << i;
      EXPECT_NEAR(boxes[i][3].get<double>(), box.y2, kPixelTolerance) << i;
      EXPECT_NEAR(boxes[i][4].get<double>(), confidence, kConfidenceTolerance) << i;
      EXPECT_EQ(boxes[i][5].get<std::int64_t>(), class_id) << i;
    }
  }
}

}  // namespace
}  // namespace roost::yolo
