#include "tools/dagrun_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunCommandLine Parse(const std::vector<std::string>& words, CalledAs called_as = CalledAs::kDagrun) {
  return ParseRunCommandLine(words, called_as);
}

/// The message and the exit status with which these words are refused.
std::pair<std::string, int> Refusal(const std::vector<std::string>& words,
                                    CalledAs called_as = CalledAs::kDagrun) {
  try {
    Parse(words, called_as);
  } catch (const Error& error) {
    return {error.message(), static_cast<int>(error.code())};
  }
  return {"accepted", 0};
}

/// The knobs with nothing but the command line to set them.
DagmanKnobs Knobs(const std::vector<std::string>& words) {
  RunCommandLine line = Parse(words);
  for (const auto& set : line.knob_settings) set(line.run.knobs);
  return line.run.knobs;
}

TEST(DagrunOptions, AreKnownInAnyCaseWithOneOrTwoDashesAndShortened) {
  for (const char* spelling : {"-maxjobs", "--maxjobs", "-MaxJobs", "-MAXJ", "--max-jobs", "-max_jobs"}) {
    EXPECT_EQ(Knobs({spelling, "7", "x.dag"}).max_jobs, 7) << spelling;
  }
  EXPECT_EQ(Knobs({"--maxjobs=7", "x.dag"}).max_jobs, 7);
  EXPECT_TRUE(Parse({"-dry-run", "x.dag"}).run.dry_run);
  EXPECT_TRUE(Parse({"-f", "x.dag"}).run.force);
  EXPECT_THAT(Refusal({"-maxp", "7", "x.dag"}).first, Eq("'-maxp' may be -maxpre or -maxpost"));
}

TEST(DagrunOptions, OfCondorSubmitDagAreUnderstood) {
  const RunCommandLine line =
      Parse({"-DoRescueFrom", "3", "-Priority", "-5", "-batch-name", "b", "-outfile_dir", "out", "-config",
             "c", "-a", "notify = x", "-insert_env", "A=1;B=2 3", "x.dag", "y.dag"},
            CalledAs::kCondorSubmitDag);
  EXPECT_EQ(line.run.rescue_from, 3);
  EXPECT_EQ(line.run.priority, -5);
  EXPECT_EQ(line.run.batch_name, "b");
  EXPECT_EQ(line.run.outfile_dir, "out");
  EXPECT_EQ(line.config, Path("c"));
  EXPECT_THAT(line.run.submit_file.append_lines, ElementsAre("notify = x"));
  EXPECT_THAT(line.run.submit_file.insert_env, ElementsAre("A=1", "B=2 3"));
  EXPECT_THAT(line.run.dag_files, ElementsAre("x.dag", "y.dag"));
  EXPECT_TRUE(line.run.as_condor_submit_dag);
  EXPECT_EQ(Knobs({"-SubmitMethod", "0", "x.dag"}).submit_method, SubmitMethod::kCondorSubmit);
}

TEST(DagrunOptions, ForCondorOnlyGiveOneWarning) {
  EXPECT_THAT(
      Parse({"-notification", "never", "-debug", "3", "-AllowVersionMismatch", "x.dag"}).warnings,
      ElementsAre("without effect here, as only HTCondor knows what to do with it: -notification, -debug, "
                  "-AllowVersionMismatch"));
  EXPECT_THAT(Parse({"-update_submit", "-import_env", "x.dag"}).warnings, IsEmpty());
}

TEST(DagrunOptions, WrongOnesEndWithTheStatusOfTheNameThatWasCalled) {
  EXPECT_THAT(Refusal({"-nonsense", "x.dag"}), Eq(std::pair(std::string("unknown option '-nonsense'"), 64)));
  EXPECT_EQ(Refusal({"-nonsense", "x.dag"}, CalledAs::kCondorSubmitDag).second, 1);
  EXPECT_THAT(Refusal({"-maxjobs", "few", "x.dag"}).first,
              Eq("-maxjobs takes a whole number from 0, not 'few'"));
  EXPECT_THAT(Refusal({"x.dag", "-maxjobs"}).first, Eq("'-maxjobs' needs a value: -maxjobs N"));
  EXPECT_THAT(Refusal({"-force=1", "x.dag"}).first, Eq("'-force=1': this option takes no value"));
  EXPECT_THAT(Refusal({}).first, Eq("which DAG file?"));
}

TEST(DagrunOptions, AfterWhichNothingIsToRunAreRefused) {
  EXPECT_THAT(Refusal({"-Dot", "x.dag"}).first, Eq("-Dot is not supported"));
  EXPECT_THAT(Refusal({"-DumpRescue", "x.dag"}).first, Eq("-DumpRescue is not supported"));
}

TEST(DagrunOptions, MayFollowTheFilesUnlessCalledCondorSubmitDag) {
  EXPECT_EQ(Knobs({"x.dag", "-maxjobs", "2"}).max_jobs, 2);
  EXPECT_THAT(Refusal({"x.dag", "-maxjobs", "2"}, CalledAs::kCondorSubmitDag),
              Eq(std::pair(std::string("'-maxjobs' follows a DAG file: options come before them"), 1)));
  EXPECT_THAT(Parse({"--", "-x.dag"}).run.dag_files, ElementsAre("-x.dag"));
}

TEST(DagrunOptions, ThatContradictEachOtherAreRefused) {
  for (const auto& [one, other] : std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>>{
           {{"-DoRecovery"}, {"-load_save", "s"}},
           {{"-DoRescueFrom", "1"}, {"-load_save", "s"}},
           {{"-DoRescueFrom", "1"}, {"-RescueFile", "r"}},
           {{"-RescueFile", "r"}, {"-load_save", "s"}}}) {
    std::vector<std::string> words = other;
    words.insert(words.end(), one.begin(), one.end());
    words.emplace_back("x.dag");
    EXPECT_THAT(Refusal(words).first, HasSubstr("contradict")) << Join(words, " ");
  }
}

TEST(DagrunOptions, NestedRunsInheritSomeAndNotTheThrottles) {
  EXPECT_THAT(Parse({"-maxjobs", "3", "-f", "-autor", "0", "-usedagdir", "-insert_env", "A=1", "x.dag"})
                  .run.inherited_words,
              ElementsAre("-AutoRescue", "0", "-UseDagDir", "-insert_env", "A=1"));
  EXPECT_THAT(Parse({"-verbose", "x.dag"}, CalledAs::kCondorSubmitDag).run.inherited_words,
              ElementsAre("-verbose", "--submitter-files", "-update_submit"));
}

TEST(DagrunOptions, CommandThatGoesOnLeavesOutWhatWouldStartAfresh) {
  EXPECT_EQ(Parse({"-f", "-maxjobs", "3", "-DoRescueFrom", "2", "my dag"}).run.rerun_command,
            "dagrun -maxjobs 3 'my dag'");
}

TEST(DagrunOptions, AreStrongerThanTheConfiguration) {
  TemporaryDirectory folder;
  test::WriteFile(folder.path() / "c", "DAGMAN_MAX_PRE_SCRIPTS = 1\nDAGMAN_MAX_POST_SCRIPTS = 1\n");
  test::WriteFile(folder.path() / "x.dag", "JOB A a.sub\n");
  RunCommandLine line = Parse({"-config", (folder.path() / "c").string(), "-maxpre", "5", "-insert_env",
                               "A=2", (folder.path() / "x.dag").string()});
  EXPECT_THAT(Configure(line, {"A=1", "B=1", "_CONDOR_DAGMAN_MAX_HOLD_SCRIPTS=7"}), IsEmpty());
  EXPECT_EQ(line.run.knobs.max_pre, 5);
  EXPECT_EQ(line.run.knobs.max_post, 1);
  EXPECT_EQ(line.run.knobs.max_hold, 7);
  EXPECT_THAT(line.run.environment, ElementsAre("B=1", "_CONDOR_DAGMAN_MAX_HOLD_SCRIPTS=7", "A=2"));
}

TEST(DagrunOptions, OfANestedRunAreNotWarnedAboutAgain) {
  const RunCommandLine line =
      Parse({"-notification", "never", "--dag-id", "18", "--parent-dag-id", "17", "x.dag"});
  EXPECT_EQ(line.run.dag_id, 18);
  EXPECT_EQ(line.run.parent_dag_id, 17);
  EXPECT_THAT(line.warnings, IsEmpty());
}

/// What a file says between the lines `begin` and `end`.
std::string Section(const Path& file, const std::string& begin, const std::string& end) {
  const std::string text = test::ReadText(file);
  const auto from = text.find(begin + "\n");
  const auto to = text.find(end + "\n", from);
  if (from == std::string::npos || to == std::string::npos) return "no section";
  return text.substr(from + begin.size() + 1, to - from - begin.size() - 1);
}

TEST(DagrunOptions, InTheManualPageAreThoseOfTheProgram) {
  EXPECT_EQ(Section(test::SourceDir() / "docs/man/dagrun.1", ".\\\" options: as dagrun_options.cc has them",
                    ".\\\" end of options"),
            OptionsManual());
}

TEST(DagrunOptions, InTheCompletionAreThoseOfTheProgram) {
  const std::string section =
      Section(test::SourceDir() / "configs/completion/roost.bash",
              "# Options of a run: as dagrun_options.cc has them", "# End of the options of a run");
  const auto open = section.find('"');
  ASSERT_NE(open, std::string::npos);
  EXPECT_EQ(SplitAny(section.substr(open + 1, section.rfind('"') - open - 1), " \n"), OptionWords());
}

TEST(DagrunOptions, HelpIsGroupedAndHasExamples) {
  const std::string help = RunHelp();
  EXPECT_THAT(help, HasSubstr("\nBeginning afresh or going on:\n  -force, -f               start afresh"));
  EXPECT_THAT(help, HasSubstr("\nExamples:\n"));
  for (const std::string& line : Split(help, '\n')) EXPECT_LE(line.size(), 110U) << line;
}

}  // namespace
}  // namespace roost::dag
