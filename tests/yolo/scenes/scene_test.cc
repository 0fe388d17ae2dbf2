#include "yolo/scenes/scene.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "yolo/scenes/random.h"
#include "yolo/scenes/sign_faces.h"

namespace roost::yolo::scenes {
namespace {

TEST(Random, GivesThePublishedNumbersOfSplitMix64) {
  // The first outputs of the reference implementation (prng.di.unimi.it/splitmix64.c) for seed 0.
  Random random(0);
  EXPECT_EQ(random.Next(), 0xE220A8397B1DCDAFU);
  EXPECT_EQ(random.Next(), 0x6E789E6AA1B965F4U);
  EXPECT_EQ(random.Next(), 0x06C45D188009454FU);
}

TEST(Random, AForkDoesNotDisturbItsOrigin) {
  Random one(7), other(7);
  one.Fork(3).Next();
  EXPECT_EQ(one.Next(), other.Next());
  EXPECT_NE(Random(7).Fork(1).Next(), Random(7).Fork(2).Next());
}

TEST(Random, WeightsAreKept) {
  Random random(11);
  std::array<int, 3> counts{};
  for (int i = 0; i < 20000; ++i) ++counts.at(static_cast<std::size_t>(random.Weighted({0.5, 0, 1.5})));
  EXPECT_NEAR(counts[0], 5000, 300);
  EXPECT_EQ(counts[1], 0);
}

TEST(RenderScene, SameSeedSamePicture) {
  const Scene one = RenderScene(42, {.long_side = 256}), other = RenderScene(42, {.long_side = 256});
  EXPECT_TRUE(std::ranges::equal(one.image.pixels(), other.image.pixels()));
  EXPECT_EQ(one.labels, other.labels);
  EXPECT_EQ(one.quality, other.quality);
  const Scene another = RenderScene(43, {.long_side = 256});
  EXPECT_FALSE(std::ranges::equal(one.image.pixels(), another.image.pixels()));
}

TEST(RenderScene, BackgroundHasNothingToFind) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_TRUE(RenderScene(seed, {.long_side = 200, .background = true}).labels.empty()) << "seed " << seed;
  }
}

TEST(RenderScene, LabelsAreInsideThePictureAndLargeEnough) {
  std::array<int, kSignNames.size()> of_class{};
  int total = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Scene scene = RenderScene(seed, {.long_side = 256});
    ASSERT_FALSE(scene.labels.empty()) << "seed " << seed;
    const Size size = scene.image.size();
    EXPECT_EQ(std::max(size.width, size.height), 256);
    for (const Label& label : scene.labels) {
      constexpr float kRounding = 1e-5F;
      EXPECT_GE(label.x - label.width / 2, -kRounding) << "seed " << seed;
      EXPECT_LE(label.x + label.width / 2, 1 + kRounding) << "seed " << seed;
      EXPECT_GE(label.y - label.height / 2, -kRounding) << "seed " << seed;
      EXPECT_LE(label.y + label.height / 2, 1 + kRounding) << "seed " << seed;
      EXPECT_GE(label.width * static_cast<float>(size.width), 7.99F) << "seed " << seed;
      EXPECT_GE(label.height * static_cast<float>(size.height), 7.99F) << "seed " << seed;
      ASSERT_GE(label.class_id, 0);
      ++of_class.at(static_cast<std::size_t>(label.class_id));
      ++total;
    }
  }
  // Twice as many stop signs as of any other class.
  EXPECT_NEAR(static_cast<double>(of_class[0]) / total, 0.4, 0.12);
  for (std::size_t i = 1; i < of_class.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(of_class.at(i)) / total, 0.2, 0.1) << kSignNames.at(i);
  }
}

TEST(RenderScene, TheBoxOfAStopSignIsFullOfRed) {
  // Of large signs in daylight most pixels inside the box are the sign's, and few just outside are: a label
  // that is shifted or of the wrong scale would not see that.
  double inside = 0, outside = 0;
  int signs = 0;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    const Scene scene = RenderScene(seed, {.long_side = 256});
    const auto width = static_cast<int>(scene.image.size().width),
               height = static_cast<int>(scene.image.size().height);
    const auto pixels = scene.image.pixels();
    const auto red_part = [&](double left, double top, double right, double bottom) {
      int red = 0, all = 0;
      for (int y = std::max(0, static_cast<int>(top)); y < std::min<double>(height, bottom); ++y) {
        for (int x = std::max(0, static_cast<int>(left)); x < std::min<double>(width, right); ++x) {
          const std::uint8_t* pixel = &pixels[static_cast<std::size_t>((y * width + x) * 3)];
          red += pixel[2] > 1.5 * pixel[1] && pixel[2] > 1.3 * pixel[0] ? 1 : 0;
          ++all;
        }
      }
      return all > 0 ? static_cast<double>(red) / all : 0;
    };
    for (const Label& label : scene.labels) {
      const double w = label.width * static_cast<float>(width), h = label.height * static_cast<float>(height);
      if (label.class_id != 0 || std::min(w, h) < 40) continue;
      const double x = label.x * static_cast<float>(width), y = label.y * static_cast<float>(height);
      inside += red_part(x - w / 2, y - h / 2, x + w / 2, y + h / 2);
      outside += red_part(x - w * 0.8, y - h / 2, x - w * 0.55, y + h / 2) / 2 +
                 red_part(x + w * 0.55, y - h / 2, x + w * 0.8, y + h / 2) / 2;
      ++signs;
    }
  }
  ASSERT_GE(signs, 15);
  EXPECT_GT(inside / signs, 0.35);
  EXPECT_LT(outside / signs, 0.12);
}

}  // namespace
}  // namespace roost::yolo::scenes
