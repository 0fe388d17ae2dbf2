// Networks built from the YAML files of YOLOv5, and weights filled into them.

#include "yolo/graph/model_from_yaml.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/graph.h"
#include "support/support.h"
#include "yolo/model/forged_checkpoint.h"
#include "yolo/model/state_dict.h"

namespace roost::yolo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

void Collect(const Module& module, const std::string& prefix, Shapes& shapes) {
  for (const auto* tensors : {&module.parameters, &module.buffers}) {
    for (const auto& [name, tensor] : *tensors) shapes[prefix + name] = tensor->shape;
  }
  for (const auto& [name, child] : module.children) Collect(*child, prefix + name + ".", shapes);
}

class ModelFromYamlTest : public ::testing::Test {
 protected:
  /// A model whose layers 0 to 2 bring the picture down to an eighth with 16 channels; `layers` follow, and
  /// a head reads `levels`.
  std::string Yaml(const std::string& layers, const std::string& levels = "[-1]",
                   const std::string& anchors = "[[10,13, 16,30]]") {
    return "nc: 3\ndepth_multiple: 0.5\nwidth_multiple: 0.25\nanchors: " + anchors +
           "\n"
           "backbone:\n"
           "  [[-1, 1, Conv, [64, 6, 2, 2]],\n"
           "   [-1, 1, Conv, [64, 3, 2]],\n"
           "   [-1, 1, Conv, [64, 3, 2]],\n"
           "  ]\n"
           "head:\n"
           "  [" +
           layers + "[" + levels + ", 1, Detect, [nc, anchors]]]\n";
  }

  std::shared_ptr<const Module> Build(const std::string& yaml) {
    test::WriteFile(file_, yaml);
    return ModelFromYaml(file_);
  }

  /// Layer 3 of a model where it is `layer`.
  const Module& Layer(const std::string& layer) {
    model_ = Build(Yaml(layer + ", "));
    return (*model_)["model"]["3"];
  }

  void ExpectRefused(const std::string& yaml, const std::string& what) {
    EXPECT_THAT([&] { Build(yaml); },
                ThrowsMessage<Error>(AllOf(HasSubstr(file_.string()), HasSubstr(what))));
  }

  const TemporaryDirectory folder_;
  const Path file_ = folder_.path() / "model.yaml";
  std::shared_ptr<const Module> model_;
};

TEST_F(ModelFromYamlTest, ParametersHaveTheNamesAndShapesOfTheReference) {
  Shapes shapes;
  Collect(*Build(Yaml("[-1, 3, C3, [128, False]], ")), "", shapes);
  EXPECT_THAT(shapes["model.0.conv.weight"], ElementsAre(16, 3, 6, 6));  // 64 * 0.25
  EXPECT_THAT(shapes["model.0.bn.num_batches_tracked"], ElementsAre());
  EXPECT_THAT(shapes["model.3.cv1.conv.weight"], ElementsAre(16, 16, 1, 1));
  EXPECT_THAT(shapes["model.3.cv3.conv.weight"], ElementsAre(32, 32, 1, 1));
  EXPECT_THAT(shapes["model.3.m.1.cv2.bn.running_var"],
              ElementsAre(16));  // 3 * 0.5 rounds to 2, the even one
  EXPECT_FALSE(shapes.contains("model.3.m.2.cv2.bn.running_var"));
  EXPECT_THAT(shapes["model.4.m.0.weight"], ElementsAre(2 * (5 + 3), 32, 1, 1));
  EXPECT_THAT(shapes["model.4.anchors"], ElementsAre(1, 2, 2));
}

TEST_F(ModelFromYamlTest, StridesFollowFromTheShapesAndAnchorsAreMeasuredInThem) {
  const auto model = Build(Yaml("[-1, 1, Conv, [64, 3, 2]], ", "[2, 3]", "[[8,16], [32,64]]"));
  const Module& head = (*model)["model"]["4"];
  EXPECT_THAT(std::get<Tensor>(head.FindAttribute("stride")->value).ToFloats(), ElementsAre(8, 16));
  EXPECT_THAT(std::get<Tensor>(model->FindAttribute("stride")->value).ToFloats(), ElementsAre(8, 16));
  EXPECT_THAT(head.RequiredTensor("anchors").ToFloats(), ElementsAre(1, 2, 2, 4));
}

TEST_F(ModelFromYamlTest, AnchorsInTheWrongOrderAreTurnedRound) {
  const auto model = Build(Yaml("[-1, 1, Conv, [64, 3, 2]], ", "[2, 3]", "[[32,64], [8,16]]"));
  EXPECT_THAT((*model)["model"]["4"].RequiredTensor("anchors").ToFloats(), ElementsAre(1, 2, 2, 4));
}

TEST_F(ModelFromYamlTest, AnchorsMayBeANumberOfThem) {
  const auto model = Build(Yaml("", "[2]", "3"));
  EXPECT_EQ(3, (*model)["model"]["3"].Int("na"));
}

TEST_F(ModelFromYamlTest, EveryBlockCanRun) {
  for (const std::string layer : {
           "[-1, 2, Bottleneck, [64]]",
           "[-1, 2, BottleneckCSP, [64]]",
           "[-1, 2, C3TR, [64]]",
           "[-1, 2, C3x, [64]]",
           "[-1, 2, C3Ghost, [64]]",
           "[-1, 1, C3SPP, [64, [3, 5]]]",
           "[-1, 1, SPP, [64, [5, 9, 13]]]",
           "[-1, 1, SPPF, [64, 5]]",
           "[-1, 1, Focus, [64, 3]]",
           "[-1, 1, CrossConv, [64, 3, 1]]",
           "[-1, 1, GhostConv, [64, 3, 2]]",
           "[-1, 1, GhostBottleneck, [64, 3, 2]]",
           "[-1, 1, DWConv, [64, 3]]",
           "[-1, 1, MixConv2d, [64, [1, 3], 1]]",
           "[-1, 1, MixConv2d, [64, [1, 3], 1, False]]",
           "[-1, 1, DWConvTranspose2d, [64, 4, 2, 1]]",
           "[-1, 1, nn.ConvTranspose2d, [64, 2, 2]]",
           "[-1, 1, Contract, [2]]",
           "[-1, 1, Expand, [2]]",
           "[-1, 1, nn.Upsample, [None, 2, 'nearest']]",
           "[-1, 1, nn.MaxPool2d, [2, 2, 0]]",
           "[-1, 1, nn.ZeroPad2d, [[0, 1, 0, 1]]]",
           "[-1, 1, nn.BatchNorm2d, []]",
           "[-1, 1, nn.Conv2d, [16, 8, 3, 1, 1]]",
           "[-1, 1, nn.Identity, []]",
           "[-1, 1, nn.LeakyReLU, [0.2]]",
           "[-1, 1, TransformerBlock, [16, 16, 2, 1]]",
           "[-1, 1, nn.Upsample, [None, 2, nearest]], [[-1, 1], 1, Concat, [1]]",
       }) {
    SCOPED_TRACE(layer);
    EXPECT_NO_THROW(Lower(*Build(Yaml(layer + ", "))));
  }
}

TEST_F(ModelFromYamlTest, SegmentScalesItsPrototypesOnly) {
  std::string yaml = Yaml("");
  yaml.replace(yaml.find("Detect, [nc, anchors]"), 21, "Segment, [nc, anchors, 4, 256]");
  const auto model = Build(yaml);
  EXPECT_EQ("models.yolo.SegmentationModel", model->class_name);
  Shapes shapes;
  Collect(*model, "", shapes);
  EXPECT_THAT(shapes["model.3.m.0.weight"], ElementsAre(2 * (5 + 3 + 4), 16, 1, 1));
  EXPECT_THAT(shapes["model.3.proto.cv2.conv.weight"], ElementsAre(64, 64, 3, 3));
  EXPECT_THAT(shapes["model.3.proto.cv3.conv.weight"], ElementsAre(4, 64, 1, 1));
}

TEST_F(ModelFromYamlTest, TheActivationMayBeNamed) {
  const auto activation = [&](const std::string& text) -> const Module& {
    model_ = Build("activation: " + text + "\n" + Yaml(""));
    return (*model_)["model"]["0"]["act"];
  };
  EXPECT_EQ("torch.nn.modules.activation.SiLU", Layer("[-1, 1, Conv, [64]]")["act"].class_name);
  EXPECT_EQ(0.1, activation("nn.LeakyReLU(0.1)").Double("negative_slope"));
  EXPECT_EQ(0.2, activation("torch.nn.LeakyReLU(inplace=True, negative_slope=0.2)").Double("negative_slope"));
  EXPECT_EQ("tanh", activation("nn.GELU('tanh')").String("approximate"));
  EXPECT_THAT(activation("nn.PReLU()").RequiredTensor("weight").shape, ElementsAre(1));
  EXPECT_EQ("torch.nn.modules.activation.ReLU6", activation("nn.ReLU6()").class_name);
  EXPECT_EQ("torch.nn.modules.linear.Identity",
            Layer("[-1, 1, Conv, [64, 3, 1, None, 1, 1, False]]")["act"].class_name);
  ExpectRefused("activation: os.system('true')\n" + Yaml(""),
                "the activation 'os.system('true')' is unknown");
}

TEST_F(ModelFromYamlTest, RefusesWhatIsNoModelDescription) {
  ExpectRefused("", "is no model description");
  ExpectRefused("nc: 3\n", "has no 'depth_multiple'");
  ExpectRefused("names: [a, b]\n", "has no 'nc'");
  ExpectRefused("nc: [", ":1: ");
  ExpectRefused("nc: many\n", ":1: ");
  ExpectRefused("nc: 0\ndepth_multiple: 1\n", ":1: 0 cannot be");
  ExpectRefused(Yaml("").replace(0, 5, "nc: 99999999999"), "cannot be");
  EXPECT_THROW(ModelFromYaml(folder_.path() / "absent.yaml"), Error);
}

TEST_F(ModelFromYamlTest, RefusesLayersThatCannotBeAndNamesTheirLine) {
  ExpectRefused(Yaml("[-1, 1, Foo, [64]], "), "model.yaml:11: Foo: this kind of layer is not supported");
  ExpectRefused(Yaml("[7, 1, Conv, [64]], "), "reads layer 7, which does not come before it");
  ExpectRefused(Yaml("[-9, 1, Conv, [64]], "), "reads layer -9");
  ExpectRefused(Yaml("[-1, 1, Conv], "), "a layer is a list of four");
  ExpectRefused(Yaml("[-1, 1, Conv, []], "), "Conv: argument 1 is missing");
  ExpectRefused(Yaml("[-1, 1, Conv, [wide]], "), "Conv: argument 1 is not a whole number");
  ExpectRefused(Yaml("[-1, 1, Conv, [64, 3, 1, None, 7]], "), "in 7 groups");
  ExpectRefused(Yaml("[-1, 1, Conv, [-64]], "), "-64 cannot be");
  ExpectRefused(Yaml("[-1, 99999, Conv, [64]], "), "repeats its module");
  ExpectRefused(Yaml("[-1, 1, Conv, [64, 3, 0]], "), "stride 0x0");
  ExpectRefused(Yaml("[[2, 1], 1, Concat, [1]], "), "concatenates maps");
  ExpectRefused(Yaml("", "[1, 2]"), "anchors for 1 levels, but 2 inputs");
  ExpectRefused(Yaml("", "[2]", "[[10, 13, 16]]"), "anchors are pairs of numbers");
  std::string headless = Yaml("");
  headless.replace(headless.find("Detect, [nc, anchors]"), 21, "nn.Identity, []");
  ExpectRefused(headless, "the last layer is neither Detect nor Segment");
}

// Weights

class StateDictTest : public ModelFromYamlTest {
 protected:
  using Items = std::vector<std::pair<std::string, std::string>>;

  /// All weights of the smallest model, made of one storage of ones.
  Items Weights(const std::string& prefix = "") {
    Shapes shapes;
    Collect(*Build(kSmall), "", shapes);
    Items items;
    for (const auto& [name, shape] : shapes) {
      const std::vector<std::int32_t> sides(shape.begin(), shape.end());
      items.emplace_back(prefix + name, Ones(sides));
    }
    return items;
  }

  static std::string Ones(const std::vector<std::int32_t>& shape) {
    return test::pickled::TensorOn(test::pickled::Storage("FloatStorage", "0", 1), shape,
                                   std::vector<std::int32_t>(shape.size(), 0));
  }

  std::optional<StateDict> Load(const std::string& value) {
    const Path file = folder_.path() / "weights.pt";
    test::WriteFile(file, test::ZipCheckpoint(value, {{"0", test::Bytes(1.0F)}}));
    return LoadStateDict(file);
  }

  std::shared_ptr<const Module> Fill(const Items& items) {
    return FillWeights(*Build(kSmall), *Load(test::pickled::Dict(items)));
  }

  void ExpectMisfit(const Items& items, const std::string& what) {
    EXPECT_THAT([&] { Fill(items); }, ThrowsMessage<Error>(HasSubstr(what)));
  }

  const std::string kSmall = Yaml("");
};

TEST_F(StateDictTest, WeightsFindTheirPlacesByName) {
  const auto model = Fill(Weights());
  const Module& conv = (*model)["model"]["1"]["conv"];
  EXPECT_THAT(conv.RequiredTensor("weight").ToFloats(), ::testing::Each(1.0F));
  EXPECT_EQ("model.1.conv", conv.path);
  EXPECT_NO_THROW(Lower(*model));
  EXPECT_THAT((*Build(kSmall))["model"]["1"]["conv"].RequiredTensor("weight").ToFloats(),
              ::testing::Each(0.0F));
}

TEST_F(StateDictTest, IsFoundBareUnderAKeyAndBehindTheNameOfAWrapper) {
  using test::pickled::Dict;
  const std::size_t count = Weights().size();
  EXPECT_EQ(count, Load(Dict(Weights()))->tensors.size());
  EXPECT_EQ(count, Load(Dict({{"model", Dict(Weights())}}))->tensors.size());
  EXPECT_EQ(count, Load(Dict({{"state_dict", Dict(Weights())}}))->tensors.size());
  EXPECT_EQ(Weights()[0].first, Load(Dict(Weights("module.")))->tensors[0].first);
  EXPECT_FALSE(Load(Dict({{"model", test::pickled::NnModule("models.yolo", "Model", {})}})).has_value());
  EXPECT_FALSE(Load(test::pickled::Int(1)).has_value());
}

TEST_F(StateDictTest, NamesWhatIsMissingMisshapenOrTooMuch) {
  Items items = Weights();
  const auto named = [&](const std::string& name) {
    return std::ranges::find(items, name, [](const auto& item) { return item.first; });
  };
  items.erase(named("model.1.bn.bias"));
  ExpectMisfit(items, "1 weights of the model are missing: model.1.bn.bias");
  items = Weights();
  named("model.3.m.0.weight")->second = Ones({16, 16, 3, 3});
  ExpectMisfit(items, "1 have another shape: model.3.m.0.weight (16x16x3x3, not 16x16x1x1)");
  items = Weights();
  items.emplace_back("model.9.conv.weight", Ones({1}));
  ExpectMisfit(items, "1 have no place in the model: model.9.conv.weight");
  ExpectMisfit({{"a", Ones({1})}}, ", ...");
}

TEST_F(StateDictTest, WhatIsNotLearntMayBeMissingOrTooMuch) {
  Items items = Weights();
  std::erase_if(items, [](const auto& item) { return item.first.ends_with("num_batches_tracked"); });
  items.emplace_back("model.3.anchor_grid", Ones({1, 1, 2, 1, 1, 2}));
  EXPECT_NO_THROW(Fill(items));
}

}  // namespace
}  // namespace roost::yolo
