#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/dag/dag.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using testing::ElementsAre;

std::vector<std::string> Names(const Dag& dag, std::span<const Edge> edges) {
  std::vector<std::string> names;
  names.reserve(edges.size());
  for (const Edge& edge : edges) names.push_back(dag.At(edge.index()).name);
  return names;
}

TEST(Faults, NameFileLineAndWhetherTheyAreErrors) {
  Faults faults;
  AddWarning(faults, {"x.dag", 3}, "odd");
  EXPECT_FALSE(HasErrors(faults));
  AddError(faults, {"x.dag", 4}, "wrong");
  AddError(faults, {"y.dag", 0}, "cannot be read");
  EXPECT_TRUE(HasErrors(faults));
  EXPECT_EQ("x.dag:3: warning: odd", faults[0].Describe());
  EXPECT_EQ("x.dag:4: wrong\ny.dag: cannot be read", FaultsError(faults).message());
  EXPECT_EQ(ExitCode::kBadData, FaultsError(faults).code());
}

TEST(ReadDag, AFileThatIsNotThereIsOneFault) {
  const DagParse parse = ReadDag("/no/such/x.dag");
  ASSERT_EQ(1U, parse.faults.size());
  EXPECT_EQ("/no/such/x.dag: cannot open '/no/such/x.dag': No such file or directory",
            parse.faults[0].Describe());
}

TEST(ReadDag, NamesTheFileAsGiven) {
  const TemporaryDirectory folder;
  test::WriteFile(folder.path() / "x.dag", "JOB A a.sub\nJOBS\n");
  const DagParse parse = ReadDag(folder.path() / "x.dag");
  ASSERT_EQ(1U, parse.faults.size());
  EXPECT_EQ((folder.path() / "x.dag").string(), parse.faults[0].where.file);
  EXPECT_EQ(2, parse.faults[0].where.line);
  EXPECT_THAT(parse.dag.files, ElementsAre(folder.path() / "x.dag"));
}

TEST(ParseDag, KeepsParentsAndChildrenInOrderOfTheirEdges) {
  const Dag dag =
      ParseDag("JOB A a\nJOB B a\nJOB C a\nPARENT C CHILD A\nPARENT B CHILD A\nPARENT B CHILD C A", "x").dag;
  EXPECT_THAT(Names(dag, dag.parents.Of(dag.Find("A"))), ElementsAre("C", "B"));
  EXPECT_THAT(Names(dag, dag.children.Of(dag.Find("B"))), ElementsAre("A", "C"));
  EXPECT_EQ(-1, dag.Find("D"));
}

// The time that this takes is what shows a loop within a loop: with one it would run into the test's limit.
TEST(ParseDag, ReadsHundredThousandNodes) {
  constexpr int kNodes = 100'000;
  std::string text = "JOB root r.sub\nJOB end e.sub\n";
  std::string leaves;
  for (int i = 0; i < kNodes; ++i) {
    const std::string name = "n" + std::to_string(i);
    text.append("JOB ").append(name).append(" n.sub\nVARS ").append(name).append(" i=\"1\"\n");
    text.append("PARENT root CHILD ").append(name).append("\n");
    leaves.append(" ").append(name);
  }
  text += "PARENT" + leaves + " CHILD end\nPARENT root end CHILD" + leaves + "\nRETRY ALL_NODES 2\n";
  const DagParse parse = ParseDag(text, "x.dag");
  EXPECT_TRUE(parse.faults.empty());
  EXPECT_EQ(std::size_t{kNodes} + 3, parse.dag.nodes.size());  // with the join node of the last PARENT
  EXPECT_EQ(std::size_t{kNodes} + 1, parse.dag.children.Of(parse.dag.Find("root")).size());
  EXPECT_EQ(std::size_t{kNodes}, parse.dag.parents.Of(parse.dag.Find("end")).size());
}

TEST(ParseDag, ReportsHundredThousandUnknownNames) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "JOB node" + std::to_string(i) + " n.sub\n";
  for (int i = 0; i < 100'000; ++i) text += "RETRY mode" + std::to_string(i) + " 1\n";
  EXPECT_EQ(100'000U, ParseDag(text, "x.dag").faults.size());
}

}  // namespace
}  // namespace roost::dag
