#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/dag/dag.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using testing::ElementsAre;
using testing::Pair;

/// DagOptions that know these files and no others.
DagOptions FilesOf(std::map<std::string, std::string> files) {
  DagOptions options;
  options.read = [files = std::move(files)](const Path& path) -> Result<std::string> {
    const auto it = files.find(path.lexically_normal().string());
    if (it == files.end()) return Error("there is no '" + path.string() + "'");
    return it->second;
  };
  return options;
}

std::vector<std::string> Names(const Dag& dag) {
  std::vector<std::string> names;
  for (const Node& node : dag.nodes) names.push_back(node.name);
  return names;
}

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

TEST(ParseDag, SetsAllNodesTensOfThousandsOfTimes) {
  std::string text;
  for (int i = 0; i < 2'000; ++i)
    text += "JOB n" + std::to_string(i) + " n" + std::to_string(i) + ".sub DIR d" + std::to_string(i) +
            "\nCATEGORY n" + std::to_string(i) + " c" + std::to_string(i) + "\n";
  for (int i = 0; i < 10'000; ++i) text += "RETRY ALL_NODES " + std::to_string(i) + " UNLESS-EXIT 3\n";
  const Dag dag = ParseDag(text, "x.dag").dag;
  EXPECT_EQ(9'999, dag.nodes.back().retries);
  EXPECT_LT(dag.rules.size(), 10U);  // nodes with the same rules share them
}

TEST(ParseDag, RefusesToGrowBeyondItsLimits) {
  std::map<std::string, std::string> doubling;
  for (int level = 0; level < 60; ++level) {
    const std::string next = "level" + std::to_string(level + 1);
    doubling["level" + std::to_string(level)] = "JOB A a.sub\nSPLICE X " + next + "\nSPLICE Y " + next + "\n";
  }
  DagOptions options = FilesOf(doubling);
  options.limits.nodes = 1000;
  EXPECT_EQ("level0: the DAG has more than 1000 nodes", ReadDag("level0", options).faults.at(0).Describe());
  options.limits = {.bytes = 100'000};
  EXPECT_EQ("level0: the files of this DAG, with all that they splice and include, are longer than 100 kB",
            ReadDag("level0", options).faults.at(0).Describe());
  options.limits = {.depth = 30};
  EXPECT_EQ("level0: more than 30 files are within each other",
            ReadDag("level0", options).faults.at(0).Describe());

  options.limits = {.edges = 10};
  EXPECT_EQ("x: the DAG has more than 10 dependencies",
            ParseDag("JOB A a\nJOB B a\nJOB C a\nJOB D a\nPARENT A CHILD B C D\nPARENT A CHILD B C D\n"
                     "PARENT A CHILD B C D\nPARENT A CHILD B C D\n",
                     "x", options)
                .faults.at(0)
                .Describe());
  options.limits = {.settings = 10};
  EXPECT_EQ("x: the lines with ALL_NODES set more than 10 values",
            ParseDag("JOB A a\nVARS ALL_NODES x=\"1\"\n", "x", options).faults.at(0).Describe());
}

TEST(ReadDags, PutsTheNumberOfTheFileBeforeTheNames) {
  DagOptions options =
      FilesOf({{"x.dag", "JOB A a\nJOB B a\nSPLICE S in.dag\nPARENT A CHILD S\nCATEGORY A c\n"},
               {"y.dag", "JOB A b\nMAXJOBS c 2\nRETRY ALL_NODES 1\n"},
               {"in.dag", "JOB A i\nJOB B i\nPARENT A CHILD B\nRETRY A 3\n"}});
  const DagParse parse = ReadDags({"x.dag", "y.dag"}, options);
  EXPECT_TRUE(parse.faults.empty());
  EXPECT_THAT(Names(parse.dag), ElementsAre("0.A", "0.B", "0.S+0.A", "0.S+0.B", "1.A"));
  EXPECT_THAT(Names(parse.dag, parse.dag.children.Of(0)), ElementsAre("0.S+0.A"));
  EXPECT_EQ(3, parse.dag.At(2).retries);
  EXPECT_EQ(0, parse.dag.At(0).retries);
  EXPECT_EQ(1, parse.dag.At(4).retries);
  ASSERT_EQ(1U, parse.dag.categories.size());
  EXPECT_EQ(2, parse.dag.categories[0].max_jobs);

  options.munge_names = false;
  const Faults faults = ReadDags({"x.dag", "y.dag"}, options).faults;
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ("y.dag:1: JOB: node 'A' is already defined at x.dag:1", faults[0].Describe());
}

TEST(ReadDags, WithUseDagDirTakesPathsRelativeToEachFile) {
  DagOptions options = FilesOf({{"one/x.dag", "JOB A a\nSPLICE S sub/in.dag\nSPLICE T in.dag DIR sub\n"},
                                {"one/sub/in.dag", "JOB A i\n"},
                                {"two/y.dag", "JOB A b DIR d\n"}});
  options.use_dag_dir = true;
  const DagParse parse = ReadDags({"one/x.dag", "two/y.dag"}, options);
  ASSERT_EQ(1U, parse.faults.size());
  EXPECT_EQ("two/y.dag:1: JOB: DIR cannot be used together with -UseDagDir", parse.faults[0].Describe());
  EXPECT_EQ("one", parse.dag.Directory(parse.dag.At(0)));
  EXPECT_EQ("one/sub", parse.dag.Directory(parse.dag.At(1)));
  EXPECT_EQ("one/sub", parse.dag.Directory(parse.dag.At(2)));
}

TEST(ReadPreamble, CollectsWhatIsSetOnTheRunFromFilesOfTheCommandLineOnly) {
  const DagOptions options =
      FilesOf({{"x.dag", "INCLUDE more\nCONFIG a.config\nJOB A {\nCONFIG no.command\n}\nENV GET HOME PATH\n"},
               {"y.dag", "CONFIG ./a.config\nENV SET \"A=1; B=two words\"\nset_job_attr Big = 2 * 3\n"},
               {"more", "CONFIG other\n"}});
  const DagPreamble preamble = ReadPreamble({"x.dag", "y.dag", "missing.dag"}, options);
  EXPECT_TRUE(preamble.faults.empty());
  ASSERT_EQ(1U, preamble.configs.size());
  EXPECT_EQ("a.config", preamble.configs[0].first);
  EXPECT_EQ(2, preamble.configs[0].second.line);
  EXPECT_THAT(preamble.job_attributes, ElementsAre(Pair("Big", "2 * 3")));
  EXPECT_THAT(preamble.environment_get, ElementsAre("HOME", "PATH"));
  EXPECT_THAT(preamble.environment_set, ElementsAre(Pair("A", "1"), Pair("B", "two words")));
}

TEST(ReadPreamble, RefusesTwoConfigurationFiles) {
  const DagOptions options = FilesOf({{"x.dag", "CONFIG a\n"}, {"y.dag", "CONFIG b\n"}});
  const DagPreamble preamble = ReadPreamble({"x.dag", "y.dag"}, options);
  ASSERT_EQ(1U, preamble.faults.size());
  EXPECT_EQ("y.dag:1: CONFIG: a run has one configuration file, and 'a' is given at x.dag:1",
            preamble.faults[0].Describe());
  EXPECT_EQ(1U, ReadDags({"x.dag", "y.dag"}, options).faults.size());
}

TEST(ParseDag, IsAsStrictAsItIsTold) {
  const std::string text =
      "JOB A a\nFINAL F f\nVARS A x=\"1\"\nVARS A x=\"2\"\nPRIORITY A 1\nPRIORITY A 2\nDONE F\n";
  DagOptions options;
  EXPECT_EQ(1U, ParseDag(text, "x", options).faults.size());
  options.strict = 3;
  EXPECT_EQ(3U, ParseDag(text, "x", options).faults.size());
  options.strict = 0;
  EXPECT_FALSE(HasErrors(ParseDag(text, "x", options).faults));
}

TEST(ParseDag, OptionsDecideOnNamesJoinNodesAndVars) {
  DagOptions options;
  options.allow_any_name = true;
  options.use_join_nodes = false;
  options.append_vars = true;
  const DagParse parse = ParseDag(
      "JOB A+B a\nJOB C.D a\nJOB E a\nJOB F a\nPARENT A+B C.D CHILD E F\nVARS E x=\"1\"\n", "x", options);
  EXPECT_TRUE(parse.faults.empty());
  EXPECT_EQ(4U, parse.dag.nodes.size());
  EXPECT_EQ(4U, parse.dag.children.size());
  EXPECT_TRUE(parse.dag.At(2).vars.at(0).append);
}

}  // namespace
}  // namespace roost::dag
