#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/graph.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::Pointwise;

Weights Numbers(std::vector<float> values) {
  return std::make_shared<const std::vector<float>>(std::move(values));
}

/// 1x1, from 2 to 2 channels.
ConvOp SmallConv(Weights bias = nullptr) {
  return {.weight = Numbers({1, 2, 3, 4}), .bias = std::move(bias), .in = 2, .out = 2};
}
/// Scales by 2 and 3 (eps makes the variance 4), then adds 1 and -1, around a mean of 1 and 2.
BatchNormOp SmallNorm() {
  return {Numbers({4, 6}), Numbers({1, -1}), Numbers({1, 2}), Numbers({3, 3}), /*eps=*/1.0};
}
constexpr Activation kSiLU{ActivationKind::kSiLU};

std::vector<std::string> Names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Operation& operation : graph.operations()) names.push_back(operation.name);
  return names;
}

const ConvOp& ConvAt(const Graph& graph, Value value) { return std::get<ConvOp>(graph[value].kind); }

TEST(FoldBatchNormTest, ScalesTheWeightsAndMovesTheShiftIntoTheBias) {
  Graph g;
  g.BatchNorm(g.Conv(g.Input(2), SmallConv(), "conv"), SmallNorm(), "bn");
  const Graph folded = FoldBatchNorm(g);

  ASSERT_THAT(Names(folded), ElementsAre("input", "conv"));
  EXPECT_THAT(*ConvAt(folded, 1).weight, Pointwise(FloatEq(), {2.0F, 4.0F, 9.0F, 12.0F}));
  EXPECT_THAT(*ConvAt(folded, 1).bias, Pointwise(FloatEq(), {1.0F - 2.0F, -1.0F - 6.0F}));
}

TEST(FoldBatchNormTest, ScalesABiasThatIsThereAlready) {
  Graph g;
  g.BatchNorm(g.Conv(g.Input(2), SmallConv(Numbers({10, 100})), "conv"), SmallNorm(), "bn");
  EXPECT_THAT(*ConvAt(FoldBatchNorm(g), 1).bias, Pointwise(FloatEq(), {-1.0F + 20.0F, -7.0F + 300.0F}));
}

TEST(FoldBatchNormTest, LeavesANormThatFollowsSomethingElse) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  g.BatchNorm(g.Activate(conv, kSiLU, "act"), SmallNorm(), "bn");
  EXPECT_THAT(Names(FoldBatchNorm(g)), ElementsAre("input", "conv", "act", "bn"));
}

TEST(FoldBatchNormTest, LeavesAConvolutionThatOthersReadToo) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  g.Add(conv, g.BatchNorm(conv, SmallNorm(), "bn"), "sum");
  EXPECT_THAT(Names(FoldBatchNorm(g)), ElementsAre("input", "conv", "bn", "sum"));
}

TEST(FoldBatchNormTest, ADeadReaderDoesNotKeepANormFromItsConvolution) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  g.Activate(conv, kSiLU, "dead");
  g.BatchNorm(conv, SmallNorm(), "bn");
  EXPECT_THAT(Names(FoldBatchNorm(g)), ElementsAre("input", "conv"));
}

TEST(FuseActivationTest, TheOnlyReaderMovesIntoTheConvolution) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  const Value act = g.Activate(conv, {ActivationKind::kLeakyReLU, 0.1}, "act");
  g.Add(act, act, "sum");
  const Graph fused = FuseActivation(g);

  ASSERT_THAT(Names(fused), ElementsAre("input", "conv", "sum"));
  EXPECT_EQ(ActivationKind::kLeakyReLU, ConvAt(fused, 1).activation.kind);
  EXPECT_EQ(0.1, ConvAt(fused, 1).activation.parameter);
  EXPECT_THAT(fused[2].inputs, ElementsAre(1, 1));
}

TEST(FuseActivationTest, AConvolutionTakesOneActivationOnly) {
  Graph g;
  const Value act = g.Activate(g.Conv(g.Input(2), SmallConv(), "conv"), kSiLU, "act1");
  g.Activate(act, kSiLU, "act2");
  const Graph once = FuseActivation(g);
  EXPECT_THAT(Names(once), ElementsAre("input", "conv", "act2"));
  EXPECT_THAT(Names(FuseActivation(once)), ElementsAre("input", "conv", "act2"));
}

TEST(FuseActivationTest, LeavesAConvolutionThatOthersReadToo) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  g.Add(conv, g.Activate(conv, kSiLU, "act"), "sum");
  EXPECT_THAT(Names(FuseActivation(g)), ElementsAre("input", "conv", "act", "sum"));
}

TEST(DropDeadTest, KeepsWhatReachesTheOutputAndTheInput) {
  Graph g;
  const Value x = g.Input(2);
  const Value used = g.Activate(x, kSiLU, "used");
  g.Activate(g.Activate(x, kSiLU, "dead1"), kSiLU, "dead2");
  g.Add(x, used, "sum");
  const Graph living = DropDead(g);
  EXPECT_THAT(Names(living), ElementsAre("input", "used", "sum"));
  EXPECT_THAT(living[2].inputs, ElementsAre(0, 1));
}

TEST(OptimizeTest, KeepsEveryOutput) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  const Value act = g.Activate(g.BatchNorm(conv, SmallNorm(), "bn"), kSiLU, "act");
  const Value other = g.Conv(act, SmallConv(), "other");
  g.Activate(other, kSiLU, "dead");
  g.SetOutputs({other, act});
  const Graph optimized = Optimize(g);
  EXPECT_THAT(Names(optimized), ElementsAre("input", "conv", "other"));
  EXPECT_THAT(optimized.outputs(), ElementsAre(2, 1));
}

TEST(OptimizeTest, AnOutputIsNotMergedWithItsOnlyReader) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  g.SetOutputs({g.Activate(conv, kSiLU, "act"), conv});
  EXPECT_THAT(Names(Optimize(g)), ElementsAre("input", "conv", "act"));
}

TEST(OptimizeTest, ATappedMapStaysAsItIs) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  g.AddTap({7, "torch.nn.modules.conv.Conv2d", conv});
  g.Activate(g.BatchNorm(conv, SmallNorm(), "bn"), kSiLU, "act");
  const Graph optimized = Optimize(g);
  EXPECT_THAT(Names(optimized), ElementsAre("input", "conv", "bn", "act"));
  ASSERT_EQ(1U, optimized.taps().size());
  EXPECT_EQ(1, optimized.taps()[0].value);
  EXPECT_EQ(7, optimized.taps()[0].layer);
  EXPECT_THAT(optimized.results(), ElementsAre(3, 1));
}

TEST(OptimizeTest, AConvWithNormAndActivationBecomesOneOperation) {
  Graph g;
  const Value conv = g.Conv(g.Input(2), SmallConv(), "conv");
  g.Activate(g.BatchNorm(conv, SmallNorm(), "bn"), kSiLU, "act");
  EXPECT_THAT(Names(Optimize(g)), ElementsAre("input", "conv"));
}

TEST(LastReadersTest, SaysWhenAValueIsNeededNoMore) {
  Graph g;
  const Value x = g.Input(2);
  const Value a = g.Activate(x, kSiLU, "a");
  g.Activate(x, kSiLU, "unread");
  g.Add(a, x, "sum");
  EXPECT_THAT(LastReaders(g), ElementsAre(3, 3, -1, 4));
  g.SetOutputs({3, 1});
  EXPECT_THAT(LastReaders(g), ElementsAre(3, 4, -1, 4));
}

}  // namespace
}  // namespace roost::yolo
