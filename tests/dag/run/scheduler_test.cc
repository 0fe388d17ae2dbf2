#include "dag/run/scheduler.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/run/fake_executor.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

/// Remembers what it was told, in words.
class RecordingReporter final : public Reporter {
 public:
  void Started(const std::string&, const NodeCounts&, const std::string&) override {}
  void Warning(const std::string& text) override { said.push_back("warning " + text); }
  void NodeDone(const std::string& node, const Progress&) override { said.push_back(node + " done"); }
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
};

class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::WriteFile(folder_.path() / "a.sub", "executable = /bin/true\nqueue\n");
    test::WriteFile(folder_.path() / "three.sub", "executable = /bin/true\nqueue 3\n");
  }

  void LoadDag(std::string text, PlanLimits limits = {}) {
    // The nodes live in the test's folder, not in that of the test program.
    DagParse parse = ParseDag(text, "x.dag");
    ASSERT_FALSE(HasErrors(parse.faults)) << FaultsError(parse.faults).message();
    dag_ = std::move(parse.dag);
    dag_.directories[0] = folder_.path();
    plan_.emplace(dag_, limits);
  }

  RunEnd Run() {
    Journal journal(NodesLog());
    Scheduler scheduler({.plan = *plan_,
                         .executor = executor_,
                         .scripts = scripts_,
                         .journal = journal,
                         .reporter = reporter_,
                         .clock = clock_,
                         .log = MakeNullLogger(),
                         .pending_signal = [this] { return std::exchange(signal_, 0); },
                         .next_cluster = [this] { return ++last_cluster_; }},
                        {.dag_file = folder_.path() / "x.dag", .dag_id = 10});
    if (recovered_) scheduler.Resume(*recovered_);
    return scheduler.Run();
  }

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

TEST_F(SchedulerTest, MaxIdleKeepsTheQueueAtTheExecutorShort) {
  LoadDag("JOB A a.sub\nJOB B a.sub\nJOB C a.sub\nJOB D a.sub\n");
  Journal journal(NodesLog());
  Scheduler scheduler({*plan_, executor_, scripts_, journal, reporter_, clock_, MakeNullLogger(),
                       [] { return 0; }, [this] { return ++last_cluster_; }},
                      {.dag_file = folder_.path() / "x.dag", .max_idle = 2});
  EXPECT_EQ(scheduler.Run().exit_code, 0);
  EXPECT_EQ(executor_.most_in_flight(), 2);
}

TEST_F(SchedulerTest, ASignalRemovesRunningJobsAndLeavesARescueFile) {
  LoadDag("JOB A a.sub\nJOB L three.sub\nJOB B a.sub\nPARENT L CHILD B\n");
  executor_.WillHang("L");
  // The signal arrives when only L is left.
  struct SignalAfterA final : Reporter {
    explicit SignalAfterA(int& target) : signal(target) {}
    void Started(const std::string&, const NodeCounts&, const std::string&) override {}
    void Warning(const std::string&) override {}
    void NodeDone(const std::string&, const Progress&) override { signal = SIGTERM; }
    void NodeRetried(const NodeFailure&, const Progress&) override {}
    void NodeFailed(const NodeFailure&, const Progress&) override {}
    void Status(const Progress&) override {}
    void Stopping(const std::string&) override {}
    void Ended(const RunEnd&) override {}
    int& signal;
  } reporter(signal_);
  Journal journal(NodesLog());
  Scheduler scheduler({*plan_, executor_, scripts_, journal, reporter, clock_, MakeNullLogger(),
                       [this] { return std::exchange(signal_, 0); }, [this] { return ++last_cluster_; }},
                      {.dag_file = folder_.path() / "x.dag", .dag_id = 10});
  const RunEnd end = scheduler.Run();
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.status, RunEnd::Status::kRemoved);
  EXPECT_THAT(executor_.removed(),
              UnorderedElementsAre(AttemptId{12, 0}, AttemptId{12, 1}, AttemptId{12, 2}));
  EXPECT_THAT(RescueFile(), HasSubstr("DONE A"));
  EXPECT_EQ(plan_->state(dag_.Find("B")), NodeState::kUnready);
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
    recovered_ = Recover(journal_, *plan_);
    return Run();
  }
  std::string journal_;
};

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
