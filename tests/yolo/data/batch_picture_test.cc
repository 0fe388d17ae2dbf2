#include "yolo/data/batch_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "yolo/data/training_pictures.h"

namespace roost::yolo {
namespace {

using ::testing::SizeIs;

const std::vector<std::string> kNames = {"bird", "cat"};

TEST(BatchPictureTest, TargetsHaveTheNamesOfTheirClasses) {
  const std::vector<Target> targets = {{2, 1, 0.5F, 0.5F, 0.25F, 0.5F}, {0, 7, 0.5F, 0.5F, 1, 1}};
  const auto boxes = MarkTargets(targets, kNames);
  ASSERT_THAT(boxes, SizeIs(2));
  EXPECT_EQ(2U, boxes[0].picture);
  EXPECT_EQ("cat", boxes[0].label);
  EXPECT_EQ((Box{0.375F, 0.25F, 0.625F, 0.75F}), boxes[0].box);
  EXPECT_EQ(ClassColor(1), boxes[0].color);
  EXPECT_EQ("7", boxes[1].label) << "a class without a name";
}

TEST(BatchPictureTest, DetectionsHaveTheirConfidenceAndDoubtfulOnesAreLeftOut) {
  const std::vector<Detection> detections = {{{16, 8, 48, 16}, 0.87F, 0}, {{0, 0, 64, 32}, 0.25F, 1}};
  const auto boxes = MarkDetections(3, detections, {32, 64}, kNames);
  ASSERT_THAT(boxes, SizeIs(1));
  EXPECT_EQ(3U, boxes[0].picture);
  EXPECT_EQ("bird 0.9", boxes[0].label);
  EXPECT_EQ((Box{0.25F, 0.25F, 0.75F, 0.5F}), boxes[0].box);
}

TEST(BatchPictureTest, ATrainingBatchIsDrawn) {
  const TemporaryDirectory folder;
  const Dataset dataset = test::PaintedDataset(folder.path(), 3);
  TrainLoaderOptions options;
  options.imgsz = 64;
  options.augment = false;
  TrainLoader loader(dataset, options);
  const auto batches = test::Epoch(loader, 0);
  const Image picture = DrawTrainBatch(batches.at(0), dataset, kNames);
  EXPECT_EQ((Size{128, 128}), picture.size());
}

}  // namespace
}  // namespace roost::yolo
