#include "roost/dag/submit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::dag {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SubmitTest : public testing::Test {
 protected:
  SubmitTest() { context_.directory = folder_.path(); }

  /// The arguments of each job, or the faults where there is an error.
  std::vector<std::string> Arguments(const std::string& text) {
    const Submission submission = ExpandSubmit("executable = q.sh\n" + text, "x.sub", context_);
    std::vector<std::string> result;
    if (HasErrors(submission.faults)) {
      result.push_back(FaultsError(submission.faults).message());
      return result;
    }
    for (const Job& job : submission.jobs) result.push_back(Join(job.arguments, " "));
    return result;
  }

  TemporaryDirectory folder_;
  SubmitContext context_;
};

TEST_F(SubmitTest, MacrosBeforeTheFileCanBeOverriddenByItAndThoseAfterItCannot) {
  context_.before = {{"early", "vars"}, {"free", "vars"}};
  context_.after = {{"late", "vars"}};
  EXPECT_THAT(Arguments("early = file\nlate = file\narguments = $(early) $(free) $(late)\nqueue"),
              ElementsAre("file vars vars"));
}

TEST_F(SubmitTest, MacrosAfterTheFileAreInvisibleToItsConditions) {
  context_.before = {{"early", "1"}};
  context_.after = {{"late", "1"}};
  EXPECT_THAT(
      Arguments(
          "if defined early\na=seen\nendif\nif defined late\nb=seen\nendif\narguments = $(a:no) $(b:no)\n"),
      ElementsAre("seen no"));
}

TEST_F(SubmitTest, VarsMayAddAttributes) {
  context_.before = {{"+Early", "\"x\""}};
  context_.after = {{"My.Late", "$(n:2)"}};
  const Submission submission = ExpandSubmit("executable = q.sh\nqueue", "x.sub", context_);
  EXPECT_THAT(submission.faults, IsEmpty());
  EXPECT_THAT(submission.jobs.at(0).attributes,
              ElementsAre(testing::Pair("Early", "\"x\""), testing::Pair("Late", "2")));
}

TEST_F(SubmitTest, LoopVariablesHideMacrosOfTheFile) {
  EXPECT_THAT(Arguments("x = file\narguments = $(x)\nqueue x in (a b)"), ElementsAre("a", "b"));
}

TEST_F(SubmitTest, DirectSubmissionReadsOneQueueStatementAndIgnoresSlices) {
  EXPECT_THAT(Arguments("arguments = $(x)\nqueue x in [1:3] (a b c d)\nqueue 5"),
              ElementsAre("a", "b", "c", "d"));
}

TEST_F(SubmitTest, CondorSubmitReadsEveryQueueStatementAndItsSlices) {
  context_.method = SubmitMethod::kCondorSubmit;
  EXPECT_THAT(
      Arguments("b = 1\narguments = $(b)$(x)$(Row)$(Process)\nqueue x in [1:3] (a b c d)\nb = 2\nqueue 2"),
      ElementsAre("1b10", "1c21", "2c02", "2c03"));
  EXPECT_THAT(Arguments("arguments = $(x)\nqueue x in [-1] (a b c)"), ElementsAre("c"));
  EXPECT_THAT(Arguments("arguments = $(x)\nqueue x in [::2] (a b c)"), ElementsAre("a", "c"));
  EXPECT_THAT(Arguments("queue x in ()"), ElementsAre("x.sub:2: this queues no jobs"));
}

TEST_F(SubmitTest, AQueueStatementThatMakesNoSenseIsAnError) {
  const std::pair<const char*, const char*> cases[] = {
      {"queue -1", "cannot be negative"},
      {"queue x", "'x' is not a number"},
      {"queue 1.5", "not a whole number"},
      {"queue x from", "no file is named"},
      {"queue x from -", "no standard input"},
      {"queue x in (a", "no closing ')'"},
      {"queue x in (a) b", "unexpected 'b'"},
      {"queue x-y in (a)", "'x-y' is not a variable name"},
      {"queue x in [::0] (a)", "must be positive"},
      {"queue x in [a] (a)", "'a' is not a number"},
      {"queue x matching", "no pattern"},
      {"queue 300000", "more than 200000 jobs"},
      {"queue 9999999999999 in (a)", "more than 200000 jobs"},
  };
  for (const auto& [statement, message] : cases) {
    EXPECT_THAT(Arguments(statement), ElementsAre(testing::AllOf(HasSubstr("x.sub:2: "), HasSubstr(message))))
        << statement;
  }
}

TEST_F(SubmitTest, MacrosThatDoubleEndlesslyAreStopped) {
  std::string text = "m0 = xxxxxxxxxx\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "$(m" + std::to_string(i - 1) + ")";
    text.append("m").append(std::to_string(i)).append(" = ").append(before).append(before).append("\n");
  }
  EXPECT_THAT(Arguments(text + "arguments = $(m39)\nqueue"), ElementsAre(HasSubstr("macros expand")));
}

TEST_F(SubmitTest, AnErrorOfEveryJobIsReportedOnce) {
  const Submission submission = ExpandSubmit("queue 1000", "x.sub", context_);
  ASSERT_EQ(1U, submission.faults.size());
  EXPECT_EQ("x.sub:1: no executable is given", submission.faults[0].Describe());
}

TEST_F(SubmitTest, TimeMacrosComeFromTheContext) {
  context_.time = Clock::WallTime(std::chrono::seconds(1'700'000'000));
  EXPECT_THAT(Arguments("arguments = $(SUBMIT_TIME) $(YEAR)\n"), ElementsAre("1700000000 2023"));
}

TEST_F(SubmitTest, InitialdirIsCheckedForEachJob) {
  std::filesystem::create_directory(folder_.path() / "a");
  EXPECT_THAT(Arguments("initialdir = $(d)\nqueue d in (a b)"),
              ElementsAre("x.sub:2: initialdir '" + (folder_.path() / "b").string() + "' is not a folder"));
}

TEST_F(SubmitTest, ReadsAFileOfTheSubmissionDirectory) {
  test::WriteFile(folder_.path() / "x.sub", "executable = q.sh\n");
  EXPECT_EQ(1U, ReadSubmit("x.sub", context_).jobs.size());
  const Submission missing = ReadSubmit("y.sub", context_);
  ASSERT_EQ(1U, missing.faults.size());
  EXPECT_THAT(missing.faults[0].Describe(), HasSubstr("y.sub: cannot open"));
}

}  // namespace
}  // namespace roost::dag
