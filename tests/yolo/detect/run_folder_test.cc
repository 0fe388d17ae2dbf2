#include "yolo/detect/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/support.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public ::testing::Test {
 protected:
  Path Create(RunFolderOptions options = {}) {
    if (options.exact.empty()) options.project = folder_.path() / "runs" / "detect";
    return RunFolder::Create(options).path();
  }
  ExitCode CodeOf(const RunFolderOptions& options) {
    try {
      RunFolder::Create(options);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::kOk;
  }
  TemporaryDirectory folder_;
};

TEST_F(RunFolderTest, RunsAreNumberedFromTwo) {
  const Path project = folder_.path() / "runs" / "detect";
  EXPECT_EQ(project / "exp", Create());
  EXPECT_EQ(project / "exp2", Create());
  EXPECT_EQ(project / "exp3", Create());
  fs::remove(project / "exp2");
  EXPECT_EQ(project / "exp2", Create()) << "the first that is free";
  EXPECT_EQ(project / "night", Create({.name = "night"}));
}

TEST_F(RunFolderTest, AFileOfThatNameIsPassedOverToo) {
  fs::create_directories(folder_.path() / "runs" / "detect");
  test::WriteFile(folder_.path() / "runs" / "detect" / "exp", "");
  EXPECT_EQ("exp2", Create().filename());
}

TEST_F(RunFolderTest, ExistOkTakesTheFolderAsItIs) {
  test::WriteFile(Create() / "old.jpg", "x");
  const Path again = Create({.exist_ok = true});
  EXPECT_EQ("exp", again.filename());
  EXPECT_TRUE(fs::exists(again / "old.jpg"));
}

TEST_F(RunFolderTest, AnExactFolderIsMadeOrTaken) {
  const Path out = folder_.path() / "a" / "b";
  EXPECT_EQ(out, Create({.exact = out}));
  EXPECT_EQ(out, Create({.exact = out, .labels = true}));
  EXPECT_TRUE(fs::is_directory(out / "labels"));
  EXPECT_TRUE(fs::is_empty(out / "labels")) << "the test for writing leaves nothing";
}

TEST_F(RunFolderTest, WhatKilledRunsLeftHalfWrittenIsRemoved) {
  const Path out = folder_.path() / "out";
  fs::create_directories(out / "labels");
  const std::string dead =
      "." + HostName() + ".2000000000.0.tmp";  // above the kernel's largest process number
  test::WriteFile(out / (".a" + dead + ".jpg"), "x");
  test::WriteFile(out / "labels" / (".a" + dead + ".txt"), "x");
  test::WriteFile(out / "a.jpg", "x");
  const AtomicFile in_the_making(out / "b.jpg");
  Create({.exact = out});
  EXPECT_FALSE(fs::exists(out / (".a" + dead + ".jpg")));
  EXPECT_TRUE(fs::is_empty(out / "labels"));
  EXPECT_TRUE(fs::exists(out / "a.jpg"));
  EXPECT_TRUE(fs::exists(in_the_making.temporary_path()));
}

TEST_F(RunFolderTest, AFolderThatCannotBeMadeIsAnErrorOfOutput) {
  const Path file = folder_.path() / "file";
  test::WriteFile(file, "");
  EXPECT_EQ(ExitCode::kCannotCreate, CodeOf({.exact = file}));
  EXPECT_EQ(ExitCode::kCannotCreate, CodeOf({.exact = file / "below"}));
  EXPECT_EQ(ExitCode::kCannotCreate, CodeOf({.project = file}));
  EXPECT_EQ(ExitCode::kCannotCreate, CodeOf({.project = folder_.path(), .name = "file", .exist_ok = true}));
  EXPECT_EQ(ExitCode::kCannotCreate, CodeOf({.exact = "/proc/nothing/here"}));
}

TEST_F(RunFolderTest, AFolderThatMayNotBeWrittenIsAnErrorOfPermission) {
  const Path locked = folder_.path() / "locked";
  fs::create_directory(locked);
  fs::permissions(locked, static_cast<fs::perms>(0555));
  fs::permissions(folder_.path(), static_cast<fs::perms>(0755));
  // Permissions do not stop root: ask in a process that is somebody else.
  const auto exit_status_of = [&](const RunFolderOptions& options) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) ::_exit(99);
    ::_exit(static_cast<int>(CodeOf(options)));
  };
  const auto denied = ::testing::ExitedWithCode(static_cast<int>(ExitCode::kPermission));
  EXPECT_EXIT(exit_status_of({.exact = locked}), denied, "");
  EXPECT_EXIT(exit_status_of({.exact = locked / "new"}), denied, "");
  EXPECT_EXIT(exit_status_of({.project = locked}), denied, "");
}

TEST_F(RunFolderTest, ARunThatNeverStartedLeavesNoFolder) {
  const Path project = folder_.path() / "runs";
  RunFolder::Create({.project = project, .labels = true}).RemoveIfUnused({});
  EXPECT_FALSE(fs::exists(project / "exp"));

  fs::create_directory(project / "mine");
  RunFolder::Create({.exact = project / "mine"}).RemoveIfUnused({});
  EXPECT_TRUE(fs::exists(project / "mine")) << "it was there before";

  const RunFolder used = RunFolder::Create({.project = project});
  test::WriteFile(used.path() / "a.jpg", "x");
  used.RemoveIfUnused({});
  EXPECT_TRUE(fs::exists(project / "exp" / "a.jpg"));
}

}  // namespace
}  // namespace roost::yolo
