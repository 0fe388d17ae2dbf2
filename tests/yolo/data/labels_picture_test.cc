#include "yolo/data/labels_picture.h"

#include <gtest/gtest.h>

#include "roost/yolo/image.h"

namespace roost::yolo {
namespace {

/// How many pixels of a part of `image` have about this colour.
int CountPixels(const Image& image, std::int64_t left, std::int64_t top, std::int64_t side, Color color) {
  int count = 0;
  for (std::int64_t y = top; y < top + side; ++y) {
    for (std::int64_t x = left; x < left + side; ++x) {
      const auto* pixel = image.pixels().data() + (y * image.size().width + x) * 3;
      int difference = 0;
      for (std::size_t i = 0; i < 3; ++i) difference += std::abs(pixel[i] - color.at(i));
      if (difference < 12) ++count;
    }
  }
  return count;
}

TEST(LabelsPictureTest, ClassesAreBarsInTheirColours) {
  Dataset dataset;
  dataset.samples.push_back(
      {"a.jpg", {100, 100}, {{0, 0.5F, 0.2F, 0.1F, 0.3F}, {1, 0.5F, 0.9F, 0.5F, 0.3F}}});
  dataset.samples.push_back(
      {"b.jpg", {100, 100}, {{1, 0.5F, 0.9F, 0.4F, 0.3F}, {1, 0.5F, 0.9F, 0.4F, 0.3F}}});
  dataset.samples.push_back({"background.jpg", {100, 100}, {}});
  const std::vector<std::string> names = {"bird", "cat"};
  const Image picture = DrawLabels(dataset, names);
  ASSERT_EQ((Size{1600, 1600}), picture.size());
  const int birds = CountPixels(picture, 0, 0, 800, ClassColor(0));
  const int cats = CountPixels(picture, 0, 0, 800, ClassColor(1));
  EXPECT_GT(birds, 10'000);
  EXPECT_NEAR(3.0, static_cast<double>(cats) / birds, 0.2) << "three times as many";
  EXPECT_GT(CountPixels(picture, 800, 0, 800, ClassColor(1)), 500) << "boxes in the second chart";
}

TEST(LabelsPictureTest, CentresAreWhereTheyAreInPictures) {
  Dataset dataset;
  dataset.samples.push_back({"a.jpg", {100, 100}, {{0, 0.2F, 0.9F, 0.1F, 0.1F}}});
  const Image picture = DrawLabels(dataset, {});
  const auto darkest = [&](std::int64_t left, std::int64_t top) {
    int count = 0;
    for (std::int64_t y = top; y < top + 250; ++y) {
      for (std::int64_t x = left; x < left + 250; ++x) {
        const auto* pixel = picture.pixels().data() + (y * picture.size().width + x) * 3;
        if (pixel[0] > pixel[2] + 40) ++count;  // blue
      }
    }
    return count;
  };
  EXPECT_EQ(0, darkest(90, 850)) << "upper left of the third chart";
  EXPECT_GT(darkest(90, 1250), 50) << "lower left";
}

TEST(LabelsPictureTest, NoLabelsAndManyClassesAreDrawnToo) {
  EXPECT_EQ((Size{1600, 1600}), DrawLabels({}, {}).size());
  Dataset dataset;
  dataset.samples.push_back({"a.jpg", {100, 100}, {{999, 0.5F, 0.5F, 1, 1}}});
  EXPECT_EQ((Size{1600, 1600}), DrawLabels(dataset, {}).size());
}

}  // namespace
}  // namespace roost::yolo
