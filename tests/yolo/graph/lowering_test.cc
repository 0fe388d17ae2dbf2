#include <cmath>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/graph.h"
#include "yolo/graph/modules.h"

namespace roost::yolo {
namespace {

using test::Attribute;
using test::From;
using test::ModulePtr;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// One word per operation, in order.
std::string KindOf(const OpKind& kind) {
  constexpr std::array kNames = {"input", "conv",      "norm",   "act",        "add",   "concat", "pool",
                                 "pad",   "upsample",  "slice",  "transposed", "prelu", "scale",  "expand",
                                 "mean",  "attention", "detect", "classify",   "join"};
  static_assert(kNames.size() == std::variant_size_v<OpKind>);
  return kNames[kind.index()];
}

std::vector<std::string> Kinds(const Graph& graph) {
  std::vector<std::string> kinds;
  for (const Operation& operation : graph.operations()) kinds.push_back(KindOf(operation.kind));
  return kinds;
}

/// What one layer on a picture becomes, without the input before and the head of `channels` behind it.
std::vector<std::string> LoweredKinds(const ModulePtr& layer, std::int64_t channels) {
  std::vector<std::string> kinds =
      Kinds(Lower(*test::Model({From({-1}, layer), From({-1}, test::Detect(1, {channels}))})));
  EXPECT_EQ("input", kinds.front());
  EXPECT_EQ("detect", kinds.back());
  return {kinds.begin() + 1, kinds.end() - 2};
}

void ExpectRefused(const ModulePtr& model, const std::string& layer, const std::string& what) {
  try {
    Lower(*model);
    ADD_FAILURE() << "accepted; expected: " << what;
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kBadData, error.code());
    EXPECT_THAT(error.message(), HasSubstr(layer));
    EXPECT_THAT(error.message(), HasSubstr(what));
    EXPECT_THAT(error.message(), Not(HasSubstr("\n")));
  }
}

/// The layer that is wrong is the first of a network that is otherwise right.
void ExpectLayerRefused(const ModulePtr& layer, const std::string& what) {
  ExpectRefused(test::Model({From({-1}, layer), From({-1}, test::Detect(1, {4}))}), "model.0", what);
}

TEST(LowerTest, AConvIsConvolutionNormAndActivation) {
  EXPECT_THAT(LoweredKinds(test::Conv({}), 4), ElementsAre("conv", "norm", "act"));
}

TEST(LowerTest, AFusedConvHasNoNormButABias) {
  const ModulePtr conv = test::MakeModule("models.common.Conv");
  test::SetChild(conv, "conv", test::Conv2d({.bias = true}));
  test::SetChild(conv, "act", test::Activation("SiLU"));
  const Graph g = Lower(*test::Model({From({-1}, conv), From({-1}, test::Detect(1, {4}))}));
  EXPECT_THAT(Kinds(g), ElementsAre("input", "conv", "act", "conv", "detect"));
  EXPECT_NE(nullptr, std::get<ConvOp>(g[1].kind).bias);
}

TEST(LowerTest, ABottleneckAddsOnlyWhereTheFileSaysSo) {
  EXPECT_THAT(LoweredKinds(test::Bottleneck(3, true), 3),
              ElementsAre("conv", "norm", "act", "conv", "norm", "act", "add"));
  EXPECT_THAT(LoweredKinds(test::Bottleneck(3, false), 3),
              ElementsAre("conv", "norm", "act", "conv", "norm", "act"));
}

TEST(LowerTest, AC3JoinsTheDeepWayBeforeTheShortOne) {
  const ModulePtr c3 = test::MakeModule("models.common.C3");
  test::SetChild(c3, "cv1", test::Conv({.in = 3, .out = 2}));
  test::SetChild(c3, "cv2", test::Conv({.in = 3, .out = 5}));
  test::SetChild(c3, "cv3", test::Conv({.in = 7, .out = 4}));
  test::SetChild(c3, "m", test::Sequential({test::Bottleneck(2, true)}));
  const Graph g = Lower(*test::Model({From({-1}, c3), From({-1}, test::Detect(1, {4}))}));

  for (const Operation& operation : g.operations()) {
    if (!std::holds_alternative<ConcatOp>(operation.kind)) continue;
    EXPECT_EQ(2, g.channels(operation.inputs[0]));
    EXPECT_EQ(5, g.channels(operation.inputs[1]));
    EXPECT_EQ("add", KindOf(g[operation.inputs[0]].kind));
  }
}

TEST(LowerTest, ABottleneckCspNormalisesWhatItJoined) {
  const ModulePtr csp = test::MakeModule("models.common.BottleneckCSP");
  test::SetChild(csp, "cv1", test::Conv({.in = 3, .out = 2}));
  test::SetChild(csp, "cv2", test::Conv2d({.in = 3, .out = 2}));
  test::SetChild(csp, "cv3", test::Conv2d({.in = 2, .out = 2}));
  test::SetChild(csp, "cv4", test::Conv({.in = 4, .out = 4}));
  test::SetChild(csp, "bn", test::BatchNorm2d(4, 7));
  test::SetChild(csp, "act", test::Activation("LeakyReLU"));
  test::SetChild(csp, "m", test::Sequential({}));
  EXPECT_THAT(LoweredKinds(csp, 4), ElementsAre("conv", "norm", "act", "conv", "conv", "concat", "norm",
                                                "act", "conv", "norm", "act"));
}

TEST(LowerTest, SpatialPyramidsPoolInParallelOrInARow) {
  const ModulePtr spp = test::MakeModule("models.common.SPP");
  test::SetChild(spp, "cv1", test::Conv2d({.in = 3, .out = 2}));
  test::SetChild(spp, "cv2", test::Conv2d({.in = 6, .out = 4}));
  const ModulePtr pools = test::MakeModule("torch.nn.modules.container.ModuleList");
  test::SetChild(pools, "0", test::MaxPool2d(5));
  test::SetChild(pools, "1", test::MaxPool2d(9));
  test::SetChild(spp, "m", pools);
  Graph g = Lower(*test::Model({From({-1}, spp), From({-1}, test::Detect(1, {4}))}));
  EXPECT_THAT(Kinds(g), ElementsAre("input", "conv", "pool", "pool", "concat", "conv", "conv", "detect"));
  EXPECT_THAT(g[3].inputs, ElementsAre(1));
  EXPECT_THAT(g[4].inputs, ElementsAre(1, 2, 3));

  const ModulePtr sppf = test::MakeModule("models.common.SPPF");
  test::SetChild(sppf, "cv1", test::Conv2d({.in = 3, .out = 2}));
  test::SetChild(sppf, "cv2", test::Conv2d({.in = 8, .out = 4}));
  test::SetChild(sppf, "m", test::MaxPool2d(5));
  g = Lower(*test::Model({From({-1}, sppf), From({-1}, test::Detect(1, {4}))}));
  EXPECT_THAT(Kinds(g),
              ElementsAre("input", "conv", "pool", "pool", "pool", "concat", "conv", "conv", "detect"));
  EXPECT_THAT(g[4].inputs, ElementsAre(3));
  EXPECT_THAT(g[5].inputs, ElementsAre(1, 2, 3, 4));
}

TEST(LowerTest, FocusTakesThePixelsOfASquareColumnByColumn) {
  const ModulePtr focus = test::MakeModule("models.common.Focus");
  test::SetChild(focus, "conv", test::Conv({.in = 12, .out = 4}));
  const Graph g = Lower(*test::Model({From({-1}, focus), From({-1}, test::Detect(1, {4}))}));
  std::vector<Pair> starts;
  for (const Operation& operation : g.operations()) {
    if (const auto* slice = std::get_if<SliceOp>(&operation.kind)) starts.push_back(slice->start);
  }
  EXPECT_THAT(starts, ElementsAre(Pair{0, 0}, Pair{1, 0}, Pair{0, 1}, Pair{1, 1}));
}

TEST(LowerTest, GhostBlocksMakeHalfOfTheirChannelsFromTheOtherHalf) {
  const auto ghost = [](std::int64_t in) {
    const ModulePtr conv = test::MakeModule("models.common.GhostConv");
    test::SetChild(conv, "cv1", test::Conv2d({.in = in, .out = 2}));
    test::SetChild(conv, "cv2", test::Conv2d({.in = 2, .out = 2, .kernel = 5, .groups = 2}));
    return conv;
  };
  EXPECT_THAT(LoweredKinds(ghost(3), 4), ElementsAre("conv", "conv", "concat"));

  const ModulePtr bottleneck = test::MakeModule("models.common.GhostBottleneck");
  const ModulePtr identity = test::MakeModule("torch.nn.modules.linear.Identity");
  test::SetChild(bottleneck, "conv", test::Sequential({ghost(3), identity, ghost(4)}));
  test::SetChild(bottleneck, "shortcut", test::Conv2d({.in = 3, .out = 4}));
  EXPECT_THAT(LoweredKinds(bottleneck, 4),
              ElementsAre("conv", "conv", "concat", "conv", "conv", "concat", "conv", "add"));
}

TEST(LowerTest, ATransformerLayerAttendsAndMultipliesWithShortcuts) {
  EXPECT_THAT(LoweredKinds(test::TransformerLayer(3, 3), 3),
              ElementsAre("conv", "conv", "conv",      // q, k, v
                          "conv", "conv", "conv",      // in_proj of each
                          "attention", "conv", "add",  // out_proj
                          "conv", "conv", "add"));     // fc1, fc2
  const ModulePtr block = test::MakeModule("models.common.TransformerBlock");
  test::SetChild(block, "conv", test::Conv2d({.in = 3, .out = 4}));
  test::SetChild(block, "linear", test::Linear(4, 4, 1, true));
  test::SetChild(block, "tr", test::Sequential({}));
  EXPECT_THAT(LoweredKinds(block, 4), ElementsAre("conv", "conv", "add"));
}

TEST(LowerTest, RefusesAttentionThatDoesNotFit) {
  const auto with = [](const std::function<void(const ModulePtr&)>& spoil) {
    const ModulePtr layer = test::TransformerLayer(3, 1);
    spoil(std::const_pointer_cast<Module>(layer->children[3].second));
    return layer;
  };
  const auto expect_refused = [&](const std::function<void(const ModulePtr&)>& spoil,
                                  const std::string& what) {
    ExpectRefused(test::Model({From({-1}, with(spoil)), From({-1}, test::Detect(1, {3}))}), "model.0.ma",
                  what);
  };
  expect_refused([](const ModulePtr& ma) { test::SetAttribute(ma, "num_heads", {std::int64_t{2}}); },
                 "3 channels for 2 heads");
  expect_refused([](const ModulePtr& ma) { test::SetAttribute(ma, "num_heads", {INT64_MIN}); }, "heads");
  expect_refused(
      [](const ModulePtr& ma) {
        test::SetTensor(ma, "in_proj_weight", test::Noise({9, 4}, 1));
      },
      "in_proj_weight is a tensor of 9x4");
  expect_refused([](const ModulePtr& ma) { test::SetTensor(ma, "in_proj_bias", test::Noise({3}, 1)); },
                 "in_proj_bias is a tensor of 3");
  expect_refused(
      [](const ModulePtr& ma) {
        test::SetTensor(ma, "bias_k", test::Noise({1, 1, 3}, 1));
      },
      "additional keys");
}

TEST(LowerTest, ContractMakesChannelsOfPixelsRowByRowAndExpandTheOpposite) {
  const ModulePtr contract = test::MakeModule("models.common.Contract");
  test::SetAttribute(contract, "gain", {std::int64_t{2}});
  const ModulePtr expand = test::MakeModule("models.common.Expand");
  test::SetAttribute(expand, "gain", {std::int64_t{2}});
  const Graph g =
      Lower(*test::Model({From({-1}, contract), From({-1}, expand), From({-1}, test::Detect(1, {3}))}));
  EXPECT_THAT(Kinds(g),
              ElementsAre("input", "slice", "slice", "slice", "slice", "concat", "expand", "conv", "detect"));
  EXPECT_EQ((Pair{0, 1}), std::get<SliceOp>(g[2].kind).start);
  EXPECT_EQ((Pair{1, 0}), std::get<SliceOp>(g[3].kind).start);
  EXPECT_EQ(12, g.channels(5));
  EXPECT_EQ(3, g.channels(6));
  test::SetAttribute(expand, "gain", {std::int64_t{0}});
  ExpectLayerRefused(expand, "a gain of 0");
  test::SetAttribute(contract, "gain", {INT64_MAX});
  ExpectLayerRefused(contract, "a gain of 9223372036854775807");
}

TEST(LowerTest, MixedConvolutionsAreJoinedBeforeTheyAreNormalised) {
  const ModulePtr mix = test::MakeModule("models.experimental.MixConv2d");
  const ModulePtr convs = test::MakeModule("torch.nn.modules.container.ModuleList");
  test::SetChild(convs, "0", test::Conv2d({.in = 3, .out = 1}));
  test::SetChild(convs, "1", test::Conv2d({.in = 3, .out = 3, .kernel = 3, .groups = 3}));
  test::SetChild(mix, "m", convs);
  test::SetChild(mix, "bn", test::BatchNorm2d(4, 1));
  test::SetChild(mix, "act", test::Activation("SiLU"));
  EXPECT_THAT(LoweredKinds(mix, 4), ElementsAre("conv", "conv", "concat", "norm", "act"));
}

TEST(LowerTest, ASumWeighsAllInputsButTheFirst) {
  const ModulePtr sum = From({0, -1, 0}, test::MakeModule("models.experimental.Sum"));
  test::SetAttribute(sum, "weight", {true});
  test::SetTensor(sum, "w", Tensor::FromFloats({2}, {0.0F, std::log(3.0F)}));
  const ModulePtr model =
      test::Model({From({-1}, test::Conv2d({.out = 3})), sum, From({-1}, test::Detect(1, {3}))});
  const Graph g = Lower(*model);
  ASSERT_THAT(Kinds(g), ElementsAre("input", "conv", "scale", "add", "scale", "add", "conv", "detect"));
  EXPECT_DOUBLE_EQ(1.0, std::get<ScaleOp>(g[2].kind).factor);
  EXPECT_FLOAT_EQ(1.5F, static_cast<float>(std::get<ScaleOp>(g[4].kind).factor));

  test::SetTensor(sum, "w", Tensor::FromFloats({1}, {0.0F}));
  ExpectRefused(model, "model.1", "w is a tensor of 1");
  test::SetAttribute(sum, "weight", {false});
  EXPECT_THAT(Kinds(Lower(*model)), ElementsAre("input", "conv", "add", "add", "conv", "detect"));
}

TEST(LowerTest, TransposedConvolutionsComeFromTorchAndFromYolo) {
  for (const std::string name :
       {"torch.nn.modules.conv.ConvTranspose2d", "models.common.DWConvTranspose2d"}) {
    const ModulePtr up = test::MakeModule(name);
    test::SetTensor(up, "weight", test::Noise({3, 1, 4, 4}, 1));
    test::SetTensor(up, "bias", test::Noise({3}, 2));
    test::SetAttribute(up, "groups", {std::int64_t{3}});
    test::SetAttribute(up, "stride", test::List({2, 2}));
    test::SetAttribute(up, "padding", test::List({1, 1}));
    const Graph g = Lower(*test::Model({From({-1}, up), From({-1}, test::Detect(1, {3}))}));
    const auto& op = std::get<ConvTransposeOp>(g[1].kind);
    EXPECT_EQ(3, op.out);
    EXPECT_EQ((Pair{2, 2}), op.stride);
    test::SetAttribute(up, "groups", {std::int64_t{0}});
    ExpectLayerRefused(up, "in 0 groups");
  }
}

TEST(LowerTest, PaddingMayBeAWord) {
  const auto lowered = [](std::int64_t kernel, const std::string& padding) {
    const ModulePtr conv = test::Conv2d({.out = 3, .kernel = kernel});
    test::SetAttribute(conv, "padding", {padding});
    test::SetAttribute(conv, "dilation", test::List({1, 3}));
    return Lower(*test::Model({From({-1}, conv), From({-1}, test::Detect(1, {3}))}));
  };
  EXPECT_EQ((Pair{0, 0}), std::get<ConvOp>(lowered(3, "valid")[1].kind).padding);
  EXPECT_EQ((Pair{1, 3}), std::get<ConvOp>(lowered(3, "same")[1].kind).padding);
  const Graph even = lowered(4, "same");  // one row and one column more on the right and at the bottom
  EXPECT_EQ(1, std::get<PadOp>(even[1].kind).bottom);
  EXPECT_EQ(1, std::get<PadOp>(even[1].kind).right);
  EXPECT_EQ((Pair{1, 4}), std::get<ConvOp>(even[2].kind).padding);
  EXPECT_THROW(lowered(3, "full"), Error);
}

TEST(LowerTest, APReLUHasOneSlopeOrOnePerChannel) {
  const ModulePtr prelu = test::Activation("PReLU");
  test::SetTensor(prelu, "weight", Tensor::FromFloats({1}, {0.25F}));
  const Graph g = Lower(*test::Model({From({-1}, prelu), From({-1}, test::Detect(1, {3}))}));
  EXPECT_THAT(*std::get<PReLUOp>(g[1].kind).slope, ElementsAre(0.25F, 0.25F, 0.25F));
  test::SetTensor(prelu, "weight", test::Noise({3}, 1));
  EXPECT_THAT(LoweredKinds(prelu, 3), ElementsAre("prelu"));
  test::SetTensor(prelu, "weight", test::Noise({2}, 1));
  ExpectLayerRefused(prelu, "for 3 channels");
}

TEST(LowerTest, ASegmentationModelHasBoxesAndPrototypes) {
  const auto model = [](std::int64_t masks) {
    return test::Model({From({-1}, test::Conv2d({})), From({0, 0}, test::Segment(2, masks, {4, 4}))});
  };
  const Graph g = Lower(*model(5));
  ASSERT_EQ(2U, g.outputs().size());
  const auto& detect = std::get<DetectOp>(g[g.output()].kind);
  EXPECT_EQ(2, detect.classes);
  EXPECT_EQ(5, detect.masks);
  EXPECT_EQ(5 + 2 + 5, g.channels(g.output()));
  EXPECT_EQ(5, g.channels(g.outputs()[1]));

  const auto spoiled = [&](const std::string& name, std::int64_t value) {
    const ModulePtr wrong = model(5);
    const auto layers = wrong->children.front().second;
    test::SetAttribute(std::const_pointer_cast<Module>(layers->children[1].second), name, {value});
    return wrong;
  };
  ExpectRefused(spoiled("nm", 4), "model.1", "4 mask coefficients for 5 prototypes");
  ExpectRefused(spoiled("nm", -1), "model.1", "-1 mask coefficients");
  ExpectRefused(spoiled("no", 7), "model.1", "no 7 does not fit nc 2");
}

TEST(LowerTest, AClassificationModelEndsInARowOfLogits) {
  const Graph g = Lower(*test::Model({From({-1}, test::Conv2d({})), From({-1}, test::Classify(4, 7))}));
  EXPECT_THAT(Kinds(g), ElementsAre("input", "conv", "conv", "norm", "act", "mean", "conv", "classify"));
  EXPECT_EQ(7, g.channels(g.output()));
}

TEST(LowerTest, AnNmsLayerOfOldReleasesIsLeftToUs) {
  const ModulePtr nms = test::MakeModule("models.common.NMS");
  const Graph g =
      Lower(*test::Model({From({-1}, test::Conv2d({})), From({-1}, test::Detect(1, {4})), From({-1}, nms)}));
  EXPECT_THAT(Kinds(g), ElementsAre("input", "conv", "conv", "detect"));
}

TEST(LowerTest, AnEnsembleJoinsTheBoxesOfItsModels) {
  const auto model = [](std::int64_t classes) {
    return test::Model({From({-1}, test::Conv2d({})), From({-1}, test::Detect(classes, {4}))});
  };
  const ModulePtr ensemble = test::MakeModule("models.experimental.Ensemble");
  ExpectRefused(ensemble, "", "holds no model");
  test::SetChild(ensemble, "0", model(2));
  test::SetChild(ensemble, "1", model(2));
  const Graph g = Lower(*ensemble);
  EXPECT_THAT(Kinds(g), ElementsAre("input", "conv", "conv", "detect", "conv", "conv", "detect", "join"));
  test::SetChild(ensemble, "2", model(3));
  ExpectRefused(ensemble, "ensemble", "joins heads of 7 and 8 columns");
}

TEST(LowerTest, TapsTheMapsOfAllLayersButTheHeadWhenAsked) {
  const ModulePtr repeated = test::Sequential({test::Conv2d({.in = 4, .out = 4}), test::Conv2d({.in = 4})});
  test::SetAttribute(repeated, "type", {std::string("models.common.Conv")});
  const ModulePtr model =
      test::Model({From({-1}, test::Conv({})), From({-1}, repeated), From({-1}, test::Detect(1, {4}))});
  EXPECT_TRUE(Lower(*model).taps().empty());
  const Graph g = Optimize(Lower(*model, /*tap_layers=*/true));
  ASSERT_THAT(Kinds(g), ElementsAre("input", "conv", "conv", "conv", "conv", "detect"));
  ASSERT_EQ(2U, g.taps().size());
  EXPECT_EQ("models.common.Conv", g.taps()[0].class_name);
  EXPECT_EQ(1, g.taps()[0].value);  // with its norm and activation
  EXPECT_EQ(1, g.taps()[1].layer);
  EXPECT_EQ("models.common.Conv", g.taps()[1].class_name);
  EXPECT_EQ(3, g.taps()[1].value);
}

TEST(LowerTest, TinyYoloV3PadsOnTwoSidesBeforeItsLastPool) {
  const ModulePtr pad = test::MakeModule("torch.nn.modules.padding.ZeroPad2d");
  test::SetAttribute(pad, "padding", test::List({0, 1, 0, 1}));
  const Graph g = Lower(*test::Model({From({-1}, pad), From({-1}, test::Detect(1, {3}))}));
  const auto& op = std::get<PadOp>(g[1].kind);
  EXPECT_THAT((std::array{op.left, op.right, op.top, op.bottom}), ElementsAre(0, 1, 0, 1));
}

TEST(LowerTest, APoolWithoutStrideMovesByItsKernel) {
  const ModulePtr pool = test::MaxPool2d(2);
  test::SetAttribute(pool, "stride", {});
  test::SetAttribute(pool, "padding", {std::int64_t{0}});
  const Graph g = Lower(*test::Model({From({-1}, pool), From({-1}, test::Detect(1, {3}))}));
  EXPECT_EQ((Pair{2, 2}), std::get<MaxPoolOp>(g[1].kind).stride);
}

TEST(LowerTest, ActivationsTakeTheirParametersFromTheFile) {
  const ModulePtr leaky = test::Activation("LeakyReLU");
  const auto lowered = [&] {
    const Graph g = Lower(*test::Model({From({-1}, leaky), From({-1}, test::Detect(1, {3}))}));
    return std::get<ActivationOp>(g[1].kind).activation;
  };
  EXPECT_EQ(0.01, lowered().parameter);  // torch.nn's default
  test::SetAttribute(leaky, "negative_slope", {0.1});
  EXPECT_EQ(0.1, lowered().parameter);
  EXPECT_EQ(ActivationKind::kLeakyReLU, lowered().kind);
}

TEST(LowerTest, LayersReadFromWhereTheirFSays) {
  const Graph g = Lower(*test::Model({
      From({-1}, test::Conv2d({.out = 1})),           // 0
      From({-1}, test::Conv2d({.in = 1, .out = 2})),  // 1
      From({0}, test::Conv2d({.in = 1, .out = 4})),   // 2: an earlier layer by number
      From({-2}, test::Conv2d({.in = 2, .out = 8})),  // 3: layer 1, counted back
      From({-1, 0, 2, -3}, test::Concat()),           // 4: layers 3, 0, 2 and 1
      From({4, 3}, test::Detect(1, {15, 8})),         // 5
  }));
  ASSERT_THAT(Kinds(g),
              ElementsAre("input", "conv", "conv", "conv", "conv", "concat", "conv", "conv", "detect"));
  EXPECT_THAT(g[3].inputs, ElementsAre(1));
  EXPECT_THAT(g[4].inputs, ElementsAre(2));
  EXPECT_THAT(g[5].inputs, ElementsAre(4, 1, 3, 2));
  EXPECT_THAT(g[6].inputs, ElementsAre(5));
  EXPECT_THAT(g[7].inputs, ElementsAre(4));
}

TEST(LowerTest, RefusesLayersThatReadWhatIsNotThere) {
  const auto with_f = [](const std::vector<std::int64_t>& f) {
    return test::Model({From({-1}, test::Conv2d({.out = 3})), From(f, test::Conv2d({.out = 4})),
                        From({-1}, test::Detect(1, {4}))});
  };
  EXPECT_NO_THROW(Lower(*with_f({0})));
  ExpectRefused(with_f({1}), "model.1", "reads layer 1");
  ExpectRefused(with_f({99}), "model.1", "reads layer 99");
  ExpectRefused(with_f({-2}), "model.1", "reads layer -2");
  ExpectRefused(with_f({INT64_MIN}), "model.1", "reads layer");
  ExpectRefused(with_f({INT64_MAX}), "model.1", "reads layer");
  ExpectRefused(with_f({0, 0}), "model.1", "takes one input but is given 2");
  ExpectRefused(with_f({}), "model.1", "reads nothing");
}

TEST(LowerTest, AnchorsBecomePixels) {
  const Graph g = Lower(*test::Model({From({-1}, test::Conv2d({})), From({0, 0}, test::Detect(2, {4, 4}))}));
  const auto& detect = std::get<DetectOp>(g[g.output()].kind);
  EXPECT_EQ(2, detect.classes);
  EXPECT_THAT(detect.strides, ElementsAre(8.0, 16.0));
  EXPECT_THAT(detect.anchors[0][1], ::testing::Pair(1.5F * 8, 1.75F * 8));
  EXPECT_THAT(detect.anchors[1][0], ::testing::Pair(2.5F * 16, 2.75F * 16));
  EXPECT_EQ(7, g.channels(g.output()));
}

TEST(LowerTest, RefusesHeadsThatContradictThemselves) {
  const auto head = [](const std::function<void(const ModulePtr&)>& spoil) {
    const ModulePtr detect = From({0, 0}, test::Detect(2, {4, 4}));
    spoil(detect);
    return test::Model({From({-1}, test::Conv2d({})), detect});
  };
  const auto set = [&](const std::string& name, Attribute value) {
    return head([&](const ModulePtr& detect) { test::SetAttribute(detect, name, value); });
  };
  ExpectRefused(set("nl", {std::int64_t{9}}), "model.1", "nl 9");
  ExpectRefused(set("na", {std::int64_t{1'000'000}}), "model.1", "anchors");
  ExpectRefused(set("na", {std::int64_t{-3}}), "model.1", "anchors");
  ExpectRefused(set("no", {std::int64_t{3}}), "model.1", "no 3 does not fit nc 2");
  ExpectRefused(set("nc", {std::int64_t{-1}}), "model.1", "nc -1");
  ExpectRefused(set("nc", {INT64_MAX}), "model.1", "nc 9223372036854775807");
  ExpectRefused(set("no", {INT64_MIN}), "model.1", "no -9223372036854775808");
  ExpectRefused(set("stride", {Tensor::FromFloats({2}, {8, 0})}), "model.1", "stride");
  ExpectRefused(set("stride", {Tensor::FromFloats({1}, {8})}), "model.1", "strides");
  ExpectRefused(set("stride", {}), "model.1", "has no strides");
  ExpectRefused(head([](const ModulePtr& detect) {
                  test::SetTensor(detect, "anchors", Tensor::FromFloats({2, 5}, std::vector<float>(10, 1)));
                }),
                "model.1", "anchors are a tensor of 2x5, not of 2x3x2");
  ExpectRefused(head([](const ModulePtr& detect) { From({0}, detect); }), "model.1", "1 inputs");
}

TEST(LowerTest, TheLastLayerIsAHead) {
  ExpectRefused(test::Model({From({-1}, test::Conv2d({}))}), "model.0",
                "is the last layer, but not the head");
  ExpectRefused(test::Model({}), "model", "has no layers");
  ExpectRefused(test::Model({From({-1}, test::Conv2d({})), From({-1}, test::Detect(1, {4})),
                             From({0}, test::Conv2d({.in = 4})),
                             From({1}, test::MakeModule("torch.nn.modules.linear.Identity"))}),
                "model.3", "is the last layer, but not the head");
}

TEST(LowerTest, NamesTheBlockItDoesNotKnow) {
  ExpectLayerRefused(test::MakeModule("models.common.Foo"), "models.common.Foo");
  ExpectLayerRefused(test::MakeModule("models.experimental.C3"), "models.experimental.C3");
}

TEST(LowerTest, RefusesParametersOfTheWrongShapeOrKind) {
  const auto conv = [](const std::function<void(const ModulePtr&)>& spoil) {
    const ModulePtr module = test::Conv2d({});
    spoil(module);
    return module;
  };
  ExpectLayerRefused(conv([](const ModulePtr& m) { m->parameters.clear(); }), "weight");
  ExpectLayerRefused(conv([](const ModulePtr& m) {
                       test::SetTensor(m, "weight", test::Noise({4, 3}, 1));
                     }),
                     "the weight is a tensor of 4x3");
  ExpectLayerRefused(conv([](const ModulePtr& m) { test::SetTensor(m, "bias", test::Noise({5}, 1)); }),
                     "bias is a tensor of 5 for 4 channels");
  ExpectLayerRefused(conv([](const ModulePtr& m) {
                       test::SetAttribute(m, "kernel_size", test::List({7, 7}));
                     }),
                     "kernel_size");
  ExpectLayerRefused(
      conv([](const ModulePtr& m) { test::SetAttribute(m, "padding_mode", {std::string("reflect")}); }),
      "padding mode 'reflect'");
  for (const std::int64_t groups : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX}) {
    ExpectLayerRefused(conv([=](const ModulePtr& m) { test::SetAttribute(m, "groups", {groups}); }),
                       "groups");
  }
  ExpectLayerRefused(conv([](const ModulePtr& m) {
                       Tensor whole = test::Noise({4, 3, 1, 1}, 1);
                       whole.dtype = DType::kInt32;
                       test::SetTensor(m, "weight", whole);
                     }),
                     "integers");

  ExpectLayerRefused(conv([](const ModulePtr& m) {
                       test::SetTensor(m, "weight", Tensor::FromFloats({0, 3, 1, 1}, {}));
                     }),
                     "tensor of 0x3x1x1");

  // A view that repeats one number may be larger than all memory.
  ExpectLayerRefused(conv([](const ModulePtr& m) {
                       Tensor huge = test::Noise({1, 1, 1, 1}, 1);
                       huge.shape = {1LL << 40, 1LL << 40, 1, 1};
                       huge.strides = {0, 0, 0, 0};
                       test::SetTensor(m, "weight", huge);
                     }),
                     "tensor of 1099511627776x1099511627776x1x1");

  const ModulePtr block = test::Conv({});
  test::SetChild(block, "bn", test::BatchNorm2d(5, 1));
  ExpectLayerRefused(block, "for 4 channels");
}

TEST(LowerTest, RefusesWhatNoEngineDoes) {
  ExpectLayerRefused(test::Upsample(0), "scale_factor");
  ExpectLayerRefused(test::Upsample(1.5), "scale_factor 1.5");
  ExpectLayerRefused(test::Upsample(1e9), "scale_factor");
  const ModulePtr bicubic = test::Upsample(2);
  test::SetAttribute(bicubic, "mode", {std::string("bicubic")});
  ExpectLayerRefused(bicubic, "upsampling mode 'bicubic'");
  const ModulePtr fixed = test::Upsample(2);
  test::SetAttribute(fixed, "size", {std::int64_t{80}});
  ExpectLayerRefused(fixed, "fixed size");

  const ModulePtr concat = test::Concat();
  test::SetAttribute(concat, "d", {std::int64_t{7}});
  ExpectLayerRefused(concat, "dimension 7");
}

TEST(LowerTest, ATreeThatUnfoldsWithoutEndIsRefusedAtOnce) {
  // 2^50 leaves, all the same module.
  ModulePtr shared = test::MakeModule("torch.nn.modules.linear.Identity");
  for (int i = 0; i < 50; ++i) shared = test::Sequential({shared, shared});
  const ModulePtr model = test::MakeModule("models.yolo.Model");
  test::SetChild(model, "model", test::Sequential({From({-1}, shared), From({-1}, test::Detect(1, {3}))}));
  ExpectRefused(model, "", "modules");

  ModulePtr deep = test::MakeModule("torch.nn.modules.linear.Identity");
  for (int i = 0; i < 1000; ++i) deep = test::Sequential({deep});
  ExpectRefused(test::Model({From({-1}, deep), From({-1}, test::Detect(1, {3}))}), "", "nested deeper");
}

}  // namespace
}  // namespace roost::yolo
