#include "yolo/detect/classify.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<std::string> kNames = {"cat", "dog", "fish"};

std::vector<std::int64_t> Ids(const std::vector<ClassScore>& scores) {
  std::vector<std::int64_t> ids;
  for (const ClassScore& score : scores) ids.push_back(score.class_id);
  return ids;
}

TEST(ClassifyTest, TheMostProbableClassesComeFirstAndEqualOnesInTheirOrder) {
  const std::vector<float> logits = {1, 2, 2, 2, 1, 0, 2};
  EXPECT_THAT(Ids(TopClasses(logits)), ElementsAre(1, 2, 3, 6, 0));
  EXPECT_THAT(Ids(TopClasses(logits, 2)), ElementsAre(1, 2));
}

TEST(ClassifyTest, ProbabilitiesOfAllClassesAddUpToOne) {
  const std::vector<float> logits = {1000, 1001, -1000};
  const auto scores = TopClasses(logits);
  ASSERT_THAT(scores, SizeIs(3));
  EXPECT_FLOAT_EQ(1 / (1 + std::exp(-1.0F)), scores[0].probability);
  EXPECT_FLOAT_EQ(1, scores[0].probability + scores[1].probability);
  EXPECT_EQ(0, scores[2].probability);
}

TEST(ClassifyTest, WithoutClassesThereIsNothingToSay) {
  EXPECT_THAT(TopClasses({}), IsEmpty());
  EXPECT_EQ("", DescribeClasses({}, kNames));
  EXPECT_EQ("", ClassLines({}, kNames));
}

TEST(ClassifyTest, TextsAreThoseOfClassifyPredictPy) {
  const std::vector<ClassScore> scores = {{1, 0.934F}, {0, 0.066F}, {2, 0.001F}};
  EXPECT_EQ("dog 0.93, cat 0.07, fish 0.00, ", DescribeClasses(scores, kNames));
  EXPECT_EQ("0.93 dog\n0.07 cat\n0.00 fish\n", ClassLines(scores, kNames));
}

TEST(ClassifyTest, ANameCannotBreakALine) {
  EXPECT_EQ("0.50 a?b\n0.50 class9\n", ClassLines({{0, 0.5F}, {9, 0.5F}}, {"a\nb"}));
}

TEST(ClassifyTest, LogitsThatAreNoNumbersAreTold) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> logits = {0, nan, 1};
  EXPECT_EQ("nan cat\n", ClassLines(TopClasses(logits, 1), kNames));
}

TEST(ClassifyTest, ProbabilitiesAreThoseOfTheReference) {
  ROOST_NEEDS_REFERENCE();
  const std::string bytes = test::ReadText(*test::ReferenceDir() / "golden/checkpoints/classify.f32");
  std::vector<float> logits(bytes.size() / sizeof(float));
  std::memcpy(logits.data(), bytes.data(), bytes.size());
  const auto scores = TopClasses(logits);
  EXPECT_THAT(Ids(scores), ElementsAre(2, 6, 4, 3, 5));
  const std::vector<float> expected = {0.18489477F, 0.17945762F, 0.142712072F, 0.138480067F, 0.130635545F};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(expected[i], scores[i].probability, 1e-7);
}

}  // namespace
}  // namespace roost::yolo
