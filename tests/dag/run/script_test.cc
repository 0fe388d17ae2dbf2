#include "dag/run/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ExpandScript, ReplacesWholeWordsOnlyInAnyCase) {
  const Script script{.words = {"s.sh", "$job", "x$JOB", "$RETRY", "plain"}};
  const auto words = ExpandScript(script, {.kind = Step::Kind::kPre, .node = "A", .retry = 2});
  EXPECT_THAT(*words, ElementsAre("s.sh", "A", "x$JOB", "2", "plain"));
}

TEST(ExpandScript, TellsPostHowEveryJobEnded) {
  const Script script{.words = {"$RETURN", "$SUCCESS", "$JOBID", "$CLUSTERID", "$JOB_COUNT",
                                "$JOB_ABORT_COUNT", "$EXIT_CODES", "$EXIT_CODE_COUNTS", "$EXIT_CODE_LIST",
                                "$PRE_SCRIPT_RETURN"}};
  const ClusterOutcome outcome{
      .cluster = 7, .last_proc = 3, .procs = 4, .aborted = 1, .exit_values = {3, std::nullopt, 0, 3}};
  const auto words = ExpandScript(script, {.kind = Step::Kind::kPost, .outcome = outcome, .value = 3});
  EXPECT_THAT(*words, ElementsAre("3", "False", "7.3", "7", "4", "1", "0,3", "0:1,3:2", "3,,0,3", "-1"));
}

TEST(ExpandScript, NamesAMacroThatTheScriptCannotHave) {
  const Script script{.words = {"s.sh", "$RETURN"}, .where = {"x.dag", 4}};
  const auto words = ExpandScript(script, {.kind = Step::Kind::kPre});
  ASSERT_FALSE(words.ok());
  EXPECT_EQ(words.error().message(), "x.dag:4: $RETURN macro should not be used as a PRE script argument!");
}

TEST(ScriptRunner, LooksForTheProgramInTheFolderOfTheNodeFirst) {
  const TemporaryDirectory folder;
  test::WriteScript(folder.path() / "true", "#!/bin/sh\nexit 5\n");
  Children children;
  ScriptRunner runner(children, {"PATH=/bin:/usr/bin"});
  const Step step{Step::Kind::kPre, 0};
  ASSERT_TRUE(runner.Start(step, "A", {}, {"true"}, folder.path()).ok());
  ASSERT_TRUE(runner.Start(step, "A", {}, {"false"}, folder.path()).ok());
  std::vector<int> codes;
  while (runner.busy()) {
    children.Wait(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    for (const auto& ended : runner.TakeEnded()) codes.push_back(ended.status.value);
  }
  EXPECT_THAT(codes, ::testing::UnorderedElementsAre(5, 1));
}

TEST(ScriptRunner, AProgramThatIsNotThereEndsWithExitCodeOne) {
  const TemporaryDirectory folder;
  Children children;
  ScriptRunner runner(children, {"PATH=/bin:/usr/bin"});
  const auto started = runner.Start({Step::Kind::kPre, 0}, "A", {}, {"nosuch.sh"}, folder.path());
  EXPECT_THAT(started.error().message(), HasSubstr("nosuch.sh"));
  const auto ended = runner.TakeEnded();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].status.value, 1);
}

}  // namespace
}  // namespace roost::dag
