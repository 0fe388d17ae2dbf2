// The files that describe a run: node status, jobstate log, DOT, metrics.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/run/dot_file.h"
#include "dag/run/jobstate_log.h"
#include "dag/run/metrics.h"
#include "dag/run/node_status_file.h"
#include "fake_run.h"
#include "roost/base/text.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = RunEvent::Kind;

constexpr NodeIndex kA = 0, kB = 1, kC = 2, kD = 3;

class RunFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_.path());
  }
  void TearDown() override { std::filesystem::current_path(before_); }

  static Dag Parse(const std::string& text) {
    DagParse parse = ParseDag(text, "x.dag");
    EXPECT_FALSE(HasErrors(parse.faults));
    parse.dag.files = {"x.dag"};
    return std::move(parse.dag);
  }
  static Dag Diamond() {
    return Parse(
        "JOB A a.sub\nJOB B a.sub\nJOB C a.sub\nJOB D a.sub\nPARENT A CHILD B C\nPARENT B C CHILD D\n");
  }
  static Path Golden(const std::string& file) { return *test::ReferenceDir() / "golden/htcondor" / file; }
  static void MoveTo(FakeRun& run, std::int64_t epoch_seconds) {
    const auto target = Clock::WallTime(std::chrono::seconds(epoch_seconds));
    run.clock.Advance(std::chrono::duration_cast<std::chrono::milliseconds>(target - run.clock.WallNow()));
  }
  static void Finish(FakeRun& run) {
    while (const auto step = run.plan().Next()) run.plan().JobEnded(step->node, 0);
  }

  std::function<void(const std::string&)> warn() {
    return [this](const std::string& text) { warnings_.push_back(text); };
  }
  static std::vector<std::string> Lines(const Path& file) {
    std::vector<std::string> lines = SplitAny(test::ReadText(file), "\n");
    return lines;
  }

  TemporaryDirectory folder_;
  Path before_;
  std::vector<std::string> warnings_;
};

TEST_F(RunFilesTest, NodeStatusAtTheEndIsThatOfDagman) {
  ROOST_NEEDS_REFERENCE();
  FakeRun run(Diamond());
  MoveTo(run, 1795221724);
  NodeStatusWriter writer({.file = "node.status"}, run.clock, warn());
  run.Tell(writer, Kind::kRunStarted);
  Finish(run);
  run.Tell(writer, Kind::kRunEnded);
  EXPECT_EQ(test::ReadText("node.status"), test::ReadText(Golden("status-files/run1/node.status")));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(RunFilesTest, NodeStatusShowsWhatGoesOn) {
  FakeRun run(Parse("JOB A a.sub\nJOB B b.sub\nJOB C c.sub DONE\nPARENT A CHILD B\n"));
  run.plan().Next();
  run.held = 1;
  run.idle = 2;
  run.facts[kA] = {.queued = 3, .held = 1, .first_proc_running = true};
  NodeStatusWriter writer({.file = "node.status", .min_seconds = 10}, run.clock, warn());
  run.Tell(writer, Kind::kRunStarted);
  const std::string text = test::ReadText("node.status");
  EXPECT_THAT(text, HasSubstr("DagStatus = 3; /* \"STATUS_SUBMITTED ()\" */"));
  EXPECT_THAT(text, HasSubstr("  JobProcsHeld = 1;\n  JobProcsIdle = 2; /* includes held */\n"));
  EXPECT_THAT(text, HasSubstr("  Node = \"A\";\n  NodeStatus = 3; /* \"STATUS_SUBMITTED\" */\n"
                              "  StatusDetails = \"not_idle\";\n  RetryCount = 0;\n  JobProcsQueued = 3;\n"
                              "  JobProcsHeld = 1;\n"));
  EXPECT_THAT(text, HasSubstr("  Node = \"B\";\n  NodeStatus = 0; /* \"STATUS_NOT_READY\" */\n"));
  EXPECT_THAT(text, HasSubstr("StatusDetails = \"User defined as DONE\";"));
  EXPECT_THAT(text, HasSubstr("  NextUpdate = 1700000010; /* \"Tue Nov 14 22:13:30 2023\" */\n"));
}

TEST_F(RunFilesTest, NodeStatusOfARemovedRunCountsWhatWasUnderWayAsErrors) {
  FakeRun run(Parse("JOB A a.sub\nJOB B b.sub\n"));
  run.plan().Next();
  run.status = 4;
  run.facts[kA] = {.queued = 3, .held = 1};
  NodeStatusWriter writer({.file = "node.status"}, run.clock, warn());
  run.Tell(writer, Kind::kRunEnded);
  const std::string text = test::ReadText("node.status");
  EXPECT_THAT(text, HasSubstr("DagStatus = 6; /* \"STATUS_ERROR (removed)\" */"));
  EXPECT_THAT(
      text, HasSubstr("NodeStatus = 6; /* \"STATUS_ERROR\" */\n  StatusDetails = \"Was STATUS_SUBMITTED\";\n"
                      "  RetryCount = 0;\n  JobProcsQueued = 0;\n  JobProcsHeld = 0;\n"));
}

TEST_F(RunFilesTest, NodeStatusOfSeveralFilesNamesThemAll) {
  Dag dag = Diamond();
  dag.files = {"x.dag", "y.dag"};
  FakeRun run(std::move(dag));
  NodeStatusWriter writer({.file = "node.status"}, run.clock, warn());
  run.Tell(writer, Kind::kRunStarted);
  EXPECT_THAT(test::ReadText("node.status"),
              HasSubstr("  DagFiles = {\n    \"x.dag\",\n    \"y.dag\"\n  };\n"));
}

TEST_F(RunFilesTest, NodeStatusIsWrittenWhenSomethingChangedAndItsTimeHasCome) {
  FakeRun run(Diamond());
  NodeStatusWriter writer({.file = "node.status", .min_seconds = 10}, run.clock, warn());
  const auto written = [&] {
    const bool there = std::filesystem::remove("node.status");
    return there;
  };
  writer.Tick(run);
  EXPECT_FALSE(written()) << "before the run has begun";
  run.Tell(writer, Kind::kRunStarted);
  EXPECT_TRUE(written());
  run.Tell(writer, Kind::kNodeDone, kA);
  EXPECT_FALSE(written());
  run.clock.Advance(std::chrono::seconds(10));
  writer.Tick(run);
  EXPECT_TRUE(written());
  run.clock.Advance(std::chrono::seconds(60));
  writer.Tick(run);
  EXPECT_FALSE(written()) << "nothing has changed";
}

TEST_F(RunFilesTest, NodeStatusWithAlwaysUpdateIsWrittenWithoutAChange) {
  FakeRun run(Diamond());
  NodeStatusWriter writer({.file = "node.status", .min_seconds = 10, .always_update = true}, run.clock,
                          warn());
  run.Tell(writer, Kind::kRunStarted);
  std::filesystem::remove("node.status");
  run.clock.Advance(std::chrono::seconds(10));
  writer.Tick(run);
  EXPECT_TRUE(std::filesystem::exists("node.status"));
}

TEST_F(RunFilesTest, StatusFilesThatCannotBeWrittenAreToldOnce) {
  FakeRun run(Diamond());
  NodeStatusWriter writer({.file = "nowhere/node.status", .min_seconds = 0}, run.clock, warn());
  run.Tell(writer, Kind::kRunStarted);
  run.Tell(writer, Kind::kRunEnded);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("nowhere/node.status")));
}

TEST_F(RunFilesTest, AllowanceIsASecondAndThenATwentiethOfTheTime) {
  test::FakeClock clock;
  WriteAllowance allowance(clock);
  allowance.Spend([&] { clock.Advance(std::chrono::seconds(2)); });
  EXPECT_FALSE(allowance.Allows());
  clock.Advance(std::chrono::seconds(17));
  EXPECT_FALSE(allowance.Allows());
  clock.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(allowance.Allows());
}

TEST_F(RunFilesTest, DotFilesWithUpdateAreThoseOfDagman) {
  ROOST_NEEDS_REFERENCE();
  test::WriteFile("head.dot", test::ReadText(Golden("dot-update/input/head.dot")));
  FakeRun run(Parse("JOB A ok.sub\nJOB B ok.sub\nPARENT A CHILD B\n"));
  MoveTo(run, 1795221734);
  DotWriter writer({.file = "dag.dot", .update = true, .overwrite = false, .include = "head.dot"}, run.clock,
                   warn());
  run.Tell(writer, Kind::kRunStarted);
  for (const NodeIndex node : {kA, kB}) {
    run.plan().Next();
    run.clock.Advance(std::chrono::seconds(1));
    run.TellJob(writer, EventType::kSubmit, node, 371);
    run.TellJob(writer, EventType::kExecute, node, 371);
    run.TellJob(writer, EventType::kTerminated, node, 371);
    run.plan().JobEnded(node, 0);
    run.clock.Advance(std::chrono::seconds(1));
    run.Tell(writer, Kind::kNodeDone, node);
  }
  run.Tell(writer, Kind::kRunEnded);
  for (const char* file : {"dag.dot.0", "dag.dot.1", "dag.dot.2", "dag.dot.3", "dag.dot.4"}) {
    EXPECT_EQ(test::ReadText(file), test::ReadText(Golden("dot-update/run1") / file)) << file;
  }
  EXPECT_FALSE(std::filesystem::exists("dag.dot.5"));
}

TEST_F(RunFilesTest, DotFileWithoutUpdateIsThatOfDagman) {
  ROOST_NEEDS_REFERENCE();
  FakeRun run(Diamond());
  MoveTo(run, 1795221717);
  DotWriter writer({.file = "dag.dot"}, run.clock, warn());
  run.Tell(writer, Kind::kRunStarted);
  Finish(run);
  run.Tell(writer, Kind::kNodeDone, kA);
  EXPECT_EQ(test::ReadText("dag.dot"), test::ReadText(Golden("status-files/run1/dag.dot")));
}

TEST_F(RunFilesTest, DotFilesThatExistAreNotOverwritten) {
  test::WriteFile("dag.dot.0", "mine");
  FakeRun run(Diamond());
  DotWriter writer({.file = "dag.dot", .overwrite = false}, run.clock, warn());
  run.Tell(writer, Kind::kRunStarted);
  EXPECT_EQ(test::ReadText("dag.dot.0"), "mine");
  EXPECT_THAT(test::ReadText("dag.dot.1"), HasSubstr("digraph DAG"));
}

TEST_F(RunFilesTest, DotOfADagThatDoesNotRunShowsNamesOnly) {
  const std::string text =
      FormatDot(Parse("JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\n"), {.label = "x.dag"});
  EXPECT_EQ(text,
            "digraph DAG {\n    label=\"x.dag\";\n\n    \"A\" [shape=ellipse label=\"A\"];\n"
            "    \"B\" [shape=ellipse label=\"B\"];\n\n    \"A\" -> \"B\";\n}\n");
}

/// What DAGMan was told in the case status-files.
void TellDiamond(FakeRun& run, RunObserver& log) {
  constexpr std::int64_t kStart = 1795221717;
  const auto at = [&](int second) {
    run.clock.Advance(std::chrono::duration_cast<std::chrono::milliseconds>(
        Clock::WallTime(std::chrono::seconds(kStart + second)) - run.clock.WallNow()));
  };
  const auto job = [&](EventType type, NodeIndex node, int cluster) {
    run.TellJob(log, type, node, cluster);
  };
  at(0);
  run.Tell(log, Kind::kRunStarted, -1, 345);
  at(1);
  job(EventType::kSubmit, kA, 349);
  job(EventType::kExecute, kA, 349);
  job(EventType::kTerminated, kA, 349);
  run.Tell(log, Kind::kJobsSucceeded, kA, 349);
  at(2);
  run.TellScript(log, Kind::kScriptStarted, Script::Kind::kPre, kB, -1);
  run.TellScript(log, Kind::kScriptEnded, Script::Kind::kPre, kB, -1);
  at(3);
  job(EventType::kSubmit, kC, 350);
  job(EventType::kSubmit, kB, 351);
  job(EventType::kExecute, kC, 350);
  job(EventType::kExecute, kB, 351);
  job(EventType::kTerminated, kC, 350);
  run.Tell(log, Kind::kJobsSucceeded, kC, 350);
  job(EventType::kTerminated, kB, 351);
  run.Tell(log, Kind::kJobsSucceeded, kB, 351);
  run.TellScript(log, Kind::kScriptStarted, Script::Kind::kPost, kB, 351);
  at(4);
  job(EventType::kPostScriptTerminated, kB, 351);
  run.TellScript(log, Kind::kScriptEnded, Script::Kind::kPost, kB, 351);
  at(6);
  job(EventType::kSubmit, kD, 355);
  job(EventType::kExecute, kD, 355);
  job(EventType::kTerminated, kD, 355);
  run.Tell(log, Kind::kJobsSucceeded, kD, 355);
  at(7);
  run.Tell(log, Kind::kRunEnded, -1, -1, 0);
}

TEST_F(RunFilesTest, JobstateLogIsThatOfDagman) {
  ROOST_NEEDS_REFERENCE();
  FakeRun run(Diamond());
  JobstateLog log("jobstate.log", warn());
  TellDiamond(run, log);
  EXPECT_EQ(test::ReadText("jobstate.log"), test::ReadText(Golden("status-files/run1/jobstate.log")));
}

TEST_F(RunFilesTest, JobstateNumbersGoOnWhereTheEarlierRunEnded) {
  FakeRun run(Diamond());
  {
    JobstateLog first("jobstate.log", warn());
    TellDiamond(run, first);
  }
  const std::string before = test::ReadText("jobstate.log");
  JobstateLog log("jobstate.log", warn());
  run.Tell(log, Kind::kRunStarted, -1, 400);
  run.Tell(log, Kind::kSubmitFailed, kA);
  run.Tell(log, {.kind = Kind::kSubmitFailed, .node = kA, .attempt = 1});
  const std::string text = test::ReadText("jobstate.log");
  ASSERT_TRUE(text.starts_with(before));
  EXPECT_THAT(Split(text.substr(before.size()), '\n'),
              ElementsAre(HasSubstr("INTERNAL *** DAGMAN_STARTED 400.0 ***"),
                          HasSubstr("A SUBMIT_FAILURE - - - 5"), HasSubstr("A SUBMIT_FAILURE - - - 6"), ""));
}

TEST_F(RunFilesTest, JobstateLogInRecoveryHasNothingTwiceAndWhatWasLost) {
  test::WriteFile("jobstate.log",
                  "1795221717 INTERNAL *** DAGMAN_STARTED 345.0 ***\n"
                  "1795221718 B SUBMIT 348.0 - - 1\n"
                  "1795221718 A SUBMIT 349.0 - - 2\n"
                  "1795221718 A EXEC");
  FakeRun run(Diamond());
  JobstateLog log("jobstate.log", warn());
  run.Tell(log, Kind::kRunStarted, -1, 346);
  run.Tell(log, Kind::kRecoveryStarted);
  run.TellJob(log, EventType::kSubmit, kA, 349);
  run.TellJob(log, EventType::kExecute, kA, 349);
  run.Tell(log, Kind::kRecoveryFinished);
  run.TellJob(log, EventType::kSubmit, kC, 350);
  const std::vector<std::string> lines = Lines("jobstate.log");
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_EQ(lines[3], "1795221718 A EXEC");
  EXPECT_THAT(lines[5], HasSubstr("*** RECOVERY_STARTED ***"));
  EXPECT_THAT(lines[6], HasSubstr("A EXECUTE 349.0 - - 2"));
  EXPECT_THAT(lines[7], HasSubstr("*** RECOVERY_FINISHED ***"));
  EXPECT_THAT(lines[8], HasSubstr("C SUBMIT 350.0 - - 3"));
}

TEST_F(RunFilesTest, JobTagComesFromTheSubmitFile) {
  EXPECT_EQ(JobTag("executable = x\n+pegasus_site = \"local\"\nqueue\n"), "local");
  EXPECT_EQ(JobTag("+job_tag_name = \"+viz\"\n+pegasus_site = \"local\"\n+viz = \"blue\"\n"), "blue");
  EXPECT_EQ(JobTag("executable = x\n"), "-");

  test::WriteFile("a.sub", "+pegasus_site = \"local\"\n");
  FakeRun run(Diamond());
  JobstateLog log("jobstate.log", warn());
  run.Tell(log, Kind::kRunStarted, -1, 1);
  run.TellJob(log, EventType::kSubmit, kA, 2);
  EXPECT_THAT(test::ReadText("jobstate.log"), HasSubstr(" A SUBMIT 2.0 local - 1\n"));
}

/// The keys of a metrics file in their order, with the values of those in which runs do not differ.
std::vector<std::string> Metrics(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string& line : Split(text, '\n')) {
    bool differs = false;
    for (const char* key : {"version", "start_time", "end_time", "duration", "dagman_id"}) {
      differs = differs || line.starts_with("    \"" + std::string(key) + "\":");
    }
    lines.push_back(differs ? line.substr(0, line.find(':')) : line);
  }
  return lines;
}

TEST_F(RunFilesTest, MetricsAreThoseOfDagman) {
  ROOST_NEEDS_REFERENCE();
  FakeRun run(Parse("JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\nJOB F a.sub\n"));
  run.plan().Next();
  run.plan().JobEnded(kA, 1);
  run.plan().Next();
  run.plan().JobEnded(kC, 0);
  const RunEnd end{.status = RunEnd::Status::kNodeFailed, .exit_code = 0};
  EXPECT_EQ(Metrics(FormatMetrics({}, run.plan(), end)),
            Metrics(test::ReadText(Golden("final-after-failure/run1/x.dag.metrics"))));
}

TEST_F(RunFilesTest, MetricsOfVersion2CountNodesOfEachKind) {
  Dag dag = Diamond();
  dag.At(kB).kind = NodeKind::kSubdag;
  dag.At(kD).kind = NodeKind::kFinal;
  dag.final_node = kD;
  FakeRun run(std::move(dag));
  const MetricsFacts facts{
      .parent_dag_id = 17, .rescue_number = 3, .jobs = {5, 4, 2}, .version = 2, .graph = true};
  const std::string text = FormatMetrics(facts, run.plan(), {});
  EXPECT_THAT(text, HasSubstr("\"metrics_version\":2,\n"));
  EXPECT_THAT(
      text,
      HasSubstr("\"parent_dagman_id\":\"17\",\n    \"rescue_dag_number\":3,\n    \"has_final_node\":true,\n"
                "    \"nodes\":3,\n"));
  EXPECT_THAT(text, HasSubstr("\"dag_nodes\":1,\n"));
  EXPECT_THAT(text,
              HasSubstr("\"total_nodes\":4,\n    \"total_nodes_run\":2,\n    \"jobs_submitted\":5,\n"
                        "    \"jobs_succeeded\":4,\n    \"jobs_failed\":1,\n    \"graph_height\":3,\n"
                        "    \"graph_width\":2,\n    \"graph_num_edges\":4,\n    \"graph_num_vertices\":4,\n"
                        "    \"DagStatus\":0\n}\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"jobs\"")));
}

}  // namespace
}  // namespace roost::dag
