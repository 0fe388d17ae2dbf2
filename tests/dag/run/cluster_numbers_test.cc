#include "dag/run/cluster_numbers.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::HasSubstr;

TEST(ClusterNumbersTest, BeginAtOneAndCountUp) {
  const TemporaryDirectory folder;
  ClusterNumbers numbers(folder.path(), 2);
  EXPECT_EQ(1, numbers.Next());
  EXPECT_EQ(2, numbers.Next());
  EXPECT_EQ(3, numbers.Next()) << "beyond the first block";
}

TEST(ClusterNumbersTest, ALaterRunNeverGetsThoseOfAnEarlierOne) {
  const TemporaryDirectory folder;
  const int last = ClusterNumbers(folder.path(), 100).Next();
  EXPECT_GT(ClusterNumbers(folder.path(), 1).Next(), last);
}

TEST(ClusterNumbersTest, RunsAtTheSameTimeShareNone) {
  const TemporaryDirectory folder;
  ClusterNumbers a(folder.path(), 3);
  ClusterNumbers b(folder.path(), 3);
  std::set<int> seen;
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(seen.insert(a.Next()).second);
    EXPECT_TRUE(seen.insert(b.Next()).second);
  }
}

TEST(ClusterNumbersTest, GoOnAfterTheNodesLogsWhereTheFileIsGone) {
  const TemporaryDirectory folder;
  test::WriteFile(
      folder.path() / "x.dag.nodes.log",
      FormatEvent({.type = EventType::kSubmit, .id = {.cluster = 41}, .node = "A", .text = "<here>"}));
  EXPECT_EQ(42, ClusterNumbers(folder.path(), 1).Next());
}

TEST(ClusterNumbersTest, ADamagedFileIsNamedAndNotGuessedAt) {
  const TemporaryDirectory folder;
  test::WriteFile(folder.path() / ".dagrun-clusters", "twelve\n");
  try {
    ClusterNumbers(folder.path(), 1).Next();
    FAIL() << "went on with a damaged file";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr(".dagrun-clusters"));
    EXPECT_THAT(error.message(), HasSubstr("twelve"));
  }
}

}  // namespace
}  // namespace roost::dag
