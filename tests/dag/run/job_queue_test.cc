#include "dag/run/job_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_executor.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JobQueueTest : public ::testing::Test {
 protected:
  static Job MakeJob(const std::string& node, int cluster, int proc = 0) {
    return {.cluster = cluster, .proc = proc, .node = node, .executable = "/bin/true", .initial_dir = "/tmp"};
  }
  /// A cluster of equal jobs.
  static std::vector<Job> Cluster(const Job& job, int procs) {
    std::vector<Job> jobs(static_cast<std::size_t>(procs), job);
    for (int proc = 0; proc < procs; ++proc) jobs[static_cast<std::size_t>(proc)].proc = proc;
    return jobs;
  }

  /// Notes down events as "005 1.0", with the code of a hold.
  void Note(const std::vector<QueueEvent>& events) {
    for (const QueueEvent& event : events) {
      const JobEvent& record = event.record;
      char text[64];
      std::snprintf(text, sizeof text, "%03d %d.%d", static_cast<int>(record.type), record.id.cluster,
                    record.id.proc);
      log_.emplace_back(text);
      if (record.type == EventType::kHeld) log_.back() += " code " + std::to_string(record.hold_code);
      last_ = event;
    }
  }
  void Submit(std::vector<Job> jobs) { Note(queue_.Submit(std::move(jobs), 0)); }
  void Wait() { Note(queue_.Wait(clock_.Now())); }
  /// Until nothing is left.
  void Drain() {
    for (int i = 0; i < 100'000 && queue_.counts().total() > 0; ++i) Wait();
  }
  /// What was noted since the last call.
  std::vector<std::string> Log() { return std::exchange(log_, {}); }

  FakeExecutor executor_;
  test::FakeClock clock_;
  JobQueue queue_{executor_, clock_, {.submit_host = "<dagrun:here>"}};
  std::vector<std::string> log_;
  QueueEvent last_;
};

TEST_F(JobQueueTest, AJobIsSubmittedRunsAndLeavesTheQueue) {
  executor_.WillExit("A", {3});
  Submit({MakeJob("A", 1)});
  EXPECT_EQ(last_.record.text, "<dagrun:here>");
  EXPECT_EQ(last_.record.node, "A");
  EXPECT_THAT(executor_.submitted(), IsEmpty());
  EXPECT_EQ(queue_.counts().idle, 1);
  Drain();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "001 1.0", "005 1.0"));
  EXPECT_TRUE(last_.final());
  EXPECT_EQ(last_.what, "exit code 3");
  EXPECT_EQ(last_.record.status.value, 3);
  EXPECT_EQ(queue_.counts(1).total(), 0);
}

TEST_F(JobQueueTest, HigherPriorityGoesFirstAndEqualOnesInOrderOfSubmission) {
  executor_.slots = 1;
  for (int cluster = 1; cluster <= 4; ++cluster) {
    Job job = MakeJob(std::string(1, static_cast<char>('A' + cluster - 1)), cluster);
    job.priority = cluster >= 3 ? 5 : 0;
    Submit({job});
  }
  Drain();
  EXPECT_THAT(executor_.submitted(), ElementsAre("C", "D", "A", "B"));
  EXPECT_EQ(executor_.most_in_flight(), 1);
}

TEST_F(JobQueueTest, LocalJobsDoNotWaitForASlot) {
  executor_.slots = 1;
  executor_.WillHang("A");
  Submit({MakeJob("A", 1)});
  Job local = MakeJob("L", 2);
  local.local = true;
  Submit({MakeJob("B", 3)});
  Submit({local});
  Wait();
  EXPECT_THAT(executor_.submitted(), ElementsAre("L", "A"));
}

TEST_F(JobQueueTest, AJobSubmittedOnHoldWaitsForItsReleaseWithoutAHeldEvent) {
  Job job = MakeJob("A", 1);
  job.hold = true;
  Submit({job});
  Wait();
  EXPECT_EQ(queue_.counts().held, 1);
  EXPECT_FALSE(queue_.Release({2, -1}, "nobody"));
  EXPECT_TRUE(queue_.Release({1, -1}, "via dagrun release"));
  EXPECT_FALSE(queue_.Release({1, 0}, "again"));
  Drain();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "013 1.0", "001 1.0", "005 1.0"));
}

TEST_F(JobQueueTest, ARunningJobIsHeldWhenItHasStopped) {
  executor_.WillHang("A");
  Submit({MakeJob("A", 1)});
  Wait();
  EXPECT_TRUE(queue_.IsRunning({1, 0}));
  EXPECT_TRUE(queue_.Hold({1, 0}, "via dagrun hold"));
  EXPECT_EQ(queue_.counts().running, 1);
  Wait();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "001 1.0", "004 1.0", "012 1.0 code 1"));
  EXPECT_THAT(executor_.stopped_for(), ElementsAre(StopFor::kHold));
  EXPECT_EQ(queue_.counts().held, 1);
  EXPECT_TRUE(queue_.Release({1, 0}, "on with it"));
  Wait();
  EXPECT_THAT(Log(), ElementsAre("013 1.0", "001 1.0"));
}

TEST_F(JobQueueTest, AReleaseIsNotLostOnAJobThatIsStillBeingStopped) {
  executor_.WillHang("A");
  Submit({MakeJob("A", 1)});
  Wait();
  queue_.Hold({1, 0}, "wait");
  EXPECT_TRUE(queue_.Release({1, 0}, "no, go on"));
  EXPECT_FALSE(queue_.Release({1, 0}, "again"));
  Log();
  Wait();
  EXPECT_THAT(Log(), ElementsAre("004 1.0", "012 1.0 code 1", "013 1.0"));
  EXPECT_EQ(last_.record.text, "no, go on");
  Wait();
  EXPECT_THAT(Log(), ElementsAre("001 1.0"));
}

TEST_F(JobQueueTest, AHoldAfterTheReleaseOfAJobThatIsStillBeingStoppedHolds) {
  executor_.WillHang("A");
  Submit({MakeJob("A", 1)});
  Wait();
  queue_.Hold({1, 0}, "wait");
  queue_.Release({1, 0}, "go on");
  queue_.Hold({1, 0}, "no, wait");
  Wait();
  EXPECT_EQ(queue_.counts().held, 1);
}

TEST_F(JobQueueTest, RemoveTakesIdleHeldAndRunningProcsOfAClusterOut) {
  executor_.slots = 1;
  executor_.WillHang("A");
  Submit(Cluster(MakeJob("A", 1), 3));
  Wait();
  queue_.Hold({1, 1}, "wait");
  Log();
  EXPECT_TRUE(queue_.Remove({1, -1}, "enough"));
  Drain();
  EXPECT_THAT(Log(), ElementsAre("012 1.1 code 1", "009 1.1", "009 1.2", "004 1.0", "009 1.0"));
  EXPECT_EQ(last_.record.text, "enough");
  EXPECT_FALSE(queue_.Remove({1, -1}, "again"));
}

TEST_F(JobQueueTest, WhatTheExecutorRefusesIsHeldAndEnds) {
  executor_.WillRefuse("A", {.reason = "cannot run '/nowhere'", .code = 6, .subcode = 2});
  Submit({MakeJob("A", 1)});
  Drain();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "012 1.0 code 6", "009 1.0"));
  EXPECT_EQ(last_.what, "cannot run '/nowhere'");
}

TEST_F(JobQueueTest, ANoopJobEndsAtOnceWithoutRunning) {
  Job job = MakeJob("A", 1);
  job.noop = ExitStatus{.value = 4};
  Submit({job});
  Drain();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "005 1.0"));
  EXPECT_EQ(last_.record.status.value, 4);
  EXPECT_THAT(executor_.submitted(), IsEmpty());
}

TEST_F(JobQueueTest, KillAllEndsEveryProc) {
  executor_.slots = 1;
  executor_.WillHang("A");
  Submit(Cluster(MakeJob("A", 1), 2));
  Job held = MakeJob("H", 2);
  held.hold = true;
  Submit({held});
  Wait();
  Log();
  queue_.KillAll();
  Drain();
  EXPECT_THAT(Log(), ::testing::UnorderedElementsAre("009 1.1", "009 2.0", "004 1.0", "009 1.0"));
}

TEST_F(JobQueueTest, EventsSayWhichLogIsTheJobsOwn) {
  Job job = MakeJob("A", 1);
  job.log = "jobs.log";
  Submit({job});
  EXPECT_EQ(last_.own_log, "/tmp/jobs.log");
  Submit({MakeJob("B", 2)});
  EXPECT_EQ(last_.own_log, "");
}

TEST_F(JobQueueTest, TenThousandIdleProcsAreNoBurden) {
  executor_.slots = 2;
  Submit(Cluster(MakeJob("A", 1), 10'000));
  Drain();
  EXPECT_THAT(Log(), SizeIs(30'000));
  EXPECT_EQ(executor_.most_in_flight(), 2);
}

class JobPolicyTest : public JobQueueTest {
 protected:
  static Expr Parse(const std::string& text) { return Expr::Parse(text).value(); }
  std::string Now(int seconds_later = 0) const {
    return std::to_string(
        std::chrono::duration_cast<std::chrono::seconds>(clock_.WallNow().time_since_epoch()).count() +
        seconds_later);
  }
  void Advance(int seconds) { clock_.Advance(std::chrono::seconds(seconds)); }
  /// A job of node A that runs until it is told to end.
  Job HangingJob() {
    executor_.WillHang("A");
    return MakeJob("A", 1);
  }
  void SubmitAndStart(const Job& job) {
    Submit({job});
    Wait();
    Log();
  }
};

TEST_F(JobPolicyTest, OnExitHoldHoldsWithTheUsersReasonAndTheReleasedJobRunsAgain) {
  executor_.WillExit("A", {3, 0});
  Job job = MakeJob("A", 1);
  job.policy.on_exit_hold = Parse("ExitCode == 3");
  job.policy.on_exit_hold_reason = Parse("strcat(\"exit \", ExitCode)");
  job.policy.on_exit_hold_subcode = Parse("40 + ExitCode");
  Submit({job});
  Wait();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "001 1.0", "012 1.0 code 3"));
  EXPECT_EQ(last_.record.text, "exit 3");
  EXPECT_EQ(last_.record.hold_subcode, 43);
  queue_.Release({1, 0}, "via condor_release (by user user)");
  Drain();
  EXPECT_THAT(Log(), ElementsAre("013 1.0", "001 1.0", "005 1.0"));
}

TEST_F(JobPolicyTest, AJobThatMayNotLeaveIsRequeuedUntilItMay) {
  executor_.WillExit("A", {1, 1, 1, 1});
  Job job = MakeJob("A", 1);
  job.policy.on_exit_remove = Parse("NumJobCompletions > 2 || ExitCode =?= 0");
  Submit({job});
  Wait();
  EXPECT_TRUE(last_.record.requeued);
  EXPECT_EQ(last_.record.status.value, 1);
  EXPECT_EQ(last_.what, "requeued after exit code 1");
  Drain();
  EXPECT_THAT(Log(),
              ElementsAre("000 1.0", "001 1.0", "004 1.0", "001 1.0", "004 1.0", "001 1.0", "005 1.0"));
  EXPECT_EQ(last_.record.status.value, 1);
}

TEST_F(JobPolicyTest, ADeathBySignalHasNoExitCode) {
  Job job = HangingJob();
  job.policy.on_exit_hold = Parse("ExitBySignal && ExitSignal == 9 && ExitCode =?= undefined");
  SubmitAndStart(job);
  executor_.End({1, 0}, {.signaled = true, .value = 9});
  Wait();
  EXPECT_THAT(Log(), ElementsAre("012 1.0 code 3"));
  EXPECT_THAT(last_.record.text, HasSubstr("OnExitHold expression"));
}

TEST_F(JobPolicyTest, AnExitPolicyThatIsUndefinedHolds) {
  Job job = MakeJob("A", 1);
  job.policy.on_exit_remove = Parse("NoSuchAttribute > 3");
  Submit({job});
  Wait();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "001 1.0", "012 1.0 code 5"));
}

TEST_F(JobPolicyTest, PeriodicPoliciesAreLookedAtOnceInAnInterval) {
  Job job = HangingJob();
  job.policy.periodic_hold = Parse("JobStatus == 2 && time() - JobStartDate >= 100");
  job.policy.periodic_hold_reason = Parse("\"too long\"");
  job.policy.periodic_release = Parse("HoldReasonCode == 3 && NumHolds < 2");
  job.policy.periodic_remove = Parse("NumHolds >= 2");
  SubmitAndStart(job);
  Advance(60);
  Wait();
  EXPECT_THAT(Log(), IsEmpty());
  Advance(60);
  Wait();
  Wait();
  EXPECT_THAT(Log(), ElementsAre("004 1.0", "012 1.0 code 3"));
  EXPECT_EQ(last_.record.text, "too long");
  Advance(59);
  Wait();
  EXPECT_THAT(Log(), IsEmpty());
  Advance(1);
  Wait();
  EXPECT_THAT(Log(), ElementsAre("013 1.0", "001 1.0"));
  Advance(60);
  Wait();
  Wait();
  EXPECT_THAT(Log(), ElementsAre("004 1.0", "012 1.0 code 3"));
  Advance(60);
  Wait();
  EXPECT_THAT(Log(), ElementsAre("009 1.0"));
  EXPECT_THAT(last_.record.text, HasSubstr("PeriodicRemove expression 'NumHolds >= 2' evaluated to TRUE"));
}

TEST_F(JobPolicyTest, WhatAPersonHeldIsNotReleasedByAPolicy) {
  Job job = MakeJob("A", 1);
  job.hold = true;
  job.policy.periodic_release = Parse("true");
  Submit({job});
  queue_.Release({1, 0}, "");
  queue_.Hold({1, 0}, "via condor_hold");
  Log();
  Advance(60);
  Wait();
  EXPECT_EQ(queue_.counts().held, 1);
}

TEST_F(JobPolicyTest, AVacatedJobRunsAgain) {
  Job job = HangingJob();
  job.policy.periodic_vacate = Parse("NumJobStarts < 2");
  SubmitAndStart(job);
  Advance(60);
  Wait();
  Wait();
  Wait();
  EXPECT_THAT(Log(), ElementsAre("004 1.0", "001 1.0"));
  EXPECT_THAT(executor_.stopped_for(), ElementsAre(StopFor::kVacate));
}

TEST_F(JobPolicyTest, ARunThatLastsLongerThanAllowedIsHeldOnTheSecond) {
  Job job = HangingJob();
  job.policy.allowed_execute_duration = std::chrono::seconds(10);
  job.policy.allowed_job_duration = std::chrono::seconds(20);
  SubmitAndStart(job);
  Advance(9);
  Wait();
  EXPECT_THAT(executor_.removed(), IsEmpty());
  Advance(1);
  Wait();
  Wait();
  EXPECT_THAT(Log(), ElementsAre("004 1.0", "012 1.0 code 47"));
}

TEST_F(JobPolicyTest, ADeferredJobIsIdleUntilItsTimeAndLetsOthersPass) {
  executor_.slots = 1;
  Job job = MakeJob("A", 1);
  job.deferral = Deferral{.time = Parse(Now(100))};
  Submit({job});
  Submit({MakeJob("B", 2)});
  Wait();
  EXPECT_THAT(executor_.submitted(), ElementsAre("B"));
  EXPECT_EQ(queue_.counts().idle, 1);
  Advance(100);
  Wait();
  EXPECT_THAT(executor_.submitted(), ElementsAre("B", "A"));
}

TEST_F(JobPolicyTest, ADeferralBeyondWhatTheClockCanCountWaits) {
  for (const char* time : {"20000000000", "9223372036854775807"}) {
    Job job = MakeJob("A", 1 + queue_.counts().idle);
    job.deferral = Deferral{.time = Parse(time), .window = std::chrono::seconds(10)};
    Submit({job});
    Log();
    queue_.Wait(clock_.Now());  // sees the time
    queue_.Wait(clock_.Now() + std::chrono::hours(1));
    EXPECT_EQ(executor_.waited_until, clock_.Now() + std::chrono::hours(1)) << time;
    EXPECT_THAT(Log(), IsEmpty());
  }
  EXPECT_EQ(queue_.counts().idle, 2);
  Advance(100'000);  // more than a day
  queue_.Wait(clock_.Now());
  EXPECT_EQ(queue_.counts().idle, 2);
  EXPECT_THAT(executor_.submitted(), IsEmpty());
}

TEST_F(JobPolicyTest, AJobThatMissedItsTimeIsHeld) {
  Job job = MakeJob("A", 1);
  job.deferral = Deferral{.time = Parse(Now(-11)), .window = std::chrono::seconds(10)};
  Submit({job});
  Wait();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "012 1.0 code 20"));
}

TEST_F(JobPolicyTest, AClusterThatIsMaterialisedLateHasOnlySoManyProcsInTheQueue) {
  executor_.slots = 1;
  Job job = MakeJob("A", 1);
  job.max_materialize = 2;
  Submit(Cluster(job, 3));
  EXPECT_EQ(queue_.counts().idle, 2);
  EXPECT_EQ(queue_.counts().total(), 3);
  Drain();
  EXPECT_THAT(Log(), ElementsAre("035 1.-1", "000 1.0", "000 1.1", "001 1.0", "005 1.0", "000 1.2", "001 1.1",
                                 "005 1.1", "001 1.2", "005 1.2", "036 1.-1"));
  EXPECT_THAT(last_.record.details, ElementsAre("Materialized 3 jobs from 3 items.\tComplete"));
}

TEST_F(JobPolicyTest, AProcRemovedBeforeItIsMaterialisedIsNeitherForgottenNorRun) {
  executor_.slots = 1;
  Job job = MakeJob("A", 1);
  job.max_materialize = 1;
  Submit(Cluster(job, 3));
  EXPECT_TRUE(queue_.Remove({1, 2}, "enough"));
  Drain();
  EXPECT_THAT(Log(), ElementsAre("035 1.-1", "000 1.0", "000 1.2", "009 1.2", "001 1.0", "005 1.0", "000 1.1",
                                 "001 1.1", "005 1.1", "036 1.-1"));
}

TEST_F(JobPolicyTest, MaxIdleMaterialisesWhenAnIdleProcStarts) {
  executor_.slots = 2;
  executor_.WillHang("A");
  Job job = MakeJob("A", 1);
  job.max_idle = 1;
  Submit(Cluster(job, 4));
  for (int i = 0; i < 4; ++i) Wait();
  EXPECT_THAT(Log(), ElementsAre("035 1.-1", "000 1.0", "001 1.0", "000 1.1", "001 1.1", "000 1.2"));
  EXPECT_TRUE(queue_.Remove({1, -1}, "enough"));
  Drain();
  EXPECT_THAT(Log(), ElementsAre("009 1.2", "000 1.3", "009 1.3", "004 1.0", "009 1.0", "004 1.1", "009 1.1",
                                 "036 1.-1"));
}

TEST_F(JobPolicyTest, AJobWhoseOutputsAreNewerThanItsInputsIsSkipped) {
  const TemporaryDirectory folder;
  Job job = MakeJob("A", 1);
  job.initial_dir = folder.path();
  job.skip_if_dataflow = true;
  job.transfer_input = {"in"};
  job.transfer_output = {"out"};
  test::WriteFile(folder.path() / "in", "");
  test::WriteFile(folder.path() / "out", "");
  const auto now = std::filesystem::last_write_time(folder.path() / "in");
  std::filesystem::last_write_time(folder.path() / "out", now + std::chrono::seconds(1));
  Submit({job});
  Wait();
  EXPECT_THAT(Log(), ElementsAre("000 1.0", "005 1.0"));

  std::filesystem::last_write_time(folder.path() / "in", now + std::chrono::seconds(2));
  job.cluster = 2;
  Submit({job});
  Wait();
  EXPECT_THAT(Log(), ElementsAre("000 2.0", "001 2.0", "005 2.0"));
}

TEST_F(JobPolicyTest, MatchTimeMacrosAreFilledInFromTheMachine) {
  Job job = MakeJob("A", 1);
  job.match_time_macros = true;
  job.arguments = {"$$(Cpus)", "$$(Nothing:7)"};
  Submit({job});
  Wait();
  ASSERT_THAT(executor_.jobs(), SizeIs(1));
  EXPECT_THAT(executor_.jobs()[0].arguments, ElementsAre("4", "7"));
  Log();

  job.cluster = 2;
  job.arguments = {"$$(Nothing)"};
  Submit({job});
  Wait();
  EXPECT_THAT(Log(), ElementsAre("000 2.0", "012 2.0 code 5"));
}

TEST_F(JobPolicyTest, RequirementsThatDoNotHoldHereAreSaidAtOnce) {
  Job job = MakeJob("A", 1);
  job.requirements = Parse("Cpus >= 4 && TARGET.OpSys == \"LINUX\"");
  EXPECT_TRUE(queue_.CanEverRun(job).ok());
  job.requirements = Parse("HasMagic");
  EXPECT_THAT(queue_.CanEverRun(job).error().message(), HasSubstr("do not hold on this machine: HasMagic"));
}

}  // namespace
}  // namespace roost::dag
