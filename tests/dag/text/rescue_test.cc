#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/dag/dag.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Dag Chain() {
  return ParseDag("JOB A a.sub\nJOB B a.sub\nJOB C a.sub\nPARENT A CHILD B\nPARENT B CHILD C\n", "x.dag").dag;
}

TEST(FormatRescue, WritesDagmansForm) {
  RescueContent content;
  content.dag_file = "x.dag";
  content.created_utc = "11/21/2026 00:41:22 UTC";
  content.total_nodes = 3;
  content.done = {"A", "B"};
  content.failed = {"C"};
  EXPECT_EQ(
      "# Rescue DAG file, created after running\n"
      "#   the x.dag DAG file\n"
      "# Created 11/21/2026 00:41:22 UTC\n"
      "# Rescue DAG version: 2.0.1 (partial)\n"
      "#\n"
      "# Total number of Nodes: 3\n"
      "# Nodes premarked DONE: 2\n"
      "# Nodes that failed: 1\n"
      "#   C,<ENDLIST>\n"
      "\n"
      "DONE A\n"
      "DONE B\n",
      FormatRescue(content));
}

TEST(FormatRescue, KeepsRetriesAndSaysWhyTheyWereGivenUp) {
  Dag dag = Chain();
  Node& node = dag.At(dag.Find("A"));
  EXPECT_THAT(RescueRetryLines(dag, node), IsEmpty());
  node.retries = 2;
  EXPECT_THAT(RescueRetryLines(dag, node, 2), ElementsAre("RETRY A 2"));
  node.retries = 5;
  dag.RulesToChange(dag.Find("A")).unless_exit = 42;
  EXPECT_THAT(RescueRetryLines(dag, node, 0, 42),
              ElementsAre("# 0 of 5 retries performed; remaining attempts aborted after node returned 42",
                          "RETRY A 5 UNLESS-EXIT 42"));
}

TEST(ApplyRescue, MarksNodesDoneAndSetsRetries) {
  Dag dag = Chain();
  RescueContent content;
  content.done = {"A"};
  content.retry_lines = {"RETRY B 4 UNLESS-EXIT 7"};
  EXPECT_THAT(ApplyRescue(dag, FormatRescue(content), "x.dag.rescue001"), IsEmpty());
  EXPECT_TRUE(dag.At(dag.Find("A")).done);
  EXPECT_FALSE(dag.At(dag.Find("B")).done);
  EXPECT_EQ(4, dag.At(dag.Find("B")).retries);
  EXPECT_EQ(7, dag.Rules(dag.At(dag.Find("B"))).unless_exit);
}

TEST(ApplyRescue, DoesNotKnowNodesThatTheDagHasNot) {
  Dag dag = Chain();
  const Faults faults = ApplyRescue(dag, "DONE A\nDONE X\nDONE _condor_join_node9\n", "x.dag.rescue001");
  ASSERT_EQ(1U, faults.size());
  EXPECT_EQ("x.dag.rescue001:2: unknown node 'X'", faults[0].Describe());
}

TEST(ApplyRescue, AddsNoEdgeTwice) {
  Dag dag = Chain();
  EXPECT_THAT(ApplyRescue(dag, "PARENT A CHILD B C\n", "r"), IsEmpty());
  const std::span<const Edge> children = dag.children.Of(dag.Find("A"));
  ASSERT_EQ(children.size(), 2U);
  EXPECT_EQ(children[0].index(), 1);
  EXPECT_EQ(children[1].index(), 2);
}

TEST(ApplyRescue, NumbersFurtherJoinNodesAfterThoseOfTheDag) {
  Dag dag = ParseDag("JOB A a\nJOB B a\nJOB C a\nJOB D a\nPARENT A B CHILD C D\n", "x.dag").dag;
  EXPECT_THAT(ApplyRescue(dag, "PARENT A C CHILD B D\n", "r"), IsEmpty());
  EXPECT_EQ("_condor_join_node1", dag.nodes[4].name);
  EXPECT_EQ("_condor_join_node2", dag.nodes[5].name);
}

TEST(ApplyRescue, KnowsNodesOfSplicesByTheirFullNames) {
  DagOptions options;
  options.read = [](const Path&) -> Result<std::string> { return std::string("JOB X x\nJOB Y y\n"); };
  Dag dag = ParseDag("JOB A a\nSPLICE S in.dag\n", "x.dag", options).dag;
  EXPECT_THAT(ApplyRescue(dag, "DONE S+X\nRETRY S+Y 2\nDONE S+_condor_join_node1\n", "r", options),
              IsEmpty());
  EXPECT_TRUE(dag.At(dag.Find("S+X")).done);
  EXPECT_EQ(2, dag.At(dag.Find("S+Y")).retries);
}

TEST(ApplyRescue, TakesAFullRescueFileForTheWholeDag) {
  Dag dag = Chain();
  const Faults faults =
      ApplyRescue(dag,
                  "# Rescue DAG file, created after running\n#   the x.dag DAG file\n"
                  "# Rescue DAG version: 2.0.1 (full)\n#\nJOB A a.sub\nDONE A\nJOB S+X x.sub\n"
                  "PARENT A CHILD  S+X\n",
                  "x.dag.rescue001");
  EXPECT_THAT(faults, IsEmpty());
  EXPECT_EQ(2U, dag.nodes.size());
  EXPECT_TRUE(dag.At(0).done);
  EXPECT_EQ("S+X", dag.At(1).name);
  EXPECT_EQ("x.dag", dag.files.at(0));
}

TEST(FormatRescue, SaysOfASaveFileAtWhichNodeItWasWritten) {
  RescueContent content;
  content.save_point_node = "B";
  content.dag_file = "x.dag";
  EXPECT_TRUE(
      FormatRescue(content).starts_with("# Save file written at Start Node B\n#   the x.dag DAG file\n"));
}

TEST(SavePointPath, IsInSaveFilesUnlessItIsAPath) {
  const Dag dag = ParseDag(
                      "JOB A a\nJOB B a\nJOB C a\nSAVE_POINT_FILE A\nSAVE_POINT_FILE B b.save\n"
                      "SAVE_POINT_FILE C here/c.save\n",
                      "run/x.dag")
                      .dag;
  EXPECT_EQ("run/save_files/A-x.dag.save", SavePointPath(dag, dag.At(0)));
  EXPECT_EQ("run/save_files/b.save", SavePointPath(dag, dag.At(1)));
  EXPECT_EQ("here/c.save", SavePointPath(dag, dag.At(2)));
}

TEST(RescueBase, TellsRunsOfSeveralFilesApart) {
  EXPECT_EQ("run/x.dag", RescueBase({"run/x.dag"}));
  EXPECT_EQ("run/x.dag_multi", RescueBase({"run/x.dag", "y.dag"}));
}

TEST(RescuePath, HasAtLeastThreeDigits) {
  EXPECT_EQ("run/x.dag.rescue007", RescuePath("run/x.dag", 7).string());
  EXPECT_EQ("x.dag.rescue123", RescuePath("x.dag", 123).string());
}

TEST(NewestRescue, IsTheHighestNumberThatExists) {
  const TemporaryDirectory folder;
  const Path dag = folder.path() / "x.dag";
  EXPECT_EQ(0, NewestRescue(dag));
  for (const char* name : {"x.dag.rescue001", "x.dag.rescue012", "x.dag.rescue900.old", "x.dag.rescue13",
                           "y.dag.rescue500", "x.dag.rescue1000", "x.dag.rescue-01"}) {
    test::WriteFile(folder.path() / name, "");
  }
  EXPECT_EQ(12, NewestRescue(dag));
  EXPECT_EQ(0, NewestRescue(folder.path() / "no/such/folder/x.dag"));
}

}  // namespace
}  // namespace roost::dag
