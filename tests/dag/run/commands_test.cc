#include <algorithm>
#include <set>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Commands that look at a DAG or ask its dagrun, with the real program in a folder of their own.
class CommandsTest : public ::testing::Test {
 protected:
  Path Here(const std::string& name) const { return folder_.path() / name; }
  void Write(const std::string& name, const std::string& text) const { WriteFile(Here(name), text); }
  void Script(const std::string& name, const std::string& text) const {
    WriteScript(Here(name), "#!/bin/sh\n" + text);
  }
  std::vector<std::string> Words(const std::vector<std::string>& words) const {
    std::vector<std::string> argv = {Program("dagrun").string()};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
  }
  CommandResult Dagrun(const std::vector<std::string>& words) const {
    return RunCommand(Words(words), folder_.path());
  }
  /// A run that goes on beside the test.
  Subprocess Begin(const std::vector<std::string>& words) const {
    return Subprocess::Start({.argv = Words(words), .working_directory = folder_.path()}).value();
  }
  json Status() const { return json::parse(Dagrun({"status", "--json", "x.dag"}).out); }
  static json NodeOf(const json& status, const std::string& name) {
    for (const json& node : status["nodes"]) {
      if (node["node"] == name) return node;
    }
    return {};
  }
  /// Two nodes, of which the second fails twice.
  void FailARun() const {
    Script("good.sh", "echo fine\n");
    Script("bad.sh", "echo try $1 went wrong >&2\nexit 3\n");
    Write("good.sub", "executable = good.sh\noutput = good.out\nqueue 2\n");
    Write("bad.sub", "executable = bad.sh\narguments = $(RETRY)\nerror = bad.$(RETRY).err\nqueue\n");
    Write("x.dag",
          "JOB A good.sub\nJOB B bad.sub\nJOB C good.sub\nRETRY B 1\nPARENT A CHILD B\nPARENT B CHILD C\n");
    EXPECT_EQ(Dagrun({"-q", "x.dag"}).status.value, 1);
  }
  /// A node whose job waits for the file "go".
  void WriteWaiting() const {
    Script("wait.sh", "echo began\nuntil [ -e go ]; do sleep 0.05; done\necho ended\n");
    Write("wait.sub", "executable = wait.sh\noutput = wait.out\nqueue\n");
    Write("x.dag", "JOB W wait.sub\n");
  }

  TemporaryDirectory folder_;
};

TEST_F(CommandsTest, StatusTellsEveryAttemptOfAFinishedRun) {
  FailARun();
  const json status = Status();
  EXPECT_EQ(status["verdict"], "failed");
  EXPECT_EQ(status["exit_code"], 1);
  EXPECT_EQ(status["counts"]["futile"], 1);
  EXPECT_EQ(NodeOf(status, "A")["attempts"][0]["procs"].size(), 2U);
  const json bad = NodeOf(status, "B");
  EXPECT_EQ(bad["state"], "failed");
  ASSERT_EQ(bad["attempts"].size(), 2U);
  EXPECT_EQ(bad["attempts"][1]["procs"][0]["exit_code"], 3);
  const CommandResult text = Dagrun({"status", "x.dag"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("x.dag: failed (exit status 1), 3 nodes: 1 done, 1 failed, 1 futile"),
                              HasSubstr("x.dag.rescue001"), HasSubstr("2/2")));
}

TEST_F(CommandsTest, StatusOfARescueRunCountsWhatWasDoneBefore) {
  FailARun();
  Script("bad.sh", "exit 0\n");
  EXPECT_EQ(Dagrun({"-q", "x.dag"}).status.value, 0);
  const json status = Status();
  EXPECT_EQ(status["verdict"], "succeeded");
  EXPECT_EQ(status["counts"]["done"], 3);
  EXPECT_EQ(NodeOf(status, "A")["done_before"], true);
}

TEST_F(CommandsTest, StatusSaysThatADagNeverRanAndThatAFileIsMissing) {
  Write("a.sub", "executable = /bin/true\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  EXPECT_THAT(Dagrun({"status", "x.dag"}).out, HasSubstr("never run"));
  EXPECT_EQ(Dagrun({"status", "nosuch.dag"}).status.value, 66);
  EXPECT_EQ(Dagrun({"status"}).status.value, 64);
}

TEST_F(CommandsTest, LogsShowOneFileAsItIsAndHeadSeveral) {
  FailARun();
  EXPECT_EQ(Dagrun({"logs", "x.dag", "B", "--stderr"}).out, "try 1 went wrong\n");
  EXPECT_EQ(Dagrun({"logs", "x.dag", "B", "--stderr", "--attempt", "0"}).out, "try 0 went wrong\n");
  EXPECT_THAT(Dagrun({"logs", "x.dag", "B", "--stderr", "--events"}).out,
              AllOf(HasSubstr("==> "), HasSubstr("Job terminated."), HasSubstr("DAG Node: B")));
  EXPECT_THAT(Dagrun({"logs", "x.dag", "C"}).err, HasSubstr("it is futile"));
  EXPECT_EQ(Dagrun({"logs", "x.dag", "nosuch"}).status.value, 64);
}

TEST_F(CommandsTest, LogsFollowAJobUntilItsNodeIsOver) {
  WriteWaiting();
  Subprocess run = Begin({"-q", "x.dag"});
  ASSERT_TRUE(WaitUntil([&] { return fs::exists(Here("wait.out")) && fs::file_size(Here("wait.out")) > 0; }));
  EXPECT_EQ(Status()["verdict"], "running");
  EXPECT_EQ(NodeOf(Status(), "W")["state"], "running");
  Subprocess follower = Subprocess::Start({.argv = Words({"logs", "--follow", "x.dag", "W"}),
                                           .working_directory = folder_.path(),
                                           .output = "followed"})
                            .value();
  ASSERT_TRUE(WaitUntil([&] { return fs::exists(Here("followed")) && fs::file_size(Here("followed")) > 0; }));
  EXPECT_EQ(ReadText(Here("followed")), "began\n");
  Write("go", "");
  EXPECT_TRUE(follower.Wait().ok());
  EXPECT_EQ(ReadText(Here("followed")), "began\nended\n");
  EXPECT_TRUE(run.Wait().ok());
}

TEST_F(CommandsTest, TheScriptOfExpandDoesWhatTheRunDoes) {
  Script("show.sh", "for word in \"$@\"; do printf '<%s>' \"$word\"; done\nprintf '%s' \"$NOTE\"\ncat\n");
  Write("in.txt", "from stdin\n");
  Write(
      "a.sub",
      "executable = show.sh\narguments = \"'two words' $HOME 'it''s' `id` ; -n \"\"q\"\"\"\n"
      "environment = \"NOTE='a b $(JOB) $PATH ''c'''\"\ninput = in.txt\noutput = out.$(Process)\nqueue 2\n");
  Write("x.dag", "JOB A a.sub\n");
  ASSERT_EQ(Dagrun({"-q", "x.dag"}).status.value, 0);
  const std::string by_run = ReadText(Here("out.1"));
  EXPECT_THAT(by_run,
              AllOf(HasSubstr("<two words><$HOME><it's><`id`><;><-n><\"q\">"), HasSubstr("from stdin")));
  fs::remove(Here("out.0"));
  fs::remove(Here("out.1"));
  Write("by_hand.sh", Dagrun({"expand", "x.dag", "A", "--format", "sh"}).out);
  EXPECT_TRUE(RunCommand({"/bin/sh", "by_hand.sh"}, folder_.path()).status.ok());
  EXPECT_EQ(ReadText(Here("out.1")), by_run);
  EXPECT_TRUE(fs::exists(Here("out.0")));
}

TEST_F(CommandsTest, TheScriptOfExpandTransfersFilesAndTellsOfAFailure) {
  Script("make.sh", "cat given >made\nexit 4\n");
  Write("given", "content\n");
  Write("a.sub",
        "executable = make.sh\nshould_transfer_files = yes\ntransfer_input_files = given\n"
        "transfer_output_files = made\nqueue\n");
  Write("x.dag", "JOB A a.sub\n");
  Write("by_hand.sh", Dagrun({"expand", "x.dag", "--format", "sh"}).out);
  EXPECT_EQ(RunCommand({"/bin/sh", Here("by_hand.sh").string()}).status.value, 4);
  EXPECT_EQ(ReadText(Here("made")), "content\n");
}

TEST_F(CommandsTest, ExpandPutsParentsBeforeTheirChildrenAndFinalLast) {
  Write("a.sub", "executable = /bin/true\nqueue\n");
  Write("x.dag",
        "FINAL F a.sub\nJOB D a.sub\nJOB C a.sub\nJOB A a.sub\nPARENT A CHILD C\nPARENT C CHILD D\n");
  const std::string script = Dagrun({"expand", "x.dag", "--format", "sh"}).out;
  std::vector<std::size_t> places;
  for (const char* name : {"# node A\n", "# node C\n", "# node D\n", "# node F\n"}) {
    places.push_back(script.find(name));
    ASSERT_NE(places.back(), std::string::npos) << name;
  }
  EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
}

TEST_F(CommandsTest, ARequestForANodeThatTheDagHasNotIsRefused) {
  Write("x.dag", "JOB A a.sub\n");
  const CommandResult result = Dagrun({"rm", "x.dag", "B"});
  EXPECT_EQ(result.status.value, 64);
  EXPECT_THAT(result.err, HasSubstr("there is no node 'B'"));
}

TEST_F(CommandsTest, ExpandShowsWhatAJobBecomes) {
  Write("a.sub",
        "executable = /bin/echo\narguments = $(size) $(Process)\noutput = $(JOB).out\nrequest_memory = "
        "2GB\nqueue 2\n");
  Write("x.dag", "JOB A a.sub\nVARS A size=\"640\"\nJOB B nosuch.sub\n");
  EXPECT_THAT(Dagrun({"expand", "x.dag", "A"}).out,
              AllOf(HasSubstr("/bin/echo 640 1"), HasSubstr("A.out"), HasSubstr("2048 MB of memory")));
  const json node = json::parse(Dagrun({"expand", "x.dag", "A", "--format", "json"}).out);
  EXPECT_EQ(node["jobs"][1]["arguments"], (json{"640", "1"}));
  const CommandResult all = Dagrun({"expand", "x.dag"});
  EXPECT_EQ(all.status.value, 65) << "what can be shown is shown, and the rest is told";
  EXPECT_THAT(all.out, HasSubstr("node A"));
  EXPECT_THAT(all.err, HasSubstr("nosuch.sub"));
}

TEST_F(CommandsTest, GraphDrawsTheNodesAndSaysWhatItNeedsForAPicture) {
  Write("x.dag", "JOB A a.sub\nJOB B a.sub\nPARENT A CHILD B\n");
  EXPECT_THAT(Dagrun({"graph", "x.dag"}).out, AllOf(HasSubstr("digraph"), HasSubstr("->")));
  const CommandResult none =
      RunCommand(Words({"graph", "--format", "svg", "x.dag"}), folder_.path(), {"PATH=/nosuch"});
  EXPECT_EQ(none.status.value, 1);
  EXPECT_THAT(none.err, HasSubstr("graphviz"));
  if (fs::exists("/usr/bin/dot")) {
    EXPECT_EQ(Dagrun({"graph", "--format", "svg", "-o", "x.svg", "x.dag"}).status.value, 0);
    EXPECT_THAT(ReadText(Here("x.svg")), HasSubstr("<svg"));
  }
}

TEST_F(CommandsTest, ReportIsWrittenAtTheEndOfARunAndAfterwards) {
  FailARun();
  EXPECT_EQ(Dagrun({"report", "x.dag", "-o", "page.html"}).status.value, 0);
  EXPECT_THAT(ReadText(Here("page.html")), AllOf(HasSubstr("try 1 went wrong"), HasSubstr("after 2 tries")));
  EXPECT_EQ(Dagrun({"-q", "--report", "end.html", "x.dag"}).status.value, 1)
      << "the status is that of the run";
  EXPECT_THAT(ReadText(Here("end.html")), HasSubstr("went wrong"));
  EXPECT_EQ(Dagrun({"report", "x.dag", "-o", "nosuch/page.html"}).status.value, 73);
}

TEST_F(CommandsTest, JsonTellsEachStepOfARunALine) {
  FailARun();
  const CommandResult run = Dagrun({"-f", "--json", "x.dag"});
  std::vector<std::string> steps;
  for (const std::string& line : SplitAny(run.out, "\n")) {
    const json event = json::parse(line);
    EXPECT_TRUE(event.contains("time")) << line;
    steps.push_back(event["event"].get<std::string>() + " " + event.value("node", ""));
  }
  ASSERT_FALSE(steps.empty());
  EXPECT_EQ(steps.front(), "run_started ");
  EXPECT_EQ(steps.back(), "run_ended ");
  EXPECT_THAT(steps, ::testing::IsSupersetOf({"job_submitted A", "job_started A", "job_ended A",
                                              "node_done A", "node_retried B", "node_failed B"}));
}

TEST_F(CommandsTest, WhatNobodyRunsCannotBeAsked) {
  Write("x.dag", "JOB A a.sub\n");
  for (const char* command : {"hold", "release", "rm", "halt"}) {
    const CommandResult asked = Dagrun({command, "x.dag"});
    EXPECT_EQ(asked.status.value, 1) << command;
    EXPECT_THAT(asked.err, HasSubstr("no dagrun runs")) << command;
  }
  EXPECT_FALSE(fs::exists(Here("x.dag.halt")));
  EXPECT_FALSE(fs::exists(Here("x.dag.control")));
}

TEST_F(CommandsTest, AJobIsHeldReleasedAndRemovedFromAnotherTerminal) {
  WriteWaiting();
  Subprocess run = Begin({"-q", "x.dag"});
  const auto is = [&](const std::string& state) { return NodeOf(Status(), "W")["state"] == state; };
  ASSERT_TRUE(WaitUntil([&] { return is("running"); }));
  EXPECT_EQ(Dagrun({"hold", "x.dag", "W"}).status.value, 0);
  ASSERT_TRUE(WaitUntil([&] { return is("held"); }));
  EXPECT_EQ(Dagrun({"release", "x.dag"}).status.value, 0);
  ASSERT_TRUE(WaitUntil([&] { return is("running"); }));
  EXPECT_EQ(Dagrun({"rm", "x.dag", "W", "--reason", "enough"}).status.value, 0);
  EXPECT_EQ(run.Wait().value, 1);
  EXPECT_THAT(NodeOf(Status(), "W")["why"].get<std::string>(), HasSubstr("enough"));
}

TEST_F(CommandsTest, ARequestThatComesWhileTheRunIsStillBeingPreparedIsObeyed) {
  WriteWaiting();
  Write("go", "");
  // Whoever reads it waits for us.
  ASSERT_EQ(::mkfifo(Here("x.dag.rescue001").c_str(), 0600), 0);
  Subprocess run = Begin({"-q", "x.dag"});
  FileDescriptor rescue;
  ASSERT_TRUE(WaitUntil([&] {
    rescue = FileDescriptor(::open(Here("x.dag.rescue001").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return rescue.valid();
  }));
  const CommandResult removal = Dagrun({"rm", "x.dag"});
  EXPECT_EQ(removal.status.value, 0) << removal.err;
  rescue.Close();
  EXPECT_EQ(run.Wait().value, 2);
  EXPECT_FALSE(fs::exists(Here("x.dag.control")));
}

TEST_F(CommandsTest, EverySubcommandHasHelpWithExamples) {
  const CommandResult help = Dagrun({"--help"});
  for (const char* command :
       {"check", "expand", "graph", "status", "logs", "report", "hold", "release", "rm", "halt"}) {
    EXPECT_THAT(help.out, HasSubstr("dagrun " + std::string(command)));
    const CommandResult own = Dagrun({command, "--help"});
    EXPECT_EQ(own.status.value, 0) << command;
    EXPECT_THAT(own.out, AllOf(HasSubstr("Examples:"), HasSubstr("Exit status:"))) << command;
    EXPECT_EQ(Dagrun({command}).status.value, 64) << command;
  }
}

}  // namespace
}  // namespace roost::test
