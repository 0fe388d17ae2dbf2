#include "dag/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/plan/cycle.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;

class PlanTest : public ::testing::Test {
 protected:
  Plan& Load(const std::string& text, PlanLimits limits = {}) {
    DagParse parse = ParseDag(text, "test.dag");
    EXPECT_FALSE(HasErrors(parse.faults)) << FaultsError(parse.faults).message();
    dag_ = std::move(parse.dag);
    plan_.emplace(dag_, limits);
    return *plan_;
  }

  NodeIndex At(const std::string& name) const { return dag_.Find(name); }
  NodeState StateOf(const std::string& name) const { return plan_->state(At(name)); }

  /// "pre A", "A", "post A": everything that may start now.
  std::vector<std::string> StartAll() {
    std::vector<std::string> started;
    while (const auto step = plan_->Next()) {
      const std::string& name = dag_.nodes[static_cast<std::size_t>(step->node)].name;
      const char* kind = step->kind == Step::Kind::kPre    ? "pre "
                         : step->kind == Step::Kind::kPost ? "post "
                                                           : "";
      started.push_back(kind + name);
    }
    return started;
  }

  Dag dag_;
  std::optional<Plan> plan_;
};

TEST_F(PlanTest, ChildrenStartWhenTheLastParentIsDone) {
  Plan& plan = Load("JOB A a\nJOB B b\nJOB C c\nPARENT A B CHILD C\n");
  EXPECT_THAT(StartAll(), ElementsAre("A", "B"));
  plan.JobEnded(At("A"), 0);
  EXPECT_THAT(StartAll(), ElementsAre());
  plan.JobEnded(At("B"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("C"));
  plan.JobEnded(At("C"), 0);
  EXPECT_TRUE(plan.Finished());
  EXPECT_EQ(plan.counts()[NodeState::kDone], 3);
}

TEST_F(PlanTest, ReadyNodesStartByPriorityThenInOrderOfTheFile) {
  Load("JOB A a\nJOB B b\nJOB C c\nJOB D d\nPRIORITY B 10\nPRIORITY D 20\nPRIORITY A -5\n");
  EXPECT_THAT(StartAll(), ElementsAre("D", "B", "C", "A"));
}

TEST_F(PlanTest, MaxJobsCountsNodesAtTheExecutor) {
  Plan& plan = Load("JOB A a\nJOB B b\nJOB C c\n", {.max_jobs = 2});
  EXPECT_THAT(StartAll(), ElementsAre("A", "B"));
  plan.JobEnded(At("B"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("C"));
}

TEST_F(PlanTest, AFullCategoryHoldsBackItsOwnNodesOnly) {
  Plan& plan = Load(
      "JOB A a\nJOB B b\nJOB C c\nJOB D d\n"
      "CATEGORY A big\nCATEGORY B big\nCATEGORY C big\nMAXJOBS big 1\n");
  EXPECT_THAT(StartAll(), ElementsAre("A", "D"));
  plan.JobEnded(At("A"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("B"));
  plan.JobEnded(At("B"), 1);
  EXPECT_THAT(StartAll(), ElementsAre("C"));
}

TEST_F(PlanTest, ACategoryWithMaxJobsZeroNeverStarts) {
  Plan& plan = Load("JOB A a\nCATEGORY A none\nMAXJOBS none 0\n");
  EXPECT_THAT(StartAll(), ElementsAre());
  EXPECT_FALSE(plan.Finished());
}

TEST_F(PlanTest, EveryDescendantOfAFailedNodeIsFutileAndOthersGoOn) {
  Plan& plan = Load("JOB A a\nJOB B b\nJOB C c\nJOB D d\nPARENT A CHILD B\nPARENT B CHILD C\n");
  StartAll();
  plan.JobEnded(At("A"), 1);
  EXPECT_EQ(StateOf("A"), NodeState::kFailed);
  EXPECT_EQ(StateOf("B"), NodeState::kFutile);
  EXPECT_EQ(StateOf("C"), NodeState::kFutile);
  EXPECT_EQ(StateOf("D"), NodeState::kQueued);
}

TEST_F(PlanTest, APremarkedNodeBelowAFailedOneStaysDone) {
  Plan& plan = Load("JOB A a\nJOB B b DONE\nJOB C c\nPARENT A CHILD B\nPARENT B CHILD C\n");
  EXPECT_THAT(StartAll(), ElementsAre("A", "C"));
  plan.JobEnded(At("A"), 1);
  EXPECT_EQ(StateOf("B"), NodeState::kDone);
}

TEST_F(PlanTest, ARetryRunsTheWholeNodeAgain) {
  Plan& plan = Load("JOB A a\nSCRIPT PRE A p\nSCRIPT POST A q\nRETRY A 1\n");
  EXPECT_THAT(StartAll(), ElementsAre("pre A"));
  plan.PreEnded(At("A"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("A"));
  plan.JobEnded(At("A"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("post A"));
  plan.PostEnded(At("A"), 3);
  EXPECT_EQ(plan.attempt(At("A")), 1);
  EXPECT_THAT(StartAll(), ElementsAre("pre A"));
  plan.PreEnded(At("A"), 4);
  EXPECT_EQ(StateOf("A"), NodeState::kFailed);
  EXPECT_EQ(plan.value(At("A")), 4);
}

TEST_F(PlanTest, UnlessExitEndsTheRetriesAndLeavesDescendantsWaiting) {
  Plan& plan = Load("JOB A a\nJOB B b\nPARENT A CHILD B\nRETRY A 5 UNLESS-EXIT 42\n");
  StartAll();
  plan.JobEnded(At("A"), 7);
  EXPECT_THAT(StartAll(), ElementsAre("A"));
  plan.JobEnded(At("A"), 42);
  EXPECT_EQ(StateOf("A"), NodeState::kFailed);
  EXPECT_TRUE(plan.retries_cut(At("A")));
  EXPECT_EQ(StateOf("B"), NodeState::kUnready);
  EXPECT_TRUE(plan.Finished());
}

TEST_F(PlanTest, PostDecidesWhateverTheJobDid) {
  Plan& plan = Load("JOB A a\nJOB B b\nSCRIPT POST ALL_NODES q\n");
  StartAll();
  plan.JobEnded(At("A"), 1);
  plan.JobEnded(At("B"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("post A", "post B"));
  EXPECT_EQ(plan.value(At("A")), 1);
  plan.PostEnded(At("A"), 0);
  plan.PostEnded(At("B"), 5);
  EXPECT_EQ(StateOf("A"), NodeState::kDone);
  EXPECT_EQ(StateOf("B"), NodeState::kFailed);
}

TEST_F(PlanTest, PreSkipMakesTheNodeDoneWithoutJobAndPost) {
  Plan& plan = Load("JOB A a\nSCRIPT PRE A p\nSCRIPT POST A q\nPRE_SKIP A 3\n", {.always_run_post = true});
  StartAll();
  plan.PreEnded(At("A"), 3);
  EXPECT_EQ(StateOf("A"), NodeState::kDone);
  EXPECT_TRUE(plan.Finished());
}

TEST_F(PlanTest, PostAfterAFailedPreRunsOnlyWhenAskedFor) {
  const std::string text = "JOB A a\nSCRIPT PRE A p\nSCRIPT POST A q\n";
  Load(text);
  StartAll();
  plan_->PreEnded(At("A"), 4);
  EXPECT_EQ(StateOf("A"), NodeState::kFailed);

  Load(text, {.always_run_post = true});
  StartAll();
  plan_->PreEnded(At("A"), 4);
  EXPECT_EQ(plan_->value(At("A")), kPreFailedValue);
  EXPECT_THAT(StartAll(), ElementsAre("post A"));
}

TEST_F(PlanTest, ASubmitFailureIsNotRetriedButPostMaySaveTheNode) {
  Plan& plan = Load("JOB A a\nJOB B b\nSCRIPT POST B q\nRETRY ALL_NODES 3\n");
  StartAll();
  plan.SubmitFailed(At("A"));
  EXPECT_EQ(StateOf("A"), NodeState::kFailed);
  plan.SubmitFailed(At("B"));
  EXPECT_EQ(plan.value(At("B")), kSubmitFailedValue);
  EXPECT_THAT(StartAll(), ElementsAre("post B"));
  plan.PostEnded(At("B"), 0);
  EXPECT_EQ(StateOf("B"), NodeState::kDone);
}

TEST_F(PlanTest, ScriptsAtOnceAreLimitedAndADeferredOneGivesItsPlaceBack) {
  Plan& plan = Load("JOB A a\nJOB B b\nJOB C c\nSCRIPT PRE ALL_NODES p\n", {.max_pre = 1});
  EXPECT_THAT(StartAll(), ElementsAre("pre A"));
  plan.Defer({Step::Kind::kPre, At("A")});
  EXPECT_THAT(StartAll(), ElementsAre("pre B"));
  plan.Undefer({Step::Kind::kPre, At("A")});
  plan.PreEnded(At("B"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("pre C", "B"));
  plan.PreEnded(At("C"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("pre A", "C"));
}

/// A DAG made by hand: "A", "B" in this order, of these kinds, without jobs.
Dag MakeDag(const std::vector<std::pair<std::string, NodeKind>>& nodes) {
  Dag dag;
  dag.submits.push_back({.file = "a.sub"});
  for (const auto& [name, kind] : nodes) {
    Node node;
    node.name = name;
    node.kind = kind;
    const NodeIndex index = dag.Add(std::move(node));
    if (kind == NodeKind::kFinal) dag.final_node = index;
    if (kind == NodeKind::kProvisioner) dag.provisioner = index;
    if (kind == NodeKind::kService) dag.services.push_back(index);
  }
  return dag;
}

class MadePlanTest : public PlanTest {
 protected:
  Plan& Use(Dag dag, PlanLimits limits = {}) {
    dag_ = std::move(dag);
    plan_.emplace(dag_, limits);
    return *plan_;
  }
};

TEST_F(MadePlanTest, AWeakChildRunsAfterAFailedParentButNotAfterAFutileOne) {
  Dag dag =
      MakeDag({{"A", NodeKind::kJob}, {"B", NodeKind::kJob}, {"C", NodeKind::kJob}, {"D", NodeKind::kJob}});
  dag.Connect(std::vector<NewEdge>{{0, 1, true}, {0, 2, false}, {2, 3, true}});
  Plan& plan = Use(std::move(dag));
  StartAll();
  plan.JobEnded(At("A"), 1);
  EXPECT_THAT(StartAll(), ElementsAre("B"));
  EXPECT_EQ(StateOf("C"), NodeState::kFutile);
  EXPECT_EQ(StateOf("D"), NodeState::kFutile);
}

TEST_F(MadePlanTest, TheFinalNodeWaitsUntilItIsCalledAndIgnoresLimits) {
  Plan& plan =
      Use(MakeDag({{"F", NodeKind::kFinal}, {"A", NodeKind::kJob}, {"B", NodeKind::kJob}}), {.max_jobs = 1});
  EXPECT_THAT(StartAll(), ElementsAre("A"));
  plan.GiveUp();
  EXPECT_THAT(StartAll(), ElementsAre());
  plan.StartFinal();
  EXPECT_FALSE(plan.Finished());
  EXPECT_THAT(StartAll(), ElementsAre("F"));
  plan.JobEnded(At("F"), 0);
  EXPECT_TRUE(plan.Finished());
  EXPECT_FALSE(plan.AllDone());
}

TEST_F(MadePlanTest, NothingIsTriedAgainOnceTheRunEnds) {
  Dag dag = MakeDag({{"A", NodeKind::kJob}});
  dag.At(0).retries = 3;
  Plan& plan = Use(std::move(dag));
  StartAll();
  plan.GiveUp();
  plan.JobEnded(At("A"), 1);
  EXPECT_EQ(StateOf("A"), NodeState::kFailed);
}

TEST_F(MadePlanTest, TheProvisionerIsAloneUntilItIsReady) {
  Plan& plan =
      Use(MakeDag({{"A", NodeKind::kJob}, {"S", NodeKind::kService}, {"P", NodeKind::kProvisioner}}));
  EXPECT_THAT(StartAll(), ElementsAre("P"));
  plan.ProvisionerReady();
  EXPECT_THAT(StartAll(), ElementsAre("S", "A"));
  EXPECT_EQ(plan.counts().total(), 1);
}

TEST_F(MadePlanTest, ServicesStartFirstAndAreNotWaitedForNorCounted) {
  Plan& plan = Use(MakeDag({{"A", NodeKind::kJob}, {"S", NodeKind::kService}}), {.max_jobs = 1});
  EXPECT_THAT(StartAll(), ElementsAre("S", "A"));
  plan.JobEnded(At("S"), 1);
  EXPECT_EQ(plan.counts()[NodeState::kFailed], 0);
  plan.JobEnded(At("A"), 0);
  EXPECT_TRUE(plan.Finished());
  EXPECT_TRUE(plan.AllDone());
}

TEST_F(MadePlanTest, AValueThatAbortsTheDagIsNotTriedAgain) {
  Dag dag = MakeDag({{"A", NodeKind::kJob}});
  dag.At(0).retries = 3;
  dag.RulesToChange(0).abort_on = AbortOn{.value = 10, .return_code = 1};
  Plan& plan = Use(std::move(dag));
  StartAll();
  plan.JobEnded(At("A"), 7);
  EXPECT_THAT(StartAll(), ElementsAre("A"));
  plan.JobEnded(At("A"), 10);
  EXPECT_EQ(StateOf("A"), NodeState::kFailed);
  EXPECT_EQ(plan.AbortBy(At("A"), 10)->return_code, 1);
  EXPECT_EQ(plan.AbortBy(At("A"), 7), nullptr);
}

TEST_F(PlanTest, DepthFirstTakesChildrenBeforeOlderNodes) {
  Plan& plan = Load("JOB A a\nJOB B b\nJOB C c\nPARENT A CHILD C\n", {.max_jobs = 1, .depth_first = true});
  EXPECT_THAT(StartAll(), ElementsAre("A"));
  plan.JobEnded(At("A"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("C"));
}

TEST_F(PlanTest, RetriedNodesWaitBehindOthersUnlessTheyComeFirst) {
  for (const bool first : {false, true}) {
    Plan& plan = Load("JOB A a\nJOB B b\nRETRY A 1\n", {.max_jobs = 1, .retry_first = first});
    StartAll();
    plan.JobEnded(At("A"), 1);
    EXPECT_THAT(StartAll(), ElementsAre(first ? "A" : "B"));
  }
}

TEST_F(PlanTest, AHaltedRunStillRunsPostAndHoldScripts) {
  Plan& plan = Load("JOB A a\nJOB B b\nSCRIPT POST A q\nSCRIPT PRE B p\nPARENT A CHILD B\n");
  StartAll();
  plan.HoldWanted(At("A"));
  plan.JobEnded(At("A"), 0);
  EXPECT_EQ(plan.Next(MayStart::kOnlyWhatFollows), (Step{Step::Kind::kHold, At("A")}));
  EXPECT_EQ(plan.Next(MayStart::kOnlyWhatFollows), (Step{Step::Kind::kPost, At("A")}));
  plan.PostEnded(At("A"), 0);
  EXPECT_EQ(plan.Next(MayStart::kOnlyWhatFollows), std::nullopt);
  EXPECT_EQ(plan.Next(MayStart::kNoJobs), (Step{Step::Kind::kPre, At("B")}));
}

TEST(FindCycle, NamesItsNodesInOrder) {
  Dag dag =
      MakeDag({{"A", NodeKind::kJob}, {"B", NodeKind::kJob}, {"C", NodeKind::kJob}, {"D", NodeKind::kJob}});
  dag.Connect(std::vector<NewEdge>{{0, 1}, {1, 2}, {2, 3}, {3, 1}});
  EXPECT_THAT(FindCycle(dag), ElementsAre(1, 2, 3));
  Dag straight = MakeDag({{"A", NodeKind::kJob}, {"B", NodeKind::kJob}});
  straight.Connect(std::vector<NewEdge>{{0, 1}});
  EXPECT_THAT(FindCycle(straight), ElementsAre());
}

TEST_F(PlanTest, ACycleEndsTheRunWithItsNodesWaiting) {
  Plan& plan = Load("JOB A a\nJOB B b\nJOB X x\nPARENT A CHILD B\nPARENT B CHILD A\n");
  EXPECT_THAT(StartAll(), ElementsAre("X"));
  plan.JobEnded(At("X"), 0);
  EXPECT_TRUE(plan.Finished());
  EXPECT_EQ(plan.counts()[NodeState::kUnready], 2);
}

TEST_F(PlanTest, ResumeTakesOnlyWhatWaits) {
  Plan& plan = Load("JOB A a\nJOB B b\nPARENT A CHILD B\n");
  EXPECT_FALSE(plan.Resume({Step::Kind::kPre, At("A")}));
  EXPECT_FALSE(plan.Resume({Step::Kind::kPost, At("A")}));
  EXPECT_TRUE(plan.Resume({Step::Kind::kJob, At("A")}));
  EXPECT_FALSE(plan.Resume({Step::Kind::kJob, At("A")}));
  plan.JobEnded(At("A"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("B"));
}

TEST_F(PlanTest, ANodeResumedBeforeItsParentsWereOverStartsNoMoreWhenTheyAre) {
  Plan& plan = Load("JOB A a\nJOB B b\nJOB C c\nWEAK PARENT A CHILD B\nPARENT A CHILD C\n");
  EXPECT_TRUE(plan.Resume({Step::Kind::kJob, At("B")}));
  plan.JobEnded(At("B"), 0);
  EXPECT_THAT(StartAll(), ElementsAre("A"));
  plan.JobEnded(At("A"), 1);
  EXPECT_EQ(StateOf("B"), NodeState::kDone);
  EXPECT_EQ(StateOf("C"), NodeState::kFutile);
  EXPECT_TRUE(plan.Finished());
}

// A recursive or quadratic plan does not come to the end of this.
TEST_F(PlanTest, ALongChainAndAWideFanRunThrough) {
  constexpr int kNodes = 100'000;
  Dag dag;
  dag.nodes.resize(2 * kNodes);
  std::vector<NewEdge> edges;
  for (NodeIndex i = 0; i + 1 < kNodes; ++i) edges.push_back({i, i + 1});
  for (NodeIndex i = kNodes; i < 2 * kNodes; ++i)
    edges.push_back({kNodes - 1, i});  // hangs on the chain's end
  dag.Connect(edges);
  Plan plan(dag, {});
  int run = 0;
  while (const auto step = plan.Next()) {
    plan.JobEnded(step->node, 0);
    ++run;
  }
  EXPECT_EQ(run, 2 * kNodes);
  EXPECT_TRUE(plan.Finished());

  Plan failing(dag, {});
  failing.JobEnded(failing.Next()->node, 1);
  EXPECT_EQ(failing.counts()[NodeState::kFutile], 2 * kNodes - 1);
}

}  // namespace
}  // namespace roost::dag
