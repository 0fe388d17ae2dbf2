#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/image.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A mask of a network input of 32 x 32 whose part is drawn: '#' = object.
Mask Drawn(std::int64_t top, std::int64_t left, const std::vector<std::string>& rows) {
  Mask mask{.input = {32, 32},
            .top = top,
            .left = left,
            .size = {std::ssize(rows), std::ssize(rows.at(0))},
            .pixels = {}};
  for (const std::string& row : rows) {
    for (const char c : row) mask.pixels.push_back(c == '#' ? 1 : 0);
  }
  return mask;
}

Color PixelAt(const Image& image, std::int64_t row, std::int64_t column) {
  const auto at =
      image.pixels().subspan(static_cast<std::size_t>((row * image.size().width + column) * 3), 3);
  return {at[0], at[1], at[2]};
}

TEST(ContourTest, AnOutlineIsInPixelsOfTheNetworkInputAndHasNoPointsOnStraightRuns) {
  EXPECT_THAT(LargestContour(Drawn(10, 20, {"....", ".##.", ".##."})),
              ElementsAre(Point{21, 11}, Point{21, 12}, Point{22, 12}, Point{22, 11}));
}

TEST(ContourTest, OfSeveralPartsTheOneWithTheMostCornersIsTaken) {
  const Polygon cross = LargestContour(Drawn(0, 0, {"..#......", "..#......", "#####.###", "..#...###"}));
  EXPECT_THAT(cross, SizeIs(Gt(4U)));
  EXPECT_EQ((Point{2, 0}), cross.at(0));
}

TEST(ContourTest, HolesHaveNoOutline) {
  EXPECT_THAT(LargestContour(Drawn(0, 0, {"#####", "##.##", "#...#", "##.##", "#####"})),
              ElementsAre(Point{0, 0}, Point{0, 4}, Point{4, 4}, Point{4, 0}));
}

TEST(ContourTest, AMaskWithoutPixelsHasNoOutline) {
  EXPECT_THAT(LargestContour(Mask{.input = {32, 32}}), IsEmpty());
  EXPECT_THAT(LargestContour(Drawn(3, 3, {"..", ".."})), IsEmpty());
}

class DrawMasksTest : public ::testing::TestWithParam<MaskStyle> {
 protected:
  void Draw(const std::vector<Mask>& masks, const std::vector<Color>& colors) {
    DrawMasks(image_, PlanLetterbox(image_.size(), {32, 32}, 32).value(), masks, colors, GetParam());
  }
  Image image_{Size{32, 32}, Color{100, 100, 100}};
};

TEST_P(DrawMasksTest, WhatAMaskCoversIsTintedAndTheRestStays) {
  Draw({Drawn(4, 8, {"##", "##"})}, {Color{200, 0, 100}});
  EXPECT_EQ(100, PixelAt(image_, 3, 8)[0]);
  EXPECT_EQ((Color{150, 50, 100}), PixelAt(image_, 4, 8));
  EXPECT_EQ((Color{150, 50, 100}), PixelAt(image_, 5, 9));
  EXPECT_EQ(100, PixelAt(image_, 4, 10)[0]);
}

TEST_P(DrawMasksTest, WithoutMasksThePictureStaysAsItIs) {
  Draw({}, {});
  EXPECT_EQ((Color{100, 100, 100}), PixelAt(image_, 0, 0));
}

TEST_P(DrawMasksTest, AMaskWithoutPixelsIsNoTrouble) {
  Draw({Mask{.input = {32, 32}}}, {Color{1, 2, 3}});
  EXPECT_EQ((Color{100, 100, 100}), PixelAt(image_, 0, 0));
}

TEST_P(DrawMasksTest, PicturesOfAnyShapeAreCovered) {
  const Mask everything = Drawn(0, 0, std::vector<std::string>(32, std::string(32, '#')));
  for (const Size size : {Size{1, 1}, Size{2, 100}, Size{100, 3}, Size{77, 31}, Size{1, 63}}) {
    image_ = Image(size, {100, 100, 100});
    Draw({everything}, {Color{0, 0, 0}});
    EXPECT_EQ((Color{50, 50, 50}), PixelAt(image_, 0, 0)) << size.height << "x" << size.width;
    EXPECT_EQ((Color{50, 50, 50}), PixelAt(image_, size.height - 1, size.width - 1));
  }
}

TEST(DrawMasksStyleTest, OverlappingMasksEachTakeAShareOfWhatIsLeft) {
  Image image({32, 32}, {0, 0, 0});
  const Mask mask = Drawn(0, 0, {"#"});
  const std::vector<Mask> masks = {mask, mask};
  const std::vector<Color> colors = {Color{200, 0, 0}, Color{0, 200, 0}};
  DrawMasks(image, PlanLetterbox({32, 32}, {32, 32}, 32).value(), masks, colors, MaskStyle::kNetwork);
  EXPECT_EQ((Color{100, 50, 0}), PixelAt(image, 0, 0));

  image = Image({32, 32}, {0, 0, 0});
  DrawMasks(image, PlanLetterbox({32, 32}, {32, 32}, 32).value(), masks, colors, MaskStyle::kRetina);
  EXPECT_EQ((Color{100, 100, 0}), PixelAt(image, 0, 0)) << "here they add up";
}

INSTANTIATE_TEST_SUITE_P(Styles, DrawMasksTest, ::testing::Values(MaskStyle::kNetwork, MaskStyle::kRetina),
                         [](const auto& param_info) {
                           return param_info.param == MaskStyle::kNetwork ? "Network" : "Retina";
                         });

}  // namespace
}  // namespace roost::yolo
