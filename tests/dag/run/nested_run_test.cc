// SUBDAG EXTERNAL with real processes: a dagrun that runs another.

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/process.h"
#include "roost/base/text.h"
#include "support/support.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// outer.dag runs inner.dag in the folder "sub": Quick, then Slow, which waits for the file "go".
class NestedRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(Here("sub"));
    test::WriteScript(Here("sub/job.sh"),
                      "#!/bin/sh\necho \"$1 $$\" >> ran\n"
                      "[ \"$1\" = Quick ] || until [ -e go ]; do sleep 0.02; done\nexit ${2:-0}\n");
    test::WriteFile(Here("sub/job.sub"),
                    "executable = job.sh\narguments = $(JOB) $(code)\nlog = jobs.log\nqueue\n");
    test::WriteFile(Here("sub/inner.dag"), "JOB Quick job.sub\nJOB Slow job.sub\nPARENT Quick CHILD Slow\n");
    test::WriteFile(Here("outer.dag"), "SUBDAG EXTERNAL S inner.dag DIR sub\n");
  }

  Path Here(const std::string& file) const { return folder_.path() / file; }

  Subprocess Start() const {
    ProcessOptions options;
    options.argv = {test::Program("dagrun"), "outer.dag"};
    options.working_directory = folder_.path();
    options.error = Here("dagrun.err");
    return Subprocess::Start(options).value();
  }

  /// "Quick", "Slow": the jobs that were started, in turn.
  std::vector<std::string> Ran() const {
    std::vector<std::string> names;
    for (const std::string& line : Lines()) names.push_back(line.substr(0, line.find(' ')));
    return names;
  }
  /// Of the nested dagrun.
  pid_t NestedPid() const {
    const std::string lock = test::ReadText(Here("sub/inner.dag.lock"));
    return static_cast<pid_t>(std::stol(lock.substr(lock.find(' '))));
  }
  pid_t LastPid() const {
    const std::string line = Lines().back();
    return static_cast<pid_t>(std::stol(line.substr(line.find(' '))));
  }

  TemporaryDirectory folder_;

 private:
  std::vector<std::string> Lines() const {
    const auto text = ReadFile(Here("sub/ran"));
    return text ? SplitAny(*text, "\n") : std::vector<std::string>();
  }
};

bool Lives(pid_t pid) {
  const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  return stat && stat->find(") Z") == std::string::npos;
}

TEST_F(NestedRunTest, TheNestedDagRunsInItsFolderWithFilesOfItsOwn) {
  test::WriteFile(Here("sub/go"), "");
  Subprocess run = Start();
  EXPECT_EQ(run.Wait().value, 0) << test::ReadText(Here("dagrun.err"));
  EXPECT_THAT(Ran(), ::testing::ElementsAre("Quick", "Slow"));
  EXPECT_TRUE(fs::exists(Here("sub/inner.dag.nodes.log")));
  EXPECT_FALSE(fs::exists(Here("sub/inner.dag.lock")));
}

TEST_F(NestedRunTest, ARetryOfTheNodeGoesOnFromTheNestedRescueFile) {
  test::WriteFile(Here("sub/go"), "");
  test::WriteFile(Here("sub/inner.dag"),
                  "JOB Quick job.sub\nJOB Slow job.sub\nPARENT Quick CHILD Slow\n"
                  "VARS Slow code=\"3\"\n");
  test::WriteFile(Here("outer.dag"), "SUBDAG EXTERNAL S inner.dag DIR sub\nRETRY S 1\n");
  Subprocess run = Start();
  EXPECT_EQ(run.Wait().value, 1);
  EXPECT_THAT(Ran(), ::testing::ElementsAre("Quick", "Slow", "Slow"));
}

TEST_F(NestedRunTest, StoppingTheOuterRunStopsTheNestedOneWhichWritesItsRescueFile) {
  Subprocess run = Start();
  ASSERT_TRUE(test::WaitUntil([&] { return Ran().size() == 2; }));
  const pid_t slow = LastPid();
  ::kill(run.pid(), SIGTERM);
  EXPECT_EQ(run.Wait().value, 2);
  EXPECT_FALSE(Lives(slow));
  EXPECT_THAT(test::ReadText(Here("sub/inner.dag.rescue001")),
              AllOf(HasSubstr("DONE Quick"), Not(HasSubstr("DONE Slow"))));
  EXPECT_FALSE(fs::exists(Here("sub/inner.dag.lock")));
}

TEST_F(NestedRunTest, AfterAKillTheNestedRunGoesOnWhereItWas) {
  Subprocess first = Start();
  ASSERT_TRUE(test::WaitUntil([&] { return Ran().size() == 2; }));
  const pid_t slow = LastPid();
  ::kill(first.pid(), SIGKILL);
  first.Wait();
  Subprocess second = Start();
  ASSERT_TRUE(test::WaitUntil([&] { return Ran().size() == 3; })) << test::ReadText(Here("dagrun.err"));
  EXPECT_FALSE(Lives(slow)) << "a job of the nested run that nobody watches";
  test::WriteFile(Here("sub/go"), "");
  EXPECT_EQ(second.Wait().value, 0);
  EXPECT_THAT(Ran(), ::testing::ElementsAre("Quick", "Slow", "Slow"));
}

TEST_F(NestedRunTest, WhatAKilledNestedRunLeftHasEndedBeforeItsNodeIsJudged) {
  test::WriteScript(Here("sub/post.sh"),
                    "#!/bin/sh\ncase $(cat /proc/$(sed -n 's/Slow //p' ran)/stat) in\n"
                    "  ''|*') Z'*) exit 0;;\nesac\nexit 1\n");
  test::WriteFile(Here("outer.dag"), "SUBDAG EXTERNAL S inner.dag DIR sub\nSCRIPT POST S post.sh\n");
  Subprocess run = Start();
  ASSERT_TRUE(test::WaitUntil([&] { return Ran().size() == 2; }));
  const pid_t slow = LastPid();
  ::kill(NestedPid(), SIGKILL);
  EXPECT_EQ(run.Wait().value, 0) << "POST has found the job alive";
  EXPECT_FALSE(Lives(slow));
}

TEST_F(NestedRunTest, AskedTwiceNothingOfTheNestedRunIsLeft) {
  Subprocess run = Start();
  ASSERT_TRUE(test::WaitUntil([&] { return Ran().size() == 2; }));
  const pid_t slow = LastPid();
  ::kill(run.pid(), SIGINT);
  ASSERT_TRUE(test::WaitUntil(
      [&] { return test::ReadText(Here("dagrun.err")).find("stopping") != std::string::npos; }));
  ::kill(run.pid(), SIGINT);
  EXPECT_EQ(run.Wait().value, 2);
  EXPECT_FALSE(Lives(slow));
}

}  // namespace
}  // namespace roost::dag
