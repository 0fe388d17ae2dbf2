// Real processes over the loopback.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/train/process_group_gloo.h"
#include "yolo/train/process_group_server.h"

namespace roost::yolo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A port that was free a moment ago.
std::string FreePort() { return std::to_string(RendezvousServer().port()); }

class ProcessGroupTest : public ::testing::Test {
 protected:
  std::vector<std::string> Member(const std::string& mode, const std::string& argument = "") const {
    return {test::Program("group_member"), mode, argument};
  }
  static std::vector<std::string> Environment(int rank, int world, const std::string& port) {
    return {"RANK=" + std::to_string(rank), "LOCAL_RANK=" + std::to_string(rank),
            "WORLD_SIZE=" + std::to_string(world), "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + port};
  }

  TemporaryDirectory folder_;
};

TEST_F(ProcessGroupTest, OneProcessKeepsWhatItGives) {
  const auto group = JoinProcessGroup({});
  at::Tensor tensor = at::ones({3});
  group->AllReduceSum(tensor);
  group->Broadcast(tensor, 0);
  group->Barrier();
  EXPECT_EQ(3, tensor.sum().item<float>());
  EXPECT_THAT(AllGather(*group, "text"), ::testing::ElementsAre("text"));
  EXPECT_EQ(1, group->world());
}

TEST_F(ProcessGroupTest, ThreeProcessesAddHandOutAndGather) {
  auto command = Member("sum");
  command.insert(command.begin() + 1, {"launch", "3"});
  const auto run = test::RunCommand(command);
  EXPECT_EQ(0, run.status.value) << run.err;
  // Sums of 1, 2 and 3: six numbers of 6; the last one's 30; 4 x 6, 12 and 3 x 18.
  EXPECT_EQ("sum 36 broadcast 30 gather '' 'x' 'xx' many 24 12 54\n", run.out);
}

TEST_F(ProcessGroupTest, WithoutALauncherRankZeroServesTheOthers) {
  const std::string port = FreePort();
  ProcessOptions other{.argv = Member("sum"), .environment = test::EnvironmentWith(Environment(1, 2, port))};
  other.output = folder_.path() / "other";
  auto second = Subprocess::Start(other);
  ASSERT_TRUE(second.ok());
  const auto first = test::RunCommand(Member("sum"), {}, Environment(0, 2, port));
  EXPECT_EQ(0, first.status.value) << first.err;
  EXPECT_TRUE(second->Wait().ok());
  EXPECT_EQ("sum 18 broadcast 20 gather '' 'x' many 12 6 27\n", first.out);
  EXPECT_EQ(first.out, test::ReadText(folder_.path() / "other"));
}

TEST_F(ProcessGroupTest, ARankThatNeverComesIsNamed) {
  auto environment = Environment(0, 3, FreePort());
  environment.emplace_back("JOIN_SECONDS=1");
  const auto run = test::RunCommand(Member("sum"), {}, environment);
  EXPECT_EQ(static_cast<int>(ExitCode::kTryAgain), run.status.value);
  EXPECT_THAT(run.err, AllOf(HasSubstr("2 of 3 processes did not come to 127.0.0.1:"),
                             HasSubstr("within 1 s: rank 1, 2")));
}

TEST_F(ProcessGroupTest, AMasterThatIsNotThereIsNamed) {
  const std::string port = FreePort();
  auto environment = Environment(1, 2, port);
  environment.emplace_back("JOIN_SECONDS=1");
  const auto run = test::RunCommand(Member("sum"), {}, environment);
  EXPECT_EQ(static_cast<int>(ExitCode::kTryAgain), run.status.value);
  EXPECT_THAT(run.err, HasSubstr("rank 1 of 2 finds nobody at 127.0.0.1:" + port));
}

TEST_F(ProcessGroupTest, APeerThatDiesIsNoHang) {
  const std::string port = FreePort();
  auto second = Subprocess::Start(
      {.argv = Member("die", "1"), .environment = test::EnvironmentWith(Environment(1, 2, port))});
  ASSERT_TRUE(second.ok());
  const auto first = test::RunCommand(Member("die", "1"), {}, Environment(0, 2, port));
  EXPECT_EQ(5, second->Wait().value);
  EXPECT_EQ(static_cast<int>(ExitCode::kTryAgain), first.status.value);
  EXPECT_THAT(first.err, HasSubstr("rank 0 of 2 lost the others while waiting for each other: "));
}

TEST_F(ProcessGroupTest, APortThatIsTakenIsAnError) {
  const RendezvousServer server;
  const auto run = test::RunCommand(Member("sum"), {}, Environment(0, 2, std::to_string(server.port())));
  EXPECT_EQ(static_cast<int>(ExitCode::kTryAgain), run.status.value);
  EXPECT_THAT(run.err, HasSubstr("rank 0 cannot serve the others at 127.0.0.1:"));
}

}  // namespace
}  // namespace roost::yolo
