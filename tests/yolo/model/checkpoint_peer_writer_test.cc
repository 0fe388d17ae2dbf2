// Files that we wrote, opened by the reference's own code: YOLOv5 v7.0 in Python, which is not part of Roost.

#include <cstdlib>
#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "support/support.h"
#include "yolo/graph/model_from_yaml.h"
#include "yolo/model/checkpoint_writer.h"
#include "yolo/model/initial_weights.h"

namespace roost::yolo {
namespace {

constexpr int kNotInstalled = 69;

std::optional<Path> YoloV5() {
  const char* folder = std::getenv("ROOST_YOLOV5_DIR");
  if (folder == nullptr || !std::filesystem::exists(Path(folder) / "detect.py")) return std::nullopt;
  return folder;
}

/// The python3 that Debian's packages are for.
std::string Python() { return std::filesystem::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3"; }

class CheckpointPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!YoloV5()) GTEST_SKIP() << "needs the code of YOLOv5 v7.0: set ROOST_YOLOV5_DIR";
  }

  test::CommandResult Ask(std::vector<std::string> arguments) const {
    std::vector<std::string> command = {Python(), test::SourceDir() / "tests/yolo/model/yolov5_peer.py",
                                        *YoloV5()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return test::RunCommand(command, folder_.path(),
                            {"OMP_NUM_THREADS=2", "MPLCONFIGDIR=" + At("mpl").string()});
  }

  Path At(const std::string& name) const { return folder_.path() / name; }

  /// A network of random weights, as a run that begins would save it.
  void SaveBuilt(const Path& yaml, const Path& file) const {
    CheckpointToSave checkpoint;
    checkpoint.model = DrawInitialWeights(*ModelFromYaml(yaml), 7);
    SaveCheckpoint(checkpoint, file);
  }

  TemporaryDirectory folder_;
};

#define ROOST_EXPECT_AGREES(result)                                     \
  {                                                                     \
    const test::CommandResult agrees = (result);                        \
    if (agrees.status.value == kNotInstalled)                           \
      GTEST_SKIP() << "needs python3-torch and others: " << agrees.out; \
    EXPECT_TRUE(agrees.status.ok()) << agrees.out << agrees.err;        \
  }                                                                     \
  static_assert(true)

class BuiltPeerTest : public CheckpointPeerTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(BuiltPeerTest, NetworksFromAYamlAreWhatPythonBuilds) {
  const Path yaml = *YoloV5() / "models" / GetParam();
  SaveBuilt(yaml, At("built.pt"));
  ROOST_EXPECT_AGREES(Ask({"built", At("built.pt"), yaml}));
}

std::string TestName(const ::testing::TestParamInfo<const char*>& param) {
  std::string name = Path(param.param).stem();
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Yamls, BuiltPeerTest,
                         ::testing::Values("yolov5n.yaml", "hub/yolov5s-ghost.yaml",
                                           "hub/yolov5s-transformer.yaml", "hub/yolov5s-LeakyReLU.yaml",
                                           "hub/yolov3-tiny.yaml", "segment/yolov5n-seg.yaml"),
                         TestName);

TEST_F(CheckpointPeerTest, AYamlOfTheFirstReleasesBecomesANetworkOfPython) {
  test::WriteFile(At("old.yaml"), R"(nc: 4
depth_multiple: 0.33
width_multiple: 0.25
anchors:
  - [5,6, 8,14, 15,11]
  - [20,20, 30,61, 62,45]
backbone:
  [[-1, 1, Focus, [64, 3]],
   [-1, 1, Conv, [128, 3, 2]],
   [-1, 3, BottleneckCSP, [128]],
   [-1, 1, Conv, [256, 3, 2]],
   [-1, 1, SPP, [256, [5, 9, 13]]],
   [-1, 1, Conv, [512, 3, 2]],
   [-1, 3, BottleneckCSP, [512, False]]]
head:
  [[-1, 1, Conv, [256, 1, 1]],
   [-1, 1, nn.Upsample, [None, 2, 'nearest']],
   [[-1, 4], 1, Concat, [1]],
   [-1, 1, BottleneckCSP, [256, False]],
   [[10, 7], 1, Detect, [nc, anchors]]]
)");
  SaveBuilt(At("old.yaml"), At("old.pt"));
  ROOST_EXPECT_AGREES(Ask({"built", At("old.pt"), At("old.yaml")}));
}

TEST_F(CheckpointPeerTest, NetworksThatWereReadComeBackTheSame) {
  ROOST_NEEDS_REFERENCE();
  for (const char* name : {"weights/yolov5n.pt", "golden/checkpoints/detect-p6.pt",
                           "golden/checkpoints/segment.pt", "golden/checkpoints/detect-v5style-focus-csp.pt",
                           "golden/checkpoints/detect-v7-unstripped-last.pt"}) {
    SCOPED_TRACE(name);
    const Path original = *test::ReferenceDir() / name;
    CheckpointToSave checkpoint;
    checkpoint.model = LoadCheckpoint(original).model;
    SaveCheckpoint(checkpoint, At("copy.pt"));
    ROOST_EXPECT_AGREES(Ask({"same", original, At("copy.pt")}));
  }
}

TEST_F(CheckpointPeerTest, AnUnfinishedRunHasWhatTrainPyWants) {
  const auto model = DrawInitialWeights(*ModelFromYaml(*YoloV5() / "models/yolov5n.yaml"), 7);
  CheckpointToSave checkpoint{.model = model, .ema = model, .epoch = 3, .best_fitness = 0.5, .updates = 10};
  checkpoint.opt = {TextItem("epochs", {std::int64_t{300}})};
  checkpoint.hyp = {TextItem("lr0", {0.01})};
  checkpoint.date = "2026-01-02T03:04:05";
  checkpoint.training_state = {AttributeMap{TextItem("momentum", {Tensor::FromFloats({2}, {1, 2})})}};
  SaveCheckpoint(checkpoint, At("last.pt"));
  ROOST_EXPECT_AGREES(Ask({"resume", At("last.pt")}));
}

std::map<std::string, std::string> Labels(const Path& folder) {
  std::map<std::string, std::string> labels;
  if (!std::filesystem::is_directory(folder)) return labels;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    labels[entry.path().filename()] = test::ReadText(entry.path());
  }
  return labels;
}

TEST_F(CheckpointPeerTest, DetectPyAndYoloDetectFindTheSameInOurFile) {
  ROOST_NEEDS_REFERENCE();
  CheckpointToSave checkpoint;
  checkpoint.model = LoadCheckpoint(*test::ReferenceDir() / "weights/yolov5n.pt").model;
  checkpoint.half = true;
  SaveCheckpoint(checkpoint, At("ours.pt"));
  const Path pictures = *test::ReferenceDir() / "images/photos";
  ROOST_EXPECT_AGREES(Ask({"detect", At("ours.pt"), pictures, At("theirs")}));
  const auto run = test::RunCommand({test::Program("yolo-detect"), "--weights", At("ours.pt"), "--source",
                                     pictures, "--out", At("mine"), "--save-txt", "--save-conf", "--nosave"},
                                    folder_.path());
  ASSERT_TRUE(run.status.ok()) << run.err;

  const auto theirs = Labels(At("theirs/labels"));
  const auto mine = Labels(At("mine/labels"));
  ASSERT_FALSE(theirs.empty());
  ASSERT_EQ(theirs.size(), mine.size());
  for (const auto& [name, text] : theirs) {
    SCOPED_TRACE(name);
    const auto expected = SplitAny(text, " \n");
    const auto actual = SplitAny(mine.at(name), " \n");
    ASSERT_EQ(expected.size(), actual.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(*ParseDouble(expected[i]), *ParseDouble(actual[i]), 1e-5);
    }
  }
}

}  // namespace
}  // namespace roost::yolo
