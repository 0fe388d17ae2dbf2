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

TEST(LetterboxTest, PicturesNeedNotBeEnlarged) {
  const LetterboxPlan plan =
      PlanLetterbox({100, 60}, {128, 96}, 32, Padding::kWhole, Enlarging::kNever).value();
  EXPECT_EQ((Size{100, 60}), plan.scaled);
  EXPECT_EQ((Size{128, 96}), plan.padded());
  EXPECT_EQ((Size{128, 77}), PlanLetterbox({100, 60}, {128, 96}, 32, Padding::kWhole)->scaled);
}

/// Expected: cv2.resize() of OpenCV 4.6 to (ceil(w * r), ceil(h * r)) with r = side / max(h, w); INTER_AREA
/// where the picture shrinks, else INTER_LINEAR.
TEST(ScaleLongSideTest, MakesThePixelsOfTheReference) {
  ROOST_NEEDS_REFERENCE();
  const auto check = [](const std::string& name, std::int64_t side, Size size, const std::string& digest) {
    const Path path = *test::ReferenceDir() / "images/coco/images/train2017" / name;
    const Image scaled = ScaleLongSide(ReadImage(path).value(), side, Shrinking::kAveraged);
    EXPECT_EQ(size, scaled.size()) << name;
    const std::string_view bytes(reinterpret_cast<const char*>(scaled.pixels().data()),
                                 scaled.pixels().size());
    EXPECT_EQ(digest, DigestOf(DigestKind::kSha256, bytes)) << name << " " << side;
  };
  check("000000000491.jpg", 640, {401, 640},
        "a6e19dcbaa7aff583889307b4eb463324247fdd619cfafc721432cc0ff3aecb1");
  check("000000000491.jpg", 320, {201, 320},
        "435f32099d9af95652643a64572d9644c0069c3ad88054421ed67b460aceb46d");
  check("000000000143.jpg", 640, {534, 640},
        "a872cbde2a0b9289d9ef958a297f65fb577df71853ac50570792dbe36dd76c7e");
  check("000000000009.jpg", 640, {480, 640},
        "1ef38d120960156f22924f6f95a80a64b98ab5f7e706cfd463ba4208b2203906");
  check("000000000009.jpg", 320, {240, 320},
        "07229b7d68785a59ba1b30e77e782d9a4db04b66fc6f0f084ae4125709b862b8");
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

TEST(CenterSquareTest, TheMiddleOfAPictureIsScaledToTheSideAskedFor) {
  Image image({2, 6}, {0, 0, 0});
  for (const std::size_t column : {2U, 3U}) {  // the square in the middle
    for (const std::size_t row : {0U, 1U}) image.pixels()[(row * 6 + column) * 3] = 200;
  }
  const Image square = CenterSquare(image, 8);
  ASSERT_EQ((Size{8, 8}), square.size());
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(200, square.pixels()[i * 3]);
}

TEST(CenterSquareTest, PlanesAreNormalizedAsImageNetIs) {
  std::vector<float> planes(3);
  ToNormalizedPlanes(Image({1, 1}, {255, 0, 51}), planes);
  EXPECT_FLOAT_EQ((0.2F - 0.485F) / 0.229F, planes[0]);
  EXPECT_FLOAT_EQ((0.0F - 0.456F) / 0.224F, planes[1]);
  EXPECT_FLOAT_EQ((1.0F - 0.406F) / 0.225F, planes[2]);
}

/// SHA-256 of the float32 planes that a classification model is given.
std::string DigestOfClassifierInput(const Image& image) {
  std::vector<float> planes(std::size_t{3} * 224 * 224);
  ToNormalizedPlanes(CenterSquare(image, 224), planes);
  return DigestOf(DigestKind::kSha256, std::string_view(reinterpret_cast<const char*>(planes.data()),
                                                        planes.size() * sizeof(float)));
}

/// The digests were computed with classify_transforms(224) of v7.0.
TEST(CenterSquareTest, MadeUpPicturesAreThoseOfTheReferenceToTheBit) {
  const std::vector<std::pair<Size, const char*>> expected = {
      {{201, 333}, "8191afb802c931bf9dff27a4bc250796625975ea99d6eccf30cef74880094579"},
      {{333, 200}, "c69ed401a04c582514fa62d875deb03c4231b977dd0a0cace319077d9eecbe4f"},
      {{224, 224}, "a2f6999a10b448032c33007b8aae8d4e06ae15dbdc76ba05d4deaa1fafa9b3ae"},
      {{1, 5}, "b6b5e270cc3ba102b4450ce63e032239fe4da992bc9c852b98b37920cc9d0287"}};
  for (const auto& [size, digest] : expected) {
    Image image(size, {0, 0, 0});
    for (std::uint64_t k = 0; std::uint8_t & value : image.pixels()) {
      value = static_cast<std::uint8_t>(static_cast<std::uint32_t>(k++ / 48 * 2654435761U + 12345U) >> 24U);
    }
    EXPECT_EQ(digest, DigestOfClassifierInput(image)) << size.height << "x" << size.width;
  }
}

TEST(CenterSquareTest, PhotosAreThoseOfTheReferenceToTheBit) {
  ROOST_NEEDS_REFERENCE();
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"bus.jpg", "30f76dd4ed33e409f19ab8f8a3d98e413dbd6948a24ac24172e790b636c3ccda"},
      {"dog.jpg", "d3ffcd80d77ce67cf9f40172c38798e127b8778f171639db1f3c1a1bad24cd78"},
      {"horses.jpg", "bbf9ce62c12db1ea9dde0e2f39126c53cb35a4624285fc30ad29ee997dc64ea3"},
      {"person.jpg", "07488ae9ba11e643cedc831dcb17b652e15756c8a50453d5950a768ff2b4e7f0"},
      {"zidane.jpg", "1f2adcc683610ed48cd11faeb6f6b7beb7a0ad854c46231b6bc5348f7212f962"}};
  for (const auto& [name, digest] : expected) {
    const Path file = *test::ReferenceDir() / "images/photos" / name;
    EXPECT_EQ(digest, DigestOfClassifierInput(ReadImage(file).value())) << name;
  }
}

}  // namespace
}  // namespace roost::yolo
