// What dagrun writes, given to the real HTCondor, and the other way round.

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dag/interop/real_condor.h"
#include "roost/base/text.h"
#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::CommandResult;
using test::ReadText;
using test::RealCondor;
using test::WriteFile;
using test::WriteScript;

/// Nodes whose jobs end in every way that needs no person: well, badly, by a signal, refused, removed beside
/// a proc that failed, put back into the queue, held and let go; with scripts, without jobs.
void WriteManyEnds(const Path& folder) {
  WriteScript(folder / "do.sh", "#!/bin/sh\neval \"$*\"\n");
  const auto node = [&](const std::string& name, const std::string& command, const std::string& more = {}) {
    WriteFile(folder / (name + ".sub"), "executable = do.sh\narguments = " + command + "\nlog = " + name +
                                            ".log\n" + more + "queue " + (name == "Beside" ? "2" : "1") +
                                            "\n");
    return "JOB " + name + " " + name + ".sub\n";
  };
  std::string dag =
      node("Well", "exit 0") + node("Badly", "exit 3") + node("Signal", "kill -9 \\$\\$") +
      node("Beside", "[ $(Process) = 1 ] && exit 4; sleep 60") +
      node("Requeued", "[ -e again ] || { touch again; exit 1; }", "on_exit_remove = ExitCode =?= 0\n") +
      node("Held", "exit 0", "on_exit_hold = NumJobStarts < 2\n") +
      node("Refused", "exit 0", "input = nowhere\n") + node("Skipped", "exit 0");
  dag +=
      "JOB Nothing Well.sub NOOP\nSCRIPT POST Nothing do.sh exit 0\nSCRIPT POST Badly do.sh exit $RETURN\n"
      "SCRIPT PRE Skipped do.sh exit 7\nPRE_SKIP Skipped 7\n";
  WriteFile(folder / "x.dag", dag);
}

std::vector<std::string> Logs(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".log") names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Compares what HTCondor's reader makes of one event with what ours does.
void CompareEvent(const json& theirs, const JobEvent& ours) {
  SCOPED_TRACE(theirs.dump() + "\n" + FormatEvent(ours));
  EXPECT_EQ(theirs.at("number"), static_cast<int>(ours.type));
  EXPECT_EQ(theirs.at("cluster"), ours.id.cluster);
  EXPECT_EQ(theirs.at("proc"), ours.id.proc);
  EXPECT_EQ(theirs.at("time"), std::chrono::system_clock::to_time_t(ours.time));
  if (ours.type == EventType::kTerminated || ours.type == EventType::kPostScriptTerminated) {
    EXPECT_EQ(theirs.at("TerminatedNormally"), !ours.status.signaled);
    EXPECT_EQ(theirs.at(ours.status.signaled ? "TerminatedBySignal" : "ReturnValue"), ours.status.value);
  }
  if (ours.type == EventType::kSubmit) {
    EXPECT_EQ(theirs.at("LogNotes"), "DAG Node: " + ours.node);
  }
  if (ours.type == EventType::kPostScriptTerminated) {
    EXPECT_EQ(theirs.at("DAGNodeName"), ours.node);
  }
  if (ours.type == EventType::kAborted) {
    EXPECT_EQ(theirs.at("Reason"), ours.text);
  }
  if (ours.type == EventType::kHeld) {
    EXPECT_EQ(theirs.at("HoldReason"), ours.text);
    EXPECT_EQ(theirs.at("HoldReasonCode"), ours.hold_code);
    EXPECT_EQ(theirs.at("HoldReasonSubCode"), ours.hold_subcode);
  }
}

/// Runs x.dag and lets go the job of node Held.
void RunAndRelease(RealCondor& condor) {
  ProcessOptions options;
  options.argv = {test::Program("dagrun"), "x.dag"};
  options.working_directory = condor.here();
  options.error = condor.here() / "stderr";
  Subprocess dagrun = Subprocess::Start(options).value();
  const Path log = condor.here() / "Held.log";
  EXPECT_TRUE(test::WaitUntil([&] {
    return fs::exists(log) && ReadText(log).find("\n012 (") != std::string::npos;
  })) << "the job is not held";
  const CommandResult released = condor.Dagrun({"release", "x.dag"});
  EXPECT_TRUE(released.status.ok()) << released.err;
  EXPECT_EQ(dagrun.Wait().Describe(), "exit code 1") << ReadText(condor.here() / "stderr");
}

TEST(InteropTest, HtcondorReadsTheLogsOfEveryKindOfEnd) {
  ROOST_NEEDS_CONDOR();
  RealCondor condor;
  WriteManyEnds(condor.here());
  RunAndRelease(condor);

  const std::vector<std::string> logs = Logs(condor.here());
  EXPECT_THAT(logs, ::testing::IsSupersetOf({"Well.log", "Beside.log", "Held.log", "x.dag.nodes.log"}));
  std::set<EventType> kinds;
  for (const std::string& log : logs) {
    SCOPED_TRACE(log);
    fs::copy_file(test::SourceDir() / "tests/dag/interop/read_log.py", condor.here() / "read_log.py",
                  fs::copy_options::overwrite_existing);
    const CommandResult read = condor.Run({"python3", "read_log.py", log});
    ASSERT_TRUE(read.status.ok()) << read.err;
    std::vector<json> theirs;
    for (const std::string& line : SplitAny(read.out, "\n")) theirs.push_back(json::parse(line));
    std::vector<JobEvent> ours;
    ParseEvents(ReadText(condor.here() / log), [&](const JobEvent& event) { ours.push_back(event); });
    ASSERT_EQ(theirs.size(), ours.size());
    for (std::size_t i = 0; i < ours.size(); ++i) CompareEvent(theirs[i], ours[i]);
    for (const JobEvent& event : ours) kinds.insert(event.type);

    const CommandResult wait = condor.Run({"condor_wait", "-wait", "5", "-echo", log});
    EXPECT_EQ(wait.status.Describe(), "exit code 0") << "condor_wait: " << wait.out << wait.err;
    const CommandResult check = condor.Run({"condor_check_userlogs", log});
    EXPECT_TRUE(check.status.ok()) << "condor_check_userlogs: " << check.out << check.err;
  }
  EXPECT_THAT(kinds, ::testing::IsSupersetOf({EventType::kSubmit, EventType::kExecute, EventType::kEvicted,
                                              EventType::kTerminated, EventType::kAborted, EventType::kHeld,
                                              EventType::kReleased, EventType::kPostScriptTerminated,
                                              EventType::kPreSkip}));
}

/// A -> B -> C, of which B fails until there is a file "fixed". Each run of a node leaves a line in "ran".
void WriteFixable(const Path& folder) {
  WriteScript(folder / "do.sh", "#!/bin/sh\necho $1 >> ran\n[ $1 != B ] || [ -e fixed ]\n");
  WriteFile(folder / "x.sub",
            "executable = do.sh\narguments = $(JOB)\nlog = jobs.log\ninitialdir = .\n"
            "should_transfer_files = no\nqueue\n");
  WriteFile(folder / "x.dag",
            "JOB A x.sub\nJOB B x.sub\nJOB C x.sub\nPARENT A CHILD B\nPARENT B CHILD C\n"
            "RETRY C 2\n");
}

/// Submits x.dag to the pool and waits for the exit status of its DAGMan.
std::string SubmitDag(RealCondor& condor) {
  const CommandResult submitted = condor.Run({"condor_submit_dag", "x.dag"});
  if (!submitted.status.ok()) return "refused: " + submitted.out + submitted.err;
  const CommandResult waited = condor.Run({"condor_wait", "-wait", "120", "x.dag.dagman.log"});
  EXPECT_TRUE(waited.status.ok()) << waited.out;
  std::string end = "none";
  ParseEvents(ReadText(condor.here() / "x.dag.dagman.log"), [&](const JobEvent& event) {
    if (event.type == EventType::kTerminated) end = event.status.Describe();
  });
  return end;
}

TEST(InteropTest, DagmanGoesOnFromOurRescueFileAndWeFromIts) {
  ROOST_NEEDS_CONDOR();
  RealCondor ours;
  ours.StartPool();
  WriteFixable(ours.here());
  EXPECT_EQ(ours.Dagrun({"x.dag"}).status.Describe(), "exit code 1");
  ASSERT_TRUE(fs::exists(ours.here() / "x.dag.rescue001"));
  WriteFile(ours.here() / "fixed", "");
  EXPECT_EQ(SubmitDag(ours), "exit code 0");
  EXPECT_EQ(ReadText(ours.here() / "ran"), "A\nB\nB\nC\n");

  RealCondor theirs;
  WriteFixable(theirs.here());
  EXPECT_EQ(SubmitDag(theirs), "exit code 1");
  ASSERT_TRUE(fs::exists(theirs.here() / "x.dag.rescue001"));
  EXPECT_EQ(ReadText(theirs.here() / "x.dag.rescue001").find("DONE A") == std::string::npos, false);
  WriteFile(theirs.here() / "fixed", "");
  const CommandResult rest = theirs.Dagrun({"x.dag"});
  EXPECT_EQ(rest.status.Describe(), "exit code 0") << rest.err;
  EXPECT_EQ(ReadText(theirs.here() / "ran"), "A\nB\nB\nC\n");
}

/// DAGMan's own dump of x.dag, made without a pool.
CommandResult DumpDag(RealCondor& condor) {
  const std::string version = "$CondorVersion: 23.9.6 2026-07-12 PackageID: 23.9.6 $";
  return condor.Run({"env",
                     "_CONDOR_DAGMAN_LOG=x.dag.dagman.out",
                     "_CONDOR_DAGMAN_USE_STRICT=0",
                     "condor_dagman",
                     "-p",
                     "0",
                     "-f",
                     "-l",
                     ".",
                     "-Lockfile",
                     "x.dag.lock",
                     "-Dag",
                     "x.dag",
                     "-DumpRescue",
                     "-CsdVersion",
                     version,
                     "-AutoRescue",
                     "0",
                     "-DoRescueFrom",
                     "0",
                     "-dagman",
                     "/usr/bin/condor_dagman"});
}

TEST(InteropTest, DagmanParsesOurExamples) {
  ROOST_NEEDS_CONDOR();
  for (const auto& entry : fs::directory_iterator(test::SourceDir() / "dags")) {
    if (entry.path().extension() != ".dag") continue;
    SCOPED_TRACE(entry.path());
    RealCondor condor;
    fs::copy_file(entry.path(), condor.here() / "x.dag");
    const CommandResult dump = DumpDag(condor);
    EXPECT_TRUE(dump.status.ok()) << dump.out << dump.err;
    EXPECT_TRUE(fs::exists(condor.here() / "x.dag.rescue001"))
        << ReadText(condor.here() / "x.dag.dagman.out");
  }
}

}  // namespace
}  // namespace roost::dag
