// The scripts that jobs run: what they pass on, and how they fail.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class JobScriptsTest : public ::testing::Test {
 protected:
  JobScriptsTest() { fs::create_directories(work_.path() / "bin"); }

  /// A program of that name, first in PATH, that notes its arguments down and ends with `status`.
  void Program(const std::string& name, int status) {
    test::WriteScript(work_.path() / "bin" / name, "#!/bin/sh\nprintf '%s\\n' \"$@\" > '" +
                                                       (work_.path() / "arguments").string() + "'\nexit " +
                                                       std::to_string(status) + "\n");
  }

  test::CommandResult Run(const std::string& script, std::vector<std::string> arguments,
                          std::vector<std::string> environment = {}) {
    arguments.insert(arguments.begin(), (test::SourceDir() / "scripts" / script).string());
    environment.push_back("ROOST_BIN=" + (work_.path() / "bin").string());
    return test::RunCommand(arguments, work_.path(), environment);
  }

  std::string Arguments() { return test::ReadText(work_.path() / "arguments"); }

  TemporaryDirectory work_;
};

TEST_F(JobScriptsTest, YoloPassesFolderOutputAndFurtherOptionsOn) {
  Program("yolo-detect", 0);
  const auto run = Run("yolo.sh", {"/pictures/a b", "detect_1_0", "w.pt", "--imgsz", "320"});
  EXPECT_TRUE(run.status.ok()) << run.err;
  EXPECT_EQ(
      "--weights\nw.pt\n--source\n/pictures/a b\n--out\ndetect_1_0\n--save-txt\n--save-conf\n--imgsz\n320\n",
      Arguments());
}

TEST_F(JobScriptsTest, YoloMakesTheOutputFolderEvenWhenDetectionFails) {
  Program("yolo-detect", 65);
  EXPECT_EQ(65, Run("yolo.sh", {"/pictures", "detect_1_0", "w.pt"}).status.value);
  EXPECT_TRUE(fs::is_directory(work_.path() / "detect_1_0"));
}

TEST_F(JobScriptsTest, YoloGoesOnWithUnusablePicturesUnlessToldToBeStrict) {
  Program("yolo-detect", 3);
  const auto run = Run("yolo.sh", {"/pictures", "detect_1_0", "w.pt"});
  EXPECT_TRUE(run.status.ok());
  EXPECT_THAT(run.err, HasSubstr("unusable"));
  EXPECT_EQ(3, Run("yolo.sh", {"/pictures", "detect_1_0", "w.pt"}, {"ROOST_STRICT=1"}).status.value);
}

TEST_F(JobScriptsTest, YoloNamesTheHostThatLacksTheProgram) {
  const auto run = Run("yolo.sh", {"/pictures", "detect_1_0", "w.pt"}, {"PATH=/usr/bin:/bin"});
  EXPECT_EQ(127, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("no yolo-detect on host"));
}

TEST_F(JobScriptsTest, PostNotesDownTheClusterThatSucceeded) {
  fs::create_directories(work_.path() / "results");
  EXPECT_TRUE(Run("yolo-post.sh", {"0", "12", "2"}).status.ok());
  const std::string note = test::ReadText(work_.path() / "results" / "detected.sub");
  EXPECT_THAT(note, HasSubstr("results = " + fs::canonical(work_.path()).string() + "/results\n"));
  EXPECT_THAT(note, HasSubstr("detect_cluster = 12\ndetect_jobs = 2\n"));
}

TEST_F(JobScriptsTest, PostPassesAFailureOnAndKeepsTheOldNote) {
  fs::create_directories(work_.path() / "results");
  ASSERT_TRUE(Run("yolo-post.sh", {"0", "12", "2"}).status.ok());
  EXPECT_EQ(66, Run("yolo-post.sh", {"66", "13", "2"}).status.value);
  EXPECT_EQ(1, Run("yolo-post.sh", {"-9", "14", "2"}).status.value);
  EXPECT_THAT(test::ReadText(work_.path() / "results" / "detected.sub"), HasSubstr("detect_cluster = 12\n"));
}

TEST_F(JobScriptsTest, GdriveShipsTheFoldersOfOneCluster) {
  Program("yolo-upload", 0);
  EXPECT_TRUE(Run("gdrive.sh", {"/r", "12", "2", "folder:/to"}).status.ok());
  EXPECT_EQ("/r/detect_12_0\n/r/detect_12_1\n--to\nfolder:/to\n", Arguments());
}

TEST_F(JobScriptsTest, GdriveSaysWhatItMisses) {
  Program("yolo-upload", 0);
  const auto nothing = Run("gdrive.sh", {"", "", "", "folder:/to"});
  EXPECT_EQ(66, nothing.status.value);
  EXPECT_THAT(nothing.err, HasSubstr("detected.sub"));
  const auto nowhere = Run("gdrive.sh", {"/r", "12", "2", ""});
  EXPECT_EQ(64, nowhere.status.value);
  EXPECT_THAT(nowhere.err, HasSubstr("ROOST_DESTINATION"));
}

}  // namespace
}  // namespace roost
