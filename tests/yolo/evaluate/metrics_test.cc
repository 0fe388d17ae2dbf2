#include "yolo/evaluate/metrics.h"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "yolo/evaluate/batches.h"
#include "yolo/evaluate/confusion.h"
#include "yolo/evaluate/report.h"
#include "yolo/evaluate/sort_order.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint16_t kAll = (1U << kIouThresholds) - 1;

Detection Found(Box box, float confidence, std::int64_t class_id = 0) {
  return {.box = box, .confidence = confidence, .class_id = class_id};
}

TEST(OverlapTest, IsIntersectionOverUnion) {
  EXPECT_FLOAT_EQ(1, Overlap({0, 0, 10, 10}, {0, 0, 10, 10}));
  EXPECT_FLOAT_EQ(1.0F / 3, Overlap({0, 0, 10, 10}, {5, 0, 15, 10}));
  EXPECT_EQ(0, Overlap({0, 0, 10, 10}, {10, 0, 20, 10}));
  EXPECT_EQ(0, Overlap({3, 3, 3, 3}, {3, 3, 3, 3})) << "nothing is not divided by nothing";
}

TEST(JudgeTest, ADetectionIsRightAtTheThresholdsThatItsOverlapReaches) {
  // 80 of 100 pixels: IoU 0.8
  const auto judged =
      Judge(std::vector{Found({0, 0, 10, 8}, 0.9F)}, std::vector<LabelBox>{{0, {0, 0, 10, 10}}});
  EXPECT_EQ(0x3F, judged.at(0).correct & 0x3F) << "0.5 to 0.75";
  EXPECT_EQ(0, judged.at(0).correct & 0x380) << "0.85 and above; 0.8 itself is a matter of rounding";
}

TEST(JudgeTest, AnObjectIsFoundOnceByTheSurestOfThoseThatPickIt) {
  const std::vector<LabelBox> labels = {{0, {0, 0, 10, 10}}};
  const auto judged = Judge(std::vector{Found({0, 0, 10, 9}, 0.9F), Found({0, 0, 10, 10}, 0.8F)}, labels);
  EXPECT_NE(0, judged[0].correct & 1);
  EXPECT_EQ(0, judged[1].correct & 1) << "taken at 0.5";
  EXPECT_NE(0, judged[1].correct & (1 << 9)) << "free at 0.95, which the surer one does not reach";
}

TEST(JudgeTest, ADetectionThatOverlapsTwoObjectsPicksTheNearerAlthoughItIsTaken) {
  const std::vector<LabelBox> labels = {{0, {0, 0, 10, 10}}, {0, {0, 0, 10, 6}}};
  const auto judged = Judge(std::vector{Found({0, 0, 10, 10}, 0.9F), Found({0, 0, 10, 9}, 0.8F)}, labels);
  EXPECT_EQ(kAll, judged[0].correct);
  EXPECT_EQ(0, judged[1].correct & 1)
      << "0.67 of the other object would do, but val.py does not look further";
}

TEST(JudgeTest, AnotherClassIsAnotherObject) {
  const auto judged =
      Judge(std::vector{Found({0, 0, 10, 10}, 0.9F, 1)}, std::vector<LabelBox>{{0, {0, 0, 10, 10}}});
  EXPECT_EQ(0, judged[0].correct);
}

TEST(MetricsTest, WhatIsFoundWithoutAFalseAlarmIsAlmostOne) {
  const Metrics metrics = MetricsOf({.images = 1, .detections = {{0.9F, 2, kAll}}, .targets = {2}});
  ASSERT_THAT(metrics.classes, SizeIs(1));
  EXPECT_EQ(2, metrics.classes[0].class_id);
  EXPECT_EQ(1, metrics.classes[0].instances);
  // The curve falls from 1 to 0 at recall 1: half of the last of a hundred steps is lost.
  EXPECT_NEAR(0.995, metrics.map50, 1e-12);
  EXPECT_NEAR(0.995, metrics.map50_95, 1e-12);
  EXPECT_NEAR(0.995, metrics.fitness(), 1e-12);
  EXPECT_EQ(1, metrics.recall);
}

TEST(MetricsTest, AFalseAlarmInFrontHalvesThePrecision) {
  const Metrics metrics =
      MetricsOf({.images = 1, .detections = {{0.5F, 0, kAll}, {0.9F, 0, 0}}, .targets = {0}});
  // Precision 1/2 at every recall, and the same half step lost at the end.
  EXPECT_NEAR(0.5 * 0.995, metrics.map50, 1e-12);
}

TEST(MetricsTest, ClassesThatWereNotFoundAtAllCountAsZero) {
  const Metrics metrics =
      MetricsOf({.images = 2, .detections = {{0.9F, 0, kAll}, {0.8F, 5, 0}}, .targets = {0, 1}});
  ASSERT_THAT(metrics.classes, SizeIs(2)) << "class 5 has no instances: it has no figures";
  EXPECT_NEAR(0.995 / 2, metrics.map50, 1e-12);
  EXPECT_EQ(0, metrics.classes[1].ap50());
}

TEST(MetricsTest, OnlyTheThresholdsThatWereReachedCount) {
  const Metrics metrics = MetricsOf({.images = 1, .detections = {{0.9F, 0, 0b11}}, .targets = {0}});
  EXPECT_NEAR(0.995, metrics.map50, 1e-12);
  EXPECT_NEAR(0.995 * 2 / 10, metrics.map50_95, 1e-12);
}

TEST(MetricsTest, NothingFoundAndNothingThereAreZero) {
  const Metrics nothing_found = MetricsOf({.images = 1, .detections = {{0.9F, 0, 0}}, .targets = {0}});
  EXPECT_EQ(0, nothing_found.map50);
  EXPECT_EQ(0, nothing_found.precision);
  EXPECT_EQ(1, nothing_found.instances);
  const Metrics nothing_there = MetricsOf({.images = 3, .detections = {{0.9F, 0, 0}}});
  EXPECT_THAT(nothing_there.classes, IsEmpty());
  EXPECT_EQ(0, nothing_there.fitness());
  EXPECT_EQ(3, nothing_there.images);
}

/// Expected: utils/metrics.py ap_per_class() of YOLOv5 v7.0 on these 40 detections of 3 classes and 60
/// labels.
TEST(MetricsTest, AreThoseOfTheReference) {
  Judgements judgements{.images = 10};
  std::uint32_t state = 1;
  const auto next = [&] { return (state = state * 1664525U + 1013904223U) >> 8U; };
  for (int i = 0; i < 40; ++i) {
    Judged judged;
    judged.confidence = static_cast<float>(next() % 1000) / 1000;
    judged.class_id = static_cast<std::int64_t>(next() % 3);
    judged.correct = static_cast<std::uint16_t>((1U << next() % 11) - 1);
    judgements.detections.push_back(judged);
  }
  for (int i = 0; i < 60; ++i) judgements.targets.push_back(static_cast<std::int64_t>(next() % 3));
  const Metrics metrics = MetricsOf(judgements);
  EXPECT_NEAR(0.8188622504825251, metrics.precision, 1e-9);
  EXPECT_NEAR(0.5428571428571428, metrics.recall, 1e-9);
  EXPECT_NEAR(0.6881898926073925, metrics.map50, 1e-9);
  EXPECT_NEAR(0.36293435104359956, metrics.map50_95, 1e-9);
  EXPECT_NEAR(0.6441908674373481, metrics.f1(), 1e-9);
}

TEST(SmoothedTest, IsTheMeanOfThePointsAroundAndLevelBeyondTheEnds) {
  const std::vector<double> curve = {0, 0, 0, 0, 0, 10, 0, 0, 0, 0};
  EXPECT_THAT(Smoothed(curve, 0.2), SizeIs(10));  // three points each: 10 * 0.2 + 1
  EXPECT_NEAR(10.0 / 3, Smoothed(curve, 0.2)[5], 1e-12);
  EXPECT_NEAR(10.0 / 3, Smoothed(curve, 0.2)[4], 1e-12);
  EXPECT_EQ(0, Smoothed(curve, 0.2)[7]);
  EXPECT_NEAR(2.0, Smoothed(std::vector<double>{3, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0.2)[0], 1e-12);
}

TEST(ConfusionTest, ObjectsAreTakenForSomethingOrNothing) {
  ConfusionMatrix confusion(2);
  const std::vector<LabelBox> labels = {{0, {0, 0, 10, 10}}, {1, {50, 0, 60, 10}}, {1, {0, 50, 10, 60}}};
  confusion.Add(std::vector{Found({0, 0, 10, 10}, 0.9F, 0), Found({50, 0, 60, 10}, 0.8F, 0),
                            Found({90, 90, 99, 99}, 0.7F, 1), Found({0, 50, 10, 60}, 0.25F, 1)},
                labels);
  EXPECT_EQ(1, confusion.At(0, 0));
  EXPECT_EQ(1, confusion.At(0, 1)) << "class 1 taken for class 0";
  EXPECT_EQ(1, confusion.At(2, 1)) << "found with too little confidence";
  EXPECT_EQ(1, confusion.At(1, 2)) << "a detection of nothing";
  EXPECT_NEAR(0.5, confusion.ByTruth()[0 * 3 + 1], 1e-6);
}

TEST(ConfusionTest, FalseAlarmsCountOnlyBesideAMatchAsInTheReference) {
  ConfusionMatrix confusion(1);
  confusion.Add(std::vector{Found({90, 90, 99, 99}, 0.9F)}, {});
  confusion.Add(std::vector{Found({90, 90, 99, 99}, 0.9F)}, std::vector<LabelBox>{{0, {0, 0, 10, 10}}});
  EXPECT_EQ(0, confusion.At(0, 1));
  EXPECT_EQ(1, confusion.At(1, 0));
}

/// Expected: numpy 1.24 (Debian 12), numpy.argsort of these values.
TEST(NumpyOrderTest, LeavesEqualValuesAsNumpyDoes) {
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) values.push_back((i * 7 % 5) * 0.25);
  EXPECT_THAT(NumpyOrder(values),
              ElementsAre(0, 20, 15, 30, 10, 25, 35, 5, 23, 8, 33, 28, 13, 3, 38, 18, 6, 21, 1, 36, 16, 26,
                          11, 31, 34, 29, 19, 14, 9, 4, 24, 39, 27, 22, 17, 12, 32, 7, 2, 37));
  EXPECT_THAT(NumpyOrder({}), IsEmpty());
  EXPECT_THAT(NumpyOrder(std::vector<double>{3, 1, 2}), ElementsAre(1, 2, 0));
}

TEST(NumpyOrderTest, SortsWhateverItIsGiven) {
  for (const std::size_t count : {2U, 16U, 17U, 18U, 100U, 5000U}) {
    for (const std::size_t period : {1U, 2U, 7U, 1000U}) {
      std::vector<double> values(count);
      for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>((i * 7919) % period);
      std::vector<std::size_t> order = NumpyOrder(values);
      EXPECT_TRUE(std::is_sorted(order.begin(), order.end(),
                                 [&](std::size_t a, std::size_t b) { return values[a] < values[b]; }));
      std::sort(order.begin(), order.end());
      std::vector<std::size_t> all(count);
      std::iota(all.begin(), all.end(), 0);
      EXPECT_EQ(all, order);
    }
  }
}

Dataset WithSizes(const std::vector<Size>& sizes) {
  Dataset dataset;
  for (const Size size : sizes) dataset.samples.push_back({.size = size});
  return dataset;
}

TEST(PlanBatchesTest, RectangularBatchesHaveTheShapeOfTheirPictures) {
  const Dataset dataset = WithSizes({{640, 480}, {480, 640}, {360, 640}, {500, 500}, {640, 320}});
  const auto batches =
      PlanBatches(dataset, {.imgsz = 640, .stride = 32, .batch = 2, .rect = true, .pad = 0.5});
  ASSERT_THAT(batches, SizeIs(3));
  EXPECT_THAT(batches[0].samples, ElementsAre(2, 1));
  EXPECT_EQ((Size{512, 672}), batches[0].shape);  // ceil(0.75 * 20 + 0.5) * 32
  EXPECT_THAT(batches[1].samples, ElementsAre(3, 0));
  EXPECT_EQ((Size{672, 672}), batches[1].shape) << "wide and high pictures together";
  EXPECT_THAT(batches[2].samples, ElementsAre(4));
  EXPECT_EQ((Size{672, 352}), batches[2].shape);  // ceil(0.5 * 20 + 0.5) * 32
}

TEST(PlanBatchesTest, SquareBatchesKeepTheOrder) {
  const auto batches =
      PlanBatches(WithSizes({{640, 480}, {480, 640}, {5, 6}}), {.imgsz = 320, .batch = 2, .rect = false});
  ASSERT_THAT(batches, SizeIs(2));
  EXPECT_THAT(batches[0].samples, ElementsAre(0, 1));
  EXPECT_EQ((Size{320, 320}), batches[1].shape);
}

TEST(ReportTest, TheTableIsThatOfTheReference) {
  Metrics metrics{.images = 86,
                  .instances = 678,
                  .precision = 0.59657,
                  .recall = 0.47328,
                  .map50 = 0.53134,
                  .map50_95 = 0.34207};
  metrics.classes.push_back({.class_id = 0, .instances = 182, .precision = 0.7321, .recall = 0.70912});
  metrics.classes[0].ap.fill(0.4479);
  EXPECT_EQ(
      "                 Class     Images  Instances          P          R      mAP50   mAP50-95\n"
      "                   all         86        678      0.597      0.473      0.531      0.342\n"
      "                person         86        182      0.732      0.709      0.448      0.448\n",
      MetricsTable(metrics, {"person"}, /*each_class=*/true));
}

}  // namespace
}  // namespace roost::yolo
