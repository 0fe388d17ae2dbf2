#include "roost/yolo/nms.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Rows of a head with two classes.
class NmsTest : public ::testing::Test {
 protected:
  /// x, y, w, h, objectness, score of class 0, score of class 1.
  void Row(std::initializer_list<float> row) { rows_.insert(rows_.end(), row); }

  std::vector<Detection> Run() { return NonMaxSuppression(rows_, 7, options_); }
  std::vector<float> Confidences() {
    std::vector<float> confidences;
    for (const Detection& detection : Run()) confidences.push_back(detection.confidence);
    return confidences;
  }

  std::vector<float> rows_;
  NmsOptions options_;
};

TEST_F(NmsTest, NoRowsAreNoDetections) { EXPECT_THAT(Run(), IsEmpty()); }

TEST_F(NmsTest, ARowBecomesABoxWithItsBestClassAndTheProductOfItsScores) {
  Row({50, 40, 20, 10, 0.5F, 0.25F, 0.75F});
  const auto detections = Run();
  ASSERT_THAT(detections, SizeIs(1));
  EXPECT_EQ((Box{40, 35, 60, 45}), detections[0].box);
  EXPECT_EQ(1, detections[0].class_id);
  EXPECT_EQ(0.375F, detections[0].confidence);
}

TEST_F(NmsTest, BothObjectnessAndProductMustExceedTheThreshold) {
  Row({10, 10, 5, 5, 0.25F, 1, 0});     // objectness equal to it
  Row({30, 10, 5, 5, 0.9F, 0.2F, 0});   // product below
  Row({50, 10, 5, 5, 0.5F, 0.5F, 0});   // product equal
  Row({70, 10, 5, 5, 0.51F, 0.5F, 0});  // above
  EXPECT_THAT(Confidences(), ElementsAre(0.51F * 0.5F));
}

TEST_F(NmsTest, BestComesFirstAndEqualOnesKeepTheirOrder) {
  Row({10, 10, 5, 5, 1, 0.5F, 0});
  Row({30, 10, 5, 5, 1, 0.9F, 0});
  Row({50, 10, 5, 5, 1, 0.5F, 0});
  const auto detections = Run();
  ASSERT_THAT(detections, SizeIs(3));
  EXPECT_EQ(0.9F, detections[0].confidence);
  EXPECT_LT(detections[1].box.x1, detections[2].box.x1);
}

TEST_F(NmsTest, OfOverlappingBoxesOfAClassTheBestStays) {
  Row({50, 50, 20, 20, 1, 0.8F, 0});
  Row({52, 50, 20, 20, 1, 0.9F, 0});
  Row({90, 90, 20, 20, 1, 0.7F, 0});
  EXPECT_THAT(Confidences(), ElementsAre(0.9F, 0.7F));
}

TEST_F(NmsTest, OverlapEqualToTheThresholdIsAllowed) {
  Row({10, 10, 20, 20, 1, 0.9F, 0});
  Row({10, 5, 20, 10, 1, 0.8F, 0});  // the upper half: overlap 0.5
  options_.iou_thres = 0.5;
  EXPECT_THAT(Confidences(), SizeIs(2));
  options_.iou_thres = 0.49;
  EXPECT_THAT(Confidences(), SizeIs(1));
}

TEST_F(NmsTest, ASuppressedBoxSuppressesNothing) {
  Row({10, 50, 20, 20, 1, 0.9F, 0});
  Row({16, 50, 20, 20, 1, 0.8F, 0});
  Row({22, 50, 20, 20, 1, 0.7F, 0});  // overlaps the second only
  EXPECT_THAT(Confidences(), ElementsAre(0.9F, 0.7F));
}

TEST_F(NmsTest, ClassesDoNotSuppressEachOtherUnlessTold) {
  Row({50, 50, 20, 20, 1, 0.8F, 0});
  Row({50, 50, 20, 20, 1, 0, 0.9F});
  EXPECT_THAT(Confidences(), SizeIs(2));
  options_.agnostic = true;
  EXPECT_THAT(Confidences(), ElementsAre(0.9F));
}

TEST_F(NmsTest, OnlyTheClassesAskedForArePassed) {
  Row({10, 10, 5, 5, 1, 0.8F, 0.7F});
  Row({30, 10, 5, 5, 1, 0, 0.9F});
  options_.classes = {1};
  EXPECT_THAT(Confidences(), ElementsAre(0.9F)) << "a second best class is not taken instead";
  options_.classes = std::set<std::int64_t>{};
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(NmsTest, WithMultiLabelEveryClassAboveTheThresholdIsADetection) {
  Row({10, 10, 5, 5, 1, 0.2F, 0.1F});
  Row({30, 10, 5, 5, 0.5F, 0.8F, 0.9F});
  options_.multi_label = true;
  const auto detections = Run();
  ASSERT_THAT(detections, SizeIs(2));
  EXPECT_EQ(1, detections[0].class_id);
  EXPECT_EQ(0, detections[1].class_id);
  EXPECT_EQ(0.8F * 0.5F, detections[1].confidence);
  EXPECT_EQ(detections[0].box, detections[1].box);

  options_.classes = {0};
  EXPECT_THAT(Confidences(), ElementsAre(0.8F * 0.5F)) << "here a second best class is taken";
}

TEST_F(NmsTest, EachDetectionKnowsTheRowItWasMadeOf) {
  Row({10, 10, 5, 5, 0.1F, 0, 0});
  Row({10, 10, 5, 5, 1, 0.8F, 0});
  Row({30, 10, 5, 5, 1, 0, 0.9F});
  const auto detections = Run();
  ASSERT_THAT(detections, SizeIs(2));
  EXPECT_EQ(2, detections[0].row);
  EXPECT_EQ(1, detections[1].row);
}

TEST_F(NmsTest, MaskCoefficientsAreNoScores) {
  Row({10, 10, 5, 5, 1, 0.8F, 7});
  Row({30, 10, 5, 5, 1, 0.1F, 7});
  Row({50, 10, 5, 5, 1, 0.7F, kNaN});
  options_.masks = 1;
  EXPECT_THAT(Confidences(), ElementsAre(0.8F, 0.7F));
  options_.multi_label = true;
  EXPECT_THAT(Confidences(), ElementsAre(0.8F, 0.7F));
}

TEST_F(NmsTest, NoMoreThanMaxDetAreKept) {
  for (int i = 0; i < 10; ++i) Row({static_cast<float>(20 * i), 10, 5, 5, 1, 0.5F + 0.01F * i, 0});
  options_.max_det = 3;
  const auto detections = Run();
  ASSERT_THAT(detections, SizeIs(3));
  EXPECT_FLOAT_EQ(0.59F, detections[0].confidence);
}

TEST_F(NmsTest, RowsThatAreNotNumbersAreNoDetections) {
  Row({kNaN, 10, 5, 5, 1, 0.9F, 0});
  Row({10, 10, kInfinity, 5, 1, 0.9F, 0});
  Row({10, 10, 5, 5, kNaN, 0.9F, 0});
  Row({10, 10, 5, 5, 1, kNaN, kNaN});
  Row({10, 10, 5, 5, kInfinity, 1, 0});
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(NmsTest, BoxesWithoutAreaAreKeptOnce) {
  Row({10, 10, 0, 0, 1, 0.9F, 0});
  Row({40, 10, 0, 0, 1, 0.8F, 0});
  EXPECT_THAT(Run(), SizeIs(2)) << "0 / 0 is no overlap";
}

}  // namespace
}  // namespace roost::yolo
