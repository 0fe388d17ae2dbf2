#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/base/digest.h"
#include "roost/yolo/image.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Size k640{640, 640};

LetterboxPlan Plan(Size original, Size target = k640, std::int64_t stride = 32) {
  return PlanLetterbox(original, target, stride).value();
}

TEST(LetterboxTest, ThePaddedPictureIsTheSmallestThatTheStrideAllows) {
  EXPECT_EQ((Size{640, 480}), Plan({1080, 810}).padded());
  EXPECT_EQ((Size{384, 640}), Plan({720, 1280}).padded());
  EXPECT_EQ((Size{640, 512}), Plan({640, 481}).padded());
  EXPECT_EQ((Size{64, 640}), Plan({500, 8000}).padded());
  EXPECT_EQ((Size{640, 640}), Plan({64, 64}).padded()) << "small pictures are enlarged";
  EXPECT_EQ((Size{384, 480}), Plan({480, 640}, {640, 480}).padded()) << "target height, width";
  EXPECT_EQ((Size{512, 640}), Plan({480, 640}, k640, 64).padded());
}

TEST(LetterboxTest, PaddingIsSplitEvenlyAndTheOddPixelGoesBelowAndRight) {
  const LetterboxPlan even = Plan({426, 640});
  EXPECT_EQ(11, even.top);
  EXPECT_EQ(11, even.bottom);
  const LetterboxPlan odd = Plan({427, 640});
  EXPECT_EQ(10, odd.top);
  EXPECT_EQ(11, odd.bottom);
  const LetterboxPlan narrow = Plan({640, 481});
  EXPECT_EQ(15, narrow.left);
  EXPECT_EQ(16, narrow.right);
}

TEST(LetterboxTest, SidesAreRoundedHalfToEvenAsPythonDoes) {
  EXPECT_EQ((Size{640, 2}), Plan({1280, 5}).scaled) << "2.5 pixels";
  EXPECT_EQ((Size{640, 4}), Plan({1280, 7}).scaled) << "3.5 pixels";
}

TEST(LetterboxTest, APictureTooNarrowToScaleIsAnError) {
  const auto plan = PlanLetterbox({1, 1300}, k640, 32);
  ASSERT_FALSE(plan.ok());
  EXPECT_THAT(plan.error().message(), HasSubstr("1x1300"));
  EXPECT_TRUE(PlanLetterbox({1, 1279}, k640, 32).ok());
}

TEST(LetterboxTest, ThePictureLiesInAGreyFrame) {
  const Image picture({2, 4}, {10, 20, 30});
  const Image padded = Letterbox(picture, Plan({2, 4}, {32, 32}));
  ASSERT_EQ((Size{32, 32}), padded.size());  // 16 rows of picture, 8 of grey above and below
  const auto pixel = [&](std::size_t row, std::size_t column) {
    const auto bytes = padded.pixels().subspan((row * 32 + column) * 3, 3);
    return std::vector<int>(bytes.begin(), bytes.end());
  };
  EXPECT_THAT(pixel(7, 0), ElementsAre(114, 114, 114));
  EXPECT_THAT(pixel(8, 0), ElementsAre(10, 20, 30));
  EXPECT_THAT(pixel(23, 31), ElementsAre(10, 20, 30));
  EXPECT_THAT(pixel(24, 31), ElementsAre(114, 114, 114));
}

TEST(LetterboxTest, PlanesAreRedGreenBlueInZeroToOne) {
  std::vector<float> planes(3 * 2 * 2);
  ToPlanes(Image({2, 2}, {255, 51, 0}), planes);
  const std::span all(planes);
  EXPECT_THAT(all.subspan(0, 4), Each(0.0F));
  EXPECT_THAT(all.subspan(4, 4), Each(51.0F / 255.0F));
  EXPECT_THAT(all.subspan(8, 4), Each(1.0F));
}

TEST(LetterboxTest, BoxesGoBackToThePictureAndAreClippedToIt) {
  EXPECT_EQ((Box{0, 0, 810, 1080}), ToOriginal({0, 0, 480, 640}, {640, 480}, {1080, 810}));
  EXPECT_EQ((Box{0, 0, 640, 426}), ToOriginal({-5, 0, 700, 448}, {448, 640}, {426, 640}));
  const Box inner = ToOriginal({10, 21, 20, 31}, {448, 640}, {426, 640});
  EXPECT_FLOAT_EQ(10, inner.y1);  // the frame is 11 pixels high
  EXPECT_FLOAT_EQ(10, inner.x1);
}

TEST(LetterboxTest, AgreesWithTheReferenceToTheBit) {
  ROOST_NEEDS_REFERENCE();
  const Path reference = *test::ReferenceDir();
  const auto golden = nlohmann::json::parse(test::ReadText(reference / "golden/yolov5/debug/debug.json"));
  for (const auto& [name, expected] : golden.at("tensors").items()) {
    const Image image = ReadImage(reference / "images/photos" / expected["file"].get<std::string>()).value();
    const std::int64_t side = expected["imgsz"];
    const Image padded = Letterbox(image, Plan(image.size(), {side, side}));
    EXPECT_EQ((Size{expected["input_shape"][2], expected["input_shape"][3]}), padded.size()) << name;

    std::vector<float> planes(padded.pixels().size());
    ToPlanes(padded, planes);
    std::string bytes;
    for (const float value : planes) bytes += static_cast<char>(std::lround(value * 255));
    EXPECT_EQ(expected["input_u8_chw_rgb_sha256"], DigestOf(DigestKind::kSha256, bytes)) << name;
  }
}

TEST(LetterboxTest, AgreesWithTheReferenceOnTheSizeOfEveryPicture) {
  ROOST_NEEDS_REFERENCE();
  const auto golden =
      nlohmann::json::parse(test::ReadText(*test::ReferenceDir() / "golden/yolov5/det_conf0.25.json"));
  for (const auto& [name, expected] : golden.at("images").items()) {
    EXPECT_EQ((Size{expected["hw"][0], expected["hw"][1]}),
              Plan({expected["hw0"][0], expected["hw0"][1]}).padded())
        << name;
  }
}

}  // namespace
}  // namespace roost::yolo
