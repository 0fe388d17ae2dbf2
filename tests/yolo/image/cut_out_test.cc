#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/image.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;

TEST(CutOutTest, APartIsTwoPercentAndTenPixelsLargerThanItsBox) {
  EXPECT_EQ((Size{214, 112}), CutOut(Image({400, 300}, {0, 0, 0}), {100, 100, 200, 300}).size());
}

TEST(CutOutTest, APartEndsWhereThePictureEnds) {
  const Image image({40, 30}, {0, 0, 0});
  EXPECT_EQ((Size{40, 30}), CutOut(image, {0, 0, 30, 40}).size());
  EXPECT_EQ((Size{5, 5}), CutOut(image, {30, 40, 30, 40}).size());
  EXPECT_EQ((Size{1, 1}), CutOut(Image({1, 1}, {0, 0, 0}), {1, 1, 1, 1}).size());
}

TEST(CutOutTest, APartShowsWhatIsThereAndIsItsOwnPicture) {
  Image image({40, 30}, {0, 0, 0});
  image.pixels()[(20 * 30 + 10) * 3 + 1] = 200;
  Image part = CutOut(image, {10, 20, 12, 22});  // from row 14, column 4 on
  EXPECT_EQ(200, part.pixels()[(static_cast<std::size_t>(6 * part.size().width) + 6) * 3 + 1]);
  part.pixels()[0] = 7;
  EXPECT_EQ(0, image.pixels()[(14 * 30 + 4) * 3]);
}

TEST(FineJpegTest, NeighboursKeepTheirColours) {
  Image image({16, 16}, {0, 0, 255});
  for (std::size_t i = 0; i < 16 * 16; i += 2) {  // every other column blue
    image.pixels()[i * 3] = 255;
    image.pixels()[i * 3 + 2] = 0;
  }
  const auto blue_at = [](const Result<std::string>& bytes, std::size_t column) {
    return static_cast<int>(DecodeImage(bytes.value(), "stripes.jpg").value().pixels()[column * 3]);
  };
  const auto fine = EncodeFineJpeg(image);
  EXPECT_GT(blue_at(fine, 4), 240);
  EXPECT_LT(blue_at(fine, 5), 15);
  const auto usual = EncodeImage(image, ".jpg");
  EXPECT_LT(blue_at(usual, 4) - blue_at(usual, 5), 150) << "for comparison";
}

TEST(FineJpegTest, EverySmallSizeIsEncoded) {
  for (std::int64_t side = 1; side < 40; ++side) {
    const auto bytes = EncodeFineJpeg(Image({side, 41 - side}, {1, 2, 3}));
    EXPECT_EQ((Size{side, 41 - side}), DecodeImage(bytes.value(), "x.jpg").value().size());
  }
}

TEST(FineJpegTest, NoiseFitsAsWell) {
  Image image({333, 257}, {0, 0, 0});
  std::uint32_t state = 1;
  for (std::uint8_t& value : image.pixels()) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24U);
  }
  EXPECT_TRUE(EncodeFineJpeg(image).ok());
}

TEST(FineJpegTest, APictureTooLongForTheFormatIsAnError) {
  const auto bytes = EncodeFineJpeg(Image({1, 65501}, {0, 0, 0}));
  ASSERT_FALSE(bytes.ok());
  EXPECT_THAT(bytes.error().message(), HasSubstr("1x65501"));
  EXPECT_TRUE(EncodeFineJpeg(Image({1, 65500}, {0, 0, 0})).ok());
}

}  // namespace
}  // namespace roost::yolo
