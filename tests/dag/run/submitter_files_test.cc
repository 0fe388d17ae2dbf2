#include "dag/run/submitter_files.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SubmitterFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_.path());
    test::WriteFile("x.dag", "JOB A a.sub\n");
    options_.dag_files = {"x.dag"};
    options_.dag_id = 345;
  }
  void TearDown() override { std::filesystem::current_path(before_); }

  int Run(int exit_code = 0) {
    out_.str("");
    err_.str("");
    return RunAsSubmitter(options_, clock_, out_, err_, [&](const RunOptions& options) {
      EXPECT_TRUE(std::filesystem::exists("x.dag.condor.sub"));
      number_ = options.dag_id;
      return exit_code;
    });
  }
  static std::string Golden(const std::string& file) {
    return test::ReadText(*test::ReferenceDir() / "golden/htcondor" / file);
  }
  /// The events of x.dag.dagman.log: "<number> (<cluster>) <status>".
  static std::vector<std::string> Life() {
    std::vector<std::string> life;
    ParseEvents(test::ReadText("x.dag.dagman.log"), [&](const JobEvent& event) {
      life.push_back(std::to_string(static_cast<int>(event.type)) + " (" + std::to_string(event.id.cluster) +
                     ")");
      if (event.type == EventType::kTerminated) life.back() += " " + std::to_string(event.status.value);
    });
    return life;
  }

  TemporaryDirectory folder_;
  Path before_;
  test::FakeClock clock_;
  RunOptions options_;
  std::ostringstream out_, err_;
  int number_ = 0;
};

/// The commands of P.condor.sub, without what differs between installations.
std::vector<std::string> Commands(const std::string& text) {
  std::vector<std::string> commands;
  for (const std::string& line : Split(text, '\n')) {
    if (line.starts_with("#") && !line.starts_with("# Filename") && !line.starts_with("# Generated"))
      continue;
    std::vector<std::string> words = SplitAny(line, " ");
    std::erase_if(words, [](const std::string& word) {
      return word.starts_with("_CONDOR_SCHEDD") || word.find("PackageID") != std::string::npos ||
             word.find("23.9.6+") != std::string::npos;
    });
    std::string joined = Join(words, " ");
    while (!joined.empty() && joined.back() == '"') joined.pop_back();
    commands.push_back(std::move(joined));
  }
  return commands;
}

TEST_F(SubmitterFilesTest, DescriptionOfTheDagIsThatOfCondorSubmitDag) {
  ROOST_NEEDS_REFERENCE();
  EXPECT_EQ(Commands(FormatCondorSub(options_)), Commands(Golden("chain/run1/x.dag.condor.sub")));
  options_.knobs.max_jobs = 1;
  EXPECT_EQ(Commands(FormatCondorSub(options_)), Commands(Golden("priority-maxjobs1/run1/x.dag.condor.sub")));
  options_.knobs = {};
  options_.knobs.max_pre = 1;
  EXPECT_EQ(Commands(FormatCondorSub(options_)), Commands(Golden("maxpre/run1/x.dag.condor.sub")));
  options_.knobs = {};
  options_.knobs.always_run_post = true;
  EXPECT_EQ(Commands(FormatCondorSub(options_)),
            Commands(Golden("pre-fails-always-post/run1/x.dag.condor.sub")));
  options_.knobs = {};
  options_.rescue_from = 1;
  EXPECT_EQ(Commands(FormatCondorSub(options_)), Commands(Golden("rescue-choose/run3/x.dag.condor.sub")));
  options_.rescue_from = 0;
  options_.dag_files = {"x.dag", "y.dag"};
  EXPECT_EQ(Commands(FormatCondorSub(options_)), Commands(Golden("two-dag-files/run1/x.dag.condor.sub")));
  options_.dag_files = {"in.dag"};
  options_.update_submit = true;
  EXPECT_EQ(Commands(FormatCondorSub(options_)), Commands(Golden("subdag/run1/in.dag.condor.sub")));
}

TEST_F(SubmitterFilesTest, DescriptionHasWhatOnlyHtcondorActsOn) {
  options_.submit_file = {.append_lines = {"+A = 1"}, .notification = "never", .insert_env = {"A=it's 1"}};
  options_.preamble.job_attributes = {{"Project", "\"x\""}};
  options_.priority = 4;
  const std::string text = FormatCondorSub(options_);
  EXPECT_THAT(text, HasSubstr("notification = never\npriority    = 4\nMy.Project = \"x\"\n+A = 1\nqueue\n"));
  EXPECT_THAT(text, HasSubstr(" A=it''''s' '1\"\n"));
}

TEST_F(SubmitterFilesTest, SaysWhatCondorSubmitDagSays) {
  ROOST_NEEDS_REFERENCE();
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(out_.str(), Golden("status-files/run1/condor_submit_dag.txt"));
  EXPECT_EQ(number_, 345);
  EXPECT_EQ(test::ReadText("x.dag.lib.out"), Golden("status-files/run1/x.dag.lib.out"));
  EXPECT_EQ(test::ReadText("x.dag.lib.err"), "");
}

TEST_F(SubmitterFilesTest, DoesNotStartWhereAnotherRunHasLeftItsFiles) {
  ROOST_NEEDS_REFERENCE();
  Run();
  number_ = 0;
  EXPECT_EQ(Run(), 1);
  EXPECT_EQ(err_.str(), Golden("rerun-without-rescue/run2/condor_submit_dag.txt"));
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(number_, 0);
}

TEST_F(SubmitterFilesTest, StartsOverThemWhenToldTo) {
  Run();
  options_.update_submit = true;
  EXPECT_EQ(Run(1), 1);
  EXPECT_EQ(err_.str(), "");
  EXPECT_THAT(Life(), ElementsAre("0 (345)", "1 (345)", "5 (345) 0", "0 (345)", "1 (345)", "5 (345) 1"));
  options_.update_submit = false;
  options_.force = true;
  EXPECT_EQ(Run(), 0);
  EXPECT_THAT(Life(), ElementsAre("0 (345)", "1 (345)", "5 (345) 0"));
}

TEST_F(SubmitterFilesTest, GoesOnFromARescueFileWithoutBeingTold) {
  ROOST_NEEDS_REFERENCE();
  Run(1);
  test::WriteFile("x.dag.rescue001", "");
  test::WriteFile("x.dag.rescue002", "");
  options_.dag_id = 304;
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(out_.str(), Golden("rescue-choose/run3/condor_submit_dag.txt"));
}

TEST_F(SubmitterFilesTest, WithNoSubmitNothingRuns) {
  options_.no_submit = true;
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(number_, 0);
  EXPECT_THAT(out_.str(),
              HasSubstr("\n-no_submit given, not submitting DAG to HTCondor. You can do this with:\n"
                        "\"condor_submit x.dag.condor.sub\"\n----"));
  EXPECT_FALSE(std::filesystem::exists("x.dag.dagman.log"));
}

TEST_F(SubmitterFilesTest, EndsInItsLogAlsoWhenTheRunCannotBegin) {
  EXPECT_THROW(RunAsSubmitter(options_, clock_, out_, err_,
                              [](const RunOptions&) -> int { throw Error("x.dag:1: unknown command"); }),
               Error);
  EXPECT_THAT(Life(), ElementsAre("0 (345)", "1 (345)", "5 (345) 1"));
}

TEST_F(SubmitterFilesTest, ANestedRunLeavesItsLogToTheOuterOne) {
  ROOST_NEEDS_REFERENCE();
  options_.parent_dag_id = 173;
  options_.update_submit = true;
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(out_.str(), Golden("subdag/run1/in.dag.lib.out"));
  EXPECT_TRUE(std::filesystem::exists("x.dag.condor.sub"));
  EXPECT_FALSE(std::filesystem::exists("x.dag.dagman.log"));
}

TEST_F(SubmitterFilesTest, ARunThatWasKilledGetsAnEndFromTheNext) {
  JobEvent lost;
  lost.type = EventType::kSubmit;
  lost.id = {344, 0, 0};
  test::WriteFile("x.dag.dagman.log", FormatEvent(lost));
  test::WriteFile("x.dag.lock", "");
  EXPECT_EQ(Run(), 0);
  EXPECT_THAT(Life(), ElementsAre("0 (344)", "9 (344)", "0 (345)", "1 (345)", "5 (345) 0"));
}

TEST_F(SubmitterFilesTest, DagrunCalledCondorSubmitDagLeavesTheFilesThatHtcondorLeaves) {
  ROOST_NEEDS_REFERENCE();
  const Path golden = *test::ReferenceDir() / "golden/htcondor/rerun-without-rescue";
  for (const auto& entry : std::filesystem::directory_iterator(golden / "input")) {
    std::filesystem::copy_file(entry.path(), entry.path().filename(),
                               std::filesystem::copy_options::overwrite_existing);
  }
  std::filesystem::create_symlink(test::Program("dagrun"), "condor_submit_dag");
  EXPECT_EQ(test::RunCommand({"./condor_submit_dag", "x.dag"}).status.value, 0);
  for (const auto& entry : std::filesystem::directory_iterator(golden / "run1")) {
    if (entry.path().filename() == "condor_submit_dag.txt") continue;
    EXPECT_TRUE(std::filesystem::exists(entry.path().filename())) << entry.path();
  }
  EXPECT_EQ(Life().size(), 3U);
  const test::CommandResult again = test::RunCommand({"./condor_submit_dag", "x.dag"});
  EXPECT_EQ(again.status.value, 1);
  EXPECT_EQ(again.err, Golden("rerun-without-rescue/run2/condor_submit_dag.txt"));
  EXPECT_EQ(test::RunCommand({"./condor_submit_dag", "x.dag", "-f"}).status.value, 1);
}

}  // namespace
}  // namespace roost::dag
