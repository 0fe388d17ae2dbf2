#include "yolo/detect/info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "support/support.h"
#include "yolo/detect/tiny_detector.h"
#include "yolo/graph/modules.h"
#include "yolo/model/forged_checkpoint.h"

namespace roost::yolo {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class InfoTest : public ::testing::Test {
 protected:
  InfoTest() { test::WriteFile(At("tiny.pt"), test::TinyDetector()); }
  Path At(const std::string& name) const { return folder_.path() / name; }

  test::CommandResult Info(std::vector<std::string> arguments,
                           const std::vector<std::string>& environment = {}) const {
    arguments.insert(arguments.begin(), {test::Program("yolo-detect"), "info"});
    return test::RunCommand(arguments, folder_.path(), environment);
  }

  const TemporaryDirectory folder_;
};

/// A Conv block with 4 -> 8 channels: 32 weights, and a batch norm of 8.
test::ModulePtr ConvBlock() { return test::Conv({.in = 4, .out = 8}); }

void Train(const test::ModulePtr& block, const std::string& child, const std::string& parameter) {
  for (auto& [name, module] : block->children) {
    if (name != child) continue;
    auto& parameters = const_cast<Module&>(*module).parameters;  // the test made it
    for (auto& [tensor_name, tensor] : parameters) {
      if (tensor_name == parameter) tensor->requires_grad = true;
    }
  }
}

TEST(MeasureModelTest, FoldsTheBatchNormOfAConvBlock) {
  const ModelSize size = MeasureModel(*ConvBlock());
  EXPECT_EQ(3, size.layers);  // the block, its convolution and its activation
  EXPECT_EQ(32 + 8, size.parameters);
  EXPECT_EQ(0, size.gradients);
}

TEST(MeasureModelTest, KeepsOtherBatchNorms) {
  EXPECT_EQ(2, MeasureModel(*test::Sequential({test::BatchNorm2d(8, 1)})).layers);
}

TEST(MeasureModelTest, CountsASharedModuleOnce) {
  const auto block = ConvBlock();
  EXPECT_EQ(1 + 3, MeasureModel(*test::Sequential({block, block})).layers);
}

TEST(MeasureModelTest, WhatIsComputedFromTrainedNumbersAsksForGradients) {
  const auto gradients = [](const std::string& child, const std::string& parameter) {
    const auto block = ConvBlock();
    Train(block, child, parameter);
    return MeasureModel(*block).gradients;
  };
  EXPECT_EQ(32, gradients("conv", "weight"));
  EXPECT_EQ(32 + 8, gradients("bn", "weight"));
  EXPECT_EQ(8, gradients("bn", "bias"));
}

TEST_F(InfoTest, DescribesACheckpoint) {
  const ModelInfo info = Describe(At("tiny.pt"), {64, 33});
  EXPECT_EQ("zip", info.format);
  EXPECT_EQ("float32", info.dtype);
  EXPECT_EQ(Task::kDetect, info.task);
  EXPECT_EQ((Size{64, 64}), info.input);
  EXPECT_EQ(6, info.size->layers);
  EXPECT_EQ(3 * 3 * 1024 + 3 + 7 * 3 + 7, info.size->parameters);
  EXPECT_EQ((std::vector<std::string>{"red", "blue"}), info.names);
  EXPECT_EQ(std::vector<double>{32}, info.strides);
  ASSERT_EQ(1U, info.anchors.size());
  EXPECT_EQ((std::pair{32.0F, 32.0F}), info.anchors[0][0]);
  // Two for each of: 3 averages of 3 x 1024 numbers and 7 sums of 3, in each of four cells.
  EXPECT_DOUBLE_EQ(2 * 4 * (3 * 3 * 1024 + 7 * 3) / 1e9, info.gflops.value());
}

TEST_F(InfoTest, TheUsualInputIsThatOfDetectPy) {
  EXPECT_EQ((Size{640, 640}), Describe(At("tiny.pt"), {}).input);
}

TEST_F(InfoTest, TellsTrainingStateFromResults) {
  using namespace test::pickled;  // NOLINT: the words of a small language
  const auto model = NnModule("models.yolo", "Model", {});
  test::WriteFile(
      At("last.pt"),
      test::ZipCheckpoint(
          Dict({{"epoch", Int(7)}, {"date", Text("2024-05-06T07:08:09")}, {"model", model}, {"ema", model}}),
          {}));
  const ModelInfo info = Describe(At("last.pt"), {});
  EXPECT_TRUE(info.from_ema);
  EXPECT_EQ(7, info.epoch);
  EXPECT_THAT(ToText(info), AllOf(HasSubstr("epoch     7\n"), HasSubstr("date      2024-05-06T07:08:09\n"),
                                  HasSubstr("smoothed")));
}

TEST_F(InfoTest, ANetworkThatCannotRunIsDescribedWithoutItsOperations) {
  using namespace test::pickled;  // NOLINT: the words of a small language
  const auto model = NnModule("models.yolo", "Model", {});
  test::WriteFile(At("empty.pt"), test::ZipCheckpoint(Dict({{"model", model}}), {}));
  const ModelInfo info = Describe(At("empty.pt"), {});
  EXPECT_FALSE(info.gflops);
  EXPECT_THAT(ToText(info), HasSubstr("\nproblem   "));
  EXPECT_TRUE(json::parse(ToJson(info))["gflops"].is_null());
}

TEST_F(InfoTest, NamesThatAreNoTextDoNotBreakTheOutput) {
  ModelInfo info{.file = At("x.pt"), .name = "Model"};
  info.names = {"line\nbreak", "\xff"};
  EXPECT_THAT(ToText(info), HasSubstr("2: 0 line?break, 1 ?\n"));
  EXPECT_EQ("line\nbreak", json::parse(ToJson(info))["names"][0]);
}

TEST_F(InfoTest, TheProgramNeedsNoEngine) {
  const auto run = Info({"tiny.pt", "--imgsz", "64"}, {"ROOST_ENGINE_DIR=/nowhere"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ("", run.err);
  EXPECT_THAT(run.out, StartsWith("Model summary: 6 layers, 9247 parameters, 0 gradients, 0.0 GFLOPs\n"));
  EXPECT_THAT(run.out, HasSubstr("\ninput     64x64, sides are multiples of 32\n"));
  EXPECT_THAT(run.out, HasSubstr("\nanchors   stride 32: 32x32\n"));
  EXPECT_THAT(run.out, HasSubstr("\nclasses   2: 0 red, 1 blue\n"));
}

TEST_F(InfoTest, JsonIsOneObjectOnOneLine) {
  const auto run = Info({"--json", "--img=64", "tiny.pt"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(2U, Split(run.out, '\n').size());  // the line, and nothing behind its end
  const json info = json::parse(run.out);
  EXPECT_EQ("detect", info["task"]);
  EXPECT_EQ(9247, info["parameters"]);
  EXPECT_EQ(json::parse("[64, 64]"), info["input"]);
  EXPECT_EQ(json::parse("[[[32, 32]]]"), info["anchors"]);
  EXPECT_EQ(json::parse(R"(["red", "blue"])"), info["names"]);
  EXPECT_TRUE(info["epoch"].is_null());
}

TEST_F(InfoTest, WrongUseAndWrongFilesHaveTheirExitCodes) {
  test::WriteFile(At("bad.pt"), "no weights");
  const auto status = [&](const std::vector<std::string>& arguments) {
    const auto run = Info(arguments);
    EXPECT_EQ("", run.out);
    EXPECT_THAT(run.err, StartsWith("yolo-detect: "));
    return run.status.value;
  };
  EXPECT_EQ(64, status({}));
  EXPECT_EQ(64, status({""}));
  EXPECT_EQ(64, status({"tiny.pt", "--imgsz", "0"}));
  EXPECT_EQ(64, status({"tiny.pt", "--nonsense"}));
  EXPECT_EQ(65, status({"bad.pt"}));
  EXPECT_EQ(66, status({"missing.pt"}));
}

TEST_F(InfoTest, HelpHasExamplesAndExitCodes) {
  const auto run = Info({"--help"});
  EXPECT_EQ(0, run.status.value);
  EXPECT_THAT(run.out, AllOf(HasSubstr("Examples:"), HasSubstr("Exit status:"), HasSubstr("GFLOPs")));
}

/// The reference's words on its own checkpoints (attempt_load(file).info()).
TEST(InfoReferenceTest, SummariesAreThoseOfThePeer) {
  ROOST_NEEDS_REFERENCE();
  const auto first_line = [](const std::string& file) {
    return Split(ToText(Describe(*test::ReferenceDir() / file, {640, 640})), '\n').front();
  };
  EXPECT_EQ("YOLOv5n summary: 213 layers, 1867405 parameters, 0 gradients, 4.5 GFLOPs",
            first_line("weights/yolov5n.pt"));
  EXPECT_THAT(first_line("golden/checkpoints/detect-p6.pt"),
              HasSubstr("206 layers, 198536 parameters, 0 gradients, 0.4 GFLOPs"));
  EXPECT_THAT(first_line("golden/checkpoints/detect-v5style-focus-csp.pt"),
              HasSubstr("182 layers, 118581 parameters, 0 gradients, 0.5 GFLOPs"));
  EXPECT_THAT(first_line("golden/checkpoints/detect-v7-unstripped-last.pt"),
              HasSubstr("157 layers, 114224 parameters, 114224 gradients, 0.4 GFLOPs"));
  EXPECT_THAT(first_line("golden/checkpoints/segment.pt"),
              HasSubstr("165 layers, 130103 parameters, 0 gradients"));
  EXPECT_THAT(first_line("golden/checkpoints/classify.pt"),
              HasSubstr("86 layers, 148607 parameters, 0 gradients"));
}

}  // namespace
}  // namespace roost::yolo
