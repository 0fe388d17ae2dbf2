// dagrun is killed, again and again, and what was done stays done. ROOST_CRASH_KILLS=200 for a long run;
// ROOST_CRASH_SEED to see one again.

#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>

#include "dag/run/observed.h"
#include "roost/base/text.h"
#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using test::Program;
using test::ReadText;
using test::WriteFile;
using test::WriteScript;

constexpr int kNodes = 100;

unsigned Setting(const char* name, unsigned otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(value, nullptr, 10));
}

/// A DAG of 100 nodes, each of which notes down every run of its jobs and of its POST script in ran.log:
/// some with three procs, some that fail once and are retried, some with PRE and POST scripts.
class HundredNodes {
 public:
  explicit HundredNodes(const Path& folder) : folder_(folder) {
    WriteScript(folder / "job.sh",
                "#!/bin/sh\necho \"$1 $2\" >> ran.log\nsleep 0.0$((${#1} + $2))\n"
                "[ \"$3\" = steady ] || [ \"$2\" != 0 ] || [ -e \"$1.failed\" ] || { touch \"$1.failed\"; "
                "exit 1; }\n");
    WriteScript(folder / "pre.sh", "#!/bin/sh\nsleep 0.01\n");
    WriteScript(folder / "post.sh", "#!/bin/sh\necho \"$1 post\" >> ran.log\nexit $2\n");
    WriteFile(folder / "job.sub",
              "executable = job.sh\narguments = $(JOB) $(Process) $(kind)\noutput = $(JOB).$(Process).out\n"
              "error = $(JOB).$(Process).err\nlog = jobs.log\nqueue $(procs)\n");
    std::string dag;
    for (int i = 0; i < kNodes; ++i) {
      const std::string name = Name(i);
      dag += "JOB " + name + " job.sub\nVARS " + name + " procs=\"" + std::to_string(Procs(i)) +
             "\" kind=\"" + (i % 5 == 0 ? "flaky" : "steady") + "\"\n";
      if (i % 5 == 0) dag += "RETRY " + name + " 3\n";
      if (i % 4 == 1) dag += "SCRIPT PRE " + name + " pre.sh\n";
      if (HasPost(i)) dag += "SCRIPT POST " + name + " post.sh $JOB $RETURN\n";
      if (i >= 10)
        dag +=
            "PARENT " + Name(i - 10) + " " + Name((i * 7) % 10 + i / 10 * 10 - 10) + " CHILD " + name + "\n";
    }
    WriteFile(folder / "x.dag", dag);
    fs::create_directory(folder / "tmp");
  }

  static std::string Name(int i) { return "N" + std::to_string(i); }
  static int Procs(int i) { return i % 7 == 3 ? 3 : 1; }
  static bool HasPost(int i) { return i % 3 == 2; }

  Subprocess Start() const {
    ProcessOptions options;
    options.argv = {Program("dagrun"), "--cpus", "4", "--node-status-file", "node.status", "x.dag"};
    options.environment = test::EnvironmentWith({"TMPDIR=" + (folder_ / "tmp").string()});
    options.working_directory = folder_;
    options.output = folder_ / "stdout";
    options.error = folder_ / "stderr";
    return Subprocess::Start(options).value();
  }

  /// The nodes whose end the nodes log records: all their jobs, and the POST script where there is one.
  std::set<std::string> RecordedDone() const {
    struct Cluster {
      std::string node;
      int ended_well = 0;
    };
    std::map<int, Cluster> clusters;
    std::set<std::string> done;
    if (!fs::exists(folder_ / "x.dag.nodes.log")) return done;
    ParseEvents(ReadText(folder_ / "x.dag.nodes.log"), [&](const JobEvent& event) {
      Cluster& cluster = clusters[event.id.cluster];
      if (event.type == EventType::kSubmit) {
        cluster.node = event.node;
        EXPECT_FALSE(done.contains(event.node)) << event.node << " was submitted after it was done";
      } else if (event.type == EventType::kTerminated && event.status.ok()) {
        const int number = std::stoi(cluster.node.substr(1));
        if (++cluster.ended_well == Procs(number) && !HasPost(number)) done.insert(cluster.node);
      } else if (event.type == EventType::kPostScriptTerminated && event.status.ok()) {
        done.insert(event.node);
      }
    });
    return done;
  }

  /// How often each node's jobs and scripts have started.
  std::map<std::string, int> Runs() const {
    std::map<std::string, int> runs;
    if (!fs::exists(folder_ / "ran.log")) return runs;
    for (const std::string& line : SplitAny(ReadText(folder_ / "ran.log"), "\n")) {
      ++runs[line.substr(0, line.find(' '))];
    }
    return runs;
  }

  /// Every job that the log knows has one end.
  static void ExpectWholeLog(const Path& log) {
    SCOPED_TRACE(log.filename());
    std::map<JobId, int> ends;
    const std::string text = ReadText(log);
    const std::size_t whole = ParseEvents(text, [&](const JobEvent& event) {
      if (event.type == EventType::kSubmit) {
        EXPECT_TRUE(ends.emplace(event.id, 0).second) << "submitted twice: " << FormatEvent(event);
      }
      if (event.type == EventType::kTerminated || event.type == EventType::kAborted) ++ends[event.id];
    });
    EXPECT_EQ(whole, text.size()) << "half an event at the end";
    for (const auto& [id, count] : ends) EXPECT_EQ(count, 1) << "ends of " << id.cluster << "." << id.proc;
  }

  /// Processes whose working folder is the DAG's.
  std::vector<std::string> LeftProcesses() const {
    std::vector<std::string> left;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::error_code gone;
      if (fs::read_symlink(entry.path() / "cwd", gone) == folder_) left.push_back(entry.path().filename());
    }
    return left;
  }

  void ExpectFinished() const {
    std::set<std::string> all;
    for (int i = 0; i < kNodes; ++i) all.insert(Name(i));
    EXPECT_EQ(RecordedDone(), all);
    std::map<std::string, std::string> states;
    for (const std::string& name : all) states[name] = "done";
    EXPECT_EQ(test::NodeStates(folder_ / "node.status"), states);
    ExpectWholeLog(folder_ / "x.dag.nodes.log");
    ExpectWholeLog(folder_ / "jobs.log");
    EXPECT_THAT(LeftProcesses(), ::testing::IsEmpty());
    EXPECT_TRUE(fs::is_empty(folder_ / "tmp")) << "sandboxes were left";
    EXPECT_FALSE(fs::exists(folder_ / "x.dag.lock"));
  }

 private:
  Path folder_;
};

/// Kills `dagrun` at some instant of its life, early ones more often. Its exit status where it was quicker.
std::optional<ExitStatus> KillSoon(Subprocess& dagrun, std::mt19937& random) {
  const int longest = std::uniform_int_distribution<>(0, 2)(random) == 0 ? 600 : 60;  // milliseconds
  ::poll(nullptr, 0, std::uniform_int_distribution<>(0, longest)(random));
  if (const auto status = dagrun.TryWait()) return status;
  ::kill(dagrun.pid(), SIGKILL);  // dagrun alone: its jobs go on, as they would
  const ExitStatus status = dagrun.Wait();
  if (!status.signaled) return status;
  return std::nullopt;
}

/// Kills one run of the DAG until it ends, or `kills` are used up: then it may end in peace.
void RunKilled(unsigned& kills, std::mt19937& random) {
  const TemporaryDirectory folder("roost-crash");
  const HundredNodes dag(folder.path());
  std::map<std::string, int> done_after;  // node -> how often it had run when it was found done
  while (true) {
    Subprocess dagrun = dag.Start();
    std::optional<ExitStatus> status;
    if (kills > 0) {
      status = KillSoon(dagrun, random);
      if (!status) --kills;
    } else {
      status = dagrun.Wait();
    }
    const std::map<std::string, int> runs = dag.Runs();
    for (const std::string& node : dag.RecordedDone()) done_after.emplace(node, runs.at(node));
    for (const auto& [node, count] : done_after) {
      ASSERT_EQ(runs.at(node), count) << node << " ran after it was recorded done";
    }
    if (!status) continue;
    ASSERT_EQ(status->Describe(), "exit code 0") << ReadText(folder.path() / "stderr");
    return dag.ExpectFinished();
  }
}

TEST(CrashTest, DoneNodesStayDoneHoweverOftenDagrunIsKilled) {
  unsigned kills = Setting("ROOST_CRASH_KILLS", 15);
  const unsigned seed = Setting("ROOST_CRASH_SEED", std::random_device()());
  SCOPED_TRACE("ROOST_CRASH_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  while (kills > 0 && !::testing::Test::HasFailure()) RunKilled(kills, random);
}

/// A small file system of its own, gone with the object.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=256k") == 0; }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  const Path& path() const { return folder_.path(); }

 private:
  TemporaryDirectory folder_;
  bool mounted_ = false;
};

TEST(CrashTest, AFullDiskEndsTheRunAndARerunWithSpaceFinishesIt) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a small file system";
  const TemporaryDirectory elsewhere("roost-elsewhere");
  const Path ran = elsewhere.path() / "ran";
  constexpr int kJobs = 40;
  std::string text;
  for (int i = 0; i < kJobs; ++i) {
    text += "JOB N" + std::to_string(i) + " job.sub\n";
    if (i > 0) text += "PARENT N" + std::to_string(i - 1) + " CHILD N" + std::to_string(i) + "\n";
  }
  WriteFile(disk.path() / "x.dag", text);
  WriteScript(disk.path() / "job.sh", "#!/bin/sh\necho $1 >> " + ran.string() + "\n");
  WriteFile(disk.path() / "job.sub", "executable = job.sh\narguments = $(JOB)\nlog = jobs.log\nqueue\n");
  // Room for some nodes' events, and then no more.
  const std::uintmax_t room = fs::space(disk.path()).available - 24 * 1024;
  WriteFile(disk.path() / "ballast", std::string(room, 'x'));

  const std::vector<std::string> command = {Program("dagrun"), "x.dag"};
  const auto full = test::RunCommand(command, disk.path());
  EXPECT_EQ(full.status.value, 1);
  EXPECT_THAT(full.err, ::testing::HasSubstr("No space left on device"));
  const std::string before = ReadText(ran);
  EXPECT_LT(SplitAny(before, "\n").size(), kJobs);
  const test::Observed recorded = test::ObserveRun(disk.path() / "x.dag.nodes.log");

  fs::remove(disk.path() / "ballast");
  const auto rerun = test::RunCommand(command, disk.path());
  EXPECT_EQ(rerun.status.Describe(), "exit code 0") << rerun.err;
  HundredNodes::ExpectWholeLog(disk.path() / "x.dag.nodes.log");
  const std::string after = ReadText(ran).substr(before.size());
  std::set<std::string> again;
  for (const std::string& node : SplitAny(after, "\n")) again.insert(node);
  std::set<std::string> either = again;
  for (const auto& [node, attempts] : recorded.attempts) {
    if (attempts.back().procs != std::map<std::string, std::string>{{"0", "exit 0"}}) continue;
    EXPECT_FALSE(again.contains(node)) << node << " was recorded done and ran again";
    either.insert(node);
  }
  EXPECT_EQ(either.size(), kJobs) << "a node was lost";
}

}  // namespace
}  // namespace roost::dag
