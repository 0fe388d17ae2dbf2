#include "roost/base/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/support.h"

namespace roost {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> NamesIn(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

TEST(AtomicFile, AppearsUnderItsNameOnlyWhenCommitted) {
  const TemporaryDirectory folder;
  const Path path = folder.path() / "labels.txt";
  AtomicFile file(path);
  ASSERT_TRUE(file.Write("0 0.5\n").ok());
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(file.Commit().ok());
  EXPECT_EQ("0 0.5\n", test::ReadText(path));
  EXPECT_THAT(NamesIn(folder.path()), testing::ElementsAre("labels.txt"));
}

TEST(AtomicFile, LeavesTheOldFileAndNoRestWhenGivenUp) {
  const TemporaryDirectory folder;
  const Path path = folder.path() / "f";
  test::WriteFile(path, "old");
  {
    AtomicFile file(path);
    ASSERT_TRUE(file.Write("new").ok());
  }
  EXPECT_EQ("old", test::ReadText(path));
  EXPECT_THAT(NamesIn(folder.path()), testing::ElementsAre("f"));
}

TEST(AtomicFile, NamesTheFileItCannotCreate) {
  try {
    AtomicFile file("/nonexistent/f");
    FAIL() << "created a file in a folder that does not exist";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("/nonexistent/f"));
    EXPECT_EQ(ExitCode::kCannotCreate, error.code());
  }
}

TEST(AtomicFile, SaysNoSpaceOnAFullDisk) {
  // /dev/full fails every write with ENOSPC.
  const FileDescriptor full(::open("/dev/full", O_WRONLY));
  const auto written = WriteAll(full.get(), "x", "/dev/full");
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message(), HasSubstr("No space left on device"));
  EXPECT_EQ(ExitCode::kCannotCreate, written.error().code());
}

TEST(ReadFile, RefusesFilesOverTheLimit) {
  const TemporaryDirectory folder;
  test::WriteFile(folder.path() / "f", "0123456789");
  EXPECT_TRUE(ReadFile(folder.path() / "f", 10).ok());
  EXPECT_FALSE(ReadFile(folder.path() / "f", 9).ok());
}

TEST(ReadFile, RefusesFolders) { EXPECT_FALSE(ReadFile("/").ok()); }

TEST(AtomicFile, ItsTemporaryIsALeftoverOnlyWhenNobodyCanFinishIt) {
  const TemporaryDirectory folder;
  for (const char* name : {"a.b.jpg", "noextension", ".hidden", "x.tmp", "new\nline.png"}) {
    const AtomicFile file(folder.path() / name);
    EXPECT_TRUE(IsAtomicTemporary(file.temporary_path())) << name;
    EXPECT_FALSE(IsAtomicLeftover(file.temporary_path())) << name << ": we are still writing it";
  }
  // No process has this number: it is above the kernel's largest, 2^22.
  EXPECT_TRUE(IsAtomicLeftover(folder.path() / (".a." + HostName() + ".2000000000.0.tmp.jpg")));
  EXPECT_TRUE(IsAtomicLeftover(folder.path() / (".a." + HostName() + ".2000000000.17.tmp")));

  const Path foreign = folder.path() / ".a.some-other-host.1.0.tmp.jpg";
  test::WriteFile(foreign, "x");
  EXPECT_FALSE(IsAtomicLeftover(foreign)) << "it may be in the making";
  fs::last_write_time(foreign, fs::file_time_type::clock::now() - std::chrono::hours(25));
  EXPECT_TRUE(IsAtomicLeftover(foreign));
}

TEST(AtomicFile, OtherNamesAreNotItsTemporaries) {
  for (const char* name : {"", ".", ".hidden", "a.host.1.0.tmp.jpg", ".a.host.1.0.jpg", ".a.host.x.0.tmp",
                           ".a.host.0.0.tmp", ".host.1.0.tmp", ".a.host.1.0.tmp.b.c", ".a.host.1.-1.tmp",
                           ".a.host.99999999999.0.tmp", ".tmp", "...tmp"}) {
    EXPECT_FALSE(IsAtomicTemporary(Path("/x") / name)) << name;
  }
}

TEST(ReadRegularFile, RefusesWhatCouldBlockAndWhatIsTooLarge) {
  const TemporaryDirectory folder;
  const Path pipe = folder.path() / "pipe";
  ASSERT_EQ(0, ::mkfifo(pipe.c_str(), 0600));
  for (const Path& path : {pipe, folder.path(), Path("/dev/zero")}) {
    const auto text = ReadRegularFile(path);
    ASSERT_FALSE(text.ok()) << path;
    EXPECT_THAT(text.error().message(), HasSubstr(path.string() + "': not a regular file"));
  }
  test::WriteFile(folder.path() / "f", "12345");
  EXPECT_EQ("12345", ReadRegularFile(folder.path() / "f", 5).value());
  EXPECT_FALSE(ReadRegularFile(folder.path() / "f", 4).ok());
}

TEST(AppendFile, AddsToWhatIsThere) {
  const TemporaryDirectory folder;
  test::WriteFile(folder.path() / "log", "a\n");
  AppendFile file(folder.path() / "log");
  ASSERT_TRUE(file.Append("b\n", AppendFile::Sync::kYes).ok());
  EXPECT_EQ("a\nb\n", test::ReadText(folder.path() / "log"));
}

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const TemporaryDirectory folder;
  test::WriteFile(folder.path() / "f", "abc");
  test::WriteFile(folder.path() / "empty", "");
  const auto mapped = MappedFile::Open(folder.path() / "f");
  ASSERT_EQ(3u, mapped->bytes().size());
  EXPECT_EQ(std::byte{'b'}, mapped->bytes()[1]);
  EXPECT_THAT(MappedFile::Open(folder.path() / "empty")->bytes(), IsEmpty());
}

TEST(TemporaryDirectory, GoesAwayWithItsContent) {
  Path path;
  {
    const TemporaryDirectory folder;
    path = folder.path();
    fs::create_directories(path / "a" / "b");
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace roost
