// The real dagrun with real processes: what a person or a script sees of it.

#include <csignal>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/process.h"
#include "roost/base/text.h"
#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DagrunTest : public ::testing::Test {
 protected:
  Path Here(const std::string& file) const { return folder_.path() / file; }
  void Write(const std::string& file, const std::string& text) { test::WriteFile(Here(file), text); }
  void Script(const std::string& file, const std::string& text) {
    test::WriteScript(Here(file), "#!/bin/sh\n" + text);
  }
  std::string Text(const std::string& file) const { return test::ReadText(Here(file)); }

  test::CommandResult Dagrun(std::vector<std::string> arguments,
                             const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), test::Program("dagrun").string());
    return test::RunCommand(arguments, folder_.path(), environment);
  }

  Subprocess StartDagrun(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), test::Program("dagrun").string());
    ProcessOptions options;
    options.argv = std::move(arguments);
    options.working_directory = folder_.path();
    options.error = Here("dagrun.err");
    return Subprocess::Start(options).value();
  }

  /// Lines of a file, or none where it is missing.
  std::vector<std::string> Lines(const std::string& file) const {
    const auto text = ReadFile(Here(file));
    return text ? SplitAny(*text, "\n") : std::vector<std::string>();
  }

  TemporaryDirectory folder_;
};

bool Lives(pid_t pid) {
  const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  return stat && stat->find(") Z") == std::string::npos;
}

TEST_F(DagrunTest, AFailureReportNamesJobReasonFilesAndTheNextCommand) {
  Script("bad.sh", "echo 'cannot read weights: nosuch.pt' >&2\nexit 3\n");
  Write("a.sub", "executable = bad.sh\nerror = a.err\noutput = a.out\nlog = a.log\nqueue\n");
  Write("x.dag", "JOB Detect a.sub\nRETRY Detect 1\n");
  const auto result = Dagrun({"-maxjobs", "2", "x.dag"});
  EXPECT_EQ(result.status.value, 1);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("Detect failed (attempt 2 of 2)"), HasSubstr("exit code 3"),
                    HasSubstr("cannot read weights: nosuch.pt"), HasSubstr(Here("a.err").string()),
                    HasSubstr("x.dag.rescue001"), HasSubstr("dagrun -maxjobs 2 x.dag")));
  EXPECT_THAT(result.err, Not(HasSubstr("\033")));
}

TEST_F(DagrunTest, AJobThatCannotStartFailsItsNodeAtOnceWithTheReason) {
  Write("a.sub", "executable = nosuch.sh\nlog = a.log\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  const auto result = Dagrun({"x.dag"});
  EXPECT_EQ(result.status.value, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("nosuch.sh"), HasSubstr("No such file")));
  EXPECT_THAT(Text("a.log"), AllOf(HasSubstr("Job was held."), HasSubstr("Code 6 Subcode 2"),
                                   HasSubstr("Job was aborted.")));
}

TEST_F(DagrunTest, DeathBySignalIsNamed) {
  Script("a.sh", "kill -SEGV $$\n");
  Write("a.sub", "executable = a.sh\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  EXPECT_THAT(Dagrun({"x.dag"}).err, HasSubstr("signal 11"));
}

TEST_F(DagrunTest, EveryFaultOfADagIsToldAndNothingStarts) {
  Write("x.dag", "JOB A a.sub\nFROB A\nPARENT A CHILD B\n");
  const auto result = Dagrun({"x.dag"});
  EXPECT_EQ(result.status.value, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("x.dag:2"), HasSubstr("x.dag:3")));
  EXPECT_FALSE(fs::exists(Here("x.dag.lock")));
  EXPECT_FALSE(fs::exists(Here("x.dag.nodes.log")));
}

TEST_F(DagrunTest, WrongOptionsAreRefusedBeforeAnythingStarts) {
  Write("x.dag", "JOB A a.sub\n");
  EXPECT_EQ(Dagrun({"--frobnicate", "x.dag"}).status.value, 64);
  EXPECT_EQ(Dagrun({"-maxjobs", "many", "x.dag"}).status.value, 64);
  EXPECT_EQ(Dagrun({"x.dag", "-maxjobs"}).status.value, 64);
  EXPECT_EQ(Dagrun({}).status.value, 64);
  EXPECT_FALSE(fs::exists(Here("x.dag.nodes.log")));
  EXPECT_EQ(Dagrun({"nosuch.dag"}).status.value, 1);
}

TEST_F(DagrunTest, OptionsAreUnderstoodInAnySpelling) {
  Write("a.sub", "executable = /bin/true\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  EXPECT_EQ(Dagrun({"-MaxJobs", "1", "--MAXIDLE=5", "-alwaysrun", "-Verbose", "x.dag"}).status.value, 0);
  EXPECT_EQ(Dagrun({"-max", "1", "x.dag"}).status.value, 64) << "ambiguous";
  EXPECT_THAT(Dagrun({"--help"}).out, HasSubstr("Examples:"));
  EXPECT_THAT(Dagrun({"--version"}).out, HasSubstr("dagrun "));
}

TEST_F(DagrunTest, CheckFindsMistakesInSubmitFilesWithoutRunningAnything) {
  Script("a.sh", "touch ran\n");
  Write("good.sub", "executable = a.sh\nqueue 3\n");
  Write("bad.sub", "executable = a.sh\narguments = \"unbalanced\nqueue\n");
  Write("good.dag", "JOB A good.sub\n");
  Write("bad.dag", "JOB A good.sub\nJOB B bad.sub\nJOB C nosuch.sub\n");
  const auto good = Dagrun({"check", "good.dag"});
  EXPECT_EQ(good.status.value, 0);
  EXPECT_THAT(good.out, HasSubstr("1 node, 3 jobs"));
  const auto bad = Dagrun({"check", "bad.dag"});
  EXPECT_EQ(bad.status.value, 65);
  EXPECT_THAT(bad.out, AllOf(HasSubstr("bad.sub"), HasSubstr("nosuch.sub")));
  EXPECT_FALSE(fs::exists(Here("ran")));
}

TEST_F(DagrunTest, ForceRunsEverythingAgainAndPutsRescueFilesAside) {
  Script("a.sh", "echo run >>runs\n");
  Script("gate.sh", "test -e fixed\n");
  Write("a.sub", "executable = a.sh\nqueue\n");
  Write("gate.sub", "executable = gate.sh\nqueue\n");
  Write("x.dag", "JOB A a.sub\nJOB B gate.sub\nPARENT A CHILD B\n");
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 1);
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 1);
  EXPECT_EQ(Lines("runs").size(), 1U);
  EXPECT_TRUE(fs::exists(Here("x.dag.rescue002")));
  Write("fixed", "");
  EXPECT_EQ(Dagrun({"-f", "x.dag"}).status.value, 0);
  EXPECT_EQ(Lines("runs").size(), 2U);
  EXPECT_TRUE(fs::exists(Here("x.dag.rescue001.old")) && fs::exists(Here("x.dag.rescue002.old")));
  EXPECT_EQ(Dagrun({"-DoRescueFrom", "4", "x.dag"}).status.value, 1);
}

TEST_F(DagrunTest, ClusterNumbersGoOnFromOneRunToTheNext) {
  Script("a.sh", "mkdir $1\n");
  Write("a.sub", "executable = a.sh\narguments = out_$(Cluster)_$(Process)\nqueue 2\n");
  Write("x.dag", "JOB A a.sub\n");
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 0);
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 0) << "the folders of the first run are in the way";
  Write("y.dag", "JOB A a.sub\n");
  EXPECT_EQ(Dagrun({"y.dag"}).status.value, 0) << "another DAG in the same folder, too";
}

TEST_F(DagrunTest, UseDagDirRunsInTheFolderOfTheDagFile) {
  fs::create_directory(Here("sub"));
  Write("sub/a.sub", "executable = /bin/pwd\noutput = where\nqueue\n");
  Write("sub/x.dag", "JOB A a.sub\n");
  EXPECT_EQ(Dagrun({"-UseDagDir", "sub/x.dag"}).status.value, 0);
  EXPECT_EQ(Text("sub/where"), Here("sub").string() + "\n");
}

TEST_F(DagrunTest, ADeferredScriptIsTriedAgainAndDoesNotFailItsNode) {
  Script("pre.sh", "echo try >>tries; test $(wc -l <tries) -ge 3 || exit 7\n");
  Write("a.sub", "executable = /bin/true\nqueue\n");
  Write("x.dag", "JOB A a.sub\nSCRIPT DEFER 7 0 PRE A pre.sh\n");
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 0);
  EXPECT_EQ(Lines("tries").size(), 3U);
}

TEST_F(DagrunTest, AFailedPostScriptDoesNotHideWhyTheJobFailed) {
  Write("a.sub", "executable = /bin/true\narguments = \"'open\"\nqueue\n");
  Write("x.dag", "JOB A a.sub\nSCRIPT POST A /bin/false\n");
  EXPECT_THAT(Dagrun({"x.dag"}).err,
              AllOf(HasSubstr("single quote"), HasSubstr("then POST script: exit code 1")));
}

TEST_F(DagrunTest, WhatAJobLeavesInItsOutputFolderCannotHangOrMislead) {
  Script("odd.sh", "mkdir out; ln -s . out/loop; ln -s / out/root; echo r > out/result\n");
  Script("fifo.sh", "mkdir out; mkfifo out/pipe\n");
  Write("odd.sub", "executable = odd.sh\nshould_transfer_files = YES\ntransfer_output_files = out\nqueue\n");
  Write("fifo.sub",
        "executable = fifo.sh\nshould_transfer_files = YES\ntransfer_output_files = out\nqueue\n");
  Write("x.dag", "JOB Odd odd.sub\nJOB Fifo fifo.sub\n");
  const auto result = Dagrun({"x.dag"});
  EXPECT_EQ(result.status.value, 1);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("Fifo failed"), HasSubstr("not a regular file"), HasSubstr("Odd done")));
  EXPECT_EQ(Text("out/result"), "r\n");
  EXPECT_FALSE(fs::exists(fs::symlink_status(Here("out/root"))));
}

TEST_F(DagrunTest, WorksForAParentThatIgnoresTheEndOfItsChildren) {
  Write("a.sub", "executable = /bin/true\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  const auto result = test::RunCommand(
      {"sh", "-c", "trap '' CHLD; exec \"$0\" x.dag", test::Program("dagrun").string()}, folder_.path());
  EXPECT_EQ(result.status.value, 0) << result.err;
}

TEST_F(DagrunTest, WithClosedStandardStreamsNothingIsSaidIntoTheJournal) {
  Write("a.sub", "executable = /bin/false\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  const auto result = test::RunCommand(
      {"sh", "-c", "exec \"$0\" x.dag <&- >&- 2>&-", test::Program("dagrun").string()}, folder_.path());
  EXPECT_EQ(result.status.value, 1);
  EXPECT_THAT(Text("x.dag.nodes.log"), Not(HasSubstr("failed")));
}

TEST_F(DagrunTest, NohupProtectsFromTheHangUpOfTheTerminal) {
  Script("a.sh", "kill -HUP $PPID\n[ -e nohup.out ] || exec sleep 1000\n");
  Write("a.sub", "executable = a.sh\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 2);
  Write("nohup.out", "");
  const auto result = test::RunCommand({"nohup", test::Program("dagrun").string(), "x.dag"}, folder_.path());
  EXPECT_EQ(result.status.value, 0) << result.err;
}

TEST_F(DagrunTest, WithoutARescueFileTheNodesLogCarriesWhatIsDone) {
  Write("a.sub", "executable = /bin/true\nqueue\n");
  Script("b.sh", "mkdir x.dag.rescue100 2>/dev/null; [ -e fixed ]\n");  // the last name there is, taken by a
                                                                        // folder renamed to it
  Write("b.sub", "executable = b.sh\nqueue\n");
  Write("x.dag", "JOB A a.sub\nJOB B b.sub\nPARENT A CHILD B\n");
  ASSERT_EQ(Dagrun({"-AutoRescue", "0", "x.dag"}).status.value, 1);
  EXPECT_TRUE(fs::exists(Here("x.dag.lock")));
  fs::remove(Here("x.dag.rescue100"));
  Write("fixed", "");
  Dagrun({"x.dag"});  // the failure on record becomes a rescue file
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 0);
  std::size_t submissions_of_a = 0;
  for (const std::string& line : Lines("x.dag.dagman.out")) {
    submissions_of_a += line.find("Submitting HTCondor Node A") != std::string::npos ? 1U : 0U;
  }
  EXPECT_EQ(submissions_of_a, 1U);
}

TEST_F(DagrunTest, AfterAFailureNothingOfTheRunIsLeftRunning) {
  Script("leave.sh", "setsid sleep 600 >/dev/null 2>&1 &\necho $! > pid\nexit 1\n");
  Write("a.sub", "executable = /bin/true\nqueue\n");
  Write("x.dag", "JOB A a.sub\nSCRIPT PRE A leave.sh\n");
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 1);
  const std::string pid = Lines("pid").at(0);
  const auto stat = ReadFile("/proc/" + pid + "/stat");
  EXPECT_TRUE(!stat || stat->find(") Z") != std::string::npos);
  ::kill(static_cast<pid_t>(std::stol(pid)), SIGKILL);
}

TEST_F(DagrunTest, AScratchFolderIsLeftBehindByNobody) {
  fs::create_directory(Here("tmp"));
  Script("a.sh", "touch $TMPDIR/file; echo $TMPDIR >where\n");
  Write("a.sub", "executable = a.sh\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  EXPECT_EQ(Dagrun({"x.dag"}, {"TMPDIR=" + Here("tmp").string()}).status.value, 0);
  EXPECT_THAT(Text("where"), HasSubstr(Here("tmp").string()));
  EXPECT_TRUE(fs::is_empty(Here("tmp")));
}

/// A fan whose jobs run until a file is there, or the folder of the test is gone. Every start and every end
/// is written down by the job itself.
class FanTest : public DagrunTest {
 protected:
  static constexpr int kWidth = 20;

  void SetUp() override {
    Script("leaf.sh",
           "echo $1 $$ >>starts\n"
           "until test -e go_$1 || test -e go_all || ! test -e leaf.sh; do sleep 0.02; done\n"
           "echo $1 >>ends\n");
    Write("leaf.sub", "executable = leaf.sh\narguments = $(JOB)\nqueue\n");
    Write("end.sub", "executable = /bin/true\nqueue\n");
    std::string dag, leaves;
    for (int i = 0; i < kWidth; ++i) {
      dag += "JOB L" + std::to_string(i) + " leaf.sub\n";
      leaves += " L" + std::to_string(i);
    }
    Write("x.dag", dag + "JOB J end.sub\nPARENT" + leaves + " CHILD J\n");
  }

  std::vector<std::string> Ended() const { return Lines("ends"); }
  std::vector<pid_t> StartedPids() const {
    std::vector<pid_t> pids;
    for (const std::string& line : Lines("starts")) {
      const auto words = Split(line, ' ');
      if (words.size() == 2 && !words[1].empty()) pids.push_back(std::stoi(words[1]));
    }
    return pids;
  }

  std::size_t RecordedDone() const {
    std::size_t done = 0;
    const auto text = ReadFile(Here("x.dag.nodes.log"));
    if (text)
      ParseEvents(*text,
                  [&](const JobEvent& event) { done += event.type == EventType::kTerminated ? 1 : 0; });
    return done;
  }
};

TEST_F(FanTest, AfterKillNineWhatIsRecordedDoneDoesNotRunAgainAndNothingIsLeftRunning) {
  Subprocess first = StartDagrun({"--cpus", "8", "x.dag"});
  for (int i = 0; i < 5; ++i) Write("go_L" + std::to_string(i), "");
  ASSERT_TRUE(test::WaitUntil([&] { return RecordedDone() == 5 && StartedPids().size() == 13; }));
  ::kill(first.pid(), SIGKILL);
  EXPECT_TRUE(first.Wait().signaled);
  ASSERT_TRUE(fs::exists(Here("x.dag.lock")));
  const std::vector<pid_t> old_pids = StartedPids();
  std::size_t orphans = 0;
  for (const pid_t pid : old_pids) orphans += Lives(pid) ? 1 : 0;
  ASSERT_EQ(orphans, 8U) << "the jobs of the killed dagrun should still wait for their file";

  Subprocess second = StartDagrun({"--cpus", "8", "x.dag"});
  // All eight slots are taken anew, by jobs of the second run.
  ASSERT_TRUE(test::WaitUntil([&] { return StartedPids().size() == 13 + 8; }));
  for (const pid_t pid : old_pids) EXPECT_FALSE(Lives(pid)) << "an orphan of the first run";
  Write("go_all", "");
  EXPECT_EQ(second.Wait().value, 0) << Text("dagrun.err");

  std::map<std::string, int> ends;
  for (const std::string& name : Ended()) ++ends[name];
  EXPECT_EQ(ends.size(), static_cast<std::size_t>(kWidth));
  for (const auto& [name, count] : ends) EXPECT_EQ(count, 1) << name;
  EXPECT_FALSE(fs::exists(Here("x.dag.lock")));

  // The journal stays one that HTCondor's own tools accept: each submitted job ends exactly once.
  std::multiset<std::pair<int, int>> submitted, ended;
  ParseEvents(Text("x.dag.nodes.log"), [&](const JobEvent& event) {
    const std::pair<int, int> id{event.id.cluster, event.id.proc};
    if (event.type == EventType::kSubmit) submitted.insert(id);
    if (event.type == EventType::kTerminated || event.type == EventType::kAborted) ended.insert(id);
  });
  EXPECT_EQ(submitted, ended);
  EXPECT_EQ(submitted.size(), 20U + 16U);  // every leaf before the kill; then those not done, and the join
}

TEST_F(FanTest, RecoveryAppliesTheRescueFileThatTheInterruptedRunUsed) {
  std::string done = "DONE L0\nDONE L1\n";
  Write("x.dag.rescue001", done);
  Subprocess first = StartDagrun({"--cpus", "20", "x.dag"});
  ASSERT_TRUE(test::WaitUntil([&] { return StartedPids().size() == 18; }));
  ::kill(first.pid(), SIGKILL);
  first.Wait();
  Write("x.dag.rescue002", "");  // newer, but not what was run
  Subprocess second = StartDagrun({"--cpus", "20", "x.dag"});
  ASSERT_TRUE(test::WaitUntil([&] { return StartedPids().size() == 18 + 18; }));
  Write("go_all", "");
  EXPECT_EQ(second.Wait().value, 0);
  EXPECT_THAT(Ended(), Not(::testing::Contains("L0")));
  EXPECT_EQ(Ended().size(), 18U);
}

TEST_F(FanTest, ASecondDagrunIsTurnedAwayWhileTheFirstRuns) {
  Subprocess first = StartDagrun({"--cpus", "1", "x.dag"});
  ASSERT_TRUE(test::WaitUntil([&] { return !StartedPids().empty(); }));
  const auto second = Dagrun({"x.dag"});
  EXPECT_EQ(second.status.value, 1);
  EXPECT_THAT(second.err, HasSubstr("already running"));
  Write("go_all", "");
  EXPECT_EQ(first.Wait().value, 0);
}

TEST_F(FanTest, ControlCRemovesTheJobsWritesARescueFileAndEndsWithTwo) {
  Subprocess run = StartDagrun({"--cpus", "4", "x.dag"});
  Write("go_L0", "");
  ASSERT_TRUE(test::WaitUntil([&] { return RecordedDone() == 1 && StartedPids().size() == 5; }));
  ::kill(run.pid(), SIGINT);
  EXPECT_EQ(run.Wait().value, 2);
  for (const pid_t pid : StartedPids()) EXPECT_FALSE(Lives(pid));
  EXPECT_THAT(Text("x.dag.rescue001"), HasSubstr("DONE L0\n"));
  EXPECT_FALSE(fs::exists(Here("x.dag.lock")));
  EXPECT_THAT(Text("dagrun.err"), HasSubstr("stopping"));

  Write("go_all", "");
  EXPECT_EQ(Dagrun({"x.dag"}).status.value, 0);
  EXPECT_THAT(Ended(), ::testing::Contains("L0").Times(1));
}

TEST_F(DagrunTest, ASecondControlCKillsJobsThatDoNotListen) {
  Script("deaf.sh", "trap '' TERM\necho $$ >pid\nwhile :; do sleep 1000; done\n");
  Write("deaf.sub", "executable = deaf.sh\nqueue\n");
  Write("x.dag", "JOB A deaf.sub\n");
  Subprocess run = StartDagrun({"x.dag"});
  ASSERT_TRUE(test::WaitUntil([&] { return !Lines("pid").empty(); }));
  ::kill(run.pid(), SIGINT);
  ASSERT_TRUE(test::WaitUntil([&] { return Text("dagrun.err").find("stopping") != std::string::npos; }));
  ::kill(run.pid(), SIGINT);
  EXPECT_EQ(run.Wait().value, 2);
  EXPECT_THAT(Text("dagrun.err"), HasSubstr("at once"));
}

}  // namespace
}  // namespace roost::dag
