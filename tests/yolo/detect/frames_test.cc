#include "yolo/detect/frames.h"

#include <algorithm>
#include <atomic>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "upload/loopback_server.h"

namespace roost::yolo {
namespace {

using test::LoopbackServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Size kSize{48, 64};

/// A picture that is known by its number again, also behind a codec.
Image Numbered(int number) {
  const auto grey = static_cast<std::uint8_t>(10 + 20 * number);
  return {kSize, {grey, grey, grey}};
}

int NumberOf(const Image& image) {
  return (static_cast<int>(image.pixels()[image.pixels().size() / 2]) - 10 + 10) / 20;
}

class FramesTest : public ::testing::Test {
 protected:
  Path At(const std::string& name) const { return folder_.path() / name; }

  Path MakeClip(const std::string& name, int frames) {
    const auto video = CreateVideo(At(name), 10, kSize);
    for (int i = 0; i < frames; ++i) video->Write(Numbered(i));
    video->Commit();
    return At(name);
  }

  void AddImage(const Path& path) { inputs_.push_back({.path = path}); }
  void AddVideo(const Path& path) { inputs_.push_back({.path = path, .kind = Input::Kind::kVideo}); }
  void AddStream(const std::string& address) {
    inputs_.push_back({.path = Path(address).filename(),
                       .kind = Input::Kind::kStream,
                       .origin = address,
                       .address = address});
  }

  struct Shown {
    std::vector<int> pictures;
    std::vector<std::int64_t> numbers;  ///< of these
    bool last = false;
    std::string error;
  };

  /// Everything that comes of each input.
  std::map<std::size_t, Shown> Watch() {
    options_.warn = [this](const std::string& text) { warnings_.push_back(text); };
    const auto feed = OpenFeed(inputs_, options_);
    std::map<std::size_t, Shown> shown;
    while (auto frame = feed->Next([] { return false; })) {
      if (slow_) EncodeImage(Image({1000, 1000}, {1, 2, 3}), ".png").value();
      Shown& input = shown[frame->input];
      EXPECT_FALSE(input.last) << "nothing comes behind the last frame";
      input.last = frame->last;
      if (frame->error) input.error = frame->error->message();
      if (!frame->image) continue;
      input.pictures.push_back(NumberOf(*frame->image));
      input.numbers.push_back(frame->number);
      EXPECT_EQ(kSize, frame->video.size);
    }
    return shown;
  }

  TemporaryDirectory folder_;
  std::vector<Input> inputs_;
  FeedOptions options_;
  std::vector<std::string> warnings_;
  bool slow_ = false;  ///< whoever watches does a lot more work than whoever reads
};

TEST_F(FramesTest, PicturesAreHandedOutUnreadAndInOrder) {
  AddImage("/in/a.jpg");
  AddImage("/in/b.jpg");
  const auto feed = OpenFeed(inputs_, options_);
  for (const std::size_t input : {0, 1}) {
    const auto frame = feed->Next([] { return false; });
    ASSERT_TRUE(frame);
    EXPECT_EQ(input, frame->input);
    EXPECT_EQ(0, frame->number);
    EXPECT_TRUE(frame->last);
    EXPECT_FALSE(frame->image);
    EXPECT_FALSE(frame->error);
  }
  EXPECT_FALSE(feed->Next([] { return false; }));
  EXPECT_FALSE(feed->Next([] { return false; })) << "the end stays the end";
}

TEST_F(FramesTest, UnusableInputsComeWithTheirReason) {
  inputs_.push_back({.path = "/in/a.jpg", .unusable = "it is gone"});
  EXPECT_THAT(Watch()[0].error, HasSubstr("cannot use '/in/a.jpg': it is gone"));
}

TEST_F(FramesTest, AVideoGivesAllItsFramesAndSaysWhichIsTheLast) {
  AddVideo(MakeClip("clip.mp4", 4));
  AddImage("/in/a.jpg");
  auto shown = Watch();
  EXPECT_THAT(shown[0].pictures, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(shown[0].numbers, ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(shown[0].last);
  EXPECT_EQ("", shown[0].error);
  EXPECT_TRUE(shown[1].last);
}

// Seen with the reference: strides of 2 and 3 on clips of 12 frames show the frames 1 3 5 .. and 2 5 8 11,
// counted from 0, as 1, 2, 3...
TEST_F(FramesTest, AStrideTakesEveryNthFrameAndCountsThoseItTook) {
  AddVideo(MakeClip("twelve.mp4", 12));
  AddVideo(MakeClip("eleven.mp4", 11));
  options_.vid_stride = 2;
  EXPECT_THAT(Watch()[0].pictures, ElementsAre(1, 3, 5, 7, 9, 11));
  options_.vid_stride = 3;
  auto shown = Watch();
  EXPECT_THAT(shown[0].pictures, ElementsAre(2, 5, 8, 11));
  EXPECT_THAT(shown[0].numbers, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(shown[1].pictures, ElementsAre(2, 5, 8)) << "the second video like the first";
  EXPECT_TRUE(shown[1].last);
}

TEST_F(FramesTest, AStrideThatPassesOverEverythingIsAnError) {
  AddVideo(MakeClip("clip.mp4", 3));
  options_.vid_stride = 4;
  const auto shown = Watch()[0];
  EXPECT_THAT(shown.pictures, IsEmpty());
  EXPECT_THAT(shown.error, HasSubstr("--vid-stride 4"));
  EXPECT_TRUE(shown.last);
}

TEST_F(FramesTest, AVideoThatCannotBeReadDoesNotEndTheRun) {
  test::WriteFile(At("bad.mp4"), "no video");
  AddVideo(At("bad.mp4"));
  AddVideo(MakeClip("good.mp4", 2));
  auto shown = Watch();
  EXPECT_THAT(shown[0].error, HasSubstr("bad.mp4"));
  EXPECT_TRUE(shown[0].last);
  EXPECT_THAT(shown[1].pictures, ElementsAre(0, 1));
}

TEST_F(FramesTest, AVideoThatWasCutShortGivesItsFramesAndThenAnError) {
  ROOST_NEEDS_REFERENCE();
  const std::string whole = test::ReadText(*test::ReferenceDir() / "images/video/clip12.avi");
  test::WriteFile(At("cut.avi"), whole.substr(0, whole.size() / 2));
  AddVideo(At("cut.avi"));
  const auto feed = OpenFeed(inputs_, options_);
  int pictures = 0;
  std::optional<Error> error;
  while (auto frame = feed->Next([] { return false; })) {
    EXPECT_EQ(frame->error.has_value(), frame->last);
    pictures += frame->image ? 1 : 0;
    error = frame->error;
  }
  EXPECT_GT(pictures, 3);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("cut short"));
}

TEST_F(FramesTest, FilesThatArePlayedAsStreamsLoseNoFrames) {
  slow_ = true;
  AddStream(MakeClip("a.mp4", 5));
  AddStream(MakeClip("b.mp4", 3));
  AddImage("/in/c.jpg");
  auto shown = Watch();
  EXPECT_THAT(shown[0].pictures, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(shown[0].numbers, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(shown[1].pictures, ElementsAre(0, 1, 2));
  EXPECT_TRUE(shown[0].last);
  EXPECT_TRUE(shown[1].last);
  EXPECT_EQ("", shown[0].error);
}

TEST_F(FramesTest, AStreamThatDoesNotAnswerLeavesTheOthersAlone) {
  AddStream("http://127.0.0.1:1/live");
  AddStream(MakeClip("a.mp4", 2));
  auto shown = Watch();
  EXPECT_THAT(shown[0].error, HasSubstr("127.0.0.1:1/live"));
  EXPECT_TRUE(shown[0].last);
  EXPECT_THAT(shown[1].pictures, ElementsAre(0, 1));
}

/// What a network camera sends: one JPEG behind the other, with no length.
std::string CameraAnswer(int first, int count) {
  std::string bytes =
      "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n--frame\r\n";
  for (int i = first; i < first + count; ++i) {
    const std::string jpeg = EncodeImage(Numbered(i), ".jpg").value();
    bytes += "Content-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) + "\r\n\r\n" +
             jpeg + "\r\n--frame\r\n";
  }
  return bytes;
}

TEST_F(FramesTest, ALiveStreamThatBreaksOffIsOpenedAgainOnce) {
  std::atomic<int> answers = 0;
  const LoopbackServer server([&](const LoopbackServer::Request&) -> LoopbackServer::Answer {
    switch (answers++) {
      case 0:
        return {CameraAnswer(0, 3)};
      case 1:
        return {CameraAnswer(5, 3)};
      default:
        return test::Respond("404 Not Found", "");
    }
  });
  AddStream(server.Url("/camera"));
  const auto shown = Watch()[0];
  ASSERT_THAT(shown.pictures, ::testing::Not(IsEmpty()));
  EXPECT_TRUE(std::is_sorted(shown.pictures.begin(), shown.pictures.end())) << "newer and newer frames";
  EXPECT_EQ(7, shown.pictures.back()) << "the newest is never lost";
  EXPECT_THAT(warnings_, SizeIs(2));
  EXPECT_THAT(warnings_.front(), HasSubstr("broke off"));
  EXPECT_THAT(shown.error, HasSubstr(server.Url("/camera")));
  EXPECT_TRUE(shown.last);
}

TEST_F(FramesTest, TheWaitForAStreamEndsWhenTheRunIsStopped) {
  const LoopbackServer server([&](const LoopbackServer::Request&) -> LoopbackServer::Answer {
    return {CameraAnswer(0, 3), /*keep_open=*/true};
  });
  AddStream(server.Url("/camera"));
  const auto feed = OpenFeed(inputs_, options_);
  bool stop = false;
  int frames = 0;
  while (auto frame = feed->Next([&] { return stop; })) {
    ++frames;
    stop = true;
  }
  EXPECT_EQ(1, frames);
}

// Labels and log of these clips are in odd_inputs.json; its pixels are compared in video_test.cc.
TEST_F(FramesTest, ShowsAsManyFramesOfTheReferencesClipsAsTheReference) {
  ROOST_NEEDS_REFERENCE();
  const Path images = *test::ReferenceDir() / "images";
  for (const char* name : {"video/clip12.avi", "video/clip12.mp4", "odd/anim3.gif", "odd/still.gif"}) {
    AddVideo(images / name);
  }
  const auto count = [&](std::int64_t stride) {
    options_.vid_stride = stride;
    std::vector<int> frames(inputs_.size());
    const auto feed = OpenFeed(inputs_, options_);
    while (auto frame = feed->Next([] { return false; })) frames[frame->input] += frame->image ? 1 : 0;
    return frames;
  };
  EXPECT_THAT(count(1), ElementsAre(12, 12, 3, 1));
  EXPECT_THAT(count(3), ElementsAre(4, 4, 1, 0));
}

}  // namespace
}  // namespace roost::yolo
