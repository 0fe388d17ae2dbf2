#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "roost/base/digest.h"
#include "roost/yolo/image.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

/// A picture in which every pixel differs from its neighbours.
Image Gradient(Size size) {
  Image image(size, {0, 0, 0});
  std::uint8_t value = 0;
  for (std::uint8_t& byte : image.pixels()) byte = value += 7;
  return image;
}

std::string Encoded(const Image& image, const std::string& suffix) {
  return EncodeImage(image, suffix).value();
}

std::string DigestOfPixels(const Image& image) {
  const auto pixels = image.pixels();
  return DigestOf(DigestKind::kSha256, {reinterpret_cast<const char*>(pixels.data()), pixels.size()});
}

/// A JPEG file with an EXIF block that says how to turn it upright.
std::string WithOrientation(const std::string& jpeg, char orientation) {
  const std::string tiff = std::string("II*\0\x08\0\0\0", 8) + std::string("\x01\0", 2) +  // one entry
                           std::string("\x12\x01\x03\0\x01\0\0\0", 8) + orientation +
                           std::string("\0\0\0\0\0\0\0", 7);
  const std::string exif = std::string("Exif\0\0", 6) + tiff;
  const auto length = static_cast<char>(exif.size() + 2);
  return jpeg.substr(0, 2) + "\xFF\xE1" + '\0' + length + exif + jpeg.substr(2);
}

TEST(CodecTest, LosslessFormatsGiveBackThePixelsTheyWereMadeOf) {
  const Image image = Gradient({5, 7});
  for (const char* suffix : {".png", ".bmp", ".tif", ".tiff", ".webp", ".PNG"}) {
    const auto decoded = DecodeImage(Encoded(image, suffix), "x");
    ASSERT_TRUE(decoded.ok()) << suffix << decoded.error().message();
    EXPECT_EQ(image.size(), decoded->size()) << suffix;
    EXPECT_THAT(decoded->pixels(), ElementsAreArray(image.pixels())) << suffix;
  }
}

TEST(CodecTest, TheContentAndNotTheNameSaysWhatFormatAFileHas) {
  const TemporaryDirectory folder;
  test::WriteFile(folder.path() / "png_named.jpg", Encoded(Gradient({4, 6}), ".png"));
  EXPECT_EQ((Size{4, 6}), ReadImage(folder.path() / "png_named.jpg")->size());
}

TEST(CodecTest, ANamedPipeIsRefusedAndNotWaitedFor) {
  const TemporaryDirectory folder;
  const Path pipe = folder.path() / "a.jpg";
  ASSERT_EQ(0, ::mkfifo(pipe.c_str(), 0600));
  const auto image = ReadImage(pipe);
  ASSERT_FALSE(image.ok());
  EXPECT_THAT(image.error().message(), HasSubstr("a.jpg': not a regular file"));
}

TEST(CodecTest, AFileOfMoreThanAGigabyteIsRefusedUnread) {
  const TemporaryDirectory folder;
  const Path path = folder.path() / "sparse.jpg";
  test::WriteFile(path, "");
  std::filesystem::resize_file(path, (std::uintmax_t{1} << 30) + 1);
  const auto image = ReadImage(path);
  ASSERT_FALSE(image.ok());
  EXPECT_THAT(image.error().message(), HasSubstr("sparse.jpg' is larger than 1073741824 bytes"));
}

/// The file with the sides that its frame header declares replaced.
std::string WithSides(std::string jpeg, const std::string& height_and_width) {
  return jpeg.replace(jpeg.find("\xFF\xC0") + 5, 4, height_and_width);
}

TEST(CodecTest, SizesThatNoPictureHasAreRefusedBeforeMemoryIsTaken) {
  const std::string jpeg = Encoded(Gradient({64, 64}), ".jpg");
  const std::string bmp_header("BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x60\xEA\0\0\x60\xEA\0\0\1\0\x18\0",
                               30);
  const std::string bmp = bmp_header + std::string(1000, '\0');
  const std::string claimed = "claims more than 1048576 pixels a side or 1073741824 in all";
  for (const auto& [file, why] :
       {std::pair{std::string("P6\n60000 60000\n255\n") + std::string(1000, 'x'), claimed},
        std::pair{bmp, claimed}, std::pair{WithSides(jpeg, "\xEA\x60\xEA\x60"), std::string("far too short")},
        std::pair{WithSides(jpeg, "\x7D\x10\x7D\x10"), std::string("far too short")}}) {
    const auto image = DecodeImage(file, "bomb");
    ASSERT_FALSE(image.ok());
    EXPECT_THAT(image.error().message(), HasSubstr("cannot decode 'bomb': "));
    EXPECT_THAT(image.error().message(), HasSubstr(why));
  }
}

TEST(CodecTest, AJpegOfUsualSizeThatWasCutShortIsGreyAtItsEnd) {
  const std::string jpeg = Encoded(Gradient({64, 64}), ".jpg");
  const auto image = DecodeImage(WithSides(jpeg, std::string("\x07\xD0\x07\xD0", 4)), "x");  // 2000 x 2000
  ASSERT_TRUE(image.ok()) << image.error().message();
  EXPECT_EQ((Size{2000, 2000}), image->size());
}

TEST(CodecTest, ExifOrientationTurnsAJpegUpright) {
  const std::string jpeg = Encoded(Gradient({10, 20}), ".jpg");
  EXPECT_EQ((Size{10, 20}), DecodeImage(WithOrientation(jpeg, 1), "x")->size());
  EXPECT_EQ((Size{20, 10}), DecodeImage(WithOrientation(jpeg, 6), "x")->size());
  EXPECT_EQ((Size{10, 20}), DecodeImage(WithOrientation(jpeg, 9), "x")->size()) << "9 means nothing";
}

TEST(CodecTest, FilesThatAreNoPicturesAreErrorsThatNameTheFile) {
  const std::string png = Encoded(Gradient({50, 50}), ".png");
  for (const std::string& bytes : {std::string(), std::string("hello"), png.substr(0, png.size() / 2),
                                   Encoded(Gradient({50, 50}), ".jpg").substr(0, 20)}) {
    const auto decoded = DecodeImage(bytes, "folder/x.png");
    ASSERT_FALSE(decoded.ok());
    EXPECT_THAT(decoded.error().message(), HasSubstr("cannot decode 'folder/x.png': "));
    EXPECT_EQ(ExitCode::kBadData, decoded.error().code());
  }
}

TEST(CodecTest, AJpegCutShortStillShowsItsUpperPart) {
  const std::string jpeg = Encoded(Image({64, 64}, {10, 200, 10}), ".jpg");
  const auto decoded = DecodeImage(jpeg.substr(0, jpeg.size() - 20), "x");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((Size{64, 64}), decoded->size());
}

TEST(CodecTest, AMissingFileIsAnErrorWithTheReasonOfTheSystem) {
  const auto image = ReadImage("/nonexistent/x.jpg");
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(ExitCode::kNoInput, image.error().code());
  EXPECT_THAT(image.error().message(), HasSubstr("'/nonexistent/x.jpg'"));
}

TEST(CodecTest, FormatsThatCanOnlyBeReadAreRefusedWhenWriting) {
  const Image image = Gradient({4, 4});
  for (const char* suffix : {".dng", ".mpo", ".xyz", ""}) {
    EXPECT_FALSE(CanEncode(suffix)) << suffix;
    EXPECT_FALSE(EncodeImage(image, suffix).ok()) << suffix;
  }
  for (const char* suffix : {".bmp", ".jpeg", ".JPG", ".pfm", ".png", ".tif", ".tiff", ".webp"}) {
    EXPECT_TRUE(CanEncode(suffix)) << suffix;
    EXPECT_TRUE(EncodeImage(image, suffix).ok()) << suffix;
  }
}

TEST(CodecTest, ACloneHasItsOwnPixels) {
  const Image image({2, 2}, {1, 2, 3});
  Image clone = image.Clone();
  clone.pixels()[0] = 99;
  EXPECT_EQ(1, image.pixels()[0]);
}

TEST(CodecTest, DecodesTheReferencesOddPicturesToTheSamePixels) {
  ROOST_NEEDS_REFERENCE();
  const Path reference = *test::ReferenceDir();
  const auto golden =
      nlohmann::json::parse(test::ReadText(reference / "golden/yolov5/odd_inputs.json")).at("images");
  int decoded = 0;
  for (const auto& [name, expected] : golden.items()) {
    if (name.ends_with(".gif")) continue;  // a video to the reference
    // Recorded with cv2.imread, which ends a JPEG that was cut short in another way than imdecode does; the
    // reference's detect.py, like us, uses imdecode.
    if (name == "no_eoi.jpg" || name == "truncated_half.jpg") continue;
    const auto image = ReadImage(reference / "images/odd" / name);
    ASSERT_EQ(!expected.at("imread").is_null(), image.ok()) << name;
    if (!image.ok()) continue;
    ++decoded;
    const auto& shape = expected["imread"]["shape"];
    EXPECT_EQ((Size{shape[0], shape[1]}), image->size()) << name;
    EXPECT_EQ(expected["imread"]["bgr_sha256"], DigestOfPixels(*image)) << name;
  }
  EXPECT_GE(decoded, 40);
}

}  // namespace
}  // namespace roost::yolo
