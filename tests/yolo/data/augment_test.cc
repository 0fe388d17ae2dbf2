#include <algorithm>
#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/digest.h"
#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/data/augment_geometry.h"
#include "yolo/data/train_loader.h"
#include "yolo/data/training_pictures.h"
#include "yolo/image/warp.h"

namespace roost::yolo {
namespace {

using test::Epoch;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<PlacedObject> kObjects = {{0, {100, 120, 300, 260}}, {1, {0, 0, 40, 30}},
                                            {2, {630, 200, 640, 640}}, {3, {400, 500, 404, 503}},
                                            {4, {250, 300, 251, 639}}, {5, {600, 20, 640, 600}}};

void ExpectMap(const Matrix3& expected, const Matrix3& map) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    EXPECT_NEAR(expected.at(i), map.at(i), 1e-9 * std::max(1.0, std::abs(expected.at(i)))) << i;
  }
}

void ExpectObjects(const std::vector<PlacedObject>& expected, const std::vector<PlacedObject>& objects) {
  ASSERT_THAT(objects, SizeIs(expected.size()));
  for (std::size_t i = 0; i < objects.size(); ++i) {
    EXPECT_EQ(expected[i].class_id, objects[i].class_id);
    EXPECT_NEAR(expected[i].box.x1, objects[i].box.x1, 1e-3);
    EXPECT_NEAR(expected[i].box.y1, objects[i].box.y1, 1e-3);
    EXPECT_NEAR(expected[i].box.x2, objects[i].box.x2, 1e-3);
    EXPECT_NEAR(expected[i].box.y2, objects[i].box.y2, 1e-3);
  }
}

// Both maps and boxes: random_perspective() of v7.0, random.uniform() replaced by these numbers.
TEST(RandomPerspectiveTest, ATurnedMosaicIsThatOfTheReference) {
  const PerspectiveDraw draw{0, 0, 7.5, 1.2, -3, 4, 0.55, 0.46};
  const Size shown{320, 320};
  const Matrix3 map = PerspectiveMap(draw, {640, 640}, shown);
  ExpectMap({1.1979425390956016, 0.09428012250464105, -237.51125171207764, -0.07343713661568646,
             1.200686570245061, -213.51981876139988, 0, 0, 1},
            map);
  ExpectObjects({{0, {0, 0, 146.38433837890625, 91.31497955322266}},
                 {4, {90.2584228515625, 128.25343322753906, 123.41732025146484, 320.0}}},
                MoveObjects(kObjects, map, draw.scale, shown));
}

TEST(RandomPerspectiveTest, APerspectiveIsThatOfTheReference) {
  const PerspectiveDraw draw{0.0004, -0.0007, -5, 0.8, 2, -1, 0.45, 0.5};
  const Size size{480, 640};
  const Matrix3 map = PerspectiveMap(draw, size, size);
  ExpectMap({0.9145905949552949, -0.24349428586135607, 53.76963822103107, 0.1518136796890565,
             0.6301728057922183, 40.178149109369514, 0.0004, -0.0007, 1.04},
            map);
  ExpectObjects({{0, {91.22515106201172, 131.5062713623047, 277.81365966796875, 255.18116760253906}},
                 {1, {45.59843826293945, 38.632835388183594, 85.56179809570312, 62.95254135131836}},
                 {2, {504.5684509277344, 227.3049774169922, 569.8953857421875, 480.0}},
                 {4, {183.0871124267578, 287.2939758300781, 226.01417541503906, 480.0}},
                 {5, {472.0806579589844, 113.64124298095703, 562.7979736328125, 480.0}}},
                MoveObjects(kObjects, map, draw.scale, size));
}

TEST(RandomPerspectiveTest, ObjectsBehindTheHorizonAreDropped) {
  const Matrix3 map = {1, 0, 0, 0, 1, 0, -0.01, 0, 1};  // the horizon is at x = 100
  EXPECT_THAT(MoveObjects({{0, {90, 10, 140, 60}}}, map, 1, {640, 640}), IsEmpty());
  EXPECT_THAT(MoveObjects({{0, {10, 10, 50, 60}}}, map, 1, {640, 640}), SizeIs(1));
}

TEST(RandomPerspectiveTest, DrawsKeepToTheirRanges) {
  Augmentation augmentation;
  augmentation.degrees = 10;
  augmentation.shear = 3;
  augmentation.perspective = 0.001;
  double least_scale = 2;
  double most_scale = 0;
  Random random{1};
  for (int i = 0; i < 2000; ++i) {
    const PerspectiveDraw draw = DrawPerspective(augmentation, random);
    EXPECT_LE(std::abs(draw.degrees), 10);
    EXPECT_LE(std::abs(draw.shear_x), 3);
    EXPECT_LE(std::abs(draw.perspective_y), 0.001);
    EXPECT_LE(std::abs(draw.translate_x - 0.5), 0.1);
    least_scale = std::min(least_scale, draw.scale);
    most_scale = std::max(most_scale, draw.scale);
  }
  EXPECT_GE(least_scale, 0.5);
  EXPECT_LE(least_scale, 0.51);
  EXPECT_GE(most_scale, 1.49);
  EXPECT_LE(most_scale, 1.5);
}

/// A picture whose pixels follow from a formula that NumPy can compute too.
Image Pattern(Size size) {
  Image image(size, {0, 0, 0});
  auto pixel = image.pixels().begin();
  for (std::int64_t y = 0; y < size.height; ++y) {
    for (std::int64_t x = 0; x < size.width; ++x) {
      *pixel++ = static_cast<std::uint8_t>(x * 7 + y * 3);
      *pixel++ = static_cast<std::uint8_t>(x * 2 + y * 5 + 40);
      *pixel++ = static_cast<std::uint8_t>(x * y + 90);
    }
  }
  return image;
}

std::string PlanesDigest(const Image& image, const Finish& finish) {
  std::string planes(image.pixels().size(), '\0');
  ToBytePlanes(image, finish, {reinterpret_cast<std::uint8_t*>(planes.data()), planes.size()});
  return DigestOf(DigestKind::kSha256, planes);
}

// augment_hsv() of v7.0 with the random numbers 0.9, -0.5, 0.75 and the gains 0.015, 0.7, 0.4.
TEST(ColorsTest, ColoursAndFlipsAreThoseOfTheReferenceToTheBit) {
  Finish finish{HsvGains{1 + 0.9 * 0.015, 1 - 0.5 * 0.7, 1 + 0.75 * 0.4}, false, false};
  EXPECT_EQ("a48628359a8d81b74c86cd0a5ca909820fd1e8455633c4cd5e6c8863867376f7",
            PlanesDigest(Pattern({61, 83}), finish));
  finish.upside_down = finish.mirrored = true;
  EXPECT_EQ("3be01ff93c336d13dbc8c378ce0aab012acdb3b4d47934bc10093621bd7b0ee8",
            PlanesDigest(Pattern({61, 83}), finish));
}

TEST(ColorsTest, FlipsMovePixels) {
  Image image({2, 2}, {0, 0, 0});
  std::ranges::copy(std::array<std::uint8_t, 12>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                    image.pixels().begin());
  const auto planes = [&](const Finish& finish) {
    std::vector<std::uint8_t> bytes(12);
    ToBytePlanes(image, finish, bytes);
    return bytes;
  };
  EXPECT_THAT(planes({}), ElementsAreArray({3, 6, 9, 12, 2, 5, 8, 11, 1, 4, 7, 10}));
  EXPECT_THAT(planes({.mirrored = true}), ElementsAreArray({6, 3, 12, 9, 5, 2, 11, 8, 4, 1, 10, 7}));
  EXPECT_THAT(planes({.upside_down = true}), ElementsAreArray({9, 12, 3, 6, 8, 11, 2, 5, 7, 10, 1, 4}));
}

TEST(WarpTest, OnlyTheRegionThatItNamesIsRead) {
  Augmentation augmentation;
  augmentation.degrees = 20;
  augmentation.shear = 10;
  Random random{3};
  for (int i = 0; i < 50; ++i) {
    const Size from{96, 128};
    const Size to{48, 64};
    const Matrix3 map = PerspectiveMap(DrawPerspective(augmentation, random), from, to);
    const Image whole = Pattern(from);
    Image part(from, {255, 0, 255});
    const Region read = ReadByWarp(map, from, to);
    for (std::int64_t y = read.top; y < read.bottom; ++y) {
      const auto first = static_cast<std::size_t>((y * from.width + read.left) * 3);
      const auto bytes = static_cast<std::size_t>((read.right - read.left) * 3);
      std::ranges::copy(whole.pixels().subspan(first, bytes), part.pixels().subspan(first).begin());
    }
    Image expected(to, {0, 0, 0});
    Image warped(to, {0, 0, 0});
    Warp(whole, map, expected);
    Warp(part, map, warped);
    EXPECT_TRUE(std::ranges::equal(expected.pixels(), warped.pixels())) << "map " << i;
  }
}

constexpr std::array<Color, 5> kColors = {
    {{0, 0, 255}, {0, 255, 0}, {255, 0, 0}, {0, 255, 255}, {255, 255, 0}}};  // BGR

double Distance(const Color& a, const Color& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(a.at(i) - b.at(i), 2);
  return sum;
}

/// The class whose colour a pixel has; nothing for what lies around the objects.
std::optional<std::int64_t> ClassAt(const TrainBatch& batch, std::int64_t picture, std::int64_t x,
                                    std::int64_t y) {
  const std::int64_t pixels = batch.height * batch.width;
  Color color{};
  for (std::size_t i = 0; i < 3; ++i) {  // planes are RGB
    const std::int64_t plane = picture * 3 + 2 - static_cast<std::int64_t>(i);
    color.at(i) = batch.pixels[static_cast<std::size_t>(plane * pixels + y * batch.width + x)];
  }
  const double background = std::min(Distance(color, {60, 60, 60}), Distance(color, {114, 114, 114}));
  for (std::size_t i = 0; i < kColors.size(); ++i) {
    if (Distance(color, kColors.at(i)) < background) return static_cast<std::int64_t>(i);
  }
  return std::nullopt;
}

Box InPixels(const Target& target, const TrainBatch& batch) {
  const auto width = static_cast<float>(batch.width);
  const auto height = static_cast<float>(batch.height);
  return {(target.x - target.width / 2) * width, (target.y - target.height / 2) * height,
          (target.x + target.width / 2) * width, (target.y + target.height / 2) * height};
}

/// The box around the pixels of a target's colour, looked for up to `margin` pixels around it.
Box Seen(const TrainBatch& batch, const Target& target, const Box& box, float margin) {
  Box seen{1e9F, 1e9F, -1e9F, -1e9F};
  const auto bounded = [](float value, std::int64_t most) {
    return std::clamp(static_cast<std::int64_t>(value), std::int64_t{0}, most);
  };
  for (std::int64_t y = bounded(box.y1 - margin, batch.height); y < bounded(box.y2 + margin, batch.height);
       ++y) {
    for (std::int64_t x = bounded(box.x1 - margin, batch.width); x < bounded(box.x2 + margin, batch.width);
         ++x) {
      if (ClassAt(batch, target.picture, x, y) != target.class_id) continue;
      seen = {std::min(seen.x1, static_cast<float>(x)), std::min(seen.y1, static_cast<float>(y)),
              std::max(seen.x2, static_cast<float>(x + 1)), std::max(seen.y2, static_cast<float>(y + 1))};
    }
  }
  return seen;
}

bool IsInside(const Box& box, const TrainBatch& batch, float margin) {
  return box.x1 > margin && box.y1 > margin && box.x2 < static_cast<float>(batch.width) - margin &&
         box.y2 < static_cast<float>(batch.height) - margin;
}

class BoxesFollowTest : public ::testing::Test {
 protected:
  BoxesFollowTest() {
    const std::array<Size, 5> sizes = {{{150, 200}, {200, 150}, {160, 160}, {90, 180}, {128, 128}}};
    for (std::size_t i = 0; i < kColors.size(); ++i) {
      const auto width = static_cast<float>(sizes.at(i).width);
      const auto height = static_cast<float>(sizes.at(i).height);
      const auto number = static_cast<float>(i);
      const Box box{std::floor(width * (0.2F + 0.05F * number)), std::floor(height * 0.25F),
                    std::floor(width * (0.5F + 0.06F * number)),
                    std::floor(height * (0.9F - 0.07F * number))};
      dataset_.samples.push_back(test::PaintPicture(folder_.path() / (std::to_string(i) + ".png"),
                                                    {sizes.at(i), box, kColors.at(i)},
                                                    static_cast<std::int64_t>(i)));
    }
    options_.imgsz = 160;
    options_.batch = 5;
    options_.workers = 1;
    options_.augmentation.hsv_h = options_.augmentation.hsv_s = options_.augmentation.hsv_v = 0;
  }

  /// Every target lies where its colour is seen, in 10 epochs. Where `turned`, boxes at the sides of a
  /// picture are those of corners that cannot be seen: only the others are looked at.
  void ExpectBoxesFollow(bool turned) {
    TrainLoader loader(dataset_, options_);
    int looked_at = 0;
    int pictures = 0;
    for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
      for (const TrainBatch& batch : Epoch(loader, epoch)) {
        pictures += static_cast<int>(batch.n);
        for (const Target& target : batch.targets) {
          const Box box = InPixels(target, batch);
          if (turned && !IsInside(box, batch, 4)) continue;
          ++looked_at;
          constexpr float kMargin = 4;
          const Box seen = Seen(batch, target, box, kMargin);
          constexpr double kPixels = 1.5;
          EXPECT_NEAR(box.x1, seen.x1, kPixels) << "epoch " << epoch << " picture " << target.picture;
          EXPECT_NEAR(box.y1, seen.y1, kPixels) << "epoch " << epoch << " picture " << target.picture;
          EXPECT_NEAR(box.x2, seen.x2, kPixels) << "epoch " << epoch << " picture " << target.picture;
          EXPECT_NEAR(box.y2, seen.y2, kPixels) << "epoch " << epoch << " picture " << target.picture;
        }
        if (!turned) ExpectNothingUnlabelled(batch);
      }
    }
    EXPECT_GE(looked_at, pictures / 2);
  }

  /// Of coloured pixels only slivers lie outside the boxes of their class.
  static void ExpectNothingUnlabelled(const TrainBatch& batch) {
    std::int64_t colored = 0;
    std::int64_t outside = 0;
    for (std::int64_t i = 0; i < batch.n; ++i) {
      for (std::int64_t y = 0; y < batch.height; ++y) {
        for (std::int64_t x = 0; x < batch.width; ++x) {
          const auto class_id = ClassAt(batch, i, x, y);
          if (!class_id) continue;
          ++colored;
          const bool labelled = std::ranges::any_of(batch.targets, [&](const Target& target) {
            const Box box = InPixels(target, batch);
            const auto column = static_cast<float>(x);
            const auto row = static_cast<float>(y);
            return target.picture == i && target.class_id == class_id && column > box.x1 - 2 &&
                   column < box.x2 + 1 && row > box.y1 - 2 && row < box.y2 + 1;
          });
          if (!labelled) ++outside;
        }
      }
    }
    EXPECT_LE(outside, colored / 20);
  }

  TemporaryDirectory folder_;
  Dataset dataset_;
  TrainLoaderOptions options_;
};

TEST_F(BoxesFollowTest, InLetterboxedPictures) {
  options_.augment = false;
  ExpectBoxesFollow(false);
}

TEST_F(BoxesFollowTest, InRectangularPictures) {
  options_.rect = true;
  options_.batch = 2;
  ExpectBoxesFollow(false);
}

TEST_F(BoxesFollowTest, InMosaics) { ExpectBoxesFollow(false); }

TEST_F(BoxesFollowTest, InFlippedMosaics) {
  options_.augmentation.flipud = 0.5;
  ExpectBoxesFollow(false);
}

TEST_F(BoxesFollowTest, InScaledAndMovedPictures) {
  options_.augmentation.mosaic = 0;
  options_.augmentation.scale = 0.9;
  options_.augmentation.translate = 0.3;
  ExpectBoxesFollow(false);
}

TEST_F(BoxesFollowTest, InTurnedMosaics) {
  options_.augmentation.degrees = 30;
  ExpectBoxesFollow(true);
}

TEST_F(BoxesFollowTest, InShearedPictures) {
  options_.augmentation.mosaic = 0;
  options_.augmentation.shear = 15;
  ExpectBoxesFollow(true);
}

TEST_F(BoxesFollowTest, InPerspective) {
  options_.augmentation.mosaic = 0;
  options_.augmentation.perspective = 0.001;
  ExpectBoxesFollow(true);
}

TEST(RandomTest, NumbersFollowFromTheKeyAlone) {
  // Computed by an implementation in Python.
  Random random{7, 3, 2, 0};
  const std::array<std::uint64_t, 3> expected = {8447714475895463179U, 5294858253768918517U,
                                                 15934727423172389855U};
  for (const std::uint64_t bits : expected) EXPECT_EQ(bits, random.Bits());
  EXPECT_NE(Random({1, 2}).Bits(), Random({2, 1}).Bits());
  EXPECT_NE(Random({0}).Bits(), Random({0, 0}).Bits());
}

TEST(RandomTest, ChoicesAreEven) {
  Random random{1};
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(random.Below(counts.size()));
  for (const int count : counts) EXPECT_NEAR(10'000, count, 400);  // 4 standard deviations
  EXPECT_FALSE(random.Chance(0));
  EXPECT_TRUE(random.Chance(1));
}

TEST(RandomTest, MixturesAreAroundTheMiddle) {
  // Beta(32, 32): mean 1/2, variance 1 / (4 * 65).
  Random random{1};
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const double ratio = random.Beta(32);
    sum += ratio;
    squares += std::pow(ratio - 0.5, 2);
  }
  EXPECT_NEAR(0.5, sum / kDraws, 0.002);
  EXPECT_NEAR(1 / 260.0, squares / kDraws, 0.0002);
}

TEST_F(BoxesFollowTest, MixturesHaveTheObjectsOfBothAndTheirColours) {
  options_.augmentation.mixup = 1;
  options_.augmentation.scale = options_.augmentation.translate = 0;
  TrainLoader mixing(dataset_, options_);
  options_.augmentation.mixup = 0;
  TrainLoader plain(dataset_, options_);
  std::size_t mixed_targets = 0;
  std::size_t plain_targets = 0;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    for (const TrainBatch& batch : Epoch(mixing, epoch)) {
      mixed_targets += batch.targets.size();
      // Grey (114) of one and background (60) of the other: ratios near a half make about 87.
      const auto between = std::ranges::count_if(batch.pixels, [](int v) { return v > 76 && v < 98; });
      EXPECT_GT(between, 0);
    }
    for (const TrainBatch& batch : Epoch(plain, epoch)) plain_targets += batch.targets.size();
  }
  EXPECT_NEAR(2.0, static_cast<double>(mixed_targets) / static_cast<double>(plain_targets), 0.3);
}

}  // namespace
}  // namespace roost::yolo
