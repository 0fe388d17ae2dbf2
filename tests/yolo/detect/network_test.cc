#include "yolo/detect/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/detect/tiny_detector.h"
#include "yolo/model/forged_checkpoint.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadNetworkTest : public ::testing::Test {
 protected:
  Path Write(const std::string& name, const std::string& bytes) const {
    test::WriteFile(folder_.path() / name, bytes);
    return folder_.path() / name;
  }

  template <typename Load>
  static Error Failure(Load load) {
    try {
      load();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "loaded";
    return Error("");
  }

  const TemporaryDirectory folder_;
  const Path detector_ = Write("tiny.pt", test::TinyDetector());
};

TEST_F(LoadNetworkTest, KnowsTheTaskTheClassesAndTheInputSize) {
  const Network network = LoadNetwork(detector_, {33, 64}, {});
  EXPECT_EQ(Task::kDetect, network.task);
  EXPECT_EQ(2, network.classes);
  EXPECT_EQ(0, network.masks);
  EXPECT_THAT(network.names, ElementsAre("red", "blue"));
  EXPECT_EQ((Size{64, 64}), network.input);
}

TEST_F(LoadNetworkTest, TapsLayersWhenAsked) {
  EXPECT_TRUE(LoadNetwork(detector_, {64, 64}, {}).graph.taps().empty());
  EXPECT_EQ(1U, LoadNetwork(detector_, {64, 64}, {}, {}, /*tap_layers=*/true).graph.taps().size());
}

TEST_F(LoadNetworkTest, WeightsWithoutANetworkNeedItsDescription) {
  using namespace test::pickled;  // NOLINT: the words of a small language
  const auto tensor = [](const std::vector<std::int32_t>& shape) {
    return TensorOn(Storage("FloatStorage", "0", 1), shape, std::vector<std::int32_t>(shape.size(), 0));
  };
  const Path state = Write("state.pt", test::ZipCheckpoint(Dict({{"model.0.weight", tensor({8, 3, 32, 32})},
                                                                 {"model.0.bias", tensor({8})},
                                                                 {"model.1.m.0.weight", tensor({7, 8, 1, 1})},
                                                                 {"model.1.m.0.bias", tensor({7})},
                                                                 {"model.1.anchors", tensor({1, 1, 2})}}),
                                                           {{"0", test::Bytes(1.0F)}}));
  const Path yaml = Write("model.yaml",
                          "{nc: 2, depth_multiple: 1, width_multiple: 1, anchors: [[64, 64]],\n"
                          " backbone: [[-1, 1, nn.Conv2d, [3, 8, 32, 32]]],\n"
                          " head: [[[-1], 1, Detect, [nc, anchors]]]}\n");
  EXPECT_THAT(Failure([&] { LoadNetwork(state, {64, 64}, {}); }).hint(), HasSubstr("--cfg"));

  const Network network = LoadNetwork(state, {64, 64}, {}, yaml);
  EXPECT_EQ(32, network.stride);
  EXPECT_THAT(network.names, ElementsAre("class0", "class1"));
  EXPECT_EQ(32, std::get<DetectOp>(network.graph[network.graph.output()].kind).anchors[0][0].first);

  const Error both = Failure([&] { LoadNetwork(detector_, {64, 64}, {}, yaml); });
  EXPECT_EQ(ExitCode::kUsage, both.code());
  EXPECT_THAT(both.message(), HasSubstr("hold their network already"));
  EXPECT_EQ(ExitCode::kNoInput, Failure([&] {
                                  LoadNetwork(folder_.path() / "no.pt", {64, 64}, {}, yaml);
                                }).code());
}

TEST_F(LoadNetworkTest, TellsSegmentationAndClassificationModelsFromDetectors) {
  ROOST_NEEDS_REFERENCE();
  const Path checkpoints = *test::ReferenceDir() / "golden/checkpoints";
  const Network segment = LoadNetwork(checkpoints / "segment.pt", {640, 640}, {});
  EXPECT_EQ(Task::kSegment, segment.task);
  EXPECT_EQ(32, segment.masks);
  EXPECT_EQ(2, segment.classes);
  const Network classify = LoadNetwork(checkpoints / "classify.pt", {224, 224}, {});
  EXPECT_EQ(Task::kClassify, classify.task);
  EXPECT_EQ(7, classify.classes);
  EXPECT_EQ(7U, classify.names.size());
  EXPECT_EQ((Size{224, 224}), classify.input);
}

}  // namespace
}  // namespace roost::yolo
