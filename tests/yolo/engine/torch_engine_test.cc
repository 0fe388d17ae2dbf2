#include <cmath>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/engine.h"
#include "yolo/graph/modules.h"

namespace roost::yolo {
namespace {

using test::From;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr float kInf = std::numeric_limits<float>::infinity();

Weights Numbers(std::vector<float> values) {
  return std::make_shared<const std::vector<float>>(std::move(values));
}

std::shared_ptr<const Engine> Open(const Graph& graph, bool optimize = true) {
  return OpenEngine("torch", graph, {.device = "cpu", .optimize = optimize});
}

/// Runs a network on one picture of one channel.
std::vector<float> RunOn(const Graph& graph, std::int64_t rows, std::int64_t columns,
                         std::vector<float> pixels) {
  return Open(graph)->Run({1, rows, columns, std::move(pixels)}).values;
}

ImageBatch NoiseBatch(std::int64_t n, std::int64_t rows, std::int64_t columns) {
  ImageBatch batch{n, rows, columns, test::Noise({n, 3, rows, columns}, 99).ToFloats()};
  for (float& pixel : batch.pixels) pixel = (pixel + 1) / 2;
  return batch;
}

/// A little of everything: stem, bottleneck, pyramid, upsampling, concatenation and two levels of boxes.
Graph SmallDetector() {
  const auto sppf = test::MakeModule("models.common.SPPF");
  test::SetChild(sppf, "cv1", test::Conv({.in = 8, .out = 4, .seed = 5}));
  test::SetChild(sppf, "cv2", test::Conv({.in = 16, .out = 8, .seed = 6}));
  test::SetChild(sppf, "m", test::MaxPool2d(5));
  return Lower(*test::Model({
      From({-1}, test::Conv({.in = 3, .out = 4, .kernel = 3, .stride = 2, .seed = 2})),
      From({-1}, test::Conv({.in = 4, .out = 8, .kernel = 3, .stride = 2, .seed = 3})),
      From({-1}, test::Bottleneck(8, true)),
      From({-1}, sppf),
      From({-1}, test::Upsample(2)),
      From({-1, 0}, test::Concat()),
      From({5, 3}, test::Detect(2, {12, 8})),
  }));
}

TEST(TorchEngineTest, ConvolvesWithStridePaddingGroupsAndBias) {
  Graph g;
  const Value x = g.Input(1);
  // Sum of a 3x3 neighbourhood plus 0.5, every second pixel.
  const Value sum = g.Conv(x,
                           {.weight = Numbers(std::vector<float>(9, 1)),
                            .bias = Numbers({0.5F}),
                            .in = 1,
                            .out = 1,
                            .kernel = {3, 3},
                            .stride = {2, 2},
                            .padding = {1, 1}},
                           "sum");
  // Each channel on its own: times 2 and times 10.
  g.Conv(g.Concat({sum, sum}, "twice"), {.weight = Numbers({2, 10}), .in = 2, .out = 2, .groups = 2},
         "scale");
  EXPECT_THAT(RunOn(g, 2, 3, {1, 2, 3, 4, 5, 6}), ElementsAre(25, 33, 125, 165));
}

TEST(TorchEngineTest, NormalisesEachChannel) {
  Graph g;
  const Value x = g.Input(1);
  g.BatchNorm(g.Concat({x, x}, "twice"),
              {Numbers({4, 6}), Numbers({1, -1}), Numbers({1, 2}), Numbers({3, 8}), /*eps=*/1.0}, "bn");
  EXPECT_THAT(RunOn(g, 1, 2, {1, 3}), Pointwise(FloatNear(1e-6F), {1.0F, 5.0F, -3.0F, 1.0F}));
}

TEST(TorchEngineTest, PoolsWithoutCountingThePadding) {
  Graph g;
  g.MaxPool(g.Input(1), {.kernel = {3, 3}, .padding = {1, 1}}, "pool");
  EXPECT_THAT(RunOn(g, 2, 3, {-1, -2, -3, -4, -5, -6}), ElementsAre(-1, -1, -2, -1, -1, -2));
}

TEST(TorchEngineTest, PoolsAPartialWindowInCeilMode) {
  Graph g;
  g.MaxPool(g.Input(1), {.kernel = {2, 2}, .stride = {2, 2}, .ceil_mode = true}, "pool");
  EXPECT_THAT(RunOn(g, 3, 3, {1, 2, 3, 4, 5, 6, 7, 8, 9}), ElementsAre(5, 6, 8, 9));
}

TEST(TorchEngineTest, PadsWithZerosOnTheSidesThatAreNamed) {
  Graph g;
  g.Pad(g.Input(1), {.left = 1, .right = 0, .top = 0, .bottom = 1}, "pad");
  EXPECT_THAT(RunOn(g, 1, 2, {5, 6}), ElementsAre(0, 5, 6, 0, 0, 0));
}

TEST(TorchEngineTest, UpsamplesByRepeating) {
  Graph g;
  g.Upsample(g.Input(1), 2, "up");
  EXPECT_THAT(RunOn(g, 1, 2, {5, 6}), ElementsAre(5, 5, 6, 6, 5, 5, 6, 6));
}

TEST(TorchEngineTest, SlicesAndConcatenates) {
  Graph g;
  const Value x = g.Input(1);
  g.Concat({g.Slice(x, {.start = {1, 0}}, "a"), g.Slice(x, {.start = {0, 1}}, "b")}, "both");
  EXPECT_THAT(RunOn(g, 2, 4, {1, 2, 3, 4, 5, 6, 7, 8}), ElementsAre(5, 7, 2, 4));
}

TEST(TorchEngineTest, TransposedConvolutionsSpreadEachPixel) {
  Graph g;
  const Value x = g.Input(1);
  g.ConvTranspose(g.Concat({x, g.Scale(x, 10, "ten times")}, "both"),
                  {.weight = Numbers({1, 2, 3, 4}),
                   .bias = Numbers({0.5F, 0}),
                   .in = 2,
                   .out = 2,
                   .groups = 2,
                   .kernel = {1, 2},
                   .stride = {1, 2}},
                  "up");
  EXPECT_THAT(RunOn(g, 1, 2, {1, 2}), ElementsAre(1.5, 2.5, 2.5, 4.5, 30, 40, 60, 80));
}

TEST(TorchEngineTest, PReLUHasASlopePerChannel) {
  Graph g;
  const Value x = g.Input(1);
  g.PReLU(g.Concat({x, x}, "twice"), {Numbers({0.5F, -1})}, "prelu");
  EXPECT_THAT(RunOn(g, 1, 2, {-4, 3}), ElementsAre(-2, 3, 4, 3));
}

TEST(TorchEngineTest, ExpandsChannelsIntoSquares) {
  Graph g;
  const Value x = g.Input(1);
  std::vector<Value> channels;
  for (int i = 0; i < 8; ++i) channels.push_back(g.Scale(x, i, "times"));
  g.Expand(g.Concat(channels, "all"), 2, "expand");
  // Channels 0, 2, 4, 6 are the four pixels of the first square of output channel 0.
  EXPECT_THAT(RunOn(g, 1, 2, {1, 10}), ElementsAre(0, 2, 0, 20, 4, 6, 40, 60, 1, 3, 10, 30, 5, 7, 50, 70));
}

TEST(TorchEngineTest, AveragesEachChannel) {
  Graph g;
  const Value x = g.Input(1);
  g.Mean(g.Concat({x, g.Scale(x, 2, "twice")}, "both"), "mean");
  EXPECT_THAT(RunOn(g, 2, 2, {1, 2, 3, 6}), ElementsAre(3, 6));
}

TEST(TorchEngineTest, AttentionWeighsThePixelsOfEachHead) {
  // Two heads of one channel, three pixels.
  Graph g;
  const Value x = g.Input(1);
  const auto two = [&](double a, double b) {
    return g.Concat({g.Scale(x, a, "a"), g.Scale(x, b, "b")}, "two");
  };
  g.Attention(two(1, 2), two(0.5, -1), two(3, 4), 2, "attention");
  const std::vector<double> pixels = {0.5, 1, -1};
  std::vector<double> expected;
  const double factors[2][3] = {{1, 0.5, 3}, {2, -1, 4}};
  for (const auto& [q, k, v] : factors) {
    for (const double query : pixels) {
      double sum = 0, weighted = 0;
      for (const double other : pixels) {
        const double weight = std::exp(q * query * k * other);
        sum += weight;
        weighted += weight * v * other;
      }
      expected.push_back(weighted / sum);
    }
  }
  EXPECT_THAT(RunOn(g, 1, 3, {0.5F, 1, -1}), Pointwise(::testing::DoubleNear(1e-5), expected));
}

TEST(TorchEngineTest, AttentionKeepsThePicturesOfABatchApart) {
  const auto transformer = Open(Lower(*test::Model({
      From({-1}, test::Conv({.in = 3, .out = 8, .kernel = 3, .stride = 4})),
      From({-1}, test::TransformerLayer(8, 4)),
      From({-1}, test::Detect(1, {8})),
  })));
  const ImageBatch batch = NoiseBatch(2, 32, 48);
  const Predictions together = transformer->Run(batch);
  ImageBatch second{1, 32, 48, {}};
  second.pixels.assign(batch.pixels.begin() + 3 * 32 * 48, batch.pixels.end());
  const std::span<const float> of_second = together.of(1);
  EXPECT_THAT(transformer->Run(second).values,
              Pointwise(FloatNear(1e-3F), std::vector<float>(of_second.begin(), of_second.end())));
}

TEST(TorchEngineTest, SegmentationGivesRawMaskCoefficientsAndPrototypes) {
  const Graph graph = Lower(*test::Model({
      From({-1}, test::Conv({.in = 3, .out = 4, .kernel = 3, .stride = 8})),
      From({-1}, test::Segment(2, 5, {4})),
  }));
  for (const bool optimize : {true, false}) {
    const Predictions got = Open(graph, optimize)->Run(NoiseBatch(2, 32, 64));
    EXPECT_EQ(2, got.n);
    EXPECT_EQ(3 * 4 * 8, got.rows);
    EXPECT_EQ(5 + 2 + 5, got.columns);
    EXPECT_EQ(5, got.prototypes.channels);
    EXPECT_EQ(8, got.prototypes.height);
    EXPECT_EQ(16, got.prototypes.width);
    EXPECT_EQ(2U * 5 * 8 * 16, got.prototypes.values.size());
    bool raw = false;  // a sigmoid would have put them between 0 and 1
    for (std::size_t i = 0; i < got.values.size(); ++i) raw |= i % 12 >= 7 && got.values[i] < 0;
    EXPECT_TRUE(raw);
  }
}

TEST(TorchEngineTest, HandsOutTheMapsOfTappedLayers) {
  Graph g;
  const Value x = g.Input(1);
  g.AddTap({0, "a", g.Scale(x, 2, "twice")});
  g.AddTap({1, "b", g.Upsample(x, 2, "up")});
  g.Scale(x, 3, "thrice");
  const Predictions got = Open(g)->Run({2, 1, 2, {1, 2, 3, 4}});
  EXPECT_THAT(got.values, ElementsAre(3, 6, 9, 12));
  ASSERT_EQ(2U, got.layers.size());
  EXPECT_THAT(got.layers[0].values, ElementsAre(2, 4, 6, 8));
  EXPECT_EQ("b", got.layers[1].class_name);
  EXPECT_EQ(4, got.layers[1].width);
  EXPECT_THAT(got.layers[1].of(1), ElementsAre(3, 3, 4, 4, 3, 3, 4, 4));
}

TEST(TorchEngineTest, ClassificationGivesARowOfLogits) {
  Graph g;
  const Value x = g.Input(1);
  g.Classify(g.Mean(g.Concat({x, g.Scale(x, -1, "minus")}, "both"), "mean"), "classify");
  const Predictions got = Open(g)->Run({2, 1, 2, {1, 3, 5, 7}});
  EXPECT_EQ(1, got.rows);
  EXPECT_EQ(2, got.columns);
  EXPECT_THAT(got.values, ElementsAre(2, -2, 6, -6));
  EXPECT_EQ(0, got.prototypes.channels);
}

TEST(TorchEngineTest, JoinedHeadsFollowEachOtherInEveryPicture) {
  Graph g;
  const Value x = g.Input(1);
  const Value mean = g.Mean(x, "mean");
  g.Join({g.Classify(mean, "one"), g.Classify(g.Scale(mean, 10, "ten"), "two")}, "join");
  const Predictions got = Open(g)->Run({2, 1, 1, {1, 2}});
  EXPECT_EQ(2, got.rows);
  EXPECT_THAT(got.values, ElementsAre(1, 10, 2, 20));
}

TEST(TorchEngineTest, AnActivationDoesNotChangeWhatOthersRead) {
  Graph g;
  const Value x = g.Input(1);
  const Value relu = g.Activate(x, {ActivationKind::kReLU}, "relu");
  g.Add(g.Activate(relu, {ActivationKind::kTanh}, "tanh"), g.Concat({relu}, "relu again"), "sum");
  const float y = 3.0F + std::tanh(3.0F);
  EXPECT_THAT(RunOn(g, 1, 2, {-3, 3}), Pointwise(FloatNear(1e-6F), {0.0F, y}));
}

struct ActivationCase {
  Activation activation;
  std::function<double(double)> formula;
};

TEST(TorchEngineTest, ActivationsFollowTheirFormulas) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const std::vector<ActivationCase> cases = {
      {{ActivationKind::kIdentity}, [](double x) { return x; }},
      {{ActivationKind::kSiLU}, [=](double x) { return x * sigmoid(x); }},
      {{ActivationKind::kHardswish}, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }},
      {{ActivationKind::kReLU}, [](double x) { return std::max(x, 0.0); }},
      {{ActivationKind::kReLU6}, [](double x) { return std::clamp(x, 0.0, 6.0); }},
      {{ActivationKind::kLeakyReLU, 0.1}, [](double x) { return x < 0 ? 0.1 * x : x; }},
      {{ActivationKind::kMish}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {{ActivationKind::kGELU}, [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }},
      {{ActivationKind::kELU, 0.5}, [](double x) { return x < 0 ? 0.5 * std::expm1(x) : x; }},
      {{ActivationKind::kTanh}, [](double x) { return std::tanh(x); }},
      {{ActivationKind::kSigmoid}, sigmoid},
      {{ActivationKind::kGELUTanh},
       [](double x) { return x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))) / 2; }},
      {{ActivationKind::kSoftplus, 1}, [](double x) { return std::log1p(std::exp(x)); }},
      {{ActivationKind::kSoftplus, 0.5, 1.5},
       [](double x) { return 0.5 * x > 1.5 ? x : std::log1p(std::exp(0.5 * x)) / 0.5; }},
  };
  const std::vector<float> xs = {-7, -3.5, -1, -0.25, 0, 0.5, 2, 5, 8};
  for (const ActivationCase& c : cases) {
    SCOPED_TRACE("activation number " + std::to_string(static_cast<int>(c.activation.kind)));
    Graph alone, fused;
    alone.Concat({alone.Activate(alone.Input(1), c.activation, "act")}, "out");
    fused.Activate(fused.Conv(fused.Input(1), {.weight = Numbers({1}), .in = 1, .out = 1}, "conv"),
                   c.activation, "act");
    std::vector<float> expected;
    for (const float x : xs) expected.push_back(static_cast<float>(c.formula(x)));
    const auto columns = static_cast<std::int64_t>(xs.size());
    EXPECT_THAT(RunOn(alone, 1, columns, xs), Pointwise(FloatNear(2e-6F), expected));
    EXPECT_THAT(RunOn(fused, 1, columns, xs), Pointwise(FloatNear(2e-6F), expected));
  }
}

TEST(TorchEngineTest, DecodesBoxesAsTheReferenceDoes) {
  // Two anchors of 5 + 1 numbers on a map of 1 x 2; number k of pixel i is (k + i) / 8 before the sigmoid.
  Graph g;
  const Value x = g.Input(1);
  std::vector<float> offsets;
  for (int k = 0; k < 12; ++k) offsets.push_back(static_cast<float>(k) / 8);
  const Value map = g.Conv(
      x, {.weight = Numbers(std::vector<float>(12, 1)), .bias = Numbers(offsets), .in = 1, .out = 12}, "map");
  g.Detect({map}, {.classes = 1, .strides = {16}, .anchors = {{{10, 20}, {30, 40}}}}, "detect");
  const Predictions boxes = Open(g)->Run({1, 1, 2, {0, 0.125F}});

  EXPECT_EQ(1, boxes.n);
  EXPECT_EQ(4, boxes.rows);
  EXPECT_EQ(6, boxes.columns);
  std::vector<double> expected;
  const double sizes[2][2] = {{10, 20}, {30, 40}};
  for (int anchor = 0; anchor < 2; ++anchor) {
    for (int column = 0; column < 2; ++column) {
      const auto s = [&](int k) { return 1 / (1 + std::exp(-(6 * anchor + k + column) / 8.0)); };
      expected.insert(expected.end(),
                      {(2 * s(0) + column - 0.5) * 16, (2 * s(1) + 0 - 0.5) * 16,
                       4 * s(2) * s(2) * sizes[anchor][0], 4 * s(3) * s(3) * sizes[anchor][1], s(4), s(5)});
    }
  }
  EXPECT_THAT(boxes.values, Pointwise(::testing::DoubleNear(1e-4), expected));
}

TEST(TorchEngineTest, PassesChangeResultsByRoundingOnly) {
  const Graph graph = SmallDetector();
  ASSERT_LT(Optimize(graph).operations().size(), graph.operations().size());
  const ImageBatch batch = NoiseBatch(1, 32, 48);
  const Predictions plain = Open(graph, /*optimize=*/false)->Run(batch);
  const Predictions optimized = Open(graph)->Run(batch);
  EXPECT_EQ(3 * (16 * 24 + 8 * 12), plain.rows);
  EXPECT_THAT(optimized.values, Pointwise(FloatNear(1e-3F), plain.values));
}

TEST(TorchEngineTest, APictureGivesTheSameBoxesAloneAndInABatch) {
  const auto engine = Open(SmallDetector());
  const ImageBatch batch = NoiseBatch(3, 32, 32);
  const Predictions together = engine->Run(batch);
  ASSERT_EQ(3, together.n);
  const std::size_t size = 3 * 32 * 32;
  for (std::size_t i = 0; i < 3; ++i) {
    ImageBatch one{1, 32, 32, {}};
    one.pixels.assign(batch.pixels.begin() + static_cast<std::ptrdiff_t>(i * size),
                      batch.pixels.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
    EXPECT_THAT(together.of(static_cast<std::int64_t>(i)), ElementsAreArray(engine->Run(one).values));
  }
}

TEST(TorchEngineTest, SeveralThreadsMayRunOneEngine) {
  const auto engine = Open(SmallDetector());
  const ImageBatch batch = NoiseBatch(1, 64, 64);
  const std::vector<float> expected = engine->Run(batch).values;
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) result = engine->Run(batch).values;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(expected, result);
}

TEST(TorchEngineTest, OutlivesTheGraphItWasMadeOf) {
  std::shared_ptr<const Engine> engine;
  std::vector<float> expected;
  const ImageBatch batch = NoiseBatch(1, 32, 32);
  {
    const Graph graph = SmallDetector();
    engine = Open(graph, /*optimize=*/false);
    expected = engine->Run(batch).values;
  }
  EXPECT_EQ(expected, engine->Run(batch).values);
}

TEST(TorchEngineTest, WeightsThatAreNotFiniteDoNoHarm) {
  for (const float weight : {std::nanf(""), kInf}) {
    Graph g;
    const Value map =
        g.Conv(g.Input(1), {.weight = Numbers(std::vector<float>(6, weight)), .in = 1, .out = 6}, "map");
    g.Detect({map}, {.classes = 1, .strides = {8}, .anchors = {{{weight, 1}}}}, "detect");
    EXPECT_EQ(6U, RunOn(g, 1, 1, {0}).size());
  }
}

void ExpectRunRefused(const Engine& engine, const ImageBatch& batch, const std::string& what) {
  try {
    engine.Run(batch);
    ADD_FAILURE() << "ran";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr(what));
    EXPECT_THAT(error.message(), Not(HasSubstr("\n")));
  }
}

TEST(TorchEngineTest, RefusesBatchesThatAreNotWhatTheySay) {
  const auto engine = Open(SmallDetector());
  ExpectRunRefused(*engine, {1, 32, 32, {}}, "1 pictures of 32x32 does not have 0 numbers");
  ExpectRunRefused(*engine, {0, 32, 32, {}}, "0 pictures");
  ExpectRunRefused(*engine, {-1, -32, 96, std::vector<float>(9216)}, "-1 pictures");
  ExpectRunRefused(*engine, NoiseBatch(1, 30, 30), "concatenates maps");
}

TEST(TorchEngineTest, WhatLibTorchThrowsLeavesAsOneLineOfOurs) {
  // Append() takes operations unchecked: this convolution wants 4 channels and gets 1.
  Graph g;
  g.Input(1);
  g.Append({ConvOp{.weight = Numbers(std::vector<float>(8, 1)), .in = 4, .out = 2}, {0}, 2, "conv"});
  ExpectRunRefused(*Open(g), {1, 4, 4, std::vector<float>(16)}, "LibTorch failed while running the network");
}

}  // namespace
}  // namespace roost::yolo
