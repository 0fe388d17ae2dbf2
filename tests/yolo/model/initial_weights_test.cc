#include "yolo/model/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/model/model_builder.h"

namespace roost::yolo {
namespace {

// Of seed 1 and "model.0.conv.weight", worked out in Python: the same on every machine.
constexpr float kFirst = -0.014386438F;

class InitialWeightsTest : public ::testing::Test {
 protected:
  /// Two convolutions and a head at stride 8, of `classes` classes.
  std::shared_ptr<const Module> Build(int classes, const std::string& anchors = "[[10,13, 16,30]]") {
    const Path file = folder_.path() / "tiny.yaml";
    test::WriteFile(file,
                    "nc: " + std::to_string(classes) +
                        "\ndepth_multiple: 1\nwidth_multiple: 1\nanchors: " + anchors +
                        "\nbackbone:\n  [[-1, 1, Conv, [64, 6, 4, 2]],\n   [-1, 1, Conv, [128, 3, 2]]]\n"
                        "head:\n  [[[-1], 1, Detect, [nc, anchors]]]\n");
    BuiltModel built = BuildModel(ReadModelYaml(file));
    SetStrides(built, {8});
    return built.model;
  }

  static const Module& Layer(const Module& model, int i) { return model["model"][std::to_string(i)]; }

  TemporaryDirectory folder_;
};

TEST_F(InitialWeightsTest, KernelsAreUniformWithinTheInverseRootOfTheirInputs) {
  const auto model = DrawInitialWeights(*Build(3), 1);
  const Tensor& weight = Layer(*model, 1)["conv"].RequiredTensor("weight");
  const std::vector<float> values = weight.ToFloats();
  const double bound = 1 / std::sqrt(64 * 9);
  const auto [least, most] = std::ranges::minmax(values);
  EXPECT_GE(least, -bound);
  EXPECT_LE(most, bound);
  EXPECT_NEAR(-bound, least, 1e-4);
  EXPECT_NEAR(bound, most, 1e-4);
  const double count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  EXPECT_NEAR(0, mean, 5 * bound / std::sqrt(3 * count));
  const double squares =
      std::accumulate(values.begin(), values.end(), 0.0, [](double sum, float v) { return sum + v * v; });
  EXPECT_NEAR(bound * bound / 3, squares / count, 0.02 * bound * bound);
  EXPECT_TRUE(weight.requires_grad);
}

TEST_F(InitialWeightsTest, BatchNormsBeginAsTheIdentity) {
  const auto model = DrawInitialWeights(*Build(3), 1);
  const Module& bn = Layer(*model, 0)["bn"];
  const auto first = [&](const char* name) { return bn.RequiredTensor(name).ToFloats()[0]; };
  EXPECT_EQ(1, first("weight"));
  EXPECT_EQ(0, first("bias"));
  EXPECT_EQ(0, first("running_mean"));
  EXPECT_EQ(1, first("running_var"));
  EXPECT_EQ(0, first("num_batches_tracked"));
  EXPECT_EQ(DType::kInt64, bn.RequiredTensor("num_batches_tracked").dtype);
  EXPECT_FALSE(bn.RequiredTensor("running_var").requires_grad);
}

TEST_F(InitialWeightsTest, TheHeadExpectsFewObjects) {
  const auto model = DrawInitialWeights(*Build(3), 1);
  const std::vector<float> bias = Layer(*model, 2)["m"]["0"].RequiredTensor("bias").ToFloats();
  ASSERT_EQ(16, bias.size());
  const double drawn = 1 / std::sqrt(128);  // what the constructor drew is added to
  for (std::size_t i = 0; i < 8; ++i) {
    const double start = i < 4 ? 0 : i == 4 ? std::log(8 / 6400.0) : std::log(0.6 / (3 - 0.99999));
    EXPECT_NEAR(start, bias[i], drawn);
    EXPECT_NEAR(start, bias[8 + i], drawn);
  }
}

TEST_F(InitialWeightsTest, TheSeedAndTheNameDecide) {
  const auto floats = [&](std::uint64_t seed, int layer) {
    return Layer(*DrawInitialWeights(*Build(3), seed), layer)["conv"].RequiredTensor("weight").ToFloats();
  };
  EXPECT_EQ(floats(1, 0), floats(1, 0));
  EXPECT_NE(floats(1, 0), floats(2, 0));
  EXPECT_NE(floats(1, 0)[0], floats(1, 1)[0]);
  EXPECT_FLOAT_EQ(kFirst, floats(1, 0)[0]);
}

TEST_F(InitialWeightsTest, WeightsOfTheSameNameAndShapeMoveOver) {
  const auto from = DrawInitialWeights(*Build(80), 1);
  const auto into = DrawInitialWeights(*Build(3, "[[20,20, 40,40]]"), 2);
  const TransferredWeights moved = TransferWeights(*from, *into, TransferAnchors::kNo);
  const auto weight = [](const Module& model, int layer) {
    return Layer(model, layer)["conv"].RequiredTensor("weight").ToFloats();
  };
  EXPECT_EQ(weight(*from, 1), weight(*moved.model, 1));
  EXPECT_EQ(15, moved.of);     // two layers of six, and kernel, bias and anchors of the head
  EXPECT_EQ(12, moved.taken);  // those of the layers
  const auto anchors = [](const Module& model) {
    return Layer(model, 2).RequiredTensor("anchors").ToFloats();
  };
  EXPECT_EQ(anchors(*into), anchors(*moved.model));
  EXPECT_TRUE(Layer(*moved.model, 0)["conv"].RequiredTensor("weight").requires_grad);

  const TransferredWeights all = TransferWeights(*from, *into, TransferAnchors::kYes);
  EXPECT_EQ(13, all.taken);
  EXPECT_EQ(anchors(*from), anchors(*all.model));
}

TEST_F(InitialWeightsTest, HalfPrecisionMovesOverAsSinglePrecision) {
  const auto into = DrawInitialWeights(*Build(3), 2);
  auto layers = std::make_shared<Module>((*into)["model"]);
  auto conv = std::make_shared<Module>(Layer(*into, 0)["conv"]);
  conv->parameters[0].second = conv->parameters[0].second->ToHalf();
  auto block = std::make_shared<Module>(Layer(*into, 0));
  block->children[0].second = conv;
  layers->children[0].second = block;
  Module from = *into;
  from.children[0].second = layers;
  const auto model = TransferWeights(from, *into, TransferAnchors::kYes).model;
  const Tensor& weight = Layer(*model, 0)["conv"].RequiredTensor("weight");
  EXPECT_EQ(DType::kFloat32, weight.dtype);
  EXPECT_EQ(conv->RequiredTensor("weight").ToFloats(), weight.ToFloats());
}

}  // namespace
}  // namespace roost::yolo
