#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "dag/executors/local.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class LocalExecutorTest : public ::testing::Test {
 protected:
  LocalExecutor& Use(LocalOptions options) {
    options.scratch = folder_.path() / "scratch";
    options.run_id = "test-run";
    executor_.emplace(std::move(options), children_, clock_);
    return *executor_;
  }

  /// A job that runs `script` with /bin/sh, in a folder of its own.
  Job ScriptJob(const std::string& script) {
    const Path home = folder_.path() / ("job" + std::to_string(++jobs_));
    MakeDirectories(home);
    test::WriteScript(home / "job.sh", "#!/bin/sh\n" + script);
    Job job{.cluster = jobs_, .proc = 0, .node = "N", .executable = home / "job.sh", .initial_dir = home};
    job.output = "out";
    job.error = "err";
    return job;
  }

  /// The final event of each job, after all that are in flight have ended.
  std::map<AttemptId, ExecutorEvent> RunAll() {
    std::map<AttemptId, ExecutorEvent> ends;
    while (executor_->InFlight() > 0 || ends.empty()) {
      for (ExecutorEvent& event : executor_->Wait(clock_.Now() + std::chrono::seconds(60))) {
        if (event.final()) ends.emplace(event.id, std::move(event));
      }
    }
    return ends;
  }

  ExecutorEvent RunOne(const Job& job) {
    if (!executor_) Use({.cpus = 1});
    EXPECT_TRUE(executor_->Submit({.job = job}).ok());
    return RunAll().begin()->second;
  }

  ExitStatus StatusOf(const ExecutorEvent& event) {
    const auto* exited = std::get_if<Exited>(&event.what);
    if (exited == nullptr) {
      ADD_FAILURE() << "the job did not exit";
      return {true, -1};
    }
    return exited->status;
  }

  Refused RefusalOf(const ExecutorEvent& event) {
    const auto* refused = std::get_if<Refused>(&event.what);
    if (refused == nullptr) {
      ADD_FAILURE() << "the job was not refused";
      return {};
    }
    return *refused;
  }

  TemporaryDirectory folder_;
  SystemClock clock_;
  Children children_;
  std::optional<LocalExecutor> executor_;
  int jobs_ = 0;
};

TEST_F(LocalExecutorTest, AJobRunsInItsInitialDirWithItsFiles) {
  Job job = ScriptJob("pwd; cat; echo problem >&2; exit 3\n");
  test::WriteFile(job.initial_dir / "in", "hello\n");
  job.input = "in";
  const ExitStatus status = StatusOf(RunOne(job));
  EXPECT_EQ(status.value, 3);
  EXPECT_FALSE(status.signaled);
  EXPECT_EQ(test::ReadText(job.initial_dir / "out"), job.initial_dir.string() + "\nhello\n");
  EXPECT_EQ(test::ReadText(job.initial_dir / "err"), "problem\n");
}

TEST_F(LocalExecutorTest, TheEnvironmentIsSmallAndNamesTheJobItsFoldersAndItsThreads) {
  Use({.cpus = 4, .environment = {"PATH=/bin:/usr/bin", "HOME=/home/x", "SECRET=1"}});
  Job job = ScriptJob("env | sort; test -f \"$_CONDOR_JOB_AD\" && grep DAGNodeName \"$_CONDOR_JOB_AD\"\n");
  job.request.cpus = 3;
  job.environment = {"MKL_NUM_THREADS=1", "A=x y", "TMPDIR=/elsewhere"};
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  const std::vector<std::string> lines = Split(test::ReadText(job.initial_dir / "out"), '\n');
  EXPECT_THAT(lines, AllOf(Contains("OMP_NUM_THREADS=3"), Contains("MKL_NUM_THREADS=1"), Contains("A=x y"),
                           Contains("HOME=/home/x"), Contains("BATCH_SYSTEM=HTCondor"),
                           Contains("DAGRUN_JOB_KEY=N/0"), Contains("DAGRUN_RUN_ID=test-run"),
                           Contains("CUDA_VISIBLE_DEVICES="), Contains("_CONDOR_SLOT=slot1"),
                           Contains("DAGNodeName = \"N\"")));
  EXPECT_THAT(lines, Contains("_CONDOR_JOB_IWD=" + job.initial_dir.string()));
  EXPECT_THAT(lines, Contains(StartsWith("TMPDIR=" + (folder_.path() / "scratch").string())));
  EXPECT_THAT(lines, Not(Contains(StartsWith("SECRET"))));
}

TEST_F(LocalExecutorTest, NoHomeIsInventedWhereThereIsNone) {
  Use({.cpus = 1, .environment = {"PATH=/bin:/usr/bin"}});
  const Job job = ScriptJob("env\n");
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  EXPECT_THAT(test::ReadText(job.initial_dir / "out"), Not(HasSubstr("HOME=")));
}

TEST_F(LocalExecutorTest, JobsShareTheCpusInOrderOfSubmission) {
  Use({.cpus = 2});
  // Each job that needs both CPUs checks that it is alone; the small ones need each other to be there.
  Job wide = ScriptJob("exit 0\n");
  wide.request.cpus = 2;
  const std::string fifo = (folder_.path() / "meet").string();
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Job speaks = ScriptJob("echo word >" + fifo + "\n");
  const Job hears = ScriptJob("read word <" + fifo + " && test \"$word\" = word\n");
  for (const Job* job : {&speaks, &hears, &static_cast<const Job&>(wide)}) {
    ASSERT_TRUE(executor_->Submit({.job = *job}).ok());
  }
  EXPECT_EQ(executor_->Running(), 2);
  EXPECT_EQ(executor_->InFlight(), 3);
  for (const auto& [id, event] : RunAll()) EXPECT_TRUE(StatusOf(event).ok());
}

TEST_F(LocalExecutorTest, MemoryIsCountedWhenItWasGiven) {
  Use({.cpus = 4, .memory_mb = 1000});
  Job job = ScriptJob("exit 0\n");
  job.request.memory_mb = 600;
  Job other = ScriptJob("exit 0\n");
  other.request.memory_mb = 600;
  ASSERT_TRUE(executor_->Submit({.job = job}).ok());
  ASSERT_TRUE(executor_->Submit({.job = other}).ok());
  EXPECT_EQ(executor_->Running(), 1);
  RunAll();
  job.request.memory_mb = 1001;
  EXPECT_THAT(executor_->CanEverRun(job).error().message(), HasSubstr("1001 MB"));
}

TEST_F(LocalExecutorTest, GpusAreHandedOutOneByOne) {
  Use({.cpus = 4, .gpus = {0, 3}, .environment = {"PATH=/bin:/usr/bin"}});
  std::vector<Job> jobs;
  for (int i = 0; i < 2; ++i) {
    jobs.push_back(ScriptJob("echo $CUDA_VISIBLE_DEVICES\n"));
    jobs.back().request.gpus = 1;
    ASSERT_TRUE(executor_->Submit({.job = jobs.back()}).ok());
  }
  RunAll();
  EXPECT_EQ(test::ReadText(jobs[0].initial_dir / "out"), "0\n");
  EXPECT_EQ(test::ReadText(jobs[1].initial_dir / "out"), "3\n");
  jobs[0].request.gpus = 3;
  EXPECT_FALSE(executor_->CanEverRun(jobs[0]).ok());
}

TEST_F(LocalExecutorTest, ARequestThatNoSlotCanHoldIsSaidAtOnce) {
  Use({.cpus = 2});
  Job job = ScriptJob("exit 0\n");
  job.request.cpus = 3;
  EXPECT_THAT(executor_->CanEverRun(job).error().message(), HasSubstr("asks for 3 CPUs, but this run has 2"));
  EXPECT_FALSE(executor_->Submit({.job = job}).ok());
}

TEST_F(LocalExecutorTest, AProgramThatCannotRunIsRefusedWithTheReason) {
  Job missing = ScriptJob("exit 0\n");
  missing.executable = "/nowhere/program";
  const Refused not_there = RefusalOf(RunOne(missing));
  EXPECT_EQ(not_there.code, 6);
  EXPECT_EQ(not_there.subcode, ENOENT);
  EXPECT_THAT(not_there.reason, HasSubstr("/nowhere/program"));

  const Job plain = ScriptJob("exit 0\n");
  std::filesystem::permissions(plain.executable, std::filesystem::perms::owner_read);
  const Refused not_executable = RefusalOf(RunOne(plain));
  EXPECT_EQ(not_executable.subcode, EACCES);
  EXPECT_THAT(not_executable.reason, HasSubstr("chmod +x"));

  const Job no_shebang = ScriptJob("");
  test::WriteScript(no_shebang.executable, "echo hello\n");
  const Refused not_a_program = RefusalOf(RunOne(no_shebang));
  EXPECT_EQ(not_a_program.code, 6);
  EXPECT_EQ(not_a_program.subcode, ENOEXEC);
  EXPECT_THAT(not_a_program.reason, HasSubstr("#!/bin/sh"));
}

TEST_F(LocalExecutorTest, FilesThatCannotBeOpenedAreRefusedWithTheirName) {
  Job job = ScriptJob("exit 0\n");
  job.input = "nosuch.txt";
  const Refused input = RefusalOf(RunOne(job));
  EXPECT_EQ(input.code, 8);
  EXPECT_THAT(input.reason, HasSubstr("nosuch.txt"));

  Job other = ScriptJob("exit 0\n");
  other.output = "nosuch/out";
  const Refused output = RefusalOf(RunOne(other));
  EXPECT_EQ(output.code, 7);
  EXPECT_THAT(output.reason, HasSubstr("nosuch/out"));
}

TEST_F(LocalExecutorTest, RemoveEndsARunningJobAndTakesAWaitingOneFromTheQueue) {
  Use({.cpus = 1});
  const Job runs =
      ScriptJob("echo started >" + (folder_.path() / "started").string() + "; exec sleep 1000\n");
  const Job waits = ScriptJob("exit 0\n");
  ASSERT_TRUE(executor_->Submit({.job = runs}).ok());
  ASSERT_TRUE(executor_->Submit({.job = waits}).ok());
  executor_->Remove({waits.cluster, 0}, "enough", StopFor::kRemove);
  executor_->Remove({runs.cluster, 0}, "enough", StopFor::kRemove);
  executor_->Remove({999, 0}, "nobody", StopFor::kRemove);
  for (const auto& [id, event] : RunAll()) {
    ASSERT_TRUE(std::holds_alternative<Removed>(event.what));
    EXPECT_EQ(std::get<Removed>(event.what).reason, "enough");
  }
}

TEST_F(LocalExecutorTest, AJobThatIgnoresTheSignalIsKilledAfterTheGrace) {
  Use({.cpus = 1, .grace = std::chrono::seconds(0)});
  const Path ready = folder_.path() / "ready";
  const Job job = ScriptJob("trap '' TERM; touch " + ready.string() + "; while :; do sleep 1000; done\n");
  ASSERT_TRUE(executor_->Submit({.job = job}).ok());
  ASSERT_TRUE(test::WaitUntil([&] { return std::filesystem::exists(ready); }));
  executor_->Remove({job.cluster, 0}, "enough", StopFor::kRemove);
  EXPECT_TRUE(std::holds_alternative<Removed>(RunAll().begin()->second.what));
}

TEST_F(LocalExecutorTest, WhatAJobLeftInTheBackgroundEndsWithIt) {
  const Path pid_file = folder_.path() / "pid";
  const Job job = ScriptJob("sleep 1000 & echo $! >" + pid_file.string() + "\n");
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  const pid_t left = std::stoi(test::ReadText(pid_file));
  // Gone, or dead and not yet collected by init.
  EXPECT_TRUE(test::WaitUntil([&] {
    const auto stat = ReadFile("/proc/" + std::to_string(left) + "/stat");
    return !stat || stat->find(") Z") != std::string::npos;
  }));
}

TEST_F(LocalExecutorTest, TransferGivesTheJobAFolderOfItsOwnAndBringsNewAndChangedFilesBack) {
  Job job =
      ScriptJob("ls -A | sort; echo made >new.txt; echo more >>in.txt; mkdir sub; echo no >sub/deep.txt\n");
  const Path home = job.initial_dir;
  MakeDirectories(home / "whole");
  MakeDirectories(home / "content");
  test::WriteFile(home / "in.txt", "in\n");
  test::WriteFile(home / "same.txt", "same\n");
  test::WriteFile(home / "whole" / "a", "a");
  test::WriteFile(home / "content" / "b", "b");
  job.transfer = TransferFiles::kYes;
  job.transfer_input = {"in.txt", "same.txt", "whole", "content/"};
  std::filesystem::permissions(job.executable,
                               std::filesystem::perms::owner_read);  // made executable on the way
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  EXPECT_EQ(test::ReadText(home / "out"), ".job.ad\nb\nin.txt\njob.sh\nsame.txt\nwhole\n");
  EXPECT_EQ(test::ReadText(home / "new.txt"), "made\n");
  EXPECT_EQ(test::ReadText(home / "in.txt"), "in\nmore\n");
  EXPECT_FALSE(std::filesystem::exists(home / "sub"));
  EXPECT_FALSE(std::filesystem::exists(home / ".job.ad"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path() / "scratch" / "slot1"), {}), 1);
}

TEST_F(LocalExecutorTest, DeclaredOutputsComeBackFoldersIncluded) {
  Job job = ScriptJob("mkdir -p outd/deep; echo o >outd/deep/o.txt; echo p >p.txt; echo x >x.txt\n");
  job.transfer = TransferFiles::kYes;
  job.transfer_output = {"outd", "p.txt"};
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  EXPECT_EQ(test::ReadText(job.initial_dir / "outd" / "deep" / "o.txt"), "o\n");
  EXPECT_EQ(test::ReadText(job.initial_dir / "p.txt"), "p\n");
  EXPECT_FALSE(std::filesystem::exists(job.initial_dir / "x.txt"));
}

TEST_F(LocalExecutorTest, AMissingDeclaredOutputIsRefusedUnlessTheJobFailedItself) {
  Job job = ScriptJob("exit 0\n");
  job.transfer = TransferFiles::kYes;
  job.transfer_output = {"result.txt"};
  const Refused refused = RefusalOf(RunOne(job));
  EXPECT_EQ(refused.code, 12);
  EXPECT_THAT(refused.reason, HasSubstr("result.txt"));

  Job failing = ScriptJob("exit 9\n");
  failing.transfer = TransferFiles::kYes;
  failing.transfer_output = {"result.txt"};
  EXPECT_EQ(StatusOf(RunOne(failing)).value, 9);
}

TEST_F(LocalExecutorTest, AMissingInputIsRefused) {
  Job job = ScriptJob("exit 0\n");
  job.transfer = TransferFiles::kYes;
  job.transfer_input = {"nosuch.dat"};
  const Refused refused = RefusalOf(RunOne(job));
  EXPECT_EQ(refused.code, 13);
  EXPECT_THAT(refused.reason, HasSubstr("nosuch.dat"));
}

TEST_F(LocalExecutorTest, OutputsGoWhereTheyAreRemappedAndKeepTheirFoldersWhereAsked) {
  Job job = ScriptJob("ls in; mkdir outd made; echo o >outd/o.txt; echo a >a.txt; echo m >made/m.txt\n");
  const Path home = job.initial_dir;
  MakeDirectories(home / "in");
  MakeDirectories(home / "there");
  test::WriteFile(home / "in" / "i.txt", "i");
  job.transfer = TransferFiles::kYes;
  job.preserve_relative_paths = true;
  job.transfer_input = {"in/i.txt"};
  job.transfer_output = {"outd/o.txt", "a.txt", "made"};
  job.output_remaps = {{"a.txt", "there/b.txt"}, {"made", "there/kept"}};
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  EXPECT_EQ(test::ReadText(home / "outd" / "o.txt"), "o\n");
  EXPECT_EQ(test::ReadText(home / "there" / "b.txt"), "a\n");
  EXPECT_EQ(test::ReadText(home / "there" / "kept" / "m.txt"), "m\n");
  EXPECT_FALSE(std::filesystem::exists(home / "a.txt"));
}

TEST_F(LocalExecutorTest, OutputsOfAFailedJobStayAwayWhereOnlySuccessCounts) {
  Job job = ScriptJob("echo x >x.txt; exit 1\n");
  job.transfer = TransferFiles::kYes;
  job.transfer_output_when = TransferOutput::kOnSuccess;
  EXPECT_EQ(StatusOf(RunOne(job)).value, 1);
  EXPECT_FALSE(std::filesystem::exists(job.initial_dir / "x.txt"));
  EXPECT_TRUE(std::filesystem::exists(job.initial_dir / "out"));
}

TEST_F(LocalExecutorTest, TheNextJobInASlotFindsAnEmptyFolderWhateverTheLastOneDid) {
  Use({.cpus = 1});
  const Job untidy =
      ScriptJob("cd $TMPDIR; mkdir -p a/b; echo x >a/b/c; rm .job.ad; echo no >.job.ad; chmod 0 .\n");
  const Job next = ScriptJob("cd $TMPDIR; ls -A; grep -c ClusterId .job.ad; echo x >y\n");
  EXPECT_TRUE(StatusOf(RunOne(untidy)).ok());
  EXPECT_TRUE(StatusOf(RunOne(next)).ok());
  EXPECT_EQ(test::ReadText(next.initial_dir / "out"), ".job.ad\n1\n");
}

TEST_F(LocalExecutorTest, LocalJobsRunBesideTheSlots) {
  Use({.cpus = 1});
  const std::string fifo = (folder_.path() / "meet").string();
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Job in_slot = ScriptJob("read word <" + fifo + "\n");
  Job beside = ScriptJob("echo $_CONDOR_SLOT; echo word >" + fifo + "\n");
  beside.local = true;
  beside.request.cpus = 5;
  ASSERT_TRUE(executor_->Submit({.job = in_slot}).ok());
  EXPECT_FALSE(executor_->HasRoom(in_slot));
  EXPECT_TRUE(executor_->HasRoom(beside));
  ASSERT_TRUE(executor_->Submit({.job = beside}).ok());
  for (const auto& [id, event] : RunAll()) EXPECT_TRUE(StatusOf(event).ok());
  EXPECT_EQ(test::ReadText(beside.initial_dir / "out"), "local1\n");
}

TEST_F(LocalExecutorTest, EachWayOfStoppingHasItsOwnSignal) {
  Use({.cpus = 3});
  std::vector<Job> jobs;
  for (int i = 0; i < 3; ++i) {
    jobs.push_back(
        ScriptJob("trap 'echo INT; exit' INT; trap 'echo USR1; exit' USR1; trap 'echo USR2; exit' USR2\n"
                  "touch ready; while :; do sleep 0.01; done\n"));
    jobs.back().kill_signal = SIGINT;
    jobs.back().remove_kill_signal = SIGUSR1;
    jobs.back().hold_kill_signal = SIGUSR2;
    ASSERT_TRUE(executor_->Submit({.job = jobs.back()}).ok());
    ASSERT_TRUE(test::WaitUntil([&] { return std::filesystem::exists(jobs.back().initial_dir / "ready"); }));
  }
  executor_->Remove({jobs[0].cluster, 0}, "x", StopFor::kVacate);
  executor_->Remove({jobs[1].cluster, 0}, "x", StopFor::kRemove);
  executor_->Remove({jobs[2].cluster, 0}, "x", StopFor::kHold);
  RunAll();
  EXPECT_EQ(test::ReadText(jobs[0].initial_dir / "out"), "INT\n");
  EXPECT_EQ(test::ReadText(jobs[1].initial_dir / "out"), "USR1\n");
  EXPECT_EQ(test::ReadText(jobs[2].initial_dir / "out"), "USR2\n");
}

TEST_F(LocalExecutorTest, AJobRunsWithItsResourceLimits) {
  Job job = ScriptJob("ulimit -S -c; ulimit -S -s\n");
  job.core_size_bytes = 0;
  job.stack_size_bytes = 1 << 20;
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  EXPECT_EQ(test::ReadText(job.initial_dir / "out"), "0\n1024\n");
}

TEST_F(LocalExecutorTest, AContainerJobRunsThroughWhatIsOnThePath) {
  const Path bin = folder_.path() / "bin";
  MakeDirectories(bin);
  test::WriteScript(bin / "apptainer", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
  Use({.cpus = 1, .environment = {"PATH=" + bin.string()}});
  Job job = ScriptJob("exit 0\n");
  job.arguments = {"a b"};
  job.container = Container{.kind = Container::Kind::kDocker, .image = "debian:12"};
  ASSERT_TRUE(executor_->CanEverRun(job).ok());
  EXPECT_TRUE(StatusOf(RunOne(job)).ok());
  const std::string home = job.initial_dir.string();
  EXPECT_THAT(Split(test::ReadText(job.initial_dir / "out"), '\n'),
              ElementsAre("exec", "--bind", (folder_.path() / "scratch" / "slot1").string(), "--bind", home,
                          "--bind", job.executable.string(), "--pwd", home, "docker://debian:12",
                          job.executable.string(), "a b", ""));

  Use({.cpus = 1, .environment = {"PATH=/nowhere"}});
  EXPECT_THAT(executor_->CanEverRun(job).error().message(), HasSubstr("no program that runs containers"));
}

}  // namespace
}  // namespace roost::dag
