#include "yolo/engine/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/detection.h"
#include "yolo/engine/fake_engine.h"

namespace roost::yolo {
namespace {

using test::FakeEngine;
using ::testing::ElementsAre;
using ::testing::FloatEq;

/// A picture of one plane; the planes of a batch are scaled one by one.
ImageBatch Plane(std::int64_t height, std::int64_t width, std::vector<float> pixels) {
  return {.n = 1, .height = height, .width = width, .pixels = std::move(pixels)};
}

/// A detector of two levels with one anchor, of strides 16 and 32, whose every row is x, y, w, h, its number
/// and the width of what it sees.
std::shared_ptr<const Engine> NumberingEngine(std::vector<Size>& seen) {
  return std::make_shared<FakeEngine>([&seen](const ImageBatch& batch) {
    seen.push_back({batch.height, batch.width});
    Predictions predictions{
        .n = batch.n, .rows = batch.height * batch.width / 1024 * 5, .columns = 6, .values = {}};
    for (std::int64_t picture = 0; picture < batch.n; ++picture) {
      for (std::int64_t row = 0; row < predictions.rows; ++row) {
        for (const float value : {10.0F, 20.0F, 4.0F, 8.0F, static_cast<float>(row + 100 * picture),
                                  static_cast<float>(batch.width)}) {
          predictions.values.push_back(value);
        }
      }
    }
    return predictions;
  });
}

TEST(ScaleBatchTest, InterpolatesBetweenPixelCentres) {
  const ImageBatch scaled = ScaleBatch(Plane(1, 4, {0, 1, 2, 3}), 0.5, 1, false);
  EXPECT_EQ(1, scaled.height);
  EXPECT_EQ(2, scaled.width);
  EXPECT_THAT(scaled.pixels, ElementsAre(0.5F, 2.5F));
}

TEST(ScaleBatchTest, MirrorsBeforeItScales) {
  const ImageBatch scaled = ScaleBatch(Plane(1, 4, {0, 1, 2, 3}), 0.5, 1, true);
  EXPECT_THAT(scaled.pixels, ElementsAre(2.5F, 0.5F));
}

TEST(ScaleBatchTest, PadsToTheStrideAtTheBottomAndOnTheRight) {
  const ImageBatch scaled = ScaleBatch(Plane(2, 4, {1, 1, 3, 3, 1, 1, 3, 3}), 0.5, 3, false);
  EXPECT_EQ(3, scaled.height);
  EXPECT_EQ(3, scaled.width);
  constexpr float kGrey = 0.447F;
  EXPECT_THAT(scaled.pixels, ElementsAre(1, 3, kGrey, kGrey, kGrey, kGrey, kGrey, kGrey, kGrey));
}

TEST(ScaleBatchTest, KeepsPlanesApart) {
  const ImageBatch scaled =
      ScaleBatch({.n = 2, .height = 1, .width = 2, .pixels = {1, 3, 10, 30}}, 0.5, 1, false);
  EXPECT_EQ(2, scaled.n);
  EXPECT_THAT(scaled.pixels, ElementsAre(2, 20));
}

TEST(AugmentTest, LooksAtThreeSizes) {
  std::vector<Size> seen;
  Augment(NumberingEngine(seen), {.count = 2, .max_stride = 32})
      ->Run({1, 64, 128, std::vector<float>(3 * 64 * 128, 0.5F)});
  EXPECT_THAT(seen, ElementsAre(Size{64, 128}, Size{64, 128}, Size{64, 96}));
}

TEST(AugmentTest, LeavesOutTheCoarsestLevelOfTheWholeAndTheFinestOfTheSmallest) {
  std::vector<Size> seen;
  const auto engine = Augment(NumberingEngine(seen), {.count = 2, .max_stride = 32});
  const Predictions got = engine->Run({2, 64, 64, std::vector<float>(2 * 3 * 64 * 64, 0.5F)});
  // 20 rows, of which the last 4 are of the coarse level, and 20 of each smaller view, the first 16 fine.
  EXPECT_EQ(2, got.n);
  EXPECT_EQ(16 + 20 + 4, got.rows);
  for (const std::int64_t picture : {0, 1}) {
    const auto rows = got.of(picture);
    const auto number = [&](std::size_t row) {
      return rows[row * 6 + 4] - 100.0F * static_cast<float>(picture);
    };
    EXPECT_EQ(0, number(0));
    EXPECT_EQ(15, number(15));
    EXPECT_EQ(0, number(16));
    EXPECT_EQ(19, number(35));
    EXPECT_EQ(16, number(36));
    EXPECT_EQ(19, number(39));
  }
}

TEST(AugmentTest, MovesBoxesBackIntoThePicture) {
  std::vector<Size> seen;
  const auto engine = Augment(NumberingEngine(seen), {.count = 2, .max_stride = 32});
  const Predictions got = engine->Run({1, 64, 64, std::vector<float>(3 * 64 * 64, 0.5F)});
  const auto row = [&](std::size_t i) {
    return std::vector<float>(got.values.begin() + static_cast<std::ptrdiff_t>(6 * i),
                              got.values.begin() + static_cast<std::ptrdiff_t>(6 * i + 4));
  };
  EXPECT_THAT(row(0), ElementsAre(10, 20, 4, 8));
  EXPECT_THAT(row(16), ElementsAre(FloatEq(64 - 10 / 0.83F), FloatEq(20 / 0.83F), FloatEq(4 / 0.83F),
                                   FloatEq(8 / 0.83F)));
  EXPECT_THAT(row(36),
              ElementsAre(FloatEq(10 / 0.67F), FloatEq(20 / 0.67F), FloatEq(4 / 0.67F), FloatEq(8 / 0.67F)));
}

TEST(AugmentTest, RefusesSegmentationModels) {
  const auto engine = std::make_shared<FakeEngine>([](const ImageBatch& batch) {
    return Predictions{.n = batch.n, .rows = 0, .columns = 6, .prototypes = {.channels = 1}};
  });
  try {
    Augment(engine, {})->Run({1, 64, 64, std::vector<float>(3 * 64 * 64)});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kUsage, error.code());
  }
}

}  // namespace
}  // namespace roost::yolo
