#include "dag/run/lock.h"

#include <algorithm>
#include <csignal>
#include <future>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::HasSubstr;

std::string OwnedMessage(const Path& file) {
  try {
    const RunLock lock(file);
  } catch (const Error& error) {
    return error.message();
  }
  return "free";
}

TEST(RunLock, KeepsOthersOutWhileItLivesAndGoesAwayWhenReleased) {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "x.lock";
  RunLock lock(file);
  EXPECT_FALSE(lock.left_by());
  lock.Claim({.run_id = "r"});
  EXPECT_THAT(OwnedMessage(file), HasSubstr("already running"));
  lock.Release();
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(OwnedMessage(file), "free");
}

TEST(RunLock, TellsWhatADeadOwnerLeft) {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "x.lock";
  test::WriteFile(file, "pid 1\nstart 999999999999\nhost " + HostName() +
                            "\nrun_id abc\nrescue 7\nscratch /tmp/with space\n");
  const RunLock lock(file);
  ASSERT_TRUE(lock.left_by());
  EXPECT_EQ(lock.left_by()->run_id, "abc");
  EXPECT_EQ(lock.left_by()->rescue, 7);
  EXPECT_EQ(lock.left_by()->scratch, "/tmp/with space");
}

/// How many descriptors of this process are open on `file`.
std::ptrdiff_t OpenOn(const Path& file) {
  std::error_code gone;
  return std::ranges::count_if(std::filesystem::directory_iterator("/proc/self/fd"), [&](const auto& entry) {
    return std::filesystem::read_symlink(entry.path(), gone) == file;
  });
}

TEST(RunLock, IsTakenAnewWhereItsOwnerRemovesItMeanwhile) {
  const TemporaryDirectory folder;
  const Path file = std::filesystem::canonical(folder.path()) / "x.lock";
  // Of a dead process whose child has the lock still: the second one waits for it.
  test::WriteFile(file, "pid 1\nstart 999999999999\nhost " + HostName() + "\nrun_id abc\n");
  const FileDescriptor owner(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(owner.get(), LOCK_EX), 0);
  auto second = std::async(std::launch::async, [&] { return OwnedMessage(file); });
  while (OpenOn(file) < 2) std::this_thread::yield();
  std::filesystem::remove(file);
  EXPECT_EQ(second.get(), "free");
}

TEST(RunLock, IsOwnedByALivingProcessAndByAnotherHost) {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "x.lock";
  {
    RunLock lock(file);
    lock.Claim({.run_id = "r"});  // closed without Release: the record names this process, which lives
  }
  EXPECT_THAT(OwnedMessage(file), HasSubstr("already running"));
  test::WriteFile(file, "pid 1\nstart 1\nhost elsewhere\nrun_id abc\n");
  EXPECT_THAT(OwnedMessage(file), HasSubstr("elsewhere"));
}

TEST(RunLock, ADamagedFileIsNotTakenForAFreshRun) {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "x.lock";
  test::WriteFile(file, "host " + HostName() + "\n");
  EXPECT_THAT(OwnedMessage(file), HasSubstr("damaged"));
}

TEST(ReadLock, ShowsOthersWhoseRunItIs) {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "x.lock";
  EXPECT_FALSE(ReadLock(file));
  RunLock lock(file);
  EXPECT_FALSE(ReadLock(file)) << "it is not claimed yet";
  lock.Claim({.run_id = "r", .rescue = 3});
  const auto record = ReadLock(file);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->pid, ::getpid());
  EXPECT_EQ(record->rescue, 3);
  EXPECT_TRUE(OwnerAlive(*record));
}

TEST(OwnerAlive, TellsALaterProcessOfThatNumberFromTheOwner) {
  EXPECT_FALSE(OwnerAlive({.pid = ::getpid(), .start = "1", .host = HostName()}));
  EXPECT_FALSE(OwnerAlive({.pid = ::getpid(), .start = "", .host = HostName()}));
  EXPECT_TRUE(OwnerAlive({.pid = 1, .start = "1", .host = "elsewhere"}));
}

TEST(KillProcessesOfRun, EndsExactlyTheProcessesOfThatRun) {
  const auto start = [](const std::string& run_id) {
    ProcessOptions options;
    options.argv = {"sleep", "1000"};
    options.environment = test::EnvironmentWith({"DAGRUN_RUN_ID=" + run_id});
    return Subprocess::Start(options).value();
  };
  const std::string id = NewRunId();
  Subprocess one = start(id);
  Subprocess two = start(id);
  Subprocess other = start(id + "x");
  EXPECT_EQ(KillProcessesOfRun(id), 2);
  EXPECT_TRUE(one.Wait().signaled);
  EXPECT_TRUE(two.Wait().signaled);
  EXPECT_FALSE(other.TryWait());
  other.Signal(SIGKILL);
  other.Wait();
}

}  // namespace
}  // namespace roost::dag
