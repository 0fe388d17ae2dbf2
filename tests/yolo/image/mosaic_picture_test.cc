#include "yolo/image/mosaic_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;

std::vector<int> Pixel(const Image& image, std::int64_t x, std::int64_t y) {
  const auto bytes = image.pixels().subspan(static_cast<std::size_t>((y * image.size().width + x) * 3), 3);
  return {bytes.begin(), bytes.end()};
}

std::vector<Image> Pictures(int count, Size size) {
  std::vector<Image> pictures;
  pictures.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    pictures.emplace_back(size, Color{static_cast<std::uint8_t>(10 * (i + 1)), 0, 0});
  return pictures;
}

TEST(FromPlanesTest, RedGreenBluePlanesBecomeAPicture) {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 5, 6};
  const Image picture = FromPlanes(bytes, {1, 2});
  EXPECT_THAT(Pixel(picture, 0, 0), ElementsAre(5, 3, 1));
  EXPECT_THAT(Pixel(picture, 1, 0), ElementsAre(6, 4, 2));
  const std::vector<float> numbers = {0, 1, 0.5F, 2, -1, 0.2F};
  EXPECT_THAT(Pixel(FromPlanes(numbers, {1, 2}), 0, 0), ElementsAre(0, 128, 0));
  EXPECT_THAT(Pixel(FromPlanes(numbers, {1, 2}), 1, 0), ElementsAre(51, 255, 255));
}

TEST(MosaicPictureTest, PicturesAreInColumns) {
  const Image mosaic = MosaicPicture(Pictures(5, {30, 40}), {}, {});
  ASSERT_EQ((Size{90, 120}), mosaic.size()) << "three by three";
  EXPECT_THAT(Pixel(mosaic, 20, 15), ElementsAre(10, 0, 0));
  EXPECT_THAT(Pixel(mosaic, 20, 45), ElementsAre(20, 0, 0));
  EXPECT_THAT(Pixel(mosaic, 60, 15), ElementsAre(40, 0, 0));
  EXPECT_THAT(Pixel(mosaic, 100, 80), ElementsAre(255, 255, 255)) << "no picture";
}

TEST(MosaicPictureTest, SixteenPicturesAreEnoughAndLargeOnesAreMadeSmaller) {
  EXPECT_EQ((Size{1920, 1920}), MosaicPicture(Pictures(20, {640, 640}), {}, {}).size());
  EXPECT_EQ((Size{960, 1920}), MosaicPicture(Pictures(4, {640, 1280}), {}, {}).size());
  EXPECT_EQ((Size{64, 64}), MosaicPicture(Pictures(1, {64, 64}), {}, {}).size());
}

TEST(MosaicPictureTest, BoxesAreDrawnInTheirPicture) {
  const std::vector<MarkedBox> boxes = {{1, {0.25F, 0.5F, 0.75F, 0.9F}, "", {20, 0, 200}},
                                        {9, {0, 0, 1, 1}, "of no picture", {}}};
  const Image mosaic = MosaicPicture(Pictures(2, {100, 100}), boxes, {});
  ASSERT_EQ((Size{200, 200}), mosaic.size());
  // Lines are smooth: not quite of their colour.
  EXPECT_GT(Pixel(mosaic, 50, 150)[2], 180) << "upper side";
  EXPECT_GT(Pixel(mosaic, 25, 170)[2], 180) << "left side";
  EXPECT_GT(Pixel(mosaic, 75, 170)[2], 180) << "right side";
  EXPECT_GT(Pixel(mosaic, 50, 190)[2], 180) << "lower side";
  EXPECT_THAT(Pixel(mosaic, 50, 170), ElementsAre(20, 0, 0));
  EXPECT_THAT(Pixel(mosaic, 50, 50), ElementsAre(10, 0, 0));
}

TEST(MosaicPictureTest, NamesStayInTheirPicture) {
  const std::string name(60, 'x');
  const std::vector<MarkedBox> boxes = {{0, {0.9F, 0.4F, 1, 0.6F}, name, {0, 0, 200}}};
  const std::vector<std::string> titles = {"first", "second", "third"};
  const Image with = MosaicPicture(Pictures(3, {200, 200}), boxes, titles);
  const Image without = MosaicPicture(Pictures(3, {200, 200}), {}, titles);
  for (std::int64_t y = 0; y < 400; ++y) {
    for (std::int64_t x = 200; x < 400; ++x)
      ASSERT_EQ(Pixel(without, x, y), Pixel(with, x, y)) << x << "," << y;
  }
  EXPECT_NE(Pixel(without, 190, 75), Pixel(with, 190, 75));
}

}  // namespace
}  // namespace roost::yolo
