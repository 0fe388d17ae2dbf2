#include "yolo/detect/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/detect/reporter.h"

namespace roost::yolo {
namespace {

using test::ReadText;

namespace fs = std::filesystem;

constexpr Size kPicture{480, 640};

Detection Det(Box box, float confidence, std::int64_t class_id) {
  return {.box = box, .confidence = confidence, .class_id = class_id};
}

TEST(LabelLinesTest, CentreAndSizeAreFractionsWithSixDigits) {
  EXPECT_EQ("3 0.5 0.5 0.333333 0.254167\n",
            LabelLines({Det({213, 179, 426, 301}, 0.9F, 3)}, {480, 639}, false));
}

TEST(LabelLinesTest, EdgesAreRoundedToWholePixelsHalvesToEven) {
  EXPECT_EQ((Box{0, 2, 2, 3}), RoundedToPixels({0.5F, 1.5F, 2.5F, 2.6F}));
  EXPECT_EQ("0 0.015625 0.0104167 0.03125 0.0208333\n",
            LabelLines({Det({0.4F, 0, 19.6F, 10.5F}, 0.9F, 0)}, kPicture, false));
}

TEST(LabelLinesTest, TheWorstDetectionIsTheFirstLine) {
  const auto lines =
      LabelLines({Det({0, 0, 64, 48}, 0.875F, 0), Det({0, 0, 64, 48}, 0.25F, 7)}, kPicture, true);
  EXPECT_EQ("7 0.05 0.05 0.1 0.1 0.25\n0 0.05 0.05 0.1 0.1 0.875\n", lines);
}

TEST(LabelLinesTest, SmallNumbersAreWrittenAsPythonDoes) {
  EXPECT_EQ("0 0.0001 5e-05 0 0 1e-05\n",
            LabelLines({Det({1, 1, 1, 1}, 0.00001F, 0)}, {20'000, 10'000}, true));
}

class LabelWriterTest : public ::testing::Test {
 protected:
  const std::vector<Detection> one_ = {Det({0, 0, 64, 48}, 0.5F, 1)};
  const std::vector<Detection> other_ = {Det({0, 0, 64, 48}, 0.5F, 2)};
  TemporaryDirectory folder_;
  LabelWriter writer_{folder_.path(), false};
};

TEST_F(LabelWriterTest, TheFileIsNamedAfterThePicture) {
  writer_.Write("/in/two.dots.jpeg", kPicture, one_);
  writer_.Write("/in/.hidden.jpg", kPicture, one_);
  EXPECT_EQ("1 0.05 0.05 0.1 0.1\n", ReadText(folder_.path() / "two.dots.txt"));
  EXPECT_TRUE(fs::exists(folder_.path() / ".hidden.txt"));
  EXPECT_EQ(2U, writer_.CountFiles());
}

TEST_F(LabelWriterTest, NoDetectionsNoFile) {
  writer_.Write("a.jpg", kPicture, {});
  EXPECT_EQ(0U, writer_.CountFiles());
}

TEST_F(LabelWriterTest, PicturesOfOneStemShareAFile) {
  writer_.Write("a.jpg", kPicture, one_);
  writer_.Write("a.png", kPicture, other_);
  writer_.Write("a.bmp", kPicture, {});
  EXPECT_EQ("1 0.05 0.05 0.1 0.1\n2 0.05 0.05 0.1 0.1\n", ReadText(folder_.path() / "a.txt"));
}

TEST_F(LabelWriterTest, WhatAnEarlierRunSaidIsReplaced) {
  test::WriteFile(folder_.path() / "a.txt", "stale\n");
  test::WriteFile(folder_.path() / "b.txt", "stale\n");
  writer_.Write("a.jpg", kPicture, one_);
  writer_.Write("b.jpg", kPicture, {});
  EXPECT_EQ("1 0.05 0.05 0.1 0.1\n", ReadText(folder_.path() / "a.txt"));
  EXPECT_FALSE(fs::exists(folder_.path() / "b.txt"));
}

TEST(CountClassesTest, PluralsGetAnSWhateverTheWord) {
  const std::vector<std::string> names = {"person", "bench"};
  EXPECT_EQ("", CountClasses({}, names));
  EXPECT_EQ("1 person, 2 benchs, ", CountClasses({Det({}, 1, 1), Det({}, 1, 0), Det({}, 1, 1)}, names));
}

TEST(CountClassesTest, ClassesWithoutANameHaveANumberAndControlCharactersAreShown) {
  EXPECT_EQ("1 a?b, 1 class5, ", CountClasses({Det({}, 1, 5), Det({}, 1, 0)}, {"a\x1B"
                                                                               "b"}));
}

}  // namespace
}  // namespace roost::yolo
