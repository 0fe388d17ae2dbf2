// Whatever a folder of pictures and a disk can be like, through the real program: each fault is one line that
// names the file, the rest goes on, and results are whole or absent.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "roost/base/files.h"
#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/detect/tiny_detector.h"
#include "yolo/model/forged_checkpoint.h"

namespace roost::yolo {
namespace {

using test::CellPicture;
using test::WriteFile;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

namespace fs = std::filesystem;

// The tiny model needs nothing; LibTorch maps a lot that it never touches.
constexpr std::int64_t kMemoryLimitKb = 4'000'000;

/// A PNG file that says it has these sides, with next to no data.
std::string PngThatClaims(std::uint32_t width, std::uint32_t height) {
  const auto big_endian = [](std::uint32_t number) {
    std::string bytes = test::Bytes(number);
    return std::string(bytes.rbegin(), bytes.rend());
  };
  const auto chunk = [&](const std::string& content) {  // with its four letters
    const auto crc =
        ::crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    return big_endian(static_cast<std::uint32_t>(content.size() - 4)) + content +
           big_endian(static_cast<std::uint32_t>(crc));
  };
  const std::string form("\x08\x02\0\0\0", 5);  // 8 bits, RGB
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR" + big_endian(width) + big_endian(height) + form) +
         chunk(std::string("IDAT\x78\x9c\x03\0\0\0\0\1", 12)) + chunk("IEND");
}

std::string JpegThatClaims(const std::string& height_and_width) {
  std::string jpeg = CellPicture("r.", ".jpg");
  return jpeg.replace(jpeg.find("\xFF\xC0") + 5, 4, height_and_width);
}

/// A picture that hardly compresses: about 3 bytes per pixel, also as PNG.
std::string Noise(Size size) {
  Image image(size, test::kBlack);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : image.pixels()) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return EncodeImage(image, ".png").value();
}

/// Runs the real program in a folder of its own that holds tiny.pt and in/good.png.
class BadInputTest : public ::testing::Test {
 protected:
  BadInputTest() {
    WriteFile(At("tiny.pt"), test::TinyDetector());
    fs::create_directory(At("in"));
    WriteFile(At("in/good.png"), CellPicture("..../.rb./...."));
  }

  Path At(const std::string& name) const { return folder_.path() / name; }
  void Put(const std::string& name, const std::string& bytes) const { WriteFile(At("in") / name, bytes); }

  std::string Command() const { return "'" + test::Program("yolo-detect").string() + "'"; }

  /// A shell script in the folder; `$detect` runs the program with the tiny model on in/, within bounds of
  /// memory.
  test::CommandResult Shell(const std::string& script) const {
    return test::RunCommand(
        {"/bin/sh", "-c",
         "ulimit -v " + std::to_string(kMemoryLimitKb) + "\ndetect=\"" +
             test::Program("yolo-detect").string() +
             " --weights tiny.pt --imgsz 128 --threads 1 --device cpu --save-txt --source in\"\n" + script},
        folder_.path());
  }
  test::CommandResult Detect() const { return Shell("exec $detect --project out --name run --exist-ok"); }

  /// A prefix that takes root's power to ignore permissions away; nothing where that cannot be done.
  static std::optional<std::string> WithoutRootsPower() {
    if (::geteuid() != 0) return "";
    const std::string drop = "setpriv --bounding-set=-dac_override,-dac_read_search ";
    const auto tried = test::RunCommand({"/bin/sh", "-c", drop + "true"});
    return tried.status.ok() ? std::optional(drop) : std::nullopt;
  }
  /// Whether mounts can be made that nobody else sees.
  static bool CanMount() {
    return test::RunCommand({"unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"})
        .status.ok();
  }

  /// The results of good.png are there, whatever happened to the others.
  void ExpectGoodIsDone() const {
    EXPECT_TRUE(fs::exists(At("out/run/labels/good.txt")));
    EXPECT_TRUE(ReadImage(At("out/run/good.png")).ok());
  }

  TemporaryDirectory folder_;
};

/// The line of `text` that holds `name`, or nothing.
std::string LineAbout(const std::string& text, const std::string& name) {
  const auto at = text.find(name);
  if (at == std::string::npos) return "(no line about " + name + ")";
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

TEST_F(BadInputTest, PicturesThatCannotBeDecodedAreNamedWithTheReason) {
  const std::string png = CellPicture("rb/br");
  Put("empty.jpg", "");
  Put("text.jpg", "this is no picture\n");
  Put("zeros.png", std::string(1000, '\0'));
  Put("cut.png", png.substr(0, png.size() / 2));
  Put("header_only.jpg", CellPicture("r.", ".jpg").substr(0, 20));
  const auto run = Detect();
  EXPECT_EQ(3, run.status.value) << run.err;
  EXPECT_THAT(LineAbout(run.err, "empty.jpg"), HasSubstr("empty"));
  for (const char* name : {"text.jpg", "zeros.png", "cut.png", "header_only.jpg"}) {
    EXPECT_THAT(LineAbout(run.err, name), HasSubstr("not a picture that can be decoded")) << name;
    EXPECT_FALSE(fs::exists(At("out/run") / name)) << name;
  }
  ExpectGoodIsDone();
}

TEST_F(BadInputTest, ClaimsOfHugeSizesCostNoMemory) {
  Put("bomb_png.png", PngThatClaims(60'000, 60'000));
  Put("bomb_jpeg.jpg", JpegThatClaims("\xEA\x60\xEA\x60"));
  Put("bomb_within_the_limit.jpg", JpegThatClaims("\x7D\x10\x7D\x10"));  // 32016 x 32016
  Put("wide.png", PngThatClaims(2'000'000, 10));
  Put("bomb_ppm.bmp", "P6\n60000 60000\n255\n" + std::string(1000, 'x'));
  const auto run = Detect();
  EXPECT_EQ(3, run.status.value) << run.err;
  for (const char* name : {"bomb_png.png", "bomb_ppm.bmp"}) {
    EXPECT_THAT(LineAbout(run.err, name), HasSubstr("claims more than")) << name;
  }
  for (const char* name : {"bomb_jpeg.jpg", "bomb_within_the_limit.jpg"}) {
    EXPECT_THAT(LineAbout(run.err, name), HasSubstr("too short for the size")) << name;
  }
  EXPECT_THAT(LineAbout(run.err, "wide.png"), HasSubstr("cannot decode"));
  ExpectGoodIsDone();
}

TEST_F(BadInputTest, SmallPicturesAndWrongSuffixesAreFine) {
  Put("one.png", EncodeImage(Image({1, 1}, test::kRed), ".png").value());
  Put("png_named.jpg", CellPicture("r.../...."));
  Put("jpeg_named.png", CellPicture("b.../....", ".jpg"));
  const auto run = Detect();
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_TRUE(fs::exists(At("out/run/labels/png_named.txt")));
  EXPECT_TRUE(fs::exists(At("out/run/labels/jpeg_named.txt")));
  ExpectGoodIsDone();
}

TEST_F(BadInputTest, WhatIsNoFileIsToldAndNeverWaitedFor) {
  fs::create_symlink(At("nowhere"), At("in/dangling.jpg"));
  fs::create_symlink("/dev/zero", At("in/device.jpg"));
  fs::create_symlink("loop.jpg", At("in/loop.jpg"));
  ASSERT_EQ(0, ::mkfifo(At("in/pipe.jpg").c_str(), 0600));
  fs::create_directory(At("in/folder.jpg"));
  const auto run = Detect();
  EXPECT_EQ(3, run.status.value) << run.err;
  for (const char* name : {"dangling.jpg", "device.jpg", "loop.jpg", "pipe.jpg"}) {
    EXPECT_THAT(LineAbout(run.err, name), ContainsRegex("cannot|not a regular file|no such file")) << name;
  }
  ExpectGoodIsDone();
}

TEST_F(BadInputTest, AFileThatMayNotBeReadIsToldAndTheRestGoesOn) {
  const auto drop = WithoutRootsPower();
  if (!drop) GTEST_SKIP() << "root may read everything, and setpriv cannot change that here";
  Put("secret.png", CellPicture("r"));
  fs::permissions(At("in/secret.png"), fs::perms::none);
  const auto run = Shell("exec " + *drop + "$detect --project out --name run --exist-ok");
  EXPECT_EQ(3, run.status.value) << run.err;
  EXPECT_THAT(LineAbout(run.err, "secret.png"), HasSubstr("Permission denied"));
  ExpectGoodIsDone();
}

TEST_F(BadInputTest, NamesMayHoldAnythingAFileSystemTakes) {
  const std::vector<std::string> names = {
      "two\nlines.png",  "bad\xff\xfeutf8.png", " spaces .png", "-dash.png",       "--help.png",
      "percent%s%n.png", "quote'\".png",        "a\tb.png",     "esc\033[31m.png", "\xC3\xA9t\xC3\xA9.png"};
  for (const std::string& name : names) Put(name, CellPicture("r.../...."));
  const auto run = Detect();
  EXPECT_EQ(0, run.status.value) << run.err;
  for (const std::string& name : names) {
    EXPECT_TRUE(fs::exists(At("out/run") / name)) << name;
    EXPECT_TRUE(fs::exists(At("out/run/labels") / Path(name).replace_extension(".txt"))) << name;
  }
  EXPECT_THAT(run.err, Not(HasSubstr("\033"))) << "a file name reaches the terminal as it is";
  EXPECT_THAT(run.err, Not(HasSubstr("\nlines.png")));
  EXPECT_EQ("out/run\n", run.out);
}

TEST_F(BadInputTest, AFolderThatMayNotBeWrittenEndsTheRunBeforeTheModelIsLoaded) {
  const auto drop = WithoutRootsPower();
  if (!drop) GTEST_SKIP() << "root may write everywhere, and setpriv cannot change that here";
  fs::create_directory(At("out"));
  fs::permissions(At("out"), fs::perms::owner_read | fs::perms::owner_exec);
  const auto run = Shell("exec " + *drop + "$detect --project out --name run");
  EXPECT_THAT(run.status.value, AnyOf(Eq(73), Eq(77))) << run.err;
  EXPECT_THAT(run.err, HasSubstr("out"));
  EXPECT_THAT(run.err, HasSubstr("Permission denied"));
  EXPECT_THAT(run.err, Not(HasSubstr("tiny.pt"))) << "the model was loaded first";
  fs::permissions(At("out"), fs::perms::owner_all);
}

TEST_F(BadInputTest, AReadOnlyFileSystemEndsTheRunWith73) {
  if (!CanMount()) GTEST_SKIP() << "needs the right to mount (root)";
  fs::create_directory(At("out"));
  const auto run =
      Shell("exec unshare -m sh -c \"mount -t tmpfs -o ro none out; exec $detect --project out\"");
  EXPECT_EQ(73, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("out"));
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
}

TEST_F(BadInputTest, AFullDiskEndsTheRunWith73AndLeavesNothingHalfWritten) {
  if (!CanMount()) GTEST_SKIP() << "needs the right to mount (root)";
  for (const char* name : {"noise1.png", "noise2.png", "noise3.png"})
    Put(name, Noise({416, 416}));  // 0.5 MB each
  fs::create_directory(At("out"));
  fs::create_directory(At("kept"));
  const auto run = Shell(R"(exec unshare -m sh -c "mount -t tmpfs -o size=1m none out
$detect --project out --name run --exist-ok; status=\$?; cp -a out/. kept; exit \$status")");
  EXPECT_EQ(73, run.status.value) << run.err;
  EXPECT_THAT(LineAbout(run.err, "No space left on device"), ContainsRegex("noise[123]|labels"));
  std::size_t pictures = 0;
  for (const auto& entry : fs::recursive_directory_iterator(At("kept"))) {
    const Path& path = entry.path();
    if (path.extension() == ".png") {
      ++pictures;
      EXPECT_TRUE(ReadImage(path).ok()) << path << " is under its final name, but not whole";
    }
    EXPECT_FALSE(IsAtomicTemporary(path)) << path << " was left";
    if (path.extension() == ".txt") {
      EXPECT_THAT(test::ReadText(path), ::testing::EndsWith("\n")) << path;
    }
  }
  EXPECT_GE(pictures, 2U);
  EXPECT_LT(pictures, 4U);
}

TEST_F(BadInputTest, AFolderWithoutPicturesSaysSo) {
  fs::remove(At("in/good.png"));
  Put("notes.md", "nothing to see\n");
  const auto run = Detect();
  EXPECT_EQ(66, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("in"));
  EXPECT_FALSE(fs::exists(At("out/run")));
}

}  // namespace
}  // namespace roost::yolo
