#include "yolo/image/viewer.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;

/// Without a display at first.
class ViewerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("DISPLAY");
    ::unsetenv("WAYLAND_DISPLAY");
  }

  std::string WhyNot() {
    ::testing::internal::CaptureStderr();
    const auto viewer = OpenViewer();
    EXPECT_EQ("", ::testing::internal::GetCapturedStderr()) << "only our own message";
    return viewer ? "" : viewer.error().message();
  }

  TemporaryDirectory folder_;
};

TEST_F(ViewerTest, WithoutADisplayThereIsAReasonAndNoWindow) {
  EXPECT_THAT(WhyNot(), HasSubstr("--view-img: there is no display here"));
}

TEST_F(ViewerTest, ADisplayThatIsAwayDoesNotEndTheProgram) {
  ::setenv("DISPLAY", ":987654", 1);
  EXPECT_EQ("--view-img: the display ':987654' cannot be used", WhyNot());
}

/// Whether the memory of a screen holds a line of pixels in one colour.
bool ShowsColor(const Path& screen, Color color) {
  std::string line;
  for (int i = 0; i < 20; ++i) {
    line.append(reinterpret_cast<const char*>(color.data()), color.size());
    line.push_back('\xFF');  // Qt paints opaque
  }
  return test::ReadText(screen).find(line) != std::string::npos;
}

TEST_F(ViewerTest, ShowsPicturesInWindows) {
  ProcessSet processes;
  const auto server = processes.Start({.argv = {"Xvfb", "-displayfd", "1", "-nolisten", "tcp", "-screen", "0",
                                                "640x480x24", "-fbdir", folder_.path()},
                                       .output = folder_.path() / "display"});
  if (!server) GTEST_SKIP() << "needs Xvfb: " << server.error().message();
  const auto display = [&] { return std::string(Trim(test::ReadText(folder_.path() / "display"))); };
  ASSERT_TRUE(test::WaitUntil([&] { return !display().empty(); }));
  ::setenv("DISPLAY", (":" + display()).c_str(), 1);

  const auto viewer = OpenViewer();
  ASSERT_TRUE(viewer.ok()) << viewer.error().message();
  const Path screen = folder_.path() / "Xvfb_screen0";
  for (const Color color : {Color{10, 200, 30}, Color{250, 20, 120}}) {
    EXPECT_FALSE(ShowsColor(screen, color));
    EXPECT_TRUE(test::WaitUntil([&] {
      EXPECT_TRUE((*viewer)->Show("clip.mp4", Image({120, 160}, color)));
      return ShowsColor(screen, color);
    }));
  }
}

}  // namespace
}  // namespace roost::yolo
