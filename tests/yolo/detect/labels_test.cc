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
  TemporaryDirectory folder_;
  LabelWriter writer_{folder_.path(), /*save_empty=*/false};
};

TEST_F(LabelWriterTest, TheFileIsNamedAfterTheStem) {
  EXPECT_TRUE(writer_.Write("two.dots", "1 2\n"));
  EXPECT_TRUE(writer_.Write(".hidden", "1\n"));
  EXPECT_TRUE(writer_.Write("night/owl", "3\n"));
  EXPECT_EQ("1 2\n", ReadText(folder_.path() / "two.dots.txt"));
  EXPECT_TRUE(fs::exists(folder_.path() / ".hidden.txt"));
  EXPECT_EQ("3\n", ReadText(folder_.path() / "night/owl.txt"));
  EXPECT_EQ(3U, writer_.CountFiles());
}

TEST_F(LabelWriterTest, NoLinesNoFileUnlessEmptyOnesAreSaved) {
  EXPECT_FALSE(writer_.Write("a", ""));
  EXPECT_EQ(0U, writer_.CountFiles());
  LabelWriter also_empty(folder_.path(), /*save_empty=*/true);
  EXPECT_TRUE(also_empty.Write("a", ""));
  EXPECT_EQ("", ReadText(folder_.path() / "a.txt"));
}

TEST_F(LabelWriterTest, PicturesOfOneStemShareAFile) {
  writer_.Write("a", "1\n");
  writer_.Write("a", "2\n");
  EXPECT_TRUE(writer_.Write("a", "")) << "the file of the others is there";
  EXPECT_EQ("1\n2\n", ReadText(folder_.path() / "a.txt"));
}

TEST_F(LabelWriterTest, WhatAnEarlierRunSaidIsReplaced) {
  for (const char* name : {"a.txt", "b.txt", "c.txt"}) test::WriteFile(folder_.path() / name, "stale\n");
  writer_.Write("a", "1\n");
  writer_.Write("b", "");
  writer_.Continue("c");
  writer_.Write("c", "3\n");
  EXPECT_EQ("1\n", ReadText(folder_.path() / "a.txt"));
  EXPECT_FALSE(fs::exists(folder_.path() / "b.txt"));
  EXPECT_EQ("stale\n3\n", ReadText(folder_.path() / "c.txt")) << "of the run that goes on";
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
