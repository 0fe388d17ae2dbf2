#include "upload/remotes/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "roost/base/process.h"
#include "roost/base/text.h"
#include "support/support.h"

namespace roost::upload {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// The real time, moved.
class MovedClock final : public Clock {
 public:
  explicit MovedClock(std::chrono::hours ahead) : ahead_(ahead) {}
  TimePoint Now() const override { return std::chrono::steady_clock::now() + ahead_; }
  WallTime WallNow() const override { return std::chrono::system_clock::now() + ahead_; }

 private:
  std::chrono::hours ahead_;
};

std::string StartTimeOf(pid_t pid) {
  const std::string text = test::ReadText("/proc/" + std::to_string(pid) + "/stat");
  return SplitAny(text.substr(text.rfind(')') + 1), " ").at(19);
}

class FolderTest : public ::testing::Test {
 protected:
  Path Leftover(const std::string& host, const std::string& mark) {
    Path path = root() / (".yolo-upload." + host + "." + mark + ".0.part");
    test::WriteFile(path, "half");
    return path;
  }

  std::unique_ptr<Remote> Open(const Clock& clock) {
    auto remote = MakeFolder(root().string(), clock);
    remote->Open();
    return remote;
  }

  Path TheOnlyFileBelowRoot() const { return fs::directory_iterator(root())->path(); }

  Path root() const { return folder_.path() / "destination"; }

  TemporaryDirectory folder_;
  SystemClock clock_;
  std::unique_ptr<Remote> remote_ = Open(clock_);
};

TEST_F(FolderTest, LeftoversOfDeadProcessesGo) {
  const auto ended = test::RunCommand({"/bin/sh", "-c", "echo $$-$(cut -d' ' -f22 /proc/$$/stat)"});
  const Path dead = Leftover(HostName(), std::string(Trim(ended.out)));
  // The number of a living process, but of one that started at another time.
  const Path recycled = Leftover(HostName(), std::to_string(::getpid()) + "-1");
  remote_->RemoveLeftovers("");
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_FALSE(fs::exists(recycled));
}

TEST_F(FolderTest, WhatMayStillBeUnderWayStays) {
  const std::string me = std::to_string(::getpid()) + "-" + StartTimeOf(::getpid());
  const Path living = Leftover(HostName(), me);
  const Path elsewhere = Leftover("another-host", "1-1");
  remote_->RemoveLeftovers("");
  EXPECT_TRUE(fs::exists(living));
  EXPECT_TRUE(fs::exists(elsewhere));
}

TEST_F(FolderTest, WhatNobodyWroteToForADayGoes) {
  const MovedClock within_a_day(std::chrono::hours(23));
  const MovedClock later(std::chrono::hours(25));
  const Path elsewhere = Leftover("another-host", "1-1");
  Open(within_a_day)->RemoveLeftovers("");
  EXPECT_TRUE(fs::exists(elsewhere));
  Open(later)->RemoveLeftovers("");
  EXPECT_FALSE(fs::exists(elsewhere));
}

TEST_F(FolderTest, FilesThatOnlyLookSimilarAreNotTouched) {
  const std::vector<std::string> names = {".yolo-upload.conf", ".yolo-upload.h.part",
                                          ".yolo-upload.a.b.c.d.part", ".bus.host.1.0.tmp.jpg", "x.part"};
  for (const std::string& name : names) test::WriteFile(root() / name, "mine");
  const MovedClock later(std::chrono::hours(1000));
  Open(later)->RemoveLeftovers("");
  for (const std::string& name : names) EXPECT_TRUE(fs::exists(root() / name)) << name;
}

TEST_F(FolderTest, KeepsTheModificationTimeOfTheSource) {
  const Path local = folder_.path() / "f";
  test::WriteFile(local, "content");
  const auto time = fs::file_time_type::clock::now() - std::chrono::hours(24 * 365);
  fs::last_write_time(local, time);
  auto source = SourceReader::Open(local);
  ASSERT_TRUE(source.ok());
  ASSERT_TRUE(remote_->Put("a/b/f", *source, [](auto) { return true; }).ok());
  EXPECT_EQ("content", test::ReadText(root() / "a/b/f"));
  EXPECT_EQ(fs::last_write_time(local), fs::last_write_time(root() / "a/b/f"));
}

TEST_F(FolderTest, OnlyTheSameContentMatchesHoweverSureOneMustBe) {
  test::WriteFile(folder_.path() / "f", "content");
  fs::create_directories(root() / "a/b");
  test::WriteFile(root() / "a/b/same", "content");
  test::WriteFile(root() / "a/b/other", "CONTENT");
  for (const Proof proof : {Proof::kAsSeen, Proof::kOnDisk}) {
    auto source = SourceReader::Open(folder_.path() / "f");
    ASSERT_TRUE(source.ok());
    EXPECT_TRUE(remote_->Matches("a/b/same", *source, proof).value());
    EXPECT_FALSE(remote_->Matches("a/b/other", *source, proof).value());
    EXPECT_FALSE(remote_->Matches("a/b/missing", *source, proof).value());
  }
}

TEST_F(FolderTest, GivingUpInTheMiddleLeavesTheOldFile) {
  test::WriteFile(folder_.path() / "f", std::string(1 << 20, 'n'));
  test::WriteFile(root() / "f", "old");
  auto source = SourceReader::Open(folder_.path() / "f");
  ASSERT_TRUE(source.ok());
  EXPECT_FALSE(remote_->Put("f", *source, [](auto) { return false; }).ok());
  EXPECT_EQ("old", test::ReadText(root() / "f"));
  EXPECT_EQ(1, std::distance(fs::directory_iterator(root()), {})) << "a temporary file is left";
}

TEST_F(FolderTest, BytesThatDidNotArriveAsSentAreSentAgain) {
  test::WriteFile(folder_.path() / "f", "content");
  auto source = SourceReader::Open(folder_.path() / "f");
  ASSERT_TRUE(source.ok());
  int pieces = 0;
  ASSERT_TRUE(remote_
                  ->Put("f", *source,
                        [&](auto) {
                          if (++pieces == 1) test::WriteFile(TheOnlyFileBelowRoot(), "damaged");
                          return true;
                        })
                  .ok());
  EXPECT_EQ(2, pieces);
  EXPECT_EQ("content", test::ReadText(root() / "f"));
}

TEST_F(FolderTest, ADestinationThatDamagesFilesIsNeverBelieved) {
  test::WriteFile(folder_.path() / "f", "content");
  auto source = SourceReader::Open(folder_.path() / "f");
  ASSERT_TRUE(source.ok());
  const auto put = remote_->Put("f", *source, [&](auto) {
    test::WriteFile(TheOnlyFileBelowRoot(), "damaged");
    return true;
  });
  ASSERT_FALSE(put.ok());
  EXPECT_THAT(put.error().message(), HasSubstr("does not read back as it was sent"));
  EXPECT_FALSE(source->failed()) << "the source is not to blame";
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(FolderTest, ATemporaryFileThatSomebodyTookAwayIsWrittenAgain) {
  test::WriteFile(folder_.path() / "f", "content");
  auto source = SourceReader::Open(folder_.path() / "f");
  ASSERT_TRUE(source.ok());
  int pieces = 0;
  const auto put = remote_->Put("f", *source, [&](auto) {
    if (++pieces == 1) fs::remove(TheOnlyFileBelowRoot());
    return true;
  });
  ASSERT_TRUE(put.ok());
  EXPECT_EQ("content", test::ReadText(root() / "f"));
}

TEST_F(FolderTest, AFolderWhereAFileShouldGoIsNamed) {
  fs::create_directories(root() / "f");
  test::WriteFile(folder_.path() / "f", "content");
  const auto held = remote_->Find({.local = folder_.path() / "f", .path = "f"});
  ASSERT_FALSE(held.ok());
  EXPECT_THAT(held.error().message(), HasSubstr("destination/f"));
}

TEST_F(FolderTest, RecognisesTheSourceItselfThroughALink) {
  fs::create_directories(folder_.path() / "exp");
  test::WriteFile(folder_.path() / "exp/f", "content");
  fs::create_directory_symlink(folder_.path() / "exp", root() / "exp");
  const auto held = remote_->Find({.local = folder_.path() / "exp/f", .path = "exp/f"});
  ASSERT_TRUE(held.ok() && held->has_value());
  EXPECT_TRUE((*held)->is_source);
}

TEST_F(FolderTest, AFolderIsNotSentIntoItself) {
  EXPECT_THROW(remote_->CheckSource({folder_.path(), "x"}), Error);
  EXPECT_THROW(remote_->CheckSource({root().string() + "/", ""}), Error);
  EXPECT_THROW(remote_->CheckSource({root(), "destination"}), Error);
  fs::create_directories(root() / "exp");
  EXPECT_THROW(remote_->CheckSource({root() / "exp", "exp"}), Error) << "it would arrive where it is";
  EXPECT_NO_THROW(remote_->CheckSource({root() / "exp", "copy"}));
  fs::create_directories(folder_.path() / "destination2");
  EXPECT_NO_THROW(remote_->CheckSource({folder_.path() / "destination2", "destination2"}));
}

TEST(MakeRemote, DotsBehindALinkMeanWhatTheSystemMeans) {
  const SystemClock clock;
  const TemporaryDirectory folder;
  const Path here = fs::canonical(folder.path());
  fs::create_directories(here / "mnt/disk");
  fs::create_directory_symlink("mnt/disk", here / "lk");
  EXPECT_EQ("folder:" + (here / "mnt/res").string(),
            MakeRemote("folder:" + (here / "lk/../res").string(), clock)->Name());
}

TEST(MakeRemote, NamesWhatItKnows) {
  const SystemClock clock;
  EXPECT_EQ("folder:/mnt/archive", MakeRemote("folder:/mnt/archive/", clock)->Name());
  EXPECT_EQ("folder:" + (fs::current_path() / "out").string(), MakeRemote("folder:out", clock)->Name());
  for (const std::string to : {"drive:abc", "webdav+https://host/x", "s3://bucket"}) {
    try {
      MakeRemote(to, clock);
      FAIL() << to;
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kUsage, error.code());
      EXPECT_THAT(error.message(), HasSubstr("not supported yet"));
      EXPECT_THAT(error.hint(), HasSubstr("folder:PATH"));
    }
  }
  for (const std::string to : {"", "folder:", "ftp://host", "/mnt/archive"}) {
    EXPECT_THROW(MakeRemote(to, clock), Error) << to;
  }
}

}  // namespace
}  // namespace roost::upload
