#include "yolo/detect/masks.h"

#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/digest.h"
#include "roost/base/text.h"
#include "roost/yolo/image.h"
#include "roost/yolo/nms.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

/// The whole network input, a byte per pixel.
std::string Whole(const Mask& mask) {
  std::string pixels(static_cast<std::size_t>(mask.input.height * mask.input.width), '\0');
  for (std::int64_t row = 0; row < mask.size.height; ++row) {
    for (std::int64_t column = 0; column < mask.size.width; ++column) {
      pixels[static_cast<std::size_t>((mask.top + row) * mask.input.width + mask.left + column)] =
          static_cast<char>(mask.pixels[static_cast<std::size_t>(row * mask.size.width + column)]);
    }
  }
  return pixels;
}

/// For people: a line per row, '#' where the object is.
std::string Drawn(const Mask& mask) {
  std::string text;
  const std::string pixels = Whole(mask);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    text += pixels[i] != 0 ? '#' : '.';
    if ((i + 1) % static_cast<std::size_t>(mask.input.width) == 0) text += '\n';
  }
  return text;
}

/// One class; prototypes of 2 x 3 for a network input of 8 x 12.
class MasksTest : public ::testing::Test {
 protected:
  static constexpr Size kNetwork{8, 12};
  static constexpr Box kEverything{0, 0, 12, 8};

  void Prototype(std::initializer_list<float> values) {
    Prototypes& prototypes = predictions_.prototypes;
    ++prototypes.channels;
    prototypes.values.insert(prototypes.values.end(), values);
  }
  Detection Row(std::initializer_list<float> coefficients, const Box& box = kEverything,
                float objectness = 1) {
    auto& values = predictions_.values;
    values.insert(values.end(), {0, 0, 0, 0, objectness, 1});
    values.insert(values.end(), coefficients);
    predictions_.columns = 6 + std::ssize(coefficients);
    return {.box = box, .confidence = 0.5F, .class_id = 3, .row = predictions_.rows++};
  }
  Mask MaskOf(const Detection& detection) const {
    return MakeMasks(predictions_, 0, {detection}, kNetwork).at(0);
  }

  Predictions predictions_{.n = 1, .prototypes = {.height = 2, .width = 3}};
};

TEST_F(MasksTest, AMaskIsWhereTheSumOfTheWeightedPrototypesIsPositive) {
  Prototype({9, 9, -9, -9, -9, -9});
  Prototype({0, 0, 18, 0, 0, 0});
  const Detection top_left = Row({1, 0});
  const Detection top = Row({1, 1});
  EXPECT_EQ(Drawn(MaskOf(top_left)),
            "########....\n########....\n########....\n#######.....\n"
            "............\n............\n............\n............\n");
  EXPECT_EQ(Drawn(MaskOf(top)),
            "############\n############\n############\n############\n"
            "............\n............\n............\n............\n");
}

TEST_F(MasksTest, AMaskIsCutToTheBoxBeforeItIsEnlarged) {
  Prototype({9, 9, 9, 9, 9, 9});
  // The middle of the upper row of prototypes: its edges are blurred over its neighbours.
  EXPECT_EQ(Drawn(MaskOf(Row({1}, {4, 0, 8, 4}))),
            "....####....\n....####....\n....####....\n.....##.....\n"
            "............\n............\n............\n............\n");
  EXPECT_EQ(Drawn(MaskOf(Row({1}, {1, 0, 8, 4}))), Drawn(MaskOf(Row({1}, {4, 0, 8, 4}))))
      << "a prototype belongs to the box where its number, not its area, lies inside";
}

TEST_F(MasksTest, CoefficientsAreMultipliedWithTheObjectnessAsScoresAre) {
  Prototype({-8, 1, 1, -8, 1, 1});
  const auto first_row = [&](float objectness) {
    return Drawn(MaskOf(Row({1}, kEverything, objectness))).substr(0, 12);
  };
  EXPECT_EQ(first_row(1.0F), ".....#######");
  EXPECT_EQ(first_row(0.1F), "......######") << "the softer edge lies elsewhere";
}

TEST_F(MasksTest, WithoutAPixelThereIsNoOutline) {
  Prototype({9, 9, 9, 9, 9, 9});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Detection& detection :
       {Row({-1}), Row({nan}), Row({1}, {20, 20, 30, 30}), Row({1}, {-30, -30, -20, -20}),
        Row({1}, {1, 1, 2, 2}), Row({1}, {8, 8, 4, 4})}) {
    const Mask mask = MaskOf(detection);
    EXPECT_EQ(Drawn(mask).find('#'), std::string::npos);
    EXPECT_EQ(SegmentLines({detection}, {mask}, kNetwork, kNetwork, true), "3 0.5\n");
  }
}

TEST_F(MasksTest, EveryPictureOfABatchHasItsOwnRowsAndPrototypes) {
  predictions_ = {
      .n = 2,
      .rows = 1,
      .columns = 7,
      .values = {0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, -1},
      .prototypes = {
          .channels = 1, .height = 2, .width = 3, .values = {9, 9, 9, 9, 9, 9, 9, 9, 9, -9, -9, -9}}};
  const Detection detection{.box = kEverything, .row = 0};
  EXPECT_EQ(Drawn(MakeMasks(predictions_, 0, {detection}, kNetwork)[0]).find('.'), std::string::npos);
  EXPECT_EQ(Drawn(MakeMasks(predictions_, 1, {detection}, kNetwork)[0]).substr(0, 13), "............\n");
}

TEST_F(MasksTest, LinesAreWorstFirstInFractionsOfThePictureAndStayInsideIt) {
  Prototype({9, 9, 9, 9, 9, 9});
  const Detection best = Row({1});
  Detection worst = Row({1}, {4, 0, 13, 9});
  worst.class_id = 0;
  worst.confidence = 0.25F;
  const std::vector<Detection> detections = {best, worst};
  const std::vector<Mask> masks = MakeMasks(predictions_, 0, detections, kNetwork);
  // A picture of 20 x 40 lies in rows 1 to 6 of the 8 x 12.
  EXPECT_EQ(SegmentLines(detections, masks, kNetwork, {20, 40}, /*with_confidence=*/false),
            "0 0.333333 0 0.333333 1 0.916667 1 0.916667 0\n"
            "3 0 0 0 1 0.916667 1 0.916667 0\n");
  EXPECT_EQ(Split(SegmentLines(detections, masks, kNetwork, {20, 40}, /*with_confidence=*/true), '\n')[0],
            "0 0.333333 0 0.333333 1 0.916667 1 0.916667 0 0.25");
}

/// A number in 0..1 that looks like chance.
float Noise(std::uint64_t k) {
  const auto mixed = static_cast<std::uint32_t>(k * 2654435761U + 12345U);
  return static_cast<float>(mixed >> 8U) / static_cast<float>(1U << 24U);
}

/// A made-up output of a network with two classes and 32 masks, whose results were computed with the
/// reference (segment/predict.py of v7.0 on torch 1.13 and OpenCV 4.6). They agree to the last pixel.
class MadeUpSegmentationTest : public ::testing::Test {
 protected:
  static constexpr Size kNetwork{128, 192};
  static constexpr Size kPicture{201, 333};

  MadeUpSegmentationTest() {
    predictions_ = {.n = 1, .rows = 24, .columns = 39, .values = {}, .prototypes = {}};
    for (std::uint64_t k = 0; k < 24 * 39; ++k) {
      const std::uint64_t column = k % 39;
      const float noise = Noise(k);
      predictions_.values.push_back(column == 0   ? noise * 192.0F
                                    : column == 1 ? noise * 128.0F
                                    : column == 2 ? noise * 150.0F + 20.0F
                                    : column == 3 ? noise * 100.0F + 20.0F
                                    : column < 7  ? noise * 0.5F + 0.5F
                                                  : (noise - 0.5F) * 6.0F);
    }
    predictions_.prototypes = {.channels = 32, .height = 32, .width = 48, .values = {}};
    for (std::uint64_t k = 0; k < 32 * 32 * 48; ++k) {
      const std::uint64_t row = k / 48;  // of all channels
      predictions_.prototypes.values.push_back((Noise(row / 4 * 12 + k % 48 / 4) - 0.5F) * 2.0F);
    }
    detections_ = NonMaxSuppression(predictions_.of(0), predictions_.columns, {.masks = 32});
    masks_ = MakeMasks(predictions_, 0, detections_, kNetwork);
  }

  std::string PictureDrawnWith(MaskStyle style) const {
    Image image(kPicture, {0, 0, 0});
    for (std::uint64_t k = 0; std::uint8_t & value : image.pixels()) {
      value = static_cast<std::uint8_t>(Noise(k++ / 48) * 256.0F);
    }
    std::vector<Color> colors;
    for (const Detection& detection : detections_) colors.push_back(ClassColor(detection.class_id));
    DrawMasks(image, PlanLetterbox(kPicture, kNetwork, 32).value(), masks_, colors, style);
    return {image.pixels().begin(), image.pixels().end()};
  }

  Predictions predictions_;
  std::vector<Detection> detections_;
  std::vector<Mask> masks_;
};

TEST_F(MadeUpSegmentationTest, MasksAreThoseOfTheReferenceToThePixel) {
  ASSERT_THAT(masks_, SizeIs(9));
  std::string all;
  for (const Mask& mask : masks_) all += Whole(mask);
  EXPECT_EQ(18968, std::count(all.begin(), all.end(), '\1'));
  EXPECT_EQ("2ad1fc11a80fbc021962b6767fe0a3f37f6aac87bd479b715f89cc76f45dc032",
            DigestOf(DigestKind::kSha256, all));
}

TEST_F(MadeUpSegmentationTest, LabelLinesAreThoseOfTheReferenceAsText) {
  const std::string lines = SegmentLines(detections_, masks_, kNetwork, kPicture, /*with_confidence=*/true);
  EXPECT_EQ(4278U, lines.size());
  EXPECT_EQ("e47753f11a26bb5011ad0d2cebc901975c644c157e7f3f1b92b82d1c1f296ea7",
            DigestOf(DigestKind::kSha256, lines))
      << lines.substr(0, 300);
}

TEST_F(MadeUpSegmentationTest, DrawnMasksAreThoseOfTheReferenceToTheBit) {
  EXPECT_EQ("ecbcefedf55c42700aca178e8549deb6d8b5cab35b9d4840eb69b1beb33e8e49",
            DigestOf(DigestKind::kSha256, PictureDrawnWith(MaskStyle::kNetwork)));
  EXPECT_EQ("cc692b513f645ca2d3f47a04e680296021c686b1578bd30f904bd4e83fb6a878",
            DigestOf(DigestKind::kSha256, PictureDrawnWith(MaskStyle::kRetina)));
}

}  // namespace
}  // namespace roost::yolo
