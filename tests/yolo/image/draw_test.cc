#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/image.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;

constexpr Color kBlack{0, 0, 0};
constexpr Color kColor{200, 100, 50};
constexpr DrawStyle kSolid{.line_thickness = 3};  // thinner lines are blurred by anti-aliasing

Color PixelAt(const Image& image, std::int64_t row, std::int64_t column) {
  const auto bytes =
      image.pixels().subspan(static_cast<std::size_t>((row * image.size().width + column) * 3), 3);
  return {bytes[0], bytes[1], bytes[2]};
}

/// Rows in which column `column` has `kColor`.
std::vector<std::int64_t> ColoredRows(const Image& image, std::int64_t column) {
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < image.size().height; ++row) {
    if (PixelAt(image, row, column) == kColor) rows.push_back(row);
  }
  return rows;
}

TEST(DrawTest, EveryClassHasItsColorAndTwentyOfThemRepeat) {
  EXPECT_THAT(ClassColor(0), ElementsAre(0x38, 0x38, 0xFF));  // FF3838, red first
  EXPECT_THAT(ClassColor(5), ElementsAre(0x0A, 0xF9, 0x48));
  EXPECT_EQ(ClassColor(0), ClassColor(20));
  EXPECT_EQ(ClassColor(7), ClassColor(1007));
}

TEST(DrawTest, TheFrameRunsAlongTheBox) {
  Image image({100, 100}, kBlack);
  DrawBox(image, {20, 30, 60, 80}, "", kColor, kSolid);
  EXPECT_EQ(kColor, PixelAt(image, 30, 40));
  EXPECT_EQ(kColor, PixelAt(image, 80, 40));
  EXPECT_EQ(kColor, PixelAt(image, 50, 20));
  EXPECT_EQ(kColor, PixelAt(image, 50, 60));
  EXPECT_EQ(kBlack, PixelAt(image, 50, 40));
  EXPECT_EQ(kBlack, PixelAt(image, 10, 40));
}

TEST(DrawTest, TheLabelStandsAboveTheBoxOrInsideWhereThereIsNoRoom) {
  Image above({100, 200}, kBlack);
  DrawBox(above, {20, 60, 190, 95}, "x 0.50", kColor, {});
  EXPECT_LT(ColoredRows(above, 21).front(), 50);

  Image inside({100, 200}, kBlack);
  DrawBox(inside, {20, 5, 190, 95}, "x 0.50", kColor, {});
  EXPECT_GE(ColoredRows(inside, 25).front(), 3);
  EXPECT_EQ(kColor, PixelAt(inside, 25, 21)) << "background of the label";
}

TEST(DrawTest, ThicknessZeroFollowsTheSizeOfThePicture) {
  const auto thickness_of = [](Size size, int line_thickness) {
    Image image(size, kBlack);
    DrawBox(image, {50, 50, static_cast<float>(size.width - 50), static_cast<float>(size.height - 50)}, "",
            kColor, {.line_thickness = line_thickness});
    return ColoredRows(image, size.width / 2).size() / 2;  // upper and lower edge
  };
  EXPECT_EQ(thickness_of({200, 200}, 2), thickness_of({200, 200}, 0)) << "never less than 2";
  EXPECT_EQ(thickness_of({2000, 3000}, 8), thickness_of({2000, 3000}, 0)) << "(2000 + 3000 + 3) / 2 * 0.003";
  EXPECT_LT(thickness_of({200, 200}, 3), thickness_of({2000, 3000}, 0));
}

TEST(DrawTest, BoxesAndLabelsThatLeaveThePictureAreCut) {
  Image image({40, 40}, kBlack);
  DrawBox(image, {0, 0, 40, 40}, "a label wider than the picture 0.99", kColor, {.line_thickness = 9});
  DrawBox(image, {39, 39, 40, 40}, "at the corner", kColor, {});
  EXPECT_EQ((Size{40, 40}), image.size());
}

TEST(DrawTest, LabelsMayHoldAnyBytes) {
  Image image({60, 60}, kBlack);
  DrawBox(image, {5, 30, 50, 50}, "\xC3\xA9t\xC3\xA9 %s\n\x01\xFF", kColor, {});
  EXPECT_EQ(kColor, PixelAt(image, 40, 5));
}

TEST(DrawTest, LinesThatOpenCvCannotDrawAreAnError) {
  Image image({8, 8}, {0, 0, 0});
  EXPECT_THROW(DrawBox(image, {1, 1, 5, 5}, "", {0, 0, 0}, {.line_thickness = 40'000}), Error);
}

/// First and last row with anything white in it; none: {-1, -1}.
std::pair<std::int64_t, std::int64_t> RowsWritten(const Image& image) {
  std::pair<std::int64_t, std::int64_t> rows{-1, -1};
  for (std::int64_t row = 0; row < image.size().height; ++row) {
    for (std::int64_t column = 0; column < image.size().width; ++column) {
      if (PixelAt(image, row, column)[0] < 200) continue;
      if (rows.first < 0) rows.first = row;
      rows.second = row;
    }
  }
  return rows;
}

TEST(DrawLinesTest, TextStartsAtItsCornerAndGrowsWithThePicture) {
  for (const std::int64_t side : {200, 640, 2000}) {
    Image image({side, side}, {0, 0, 0});
    DrawLines(image, 32, 32, "E");
    const double font_size = std::max(static_cast<double>(side) * 0.035, 12.0);
    const auto [first, last] = RowsWritten(image);
    EXPECT_GE(first, 32) << side;
    EXPECT_NEAR(static_cast<double>(last - first), font_size * 0.7, font_size * 0.2 + 1) << side;
  }
}

TEST(DrawLinesTest, LinesStandBelowEachOther) {
  Image one({200, 200}, {0, 0, 0});
  Image two({200, 200}, {0, 0, 0});
  DrawLines(one, 32, 32, "E\n");
  DrawLines(two, 32, 32, "E\nE\n");
  EXPECT_EQ(RowsWritten(one).first, RowsWritten(two).first);
  EXPECT_GE(RowsWritten(two).second, RowsWritten(one).second + 12);
}

TEST(DrawLinesTest, TextBesideThePictureIsNoTrouble) {
  Image image({8, 8}, {0, 0, 0});
  DrawLines(image, 32, 32, "0.93 \xC3\xA9t\xC3\xA9\n0.05 dog\n");
  EXPECT_EQ(-1, RowsWritten(image).first);
}

}  // namespace
}  // namespace roost::yolo
