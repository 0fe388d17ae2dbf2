#include "yolo/train/launch.h"

#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LaunchTest : public ::testing::Test {
 protected:
  test::CommandResult Run(std::vector<std::string> arguments,
                          const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), test::Program("group_member"));
    return test::RunCommand(arguments, folder_.path(), environment);
  }

  /// A launcher of two processes that wait, and have begun to.
  Subprocess StartWaiting() {
    auto launcher =
        Subprocess::Start({.argv = {test::Program("group_member"), "launch", "2", "wait", folder_.path()}});
    EXPECT_TRUE(test::WaitUntil([&] { return BothHave("ready"); }));
    return std::move(launcher).value();
  }

  bool BothHave(const std::string& what) const {
    return std::filesystem::exists(folder_.path() / (what + "-0")) &&
           std::filesystem::exists(folder_.path() / (what + "-1"));
  }

  TemporaryDirectory folder_;
};

TEST_F(LaunchTest, EachProcessKnowsWhoItIsAndTheFirstOneIsSeen) {
  const auto run = Run({"launch", "2", "environment"}, {"OMP_NUM_THREADS=3"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ("0/2 0/2 127.0.0.1 1 3\n", run.out);
}

TEST_F(LaunchTest, ADeadProcessEndsTheOthersAndItsLastWordsAreTold) {
  const auto run = Run({"launch", "3", "die", "1"});
  EXPECT_EQ(5, run.status.value);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("rank 1 of 3 ended with exit code 5; the others end, too. Its last words:\n"
                              "  no memory left on rank 1\n")));
}

TEST_F(LaunchTest, AKilledProcessIsToldApartFromThoseThatLostIt) {
  const auto run = Run({"launch", "2", "be-killed", "1"});
  EXPECT_EQ(128 + SIGKILL, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("rank 1 of 2 ended with signal 9 (Killed)"));
}

TEST_F(LaunchTest, TheFirstOneMayDieToo) {
  const auto run = Run({"launch", "2", "die", "0"});
  EXPECT_EQ(5, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("rank 0 of 2 ended with exit code 5"));
  EXPECT_EQ("no memory left on rank 0\n", run.out);
}

TEST_F(LaunchTest, SignalsGoOnToAll) {
  Subprocess launcher = StartWaiting();
  ASSERT_EQ(0, ::kill(launcher.pid(), SIGTERM));  // it alone, not its group
  EXPECT_TRUE(launcher.Wait().ok());
  EXPECT_TRUE(BothHave("stopped"));
}

TEST_F(LaunchTest, ProcessesDoNotOutliveALauncherThatIsKilled) {
  Subprocess launcher = StartWaiting();
  ASSERT_EQ(0, ::kill(launcher.pid(), SIGKILL));
  launcher.Wait();
  EXPECT_TRUE(test::WaitUntil([&] { return BothHave("stopped"); }));
}

TEST_F(LaunchTest, AProgramThatIsNotThereIsAnError) {
  LaunchOptions options;
  options.argv = {folder_.path() / "none"};
  EXPECT_THAT([&] { Launch(options); }, ::testing::ThrowsMessage<Error>(HasSubstr("/none'")));
}

}  // namespace
}  // namespace roost::yolo
