#include "roost/yolo/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;

Weights Numbers(std::size_t count) { return std::make_shared<const std::vector<float>>(count, 1.0F); }

/// 3x3, from 4 to 8 channels, padded.
ConvOp GoodConv() {
  return {.weight = Numbers(8 * 4 * 9),
          .bias = Numbers(8),
          .in = 4,
          .out = 8,
          .kernel = {3, 3},
          .padding = {1, 1}};
}

/// Expects that `build` is refused as bad data, in a message that names the operation and contains `what`.
template <typename Build>
void ExpectRefused(Build build, const std::string& what) {
  Graph g;
  const Value x = g.Input(4);
  try {
    build(g, x);
    ADD_FAILURE() << "accepted; expected: " << what;
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kBadData, error.code());
    EXPECT_THAT(error.message(), HasSubstr("layer x.1:"));
    EXPECT_THAT(error.message(), HasSubstr(what));
  }
}

void ExpectConvRefused(void (*spoil)(ConvOp&), const std::string& what) {
  ExpectRefused(
      [&](Graph& g, Value x) {
        ConvOp op = GoodConv();
        spoil(op);
        g.Conv(x, op, "x.1");
      },
      what);
}

TEST(GraphTest, KeepsOperationsInTheOrderTheyWereBuilt) {
  Graph g;
  const Value x = g.Input(4);
  const Value y = g.Conv(x, GoodConv(), "conv");
  const Value z = g.Concat({x, y, y}, "concat");

  EXPECT_EQ(z, g.output());
  EXPECT_EQ(4 + 8 + 8, g.channels(z));
  EXPECT_EQ((std::vector<Value>{x, y, y}), g[z].inputs);
  EXPECT_EQ("conv", g[y].name);
}

TEST(GraphTest, AnIdentityActivationIsNoOperation) {
  Graph g;
  const Value x = g.Input(4);
  EXPECT_EQ(x, g.Activate(x, {ActivationKind::kIdentity}, "act"));
}

TEST(GraphTest, RefusesConvolutionsThatCannotBe) {
  ExpectConvRefused([](ConvOp& op) { op.in = 5; }, "takes 5 channels but is given 4");
  ExpectConvRefused([](ConvOp& op) { op.groups = 0; }, "in 0 groups");
  ExpectConvRefused([](ConvOp& op) { op.groups = 3; }, "in 3 groups");
  ExpectConvRefused([](ConvOp& op) { op.groups = -4; }, "in -4 groups");
  ExpectConvRefused([](ConvOp& op) { op.out = 0; }, "to 0 channels");
  ExpectConvRefused([](ConvOp& op) { op.kernel = {3, 0}; }, "kernel 3x0");
  ExpectConvRefused([](ConvOp& op) { op.stride = {0, 1}; }, "stride 0x1");
  ExpectConvRefused([](ConvOp& op) { op.padding = {1, -1}; }, "padding 1x-1");
  ExpectConvRefused([](ConvOp& op) { op.padding = {1 << 30, 1}; }, "padding 1073741824x1");
  ExpectConvRefused([](ConvOp& op) { op.dilation = {0, 0}; }, "dilation 0x0");
  ExpectConvRefused([](ConvOp& op) { op.weight = Numbers(7); }, "the weight has 7 numbers");
  ExpectConvRefused([](ConvOp& op) { op.weight = nullptr; }, "the weight has 0 numbers");
  ExpectConvRefused([](ConvOp& op) { op.bias = Numbers(9); }, "the bias has 9 numbers for 8 channels");
}

TEST(GraphTest, RefusesOtherOperationsThatCannotBe) {
  ExpectRefused(
      [](Graph& g, Value x) {
        g.BatchNorm(x, {Numbers(4), Numbers(4), Numbers(5), Numbers(4)}, "x.1");
      },
      "a batch norm of 5 channels is given 4");
  ExpectRefused(
      [](Graph& g, Value x) {
        g.Add(x, g.Concat({x, x}, "twice"), "x.1");
      },
      "adds 4 channels to 8");
  ExpectRefused([](Graph& g, Value) { g.Concat({}, "x.1"); }, "nothing");
  ExpectRefused([](Graph& g, Value x) { g.MaxPool(x, {.kernel = {0, 0}}, "x.1"); }, "kernel 0x0");
  ExpectRefused(
      [](Graph& g, Value x) {
        g.MaxPool(x, {.kernel = {1 << 30, 5}}, "x.1");
      },
      "kernel 1073741824x5");
  ExpectRefused(
      [](Graph& g, Value x) {
        g.MaxPool(x, {.kernel = {2, 2}, .padding = {0, 2}}, "x.1");
      },
      "padding 0x2 is more than half of the kernel 2x2");
  ExpectRefused([](Graph& g, Value x) { g.Upsample(x, 0, "x.1"); }, "scale 0x0");
  ExpectRefused([](Graph& g, Value x) { g.Pad(x, {.left = -1}, "x.1"); }, "padding 0x-1");
  ExpectRefused([](Graph& g, Value x) { g.Slice(x, {.step = {0, 2}}, "x.1"); }, "step 0x2");
}

TEST(GraphTest, RefusesTransposedConvolutionsThatCannotBe) {
  const auto transposed = [](void (*spoil)(ConvTransposeOp&)) {
    return [=](Graph& g, Value x) {
      ConvTransposeOp op{.weight = Numbers(4 * 8 * 4), .in = 4, .out = 8, .kernel = {2, 2}, .stride = {2, 2}};
      spoil(op);
      g.ConvTranspose(x, op, "x.1");
    };
  };
  Graph good;
  EXPECT_NO_THROW(transposed([](ConvTransposeOp&) {})(good, good.Input(4)));
  ExpectRefused(transposed([](ConvTransposeOp& op) { op.in = 5; }), "takes 5 channels but is given 4");
  ExpectRefused(transposed([](ConvTransposeOp& op) { op.groups = 3; }), "in 3 groups");
  ExpectRefused(transposed([](ConvTransposeOp& op) { op.weight = Numbers(7); }), "the weight has 7 numbers");
  ExpectRefused(transposed([](ConvTransposeOp& op) { op.bias = Numbers(7); }), "the bias has 7 numbers");
  ExpectRefused(transposed([](ConvTransposeOp& op) { op.stride = {0, 2}; }), "stride 0x2");
  ExpectRefused(transposed([](ConvTransposeOp& op) { op.output_padding = {0, 2}; }), "output padding 0x2");
  ExpectRefused(transposed([](ConvTransposeOp& op) { op.output_padding = {-1, 0}; }), "output padding -1x0");
}

TEST(GraphTest, RefusesOperationsThatTheirChannelsDoNotFit) {
  ExpectRefused([](Graph& g, Value x) { g.PReLU(x, {Numbers(3)}, "x.1"); }, "3 slopes for 4 channels");
  ExpectRefused([](Graph& g, Value x) { g.Expand(x, 3, "x.1"); }, "4 channels do not make squares of 3x3");
  ExpectRefused([](Graph& g, Value x) { g.Expand(x, 0, "x.1"); }, "scale 0x0");
  ExpectRefused([](Graph& g, Value x) { g.Attention(x, x, x, 3, "x.1"); }, "4 channels for 3 heads");
  ExpectRefused([](Graph& g, Value x) { g.Attention(x, x, x, 0, "x.1"); }, "4 channels for 0 heads");
  ExpectRefused(
      [](Graph& g, Value x) {
        g.Attention(x, g.Concat({x, x}, "twice"), x, 2, "x.1");
      },
      "attends to 8 channels with 4");
}

TEST(GraphTest, JoinsHeadsOfTheSameColumnsOnly) {
  Graph g;
  const Value x = g.Input(4);
  const Value four = g.Classify(x, "four");
  EXPECT_EQ(4, g.channels(g.Join({four, four}, "join")));
  ExpectRefused([](Graph& other, Value y) { other.Join({y}, "x.1"); }, "joins what is no head");
  ExpectRefused(
      [](Graph& other, Value y) {
        const Value more = other.Classify(other.Concat({y, y}, "twice"), "more");
        other.Join({other.Classify(y, "some"), more}, "x.1");
      },
      "joins heads of 4 and 8 columns");
  ExpectRefused([](Graph& other, Value) { other.Join({}, "x.1"); }, "joins nothing");
}

TEST(GraphTest, ItsOutputIsTheLastOperationUnlessOthersAreNamed) {
  Graph g;
  const Value x = g.Input(4);
  const Value y = g.Activate(x, {ActivationKind::kReLU}, "y");
  EXPECT_EQ(std::vector<Value>{y}, g.outputs());
  const Value z = g.Activate(x, {ActivationKind::kReLU}, "z");
  g.SetOutputs({z, y});
  g.Activate(x, {ActivationKind::kReLU}, "dead");
  EXPECT_EQ((std::vector<Value>{z, y}), g.outputs());
  EXPECT_EQ(z, g.output());
}

TEST(GraphTest, RefusesDetectionHeadsThatCannotBe) {
  const auto detect = [](std::int64_t classes, double stride, std::size_t anchors) {
    return [=](Graph& g, Value x) {
      const Value map = g.Concat({x, x, x}, "map");
      g.Detect({map}, {.classes = classes, .strides = {stride}, .anchors = {{anchors, {8.0F, 8.0F}}}}, "x.1");
    };
  };
  Graph good;
  EXPECT_NO_THROW(detect(1, 32, 2)(good, good.Input(4)));

  ExpectRefused(detect(2, 32, 2), "12 channels for 2 anchors of 7 numbers");
  ExpectRefused(detect(0, 32, 2), "0 classes");
  ExpectRefused(detect(-1, 32, 3), "-1 classes");
  ExpectRefused(detect(1, 0, 2), "stride");
  ExpectRefused(detect(1, -8, 2), "stride");
  ExpectRefused(detect(1, 1e12, 2), "stride");
  ExpectRefused(detect(1, std::nan(""), 2), "stride");
  ExpectRefused(detect(1, 32, 0), "0 anchors");
  ExpectRefused(
      [](Graph& g, Value x) {
        g.Detect({x}, {.classes = 1, .strides = {8, 16}}, "x.1");
      },
      "1 inputs, 2 strides and 0 sets of anchors");
}

TEST(GraphTest, NothingReadsTheOutputOfTheDetectionHead) {
  ExpectRefused(
      [](Graph& g, Value x) {
        const Value map = g.Concat({x, x, x}, "map");
        const Value boxes = g.Detect(
            {map}, {.classes = 1, .strides = {32}, .anchors = {{{8.0F, 8.0F}, {9.0F, 9.0F}}}}, "detect");
        g.Activate(boxes, {ActivationKind::kSiLU}, "x.1");
      },
      "reads the output of a head");
}

TEST(GraphTest, RefusesChannelsThatDoubleWithoutEnd) {
  ExpectRefused(
      [](Graph& g, Value x) {
        for (int i = 0; i < 100; ++i) x = g.Concat({x, x}, "x.1");
      },
      "channels");
}

}  // namespace
}  // namespace roost::yolo
