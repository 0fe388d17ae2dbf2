#include "roost/yolo/video.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Size kSize{48, 64};

/// Grey of frame `number`; steps so large that the codec cannot blur one into the next.
std::uint8_t Grey(int number) { return static_cast<std::uint8_t>(20 + 30 * number); }

void WriteClip(const Path& path, int frames, double fps = 10) {
  const auto video = CreateVideo(path, fps, kSize);
  for (int i = 0; i < frames; ++i) video->Write(Image(kSize, {Grey(i), Grey(i), Grey(i)}));
  video->Commit();
}

/// Which frame of WriteClip() a picture is.
int NumberOf(const Image& image) {
  return (static_cast<int>(image.pixels()[image.pixels().size() / 2]) - 20 + 15) / 30;
}

struct Watched {
  std::vector<int> frames;
  std::string error;
};

Watched Watch(VideoReader& reader) {
  Watched watched;
  for (;;) {
    auto frame = reader.Read();
    if (!frame) watched.error = frame.error().message();
    if (!frame || !*frame) return watched;
    watched.frames.push_back(NumberOf(**frame));
  }
}

std::vector<std::string> NamesIn(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  return names;
}

class VideoTest : public ::testing::Test {
 protected:
  Error ErrorOf(const std::string& source) {
    auto reader = OpenVideo(source);
    if (!reader) return reader.error();
    ADD_FAILURE() << "opened " << source;
    return Error("");
  }

  TemporaryDirectory folder_;
  Path clip_ = folder_.path() / "clip.mp4";
};

TEST_F(VideoTest, WhatIsWrittenCanBeRead) {
  WriteClip(clip_, 7, 12.5);
  const auto reader = OpenVideo(clip_).value();
  EXPECT_EQ(kSize, reader->info().size);
  EXPECT_DOUBLE_EQ(12.5, reader->info().fps);
  EXPECT_EQ(7, reader->info().frames);
  const Watched watched = Watch(*reader);
  EXPECT_THAT(watched.frames, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ("", watched.error);
}

TEST_F(VideoTest, FramesCanBeSkipped) {
  WriteClip(clip_, 4);
  const auto reader = OpenVideo(clip_).value();
  EXPECT_TRUE(reader->Skip());
  EXPECT_TRUE(reader->Skip());
  EXPECT_EQ(2, NumberOf(*reader->Read().value()));
  EXPECT_TRUE(reader->Skip());
  EXPECT_FALSE(reader->Skip());
  EXPECT_FALSE(reader->Read().value());
}

TEST_F(VideoTest, AVideoAppearsUnderItsNameWholeOrNotAtAll) {
  {
    const auto video = CreateVideo(clip_, 10, kSize);
    video->Write(Image(kSize, {1, 2, 3}));
    EXPECT_FALSE(std::filesystem::exists(clip_));
  }
  EXPECT_THAT(NamesIn(folder_.path()), IsEmpty());
}

TEST_F(VideoTest, RatesThatTheFormatCannotExpressAreRounded) {
  for (const double fps : {0.0, 29.97, 100.123, 90'000.0}) {
    WriteClip(clip_, 2, fps);
    const double written = OpenVideo(clip_).value()->info().fps;
    EXPECT_NEAR(fps == 0 ? 30 : std::min(fps, 1000.0), written, 0.2);
  }
}

TEST_F(VideoTest, AFrameOfAnotherSizeIsScaled) {
  const auto video = CreateVideo(clip_, 10, kSize);
  video->Write(Image(kSize, {Grey(0), Grey(0), Grey(0)}));
  video->Write(Image({13, 200}, {Grey(1), Grey(1), Grey(1)}));
  video->Commit();
  EXPECT_THAT(Watch(*OpenVideo(clip_).value()).frames, ElementsAre(0, 1));
}

TEST_F(VideoTest, WhereAVideoCannotBeWrittenIsSaid) {
  const Path path = folder_.path() / "no" / "such" / "clip.mp4";
  try {
    CreateVideo(path, 10, kSize);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr(path.string()));
  }
  EXPECT_THROW(CreateVideo(clip_, 10, {1, 1}), Error) << "no even side is left";
  EXPECT_THAT(NamesIn(folder_.path()), IsEmpty());
}

/// The limit on file sizes stands in for a full disk: FFmpeg's writes fail in the same way.
[[noreturn]] void WriteClipOnFullDisk(const Path& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  constexpr rlimit kSmall{1024, 1024};
  ::setrlimit(RLIMIT_FSIZE, &kSmall);
  int status = 0;
  try {
    WriteClip(path, 7);
  } catch (const Error& error) {
    status = static_cast<int>(error.code());
    std::fputs(error.what(), stderr);
  }
  std::_Exit(status);
}

TEST_F(VideoTest, AFullDiskShowsWhenTheVideoIsCommitted) {
  EXPECT_EXIT(WriteClipOnFullDisk(clip_),
              ::testing::ExitedWithCode(static_cast<int>(ExitCode::kCannotCreate)),
              "clip.mp4': File too large");
  EXPECT_THAT(NamesIn(folder_.path()), IsEmpty());
}

TEST_F(VideoTest, AFileThatWasCutShortIsAnErrorBehindItsFrames) {
  // An .avi has its frames before its index: what is left of it still plays.
  ROOST_NEEDS_REFERENCE();
  const std::string whole = test::ReadText(*test::ReferenceDir() / "images/video/clip12.avi");
  const Path cut = folder_.path() / "cut.avi";
  test::WriteFile(cut, whole.substr(0, whole.size() / 2));
  const auto reader = OpenVideo(cut).value();
  const Watched watched = Watch(*reader);
  EXPECT_GT(watched.frames.size(), 3u);
  EXPECT_LT(watched.frames.size(), 12u);
  EXPECT_THAT(watched.error, HasSubstr(cut.string()));
  EXPECT_THAT(watched.error, HasSubstr("of 12"));
}

TEST_F(VideoTest, WhatIsNoVideoIsRefusedWithOneLine) {
  WriteClip(clip_, 3);
  const std::string whole = test::ReadText(clip_);
  const Path bad = folder_.path() / "bad.mp4";
  ::testing::internal::CaptureStderr();
  for (const std::string& content :
       {std::string("not a video at all"), whole.substr(0, whole.size() / 2), std::string(5000, '\0')}) {
    test::WriteFile(bad, content);
    const Error error = ErrorOf(bad);
    EXPECT_EQ(ExitCode::kBadData, error.code());
    EXPECT_THAT(error.message(), HasSubstr(bad.string()));
    EXPECT_THAT(error.message(), HasSubstr("not a video"));
  }
  EXPECT_EQ("", ::testing::internal::GetCapturedStderr()) << "what FFmpeg and OpenCV say is not for users";
}

TEST_F(VideoTest, FilesThatCannotBeOpenedAreNamed) {
  const Path empty = folder_.path() / "empty.mp4";
  test::WriteFile(empty, "");
  EXPECT_THAT(ErrorOf(empty).message(), HasSubstr("the file is empty"));

  const Error gone = ErrorOf(folder_.path() / "gone.mp4");
  EXPECT_EQ(ExitCode::kNoInput, gone.code());
  EXPECT_THAT(gone.message(), HasSubstr("gone.mp4"));

  const Path pipe = folder_.path() / "pipe.mp4";
  ASSERT_EQ(0, ::mkfifo(pipe.c_str(), 0600));
  EXPECT_THAT(ErrorOf(pipe).message(), HasSubstr("not a regular file"));
}

TEST_F(VideoTest, ACameraThatIsNotThereIsAnError) {
  const Error error = ErrorOf("987654");
  EXPECT_EQ(ExitCode::kNoInput, error.code());
  EXPECT_THAT(error.message(), HasSubstr("no camera 987654"));
}

TEST_F(VideoTest, AStreamThatDoesNotAnswerIsNamedWithoutItsPassword) {
  const Error error = ErrorOf("http://me:secret@127.0.0.1:1/live?token=abc");
  EXPECT_EQ(ExitCode::kTryAgain, error.code());
  EXPECT_THAT(error.message(), HasSubstr("127.0.0.1:1/live"));
  EXPECT_THAT(error.message(), Not(HasSubstr("secret")));
  EXPECT_THAT(error.message(), Not(HasSubstr("abc")));
}

struct Clip {
  const char* name;
  Size size;
  double fps;
  std::int64_t frames;
};

TEST_F(VideoTest, ReadsTheReferencesClips) {
  ROOST_NEEDS_REFERENCE();
  const Path images = *test::ReferenceDir() / "images";
  for (const Clip& clip : {Clip{"video/clip12.avi", {360, 640}, 25, 12},
                           {"video/clip12.mp4", {360, 640}, 25, 12},
                           {"odd/anim3.gif", {90, 160}, 10, 3},
                           {"odd/still.gif", {180, 320}, 100, 1}}) {
    const auto reader = OpenVideo(images / clip.name).value();
    EXPECT_EQ(clip.size, reader->info().size) << clip.name;
    EXPECT_DOUBLE_EQ(clip.fps, reader->info().fps) << clip.name;
    EXPECT_EQ(clip.frames, reader->info().frames) << clip.name;
    const Watched watched = Watch(*reader);
    EXPECT_EQ(static_cast<std::size_t>(clip.frames), watched.frames.size()) << clip.name;
    EXPECT_EQ("", watched.error);
  }
  EXPECT_THAT(ErrorOf(images / "video/empty.mp4").message(), HasSubstr("the file is empty"));
  EXPECT_THAT(ErrorOf(images / "video/truncated.mp4").message(), HasSubstr("not a video"));
}

}  // namespace
}  // namespace roost::yolo
