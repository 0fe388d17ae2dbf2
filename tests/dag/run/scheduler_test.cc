#include "dag/run/scheduler.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/run/fake_executor.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

/// Remembers what it was told, in words.
class RecordingReporter final : public Reporter {
 public:
  void Started(const std::string&, const NodeCounts&, const std::string&) override {}
  void Warning(const std::string& text) override {
    said.push_back("warning " + text);
    if (when_warned) when_warned(text);
  }
  void NodeDone(const std::string& node, const Progress&) override {
    said.push_back(node + " done");
    if (node == when_done) then();
  }
  void NodeRetried(const NodeFailure& failure, const Progress&) override {
    said.push_back(failure.node + " retried: " + failure.what);
  }
  void NodeFailed(const NodeFailure& failure, const Progress&) override {
    said.push_back(failure.node + " failed: " + failure.what);
  }
  void Status(const Progress&) override {}
  void Stopping(const std::string& why) override { said.push_back("stopping: " + why); }
  void Ended(const RunEnd&) override {}

  std::vector<std::string> said;
  std::string when_done;       ///< a node
  std::function<void()> then;  ///< what happens as soon as it is done
  std::function<void(const std::string&)> when_warned;
};

class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::WriteFile(folder_.path() / "a.sub", "executable = /bin/true\nqueue\n");
    test::WriteFile(folder_.path() / "three.sub", "executable = /bin/true\nqueue 3\n");
  }

  /// `edit` is for what the text cannot say.
  void LoadDag(std::string text, PlanLimits limits = {}, const std::function<void(Dag&)>& edit = {}) {
    // The nodes live in the test's folder, not in that of the test program.
    DagParse parse = ParseDag(text, "x.dag");
    ASSERT_FALSE(HasErrors(parse.faults)) << FaultsError(parse.faults).message();
    dag_ = std::move(parse.dag);
    dag_.directories[0] = folder_.path();
    if (edit) edit(dag_);
    plan_.emplace(dag_, limits);
  }

  RunEnd Run() {
    Journal journal(NodesLog());
    JobQueue queue(executor_, clock_, {.submit_host = "<dagrun:test>"});
    options_.dag_file = folder_.path() / "x.dag";
    options_.rescue = {.dag_file = "x.dag", .base = options_.dag_file};
    options_.facts.dag_id = 10;
    Scheduler scheduler({.plan = *plan_,
                         .queue = queue,
                         .scripts = scripts_,
                         .journal = journal,
                         .reporter = reporter_,
                         .clock = clock_,
                         .log = MakeNullLogger(),
                         .pending_signal = [this] { return std::exchange(signal_, 0); },
                         .next_cluster = [this] { return ++last_cluster_; },
                         .control = control_},
                        options_);
    if (recovered_) scheduler.Resume(*recovered_);
    return scheduler.Run();
  }

  SchedulerOptions options_;
  void WhenDone(const std::string& node, std::function<void()> then) {
    reporter_.when_done = node;
    reporter_.then = std::move(then);
  }
  void SignalWhenDone(const std::string& node) {
    WhenDone(node, [this] { signal_ = SIGTERM; });
  }
  static void MakeFinal(Dag& dag) {
    dag.final_node = dag.Find("F");
    dag.At(dag.final_node).kind = NodeKind::kFinal;
  }

  ControlBox* control_ = nullptr;
  int last_cluster_ = 10;

  Path NodesLog() const { return folder_.path() / "x.dag.nodes.log"; }
  std::string RescueFile() const { return test::ReadText(folder_.path() / "x.dag.rescue001"); }

  /// "000 11.0", "005 11.0": number and job of every event in the nodes log.
  std::vector<std::string> Events() const {
    std::vector<std::string> events;
    ParseEvents(test::ReadText(NodesLog()), [&](const JobEvent& event) {
      const int number = static_cast<int>(event.type);
      events.push_back((number < 10 ? "00" : "0") + std::to_string(number) + " " +
                       std::to_string(event.id.cluster) + "." + std::to_string(event.id.proc));
    });
    return events;
  }

  TemporaryDirectory folder_;
  Dag dag_;
  std::optional<Plan> plan_;
  Children children_;
  FakeExecutor executor_{children_};
  ScriptRunner scripts_{children_, {}};
  RecordingReporter reporter_;
  test::FakeClock clock_;
  std::optional<Recovered> recovered_;
  int signal_ = 0;
};

TEST_F(SchedulerTest, ChildrenOfAFailedNodeNeverStart) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\n");
  executor_.WillExit("A", {1});
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.status, RunEnd::Status::kNodeFailed);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A"));
  EXPECT_THAT(RescueFile(), Not(HasSubstr("DONE ")));
  EXPECT_THAT(reporter_.said, ElementsAre("A failed: job 11.0: exit code 1"));
}

TEST_F(SchedulerTest, TheJournalTellsEachJobFromSubmissionToEnd) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\n");
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_THAT(Events(), ElementsAre("000 11.0", "001 11.0", "005 11.0", "000 12.0", "001 12.0", "005 12.0"));
}

TEST_F(SchedulerTest, TheFirstFailureRemovesTheRestOfTheClusterAndTheNodeWaitsForIt) {
  LoadDag("JOB A three.sub\nRETRY A 1\n");
  executor_.WillExit("A", {0, 3});
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_THAT(executor_.removed(), ElementsAre(AttemptId{11, 2}));
  EXPECT_THAT(executor_.submitted().size(), 6);
  EXPECT_THAT(reporter_.said, ElementsAre("A retried: job 11.1: exit code 3", "A done"));
  const auto events = Events();
  EXPECT_LT(std::find(events.begin(), events.end(), "009 11.2"),
            std::find(events.begin(), events.end(), "000 12.0"));
}

TEST_F(SchedulerTest, ARefusedJobIsHeldAndAbortedInTheJournalAndFailsItsNodeAtOnce) {
  LoadDag("JOB A a.sub\n");
  executor_.WillRefuse("A", {.reason = "cannot run 'x': no such file", .code = 6, .subcode = 2});
  EXPECT_EQ(Run().exit_code, 1);
  EXPECT_THAT(Events(), ElementsAre("000 11.0", "012 11.0", "009 11.0"));
  EXPECT_THAT(reporter_.said, ElementsAre("A failed: job 11.0: cannot run 'x': no such file"));
}

TEST_F(SchedulerTest, AMissingSubmitFileFailsTheNodeWithoutRetry) {
  LoadDag("JOB A nosuch.sub\nJOB B a.sub\nRETRY A 5\n");
  EXPECT_EQ(Run().exit_code, 1);
  EXPECT_THAT(executor_.submitted(), ElementsAre("B"));
  EXPECT_THAT(RescueFile(), HasSubstr("DONE B"));
  EXPECT_THAT(RescueFile(), HasSubstr("RETRY A 5"));
}

TEST_F(SchedulerTest, AJobThatNoSlotCanHoldFailsItsNodeWithTheReason) {
  test::WriteFile(folder_.path() / "big.sub", "executable = /bin/true\nrequest_cpus = 64\nqueue\n");
  LoadDag("JOB A big.sub\n");
  executor_.cpus = 2;
  EXPECT_EQ(Run().exit_code, 1);
  EXPECT_THAT(executor_.submitted(), ElementsAre());
  EXPECT_THAT(reporter_.said.at(0), HasSubstr("asks for too many CPUs"));
}

TEST_F(SchedulerTest, NoopNodesAreDoneWithoutAnExecutor) {
  LoadDag("JOB A a.sub NOOP\nJOB B a.sub\nPARENT A CHILD B\n");
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("B"));
  EXPECT_THAT(Events(),
              ElementsAre("000 0.2147483647", "005 0.2147483647", "000 11.0", "001 11.0", "005 11.0"));
}

TEST_F(SchedulerTest, ACycleIsToldAfterEverythingElseHasRun) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nJOB X a.sub\nPARENT A CHILD B\nPARENT B CHILD A\n");
  const RunEnd end = Run();
  EXPECT_EQ(end.status, RunEnd::Status::kCycle);
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(RescueFile(), HasSubstr("DONE X"));
}

TEST_F(SchedulerTest, NodesThatMayNeverStartEndTheRunInsteadOfHangingIt) {
  LoadDag("JOB A a.sub\nCATEGORY A none\nMAXJOBS none 0\n");
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(end.reason, HasSubstr("MAXJOBS 0"));
}

TEST_F(SchedulerTest, MaxIdleKeepsTheQueueShort) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nJOB C a.sub\nJOB D a.sub\n");
  options_.max_idle = 2;
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_EQ(executor_.most_in_flight(), 2);
}

TEST_F(SchedulerTest, JobsThatAreMaterialisedLateKeepNobodyFromTheQueue) {
  test::WriteFile(folder_.path() / "late.sub", "executable = /bin/true\nmax_materialize = 1\nqueue 9\n");
  LoadDag("JOB A late.sub\nJOB B a.sub\nPRIORITY A 5\n");
  options_.max_idle = 3;
  EXPECT_EQ(Run().exit_code, 0);
  ASSERT_THAT(executor_.submitted(), ::testing::SizeIs(10));
  EXPECT_EQ(executor_.submitted()[1], "B");
}

TEST_F(SchedulerTest, ASignalRemovesRunningJobsAndLeavesARescueFile) {
  LoadDag("JOB A a.sub\nJOB L three.sub\nJOB B a.sub\nPARENT L CHILD B\n");
  executor_.WillHang("L");
  SignalWhenDone("A");
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.status, RunEnd::Status::kRemoved);
  EXPECT_THAT(executor_.removed(),
              UnorderedElementsAre(AttemptId{12, 0}, AttemptId{12, 1}, AttemptId{12, 2}));
  EXPECT_THAT(RescueFile(), HasSubstr("DONE A"));
  EXPECT_EQ(plan_->state(dag_.Find("B")), NodeState::kUnready);
}

TEST_F(SchedulerTest, FinalRunsAfterAFailureAndItsSuccessIsTheRunsButTheStatusStays) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nJOB F a.sub\nPARENT A CHILD B\n", {}, MakeFinal);
  executor_.WillExit("A", {1});
  const RunEnd end = Run();
  EXPECT_THAT(executor_.submitted(), ElementsAre("A", "F"));
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.status, RunEnd::Status::kNodeFailed);
  EXPECT_THAT(RescueFile(), HasSubstr("Total number of Nodes: 3"));
  EXPECT_THAT(RescueFile(), Not(HasSubstr("DONE ")));
}

TEST_F(SchedulerTest, AFailedFinalFailsARunThatWasFineAndIsNeverMarkedDone) {
  LoadDag("JOB A a.sub\nJOB F a.sub\n", {}, MakeFinal);
  executor_.WillExit("F", {4});
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(RescueFile(), AllOf(HasSubstr("DONE A"), HasSubstr("#   F,<ENDLIST>")));
}

TEST_F(SchedulerTest, FinalRunsAfterARemovalAndASecondSignalEndsTheRunWithoutIt) {
  const auto load = [this] { LoadDag("JOB A a.sub\nJOB L a.sub\nJOB F a.sub\n", {}, MakeFinal); };
  load();
  executor_.WillHang("L");
  SignalWhenDone("A");
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A", "L", "F"));
  EXPECT_THAT(RescueFile(), HasSubstr("DONE A"));

  load();
  executor_.WillHang("F");
  executor_.when_handed_over = [this](const Job& job) {
    if (job.node == "F") signal_ = SIGINT;
  };
  SignalWhenDone("A");
  EXPECT_EQ(Run().exit_code, 2);
}

TEST_F(SchedulerTest, AValueOfAbortDagOnEndsTheRunWithItsCodeAndWithoutRetry) {
  LoadDag("JOB A a.sub\nJOB L a.sub\nRETRY A 3\n", {}, [](Dag& dag) {
    dag.RulesToChange(dag.Find("A")).abort_on = AbortOn{.value = 10, .return_code = 7};
  });
  executor_.WillHang("L");
  executor_.WillExit("A", {10});
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.status, RunEnd::Status::kAborted);
  EXPECT_EQ(end.counts[NodeState::kFailed], 1);
  EXPECT_EQ(end.counts[NodeState::kQueued], 1);
  EXPECT_THAT(RescueFile(), HasSubstr("#   A,<ENDLIST>"));
}

TEST_F(SchedulerTest, AbortDagOnWithReturnZeroLeavesNoRescueFile) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\n", {}, [](Dag& dag) {
    dag.RulesToChange(dag.Find("A")).abort_on = AbortOn{.value = 0, .return_code = 0};
  });
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.status, RunEnd::Status::kOk);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "x.dag.rescue001"));
}

TEST_F(SchedulerTest, ASuccessfulPreScriptHasTheValueZeroForAbortDagOn) {
  LoadDag("JOB A a.sub\nSCRIPT PRE A true\n", {}, [](Dag& dag) {
    dag.RulesToChange(dag.Find("A")).abort_on = AbortOn{.value = 0, .return_code = 5};
  });
  EXPECT_EQ(Run().exit_code, 5);
  EXPECT_THAT(executor_.submitted(), ElementsAre());
}

TEST_F(SchedulerTest, PostDecidesAboutAbortDagOnWhereThereIsOne) {
  LoadDag("JOB A a.sub\nSCRIPT POST A true\n", {}, [](Dag& dag) {
    dag.RulesToChange(dag.Find("A")).abort_on = AbortOn{.value = 10, .return_code = 5};
  });
  executor_.WillExit("A", {10});
  EXPECT_EQ(Run().exit_code, 0);
}

TEST_F(SchedulerTest, AServiceRunsBesideTheDagAndIsRemovedAtItsEnd) {
  LoadDag("JOB A a.sub\nJOB S a.sub\n", {}, [](Dag& dag) {
    dag.At(dag.Find("S")).kind = NodeKind::kService;
    dag.services.push_back(dag.Find("S"));
  });
  executor_.WillHang("S");
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.counts.total(), 1);
  EXPECT_THAT(executor_.submitted(), ElementsAre("S", "A"));
  EXPECT_EQ(executor_.removed().size(), 1U);
}

TEST_F(SchedulerTest, AFailedServiceShowsInTheStatusButNotInTheExitCode) {
  LoadDag("JOB S a.sub\nJOB A a.sub\nJOB F a.sub\n", {}, [](Dag& dag) {
    MakeFinal(dag);
    dag.At(dag.Find("S")).kind = NodeKind::kService;
    dag.services.push_back(dag.Find("S"));
    dag.At(dag.Find("F")).vars.push_back({.name = "seen", .value = "$(DAG_STATUS)"});
  });
  executor_.WillExit("S", {1});
  EXPECT_EQ(Run().exit_code, 0);
}

TEST_F(SchedulerTest, NothingStartsBeforeTheProvisionerRunsAndItsEarlyEndIsTheRuns) {
  const auto provisioner = [](Dag& dag) {
    dag.At(dag.Find("P")).kind = NodeKind::kProvisioner;
    dag.provisioner = dag.Find("P");
  };
  LoadDag("JOB A a.sub\nJOB P a.sub\n", {}, provisioner);
  executor_.WillHang("P");
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("P", "A"));

  LoadDag("JOB A a.sub\nJOB P missing.sub\n", {}, provisioner);
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(end.reason, HasSubstr("PROVISIONER"));
}

TEST_F(SchedulerTest, ToleratedFailuresLetTheNodeSucceed) {
  const auto tolerate = [](Tolerance tolerance) {
    return [tolerance](Dag& dag) { dag.RulesToChange(dag.Find("A")).tolerance = tolerance; };
  };
  LoadDag("JOB A three.sub\n", {}, tolerate({.count = 34, .percent = true}));
  executor_.WillExit("A", {1, 0, 0});
  EXPECT_EQ(Run().exit_code, 0);

  LoadDag("JOB A three.sub\n", {}, tolerate({.count = 0, .fail_fast = false}));
  executor_.WillExit("A", {1, 0, 0});
  EXPECT_EQ(Run().exit_code, 1);
  EXPECT_THAT(executor_.removed(), ElementsAre());
}

TEST_F(SchedulerTest, AHaltedRunStartsNothingUntilTheHaltFileGoes) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\n");
  const Path halt = folder_.path() / "x.dag.halt";
  WhenDone("A", [halt] { test::WriteFile(halt, ""); });
  RunEnd end = Run();
  EXPECT_EQ(end.status, RunEnd::Status::kHalted);
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A"));
  EXPECT_THAT(RescueFile(), HasSubstr("DONE A"));

  std::filesystem::remove(halt);
  LoadDag("JOB A a.sub\nJOB X a.sub\nJOB L a.sub\n", {.max_jobs = 2});
  executor_.WillHang("X");
  WhenDone("A", [halt] { test::WriteFile(halt, ""); });
  reporter_.when_warned = [&](const std::string& text) {
    if (text.starts_with("halted")) std::filesystem::remove(halt);
    if (text.starts_with("goes on")) executor_.End({13, 0}, {});
  };
  end = Run();
  EXPECT_EQ(end.exit_code, 0);
}

TEST_F(SchedulerTest, ANodeWithTooManyHeldJobsIsRemoved) {
  test::WriteFile(folder_.path() / "held.sub", "executable = /bin/true\nqueue 2\n");
  LoadDag("JOB A held.sub\n");
  options_.max_job_holds = 2;
  executor_.WillHang("A");
  ControlBox box(folder_.path() / "x.dag");
  executor_.when_handed_over = [this](const Job&) {
    test::WriteFile(folder_.path() / "x.dag.control/1.request", "hold\nA\nwait\n");
  };
  control_ = &box;
  const RunEnd end = Run();
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(end.failures.at(0).what, HasSubstr("2 of its jobs were on hold"));
}

TEST_F(SchedulerTest, ManyJobsOfANodeMayBeForbidden) {
  LoadDag("JOB A three.sub\n");
  options_.prohibit_multi_jobs = true;
  EXPECT_EQ(Run().exit_code, 1);
  EXPECT_THAT(reporter_.said, ElementsAre(HasSubstr("DAGMAN_PROHIBIT_MULTI_JOBS")));
}

TEST_F(SchedulerTest, ASavePointHoldsWhatWasDoneWhenItsNodeStarted) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\n", {},
          [](Dag& dag) { dag.RulesToChange(dag.Find("B")).save_point = Path(); });
  dag_.files = {folder_.path() / "x.dag"};
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_THAT(
      test::ReadText(folder_.path() / "save_files/B-x.dag.save"),
      AllOf(HasSubstr("# Save file written at Start Node B"), HasSubstr("DONE A"), Not(HasSubstr("DONE B"))));
}

TEST_F(SchedulerTest, ANestedDagIsAJobOfThisProgramThatForcesOnlyOnce) {
  test::WriteFile(folder_.path() / "in.dag", "");
  LoadDag("JOB S in.dag\nRETRY S 1\n", {}, [](Dag& dag) { dag.At(dag.Find("S")).kind = NodeKind::kSubdag; });
  options_.nested = {.program = "/opt/dagrun",
                     .inherited_words = {"-UseDagDir"},
                     .force = true,
                     .priority = 3,
                     .dag_id = 10};
  executor_.WillExit("S", {1});
  EXPECT_EQ(Run().exit_code, 0);
  ASSERT_EQ(executor_.jobs().size(), 2U);
  EXPECT_THAT(executor_.jobs()[0].arguments, ElementsAre("-UseDagDir", "-force", "-Priority", "3", "--dag-id",
                                                         "11", "--parent-dag-id", "10", "in.dag"));
  EXPECT_THAT(executor_.jobs()[1].arguments, ElementsAre("-UseDagDir", "-Priority", "3", "--dag-id", "12",
                                                         "--parent-dag-id", "10", "in.dag"));
  EXPECT_EQ(executor_.jobs()[0].executable, "/opt/dagrun");
  EXPECT_EQ(executor_.jobs()[0].remove_kill_signal, SIGUSR1);
}

TEST_F(SchedulerTest, AMissingNestedDagFailsItsNodeWithoutRetry) {
  LoadDag("JOB S nosuch.dag\nRETRY S 1\n", {},
          [](Dag& dag) { dag.At(dag.Find("S")).kind = NodeKind::kSubdag; });
  EXPECT_EQ(Run().exit_code, 1);
  EXPECT_THAT(reporter_.said, ElementsAre(HasSubstr("nosuch.dag")));
}

TEST_F(SchedulerTest, ADryRunStartsNothingAndGoesThroughTheWholeDag) {
  LoadDag("JOB A a.sub\nJOB B later.sub\nPARENT A CHILD B\nSCRIPT PRE B false\n");
  options_.dry_run = true;
  EXPECT_EQ(Run().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre());
  EXPECT_THAT(reporter_.said, ElementsAre("A done", "B done"));
}

TEST_F(SchedulerTest, AMacroThatAScriptCannotHaveAbortsTheRun) {
  LoadDag("JOB A a.sub\nSCRIPT PRE A true $JOB\n");
  dag_.scripts[0].words.push_back("$NOSUCH");
  const RunEnd end = Run();
  EXPECT_EQ(end.status, RunEnd::Status::kError);
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(end.reason, HasSubstr("$NOSUCH"));
  EXPECT_THAT(executor_.submitted(), ElementsAre());
}

// --- Recovery: what a journal does to a plan -------------------------------------------------------------

class RecoveryTest : public SchedulerTest {
 protected:
  void Log(const JobEvent& event) { test::WriteFile(NodesLog(), journal_ += FormatEvent(event)); }
  void LogSubmit(const std::string& node, int cluster, int procs = 1) {
    for (int proc = 0; proc < procs; ++proc) {
      Log({.type = EventType::kSubmit, .id = {cluster, proc}, .node = node, .text = "<here>"});
    }
  }
  void LogExit(int cluster, int proc, int code) {
    Log({.type = EventType::kTerminated, .id = {cluster, proc}, .status = {false, code}});
  }
  RunEnd RunOn() {
    last_cluster_ = 20;
    recovered_ = Recover(journal_, *plan_);
    return Run();
  }
  std::string journal_;
};

TEST_F(RecoveryTest, AnAbortOnRecordEndsTheRunAgain) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nRETRY A 3\n", {}, [](Dag& dag) {
    dag.RulesToChange(dag.Find("A")).abort_on = AbortOn{.value = 10, .return_code = 7};
  });
  LogSubmit("A", 11);
  LogExit(11, 0, 10);
  const RunEnd end = RunOn();
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.status, RunEnd::Status::kAborted);
  EXPECT_THAT(executor_.submitted(), ElementsAre());
}

TEST_F(RecoveryTest, ARecordedFinalIsNotRunAgainAndDecides) {
  LoadDag("JOB A a.sub\nJOB F a.sub\n", {}, MakeFinal);
  LogSubmit("A", 11);
  LogExit(11, 0, 1);
  LogSubmit("F", 12);
  LogExit(12, 0, 0);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre());
}

TEST_F(RecoveryTest, AClusterThatWasNotWholeYetIsSubmittedAgain) {
  LoadDag("JOB A a.sub\n");
  Log({.type = EventType::kClusterSubmit, .id = {11, -1, -1}, .node = "A", .text = "<here>"});
  LogSubmit("A", 11);
  LogExit(11, 0, 0);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A"));
}

TEST_F(RecoveryTest, AWeakChildOfANodeWhosePreScriptFailedDoesNotRunAgain) {
  LoadDag(
      "JOB A a.sub\nSCRIPT PRE A false\nJOB B a.sub\nJOB C a.sub\nWEAK PARENT A CHILD B\n"
      "PARENT B CHILD C\n");
  LogSubmit("B", 2);
  LogExit(2, 0, 0);
  EXPECT_EQ(RunOn().exit_code, 1);
  EXPECT_THAT(executor_.submitted(), ElementsAre("C"));
}

TEST_F(RecoveryTest, APostScriptAfterAFailedSubmissionDecides) {
  LoadDag("JOB A missing.sub\nSCRIPT PRE A p\nSCRIPT POST A q\n");
  Log({.type = EventType::kPostScriptTerminated, .id = {-1, 0}, .node = "A", .status = {false, 0}});
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_EQ(plan_->state(0), NodeState::kDone);
}

TEST_F(RecoveryTest, AFailedClusterThatWasNotWholeYetIsAFailedAttemptInEveryRecovery) {
  LoadDag("JOB A three.sub\nJOB B a.sub\nPARENT A CHILD B\nSCRIPT POST A true\n");
  Log({.type = EventType::kClusterSubmit, .id = {11, -1, -1}, .node = "A", .text = "<here>"});
  LogSubmit("A", 11, 2);
  LogExit(11, 0, 1);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("B"));

  plan_.emplace(dag_, PlanLimits{});
  Recover(test::ReadText(NodesLog()), *plan_);
  EXPECT_EQ(plan_->counts()[NodeState::kDone], 2);
}

TEST_F(RecoveryTest, AFailedClusterOfWhichNothingWasOpenCountsAsARetry) {
  LoadDag("JOB A three.sub\nRETRY A 1\n");
  Log({.type = EventType::kClusterSubmit, .id = {11, -1, -1}, .node = "A", .text = "<here>"});
  LogSubmit("A", 11);
  LogExit(11, 0, 1);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_EQ(plan_->attempt(0), 1);
}

TEST_F(RecoveryTest, APercentageOfProcsIsNotTakenOfThoseThatWereThereYet) {
  LoadDag("JOB A three.sub\nTOLERANCE A 40%\n");
  Log({.type = EventType::kClusterSubmit, .id = {11, -1, -1}, .node = "A", .text = "<here>"});
  LogSubmit("A", 11, 2);
  LogExit(11, 0, 1);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A", "A", "A"));
}

TEST_F(RecoveryTest, AnEventCutOffInAJobsOwnLogSpoilsNoOther) {
  test::WriteFile(folder_.path() / "logged.sub", "executable = /bin/true\nlog = own.log\nqueue\n");
  LoadDag("JOB A logged.sub\n");
  LogSubmit("A", 11);
  const std::string end = FormatEvent({.type = EventType::kTerminated, .id = {11, 0}});
  test::WriteFile(folder_.path() / "own.log", journal_ + end.substr(0, end.size() / 2));
  LogExit(11, 0, 0);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_THAT(test::ReadText(folder_.path() / "own.log"), HasSubstr("\n...\n005 (011.000.000)"));
}

TEST_F(RecoveryTest, AJobsOwnLogGetsTheEventsOfItsCluster) {
  test::WriteFile(folder_.path() / "logged.sub", "executable = /bin/true\nlog = own.log\nqueue\n");
  LoadDag("JOB A logged.sub\n");
  Log({.type = EventType::kClusterSubmit, .id = {11, -1, -1}, .node = "A", .text = "<here>"});
  LogSubmit("A", 11);
  RunOn();
  EXPECT_THAT(test::ReadText(folder_.path() / "own.log"), HasSubstr("035 (011.-01.-01)"));
}

TEST_F(RecoveryTest, WhatHappenedToAJobLongAgoIsNotTakenForItsNewestEvents) {
  test::WriteFile(folder_.path() / "logged.sub", "executable = /bin/true\nlog = own.log\nqueue\n");
  LoadDag("JOB A logged.sub\n");
  LogSubmit("A", 11);
  constexpr int kHolds = 6000;
  const std::string hold = FormatEvent({.type = EventType::kHeld, .id = {11, 0}, .text = "why"});
  for (int i = 0; i < kHolds; ++i) journal_ += hold;
  test::WriteFile(folder_.path() / "own.log", journal_);
  journal_ += hold;
  RunOn();
  int holds = 0;
  ParseEvents(test::ReadText(folder_.path() / "own.log"), [&](const JobEvent& event) {
    if (event.type == EventType::kHeld) ++holds;
  });
  EXPECT_EQ(holds, kHolds + 1);
}

TEST_F(RecoveryTest, AJobsOwnLogGetsWhatOnlyTheJournalHas) {
  test::WriteFile(folder_.path() / "logged.sub", "executable = /bin/true\nlog = own.log\nqueue\n");
  LoadDag("JOB A logged.sub\nJOB B logged.sub\n");
  LogSubmit("A", 11);
  test::WriteFile(folder_.path() / "own.log", journal_);
  LogExit(11, 0, 0);
  LogSubmit("B", 12);
  EXPECT_EQ(RunOn().exit_code, 0);
  std::vector<int> ended;
  ParseEvents(test::ReadText(folder_.path() / "own.log"), [&](const JobEvent& event) {
    const bool ends = event.type == EventType::kTerminated || event.type == EventType::kAborted;
    if (ends) ended.push_back(event.id.cluster);
  });
  // 12 was lost, and its successor is the first number that the test hands out.
  EXPECT_THAT(ended, UnorderedElementsAre(11, 12, 21));
}

TEST_F(RecoveryTest, NodesRecordedDoneDoNotRunAgain) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nJOB C a.sub\nPARENT A CHILD B\nPARENT B CHILD C\n");
  LogSubmit("A", 2);
  LogExit(2, 0, 0);
  LogSubmit("B", 3);
  LogExit(3, 0, 0);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("C"));
}

TEST_F(RecoveryTest, ALostJobIsClosedInTheJournalAndItsNodeRunsAgainWithoutLosingARetry) {
  LoadDag("JOB A three.sub\nRETRY A 1\n");
  LogSubmit("A", 2, 3);
  LogExit(2, 1, 0);
  executor_.WillExit("A", {1});
  EXPECT_EQ(RunOn().exit_code, 0);
  const auto events = Events();
  EXPECT_THAT(std::vector<std::string>(events.begin() + 4, events.begin() + 6),
              ElementsAre("009 2.0", "009 2.2"));
  EXPECT_EQ(plan_->attempt(0), 1);

  // The same again from the journal as it is now: the lost attempt still does not count.
  plan_.emplace(dag_, PlanLimits{});
  EXPECT_THAT(Recover(test::ReadText(NodesLog()), *plan_).lost, ElementsAre());
  EXPECT_EQ(plan_->state(0), NodeState::kDone);
  EXPECT_EQ(plan_->attempt(0), 1);
}

TEST_F(RecoveryTest, JobsTakenAwayByAStopThatWasItselfCutShortRunAgain) {
  LoadDag("JOB A a.sub\n");
  LogSubmit("A", 2);
  Log({.type = EventType::kAborted, .id = {2, 0}, .text = "DAG Removed: received Terminated"});
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A"));
  EXPECT_EQ(plan_->attempt(0), 0);
}

TEST_F(RecoveryTest, FailedAttemptsCountAndAFailedNodeStaysFailed) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nJOB C a.sub\nPARENT B CHILD C\nRETRY A 2\n");
  LogSubmit("A", 2);
  LogSubmit("B", 3);
  LogExit(2, 0, 1);
  LogExit(3, 0, 1);
  executor_.WillExit("A", {1, 1});
  EXPECT_EQ(RunOn().exit_code, 1);
  EXPECT_THAT(executor_.submitted(), ElementsAre("A", "A"));
  EXPECT_EQ(plan_->state(dag_.Find("C")), NodeState::kFutile);
}

TEST_F(RecoveryTest, AFailureOnRecordFailsTheAttemptThoughSiblingsWereLost) {
  LoadDag("JOB A three.sub\n");
  LogSubmit("A", 2, 3);
  LogExit(2, 1, 5);
  EXPECT_EQ(RunOn().exit_code, 1);
  EXPECT_THAT(executor_.submitted(), ElementsAre());
}

TEST_F(RecoveryTest, APostScriptWithoutItsEventRunsAgain) {
  LoadDag("JOB A a.sub\nSCRIPT POST A post.sh $RETURN $JOBID\n");
  test::WriteScript(folder_.path() / "post.sh", "#!/bin/sh\necho \"$@\" >post.args\n");
  LogSubmit("A", 2);
  LogExit(2, 0, 7);
  EXPECT_EQ(RunOn().exit_code, 0);
  EXPECT_EQ(test::ReadText(folder_.path() / "post.args"), "7 2.0\n");
}

TEST_F(RecoveryTest, ARecordedPostDecides) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nSCRIPT POST ALL_NODES q\n");
  LogSubmit("A", 2);
  LogSubmit("B", 3);
  LogExit(2, 0, 1);
  LogExit(3, 0, 0);
  Log({.type = EventType::kPostScriptTerminated, .id = {2, 0}, .node = "A", .status = {false, 0}});
  Log({.type = EventType::kPostScriptTerminated, .id = {3, 0}, .node = "B", .status = {false, 9}});
  Recover(journal_, *plan_);
  EXPECT_EQ(plan_->state(0), NodeState::kDone);
  EXPECT_EQ(plan_->state(1), NodeState::kFailed);
}

TEST_F(RecoveryTest, PreSkippedNoopAndAlwaysRunPostNodesAreRestored) {
  LoadDag(
      "JOB S a.sub\nSCRIPT PRE S p\nPRE_SKIP S 3\nJOB N a.sub NOOP\nJOB P a.sub\nSCRIPT PRE P p\nSCRIPT POST "
      "P q\n",
      {.always_run_post = true});
  Log({.type = EventType::kPreSkip, .id = {0, 2147483647, 1}, .node = "S"});
  Log({.type = EventType::kSubmit, .id = {0, 2147483647, 2}, .node = "N", .text = "<dummy>"});
  Log({.type = EventType::kTerminated, .id = {0, 2147483647, 2}});
  Log({.type = EventType::kPostScriptTerminated, .id = {-1, 0}, .node = "P", .status = {false, 0}});
  const Recovered recovered = Recover(journal_, *plan_);
  EXPECT_EQ(plan_->counts()[NodeState::kDone], 3);
  EXPECT_EQ(recovered.highest_noop, 2);
}

TEST_F(RecoveryTest, AnEventCutOffByTheCrashIsNotThere) {
  LoadDag("JOB A a.sub\n");
  LogSubmit("A", 2);
  const std::size_t whole = journal_.size();
  const std::string end = FormatEvent({.type = EventType::kTerminated, .id = {2, 0}});
  const Recovered recovered = Recover(journal_ + end.substr(0, end.size() / 2), *plan_);
  EXPECT_EQ(recovered.bytes, whole);
  EXPECT_EQ(recovered.lost.size(), 1U);
}

}  // namespace
}  // namespace roost::dag
