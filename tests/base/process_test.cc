#include "roost/base/process.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/support.h"

namespace roost {
namespace {

using ::testing::HasSubstr;

Clock::TimePoint Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

TEST(Subprocess, ReportsTheExitCode) {
  auto process = Subprocess::Start({.argv = {"sh", "-c", "exit 3"}});
  ASSERT_TRUE(process.ok());
  const ExitStatus status = process->Wait();
  EXPECT_FALSE(status.signaled);
  EXPECT_EQ(3, status.value);
  EXPECT_EQ("exit code 3", status.Describe());
}

TEST(Subprocess, ReportsTheSignalThatKilledIt) {
  auto process = Subprocess::Start({.argv = {"sh", "-c", "kill -9 $$"}});
  ASSERT_TRUE(process.ok());
  EXPECT_EQ("signal 9 (Killed)", process->Wait().Describe());
}

TEST(Subprocess, RunsWithTheFolderFilesAndEnvironmentItWasGiven) {
  const TemporaryDirectory folder;
  auto process = Subprocess::Start({.argv = {"/bin/sh", "-c", "pwd; echo $X; echo oops >&2"},
                                    .environment = std::vector<std::string>{"X=1"},
                                    .working_directory = folder.path(),
                                    .output = "out",
                                    .error = "err"});
  ASSERT_TRUE(process.ok()) << process.error().message();
  EXPECT_TRUE(process->Wait().ok());
  EXPECT_EQ(folder.path().string() + "\n1\n", test::ReadText(folder.path() / "out"));
  EXPECT_EQ("oops\n", test::ReadText(folder.path() / "err"));
}

TEST(Subprocess, SharesOneFileForEqualOutputAndError) {
  const TemporaryDirectory folder;
  auto process = Subprocess::Start({.argv = {"sh", "-c", "echo a; echo b >&2; echo c"},
                                    .working_directory = folder.path(),
                                    .output = "log",
                                    .error = "log"});
  ASSERT_TRUE(process.ok());
  process->Wait();
  EXPECT_EQ("a\nb\nc\n", test::ReadText(folder.path() / "log"));
}

TEST(Subprocess, NamesTheProgramThatIsNotThere) {
  const auto process = Subprocess::Start({.argv = {"/nonexistent/program"}});
  ASSERT_FALSE(process.ok());
  EXPECT_THAT(process.error().message(), HasSubstr("/nonexistent/program"));
}

TEST(Subprocess, ExplainsAScriptWithoutInterpreterLine) {
  const TemporaryDirectory folder;
  test::WriteScript(folder.path() / "job.sh", "echo hello\n");
  const auto process = Subprocess::Start({.argv = {(folder.path() / "job.sh").string()}});
  ASSERT_FALSE(process.ok());
  EXPECT_THAT(process.error().message(), HasSubstr("Exec format error"));
  EXPECT_THAT(process.error().hint(), HasSubstr("#!"));
}

TEST(Subprocess, ExplainsAScriptWithWindowsLineEnds) {
  const TemporaryDirectory folder;
  test::WriteScript(folder.path() / "job.sh", "#!/bin/sh\r\necho hello\r\n");
  const auto process = Subprocess::Start({.argv = {(folder.path() / "job.sh").string()}});
  ASSERT_FALSE(process.ok());
  EXPECT_THAT(process.error().message(), HasSubstr("#!/bin/sh\\r"));
  EXPECT_THAT(process.error().hint(), HasSubstr("Windows line ends"));
}

TEST(Subprocess, SignalsReachTheWholeGroup) {
  auto process = Subprocess::Start({.argv = {"sh", "-c", "sleep 1000 & wait"}});
  ASSERT_TRUE(process.ok());
  EXPECT_TRUE(process->Signal(SIGKILL));
  EXPECT_TRUE(process->Wait().signaled);
  // The group is gone with its last member, also with the sleep that nobody waits for.
  EXPECT_TRUE(test::WaitUntil([&] { return ::kill(-process->pid(), 0) != 0; }));
}

TEST(RunAndCapture, ReturnsWhatTheCommandPrinted) {
  const auto run = RunAndCapture({.argv = {"printf", "a\\nb"}});
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(run->status.ok());
  EXPECT_EQ("a\nb", run->output);
}

TEST(ProcessSet, ReportsEachEndOnce) {
  ProcessSet set;
  std::map<pid_t, int> expected;
  for (int code = 0; code < 20; ++code) {
    auto pid = set.Start({.argv = {"sh", "-c", "exit " + std::to_string(code)}});
    ASSERT_TRUE(pid.ok());
    expected[*pid] = code;
  }
  std::map<pid_t, int> seen;
  while (set.size() > 0) {
    for (const auto& finished : set.Wait(Soon())) {
      EXPECT_FALSE(seen.contains(finished.pid));
      seen[finished.pid] = finished.status.value;
    }
  }
  EXPECT_EQ(expected, seen);
}

TEST(ProcessSet, KillsWhatStillRunsWhenItGoes) {
  pid_t pid = 0;
  {
    ProcessSet set;
    auto started = set.Start({.argv = {"sleep", "1000"}});
    ASSERT_TRUE(started.ok());
    pid = *started;
  }
  EXPECT_NE(0, ::kill(pid, 0));
}

TEST(ProcessSet, WaitReturnsAtTheDeadline) {
  ProcessSet set;
  EXPECT_TRUE(set.Wait(std::chrono::steady_clock::now()).empty());
}

TEST(StopSignals, ArriveDuringWaitAndAreAskedForOnce) {
  StopSignals signals;
  ProcessSet set;
  ASSERT_TRUE(
      set.Start({.argv = {"sh", "-c", "kill -TERM " + std::to_string(::getpid()) + "; sleep 1000"}}).ok());
  int signal = 0;
  while (signal == 0) {
    set.Wait(Soon());
    signal = signals.Next();
  }
  EXPECT_EQ(SIGTERM, signal);
  EXPECT_EQ(0, signals.Next());
}

}  // namespace
}  // namespace roost
