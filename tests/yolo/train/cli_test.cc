// The program itself: real processes, real files.

#include <algorithm>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/error.h"
#include "roost/base/text.h"
#include "roost/yolo/module.h"
#include "support/support.h"
#include "yolo/train/shapes.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;

constexpr const char* kModel = R"(nc: 2
depth_multiple: 1
width_multiple: 1
anchors:
  - [10,13, 16,30]
  - [30,61, 62,45]
backbone:
  - [-1, 1, Conv, [16, 6, 2, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, C3, [32]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, C3, [64]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, SPPF, [64, 5]]
head:
  - [[4, 6], 1, Detect, [nc, anchors]]
)";

class TrainCli : public ::testing::Test {
 protected:
  void SetUp() override {
    test::WriteShapes(folder_.path());
    test::WriteFile(folder_.path() / "model.yaml", kModel);
  }

  std::vector<std::string> Line(const std::string& words) const {
    std::vector<std::string> line{test::Program("yolo-train").string()};
    for (const std::string& word : SplitAny(words, " ")) {
      if (!word.empty()) line.push_back(word);
    }
    return line;
  }

  /// A short run of three epochs on the shapes, unless `words` say otherwise.
  std::string Short(const std::string& words) const {
    return words + " --data shapes.yaml --cfg model.yaml --imgsz 64 --batch-size 4 --workers 1 --noplots";
  }

  test::CommandResult Run(const std::string& words, const std::vector<std::string>& environment = {}) const {
    return test::RunCommand(Line(words), folder_.path(), environment);
  }

  /// Every line of results.csv but the first, its numbers.
  std::vector<std::vector<double>> Results(const std::string& run) const {
    std::vector<std::vector<double>> rows;
    const std::string text = test::ReadText(folder_.path() / run / "results.csv");
    for (const std::string& line : Split(text, '\n')) {
      std::vector<double> row;
      for (const std::string& field : Split(line, ',')) {
        if (const auto number = ParseDouble(std::string(Trim(field)))) row.push_back(*number);
      }
      if (!row.empty()) rows.push_back(row);
    }
    return rows;
  }

  std::map<std::string, std::vector<float>> Weights(const std::string& file) const {
    std::map<std::string, std::vector<float>> weights;
    Collect(*LoadCheckpoint(folder_.path() / file).model, weights);
    return weights;
  }

  static void Collect(const Module& module, std::map<std::string, std::vector<float>>& weights) {
    for (const auto* list : {&module.parameters, &module.buffers}) {
      for (const auto& [name, tensor] : *list) {
        if (tensor) weights[module.path + "." + name] = tensor->ToFloats();
      }
    }
    for (const auto& [name, child] : module.children) {
      if (child != nullptr) Collect(*child, weights);
    }
  }

  const TemporaryDirectory folder_;
};

TEST_F(TrainCli, LeavesWeightsAndFigures) {
  const test::CommandResult result = Run(Short("--epochs 2 --name first"));
  ASSERT_EQ(result.status.value, 0) << result.err;
  EXPECT_EQ(result.out, "runs/train/first\n");
  EXPECT_THAT(result.err, HasSubstr("train: 8 pictures, 8 labels, 0 backgrounds, 0 corrupt"));
  EXPECT_THAT(result.err, HasSubstr("mAP50-95"));
  EXPECT_EQ(Results("runs/train/first").size(), 2U);
  const Checkpoint best = LoadCheckpoint(folder_.path() / "runs/train/first/weights/best.pt");
  EXPECT_EQ(best.names, (std::vector<std::string>{"red", "blue"}));
  EXPECT_FALSE(best.from_ema) << "the smoothed weights have become the model";
}

TEST_F(TrainCli, KilledAtAnyMomentAndResumedEndsAsIfUninterrupted) {
  ASSERT_EQ(Run(Short("--epochs 6 --threads 1 --name whole")).status.value, 0);

  std::vector<std::string> line = Line(Short("--epochs 6 --threads 1 --name cut"));
  for (const std::size_t lines : {2U, 4U}) {
    Result<Subprocess> process = Subprocess::Start({.argv = line, .working_directory = folder_.path()});
    ASSERT_TRUE(process);
    const Path csv = folder_.path() / "runs/train/cut/results.csv";
    ASSERT_TRUE(test::WaitUntil([&] {
      return std::filesystem::exists(csv) && Results("runs/train/cut").size() >= lines;
    })) << lines;
    process->Signal(SIGKILL);
    process->Wait();
    line = Line("--resume");
  }
  const test::CommandResult last = Run("--resume runs/train/cut");
  ASSERT_EQ(last.status.value, 0) << last.err;
  EXPECT_THAT(last.err, HasSubstr("going on with runs/train/cut"));

  EXPECT_EQ(Results("runs/train/cut"), Results("runs/train/whole"));
  for (const char* file : {"best.pt", "last.pt"}) {
    EXPECT_EQ(Weights(std::string("runs/train/cut/weights/") + file),
              Weights(std::string("runs/train/whole/weights/") + file))
        << file;
  }
}

TEST_F(TrainCli, StopsOnSigtermWithTheCodeForLater) {
  Result<Subprocess> process = Subprocess::Start({.argv = Line(Short("--epochs 10000 --name long")),
                                                  .working_directory = folder_.path(),
                                                  .error = folder_.path() / "stderr"});
  ASSERT_TRUE(process);
  ASSERT_TRUE(test::WaitUntil(
      [&] { return std::filesystem::exists(folder_.path() / "runs/train/long/weights/last.pt"); }));
  process->Signal(SIGTERM);
  EXPECT_EQ(process->Wait().value, static_cast<int>(ExitCode::kTryAgain));
  EXPECT_THAT(test::ReadText(folder_.path() / "stderr"),
              HasSubstr("go on with: yolo-train --resume runs/train/long/weights/last.pt"));
}

TEST_F(TrainCli, ResumingAFinishedRunSaysSo) {
  ASSERT_EQ(Run(Short("--epochs 1 --name done")).status.value, 0);
  const test::CommandResult again = Run("--resume runs/train/done");
  EXPECT_EQ(again.status.value, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("runs/train/done is finished"));
  EXPECT_EQ(again.out, "runs/train/done\n");
}

TEST_F(TrainCli, KeepsTheWeightsOfARunThatStoppedEarly) {
  const test::CommandResult result =
      Run(Short("lr0 0 warmup_bias_lr 0 --patience 1 --nosave --epochs 50 --name early"));
  ASSERT_EQ(result.status.value, 0) << result.err;
  EXPECT_LT(Results("runs/train/early").size(), 50U);
  EXPECT_EQ(LoadCheckpoint(folder_.path() / "runs/train/early/weights/best.pt").names.size(), 2U);
}

TEST_F(TrainCli, WordsAfterAListOfNumbersAreTheirOwn) {
  const test::CommandResult result = Run(Short("--epochs 1 --name frozen --freeze 0 1 lr0 0.25"));
  ASSERT_EQ(result.status.value, 0) << result.err;
  EXPECT_THAT(test::ReadText(folder_.path() / "runs/train/frozen/opt.yaml"), HasSubstr("freeze: '0 1'"));
  EXPECT_THAT(test::ReadText(folder_.path() / "runs/train/frozen/hyp.yaml"), HasSubstr("lr0: 0.25\n"));
}

TEST_F(TrainCli, ResumesElsewhereAndKeepsItsSettings) {
  Result<Subprocess> process = Subprocess::Start(
      {.argv = Line(Short("--epochs 10000 --name moved")), .working_directory = folder_.path()});
  ASSERT_TRUE(process);
  ASSERT_TRUE(test::WaitUntil(
      [&] { return std::filesystem::exists(folder_.path() / "runs/train/moved/weights/last.pt"); }));
  process->Signal(SIGKILL);
  process->Wait();
  const TemporaryDirectory elsewhere;
  Result<Subprocess> resumed = Subprocess::Start(
      {.argv = Line("--epochs 3 --resume " + (folder_.path() / "runs/train/moved").string()),
       .working_directory = elsewhere.path(),
       .error = elsewhere.path() / "stderr"});
  ASSERT_TRUE(resumed);
  ASSERT_TRUE(test::WaitUntil(
      [&] { return test::ReadText(elsewhere.path() / "stderr").find("training for") != std::string::npos; }));
  resumed->Signal(SIGTERM);
  EXPECT_EQ(resumed->Wait().value, static_cast<int>(ExitCode::kTryAgain));
  EXPECT_THAT(test::ReadText(elsewhere.path() / "stderr"),
              HasSubstr("epochs: a resumed run keeps what it was started with"));
}

TEST_F(TrainCli, TwoProcessesTrainLikeOne) {
  const std::string words = "--epochs 8 --threads 1 --sync-bn";
  ASSERT_EQ(Run(Short(words + " --name one")).status.value, 0);
  const test::CommandResult result = Run(Short(words + " --name two --nproc 2"));
  ASSERT_EQ(result.status.value, 0) << result.err;
  EXPECT_EQ(result.out, "runs/train/two\n");
  const auto one = Results("runs/train/one"), two = Results("runs/train/two");
  ASSERT_EQ(one.size(), 8U);
  ASSERT_EQ(two.size(), 8U);
  for (std::size_t epoch = 0; epoch < one.size(); ++epoch) {
    for (const std::size_t loss : {1U, 2U, 3U}) {
      EXPECT_NEAR(two[epoch][loss], one[epoch][loss], 0.01 * one[epoch][loss]) << "epoch " << epoch;
    }
  }
}

TEST_F(TrainCli, TakesOptionsFromTheEnvironmentAndFromTrailingWords) {
  const test::CommandResult result =
      Run("epochs 1 lr0 0.5 --data shapes.yaml --cfg model.yaml --imgsz 64 --noplots --lr 3",
          {"ROOST_TRAIN_BATCH_SIZE=4", "ROOST_TRAIN_EPOCHS=9"});
  EXPECT_EQ(result.status.value, static_cast<int>(ExitCode::kUsage)) << "--lr is no option";

  const test::CommandResult good =
      Run("epochs 1 lr0 0.5 --data shapes.yaml --cfg model.yaml --imgsz 64 --noplots",
          {"ROOST_TRAIN_BATCH_SIZE=4", "ROOST_TRAIN_EPOCHS=9"});
  ASSERT_EQ(good.status.value, 0) << good.err;
  EXPECT_EQ(Results("runs/train/exp").size(), 1U) << "trailing words count more than the environment";
  EXPECT_THAT(test::ReadText(folder_.path() / "runs/train/exp/opt.yaml"), HasSubstr("batch_size: '4'"));
  EXPECT_THAT(test::ReadText(folder_.path() / "runs/train/exp/hyp.yaml"), HasSubstr("lr0: 0.5"));
}

TEST_F(TrainCli, SaysWhatIsWrong) {
  const auto says = [&](const std::string& words, ExitCode code, const std::string& what) {
    const test::CommandResult result = Run(words);
    EXPECT_EQ(result.status.value, static_cast<int>(code)) << words << "\n" << result.err;
    EXPECT_THAT(result.err, HasSubstr(what)) << words;
  };
  says("--cfg model.yaml", ExitCode::kUsage, "name a dataset YAML with --data");
  says("--data none.yaml --cfg model.yaml", ExitCode::kNoInput, "none.yaml");
  says("--data shapes.yaml --cfg model.yaml --epochs 0", ExitCode::kUsage, "--epochs: epochs: '0' cannot be");
  says("--data shapes.yaml --cfg model.yaml --optimizer Lion", ExitCode::kUsage, "use SGD, Adam or AdamW");
  says("--data shapes.yaml --cfg model.yaml lr0", ExitCode::kUsage, "'lr0' has no value");
  says("--data shapes.yaml --cfg model.yaml lr7 1", ExitCode::kUsage, "no hyperparameter 'lr7'");
  says("--data shapes.yaml --cfg model.yaml --nproc 3 --batch-size 4", ExitCode::kUsage,
       "use a multiple of 3");
  says("--resume", ExitCode::kNoInput, "there is no run");
  says("--data shapes.yaml --cfg model.yaml --cache floppy", ExitCode::kUsage, "use ram or disk");
  says("--data shapes.yaml --cfg model.yaml --freeze 99", ExitCode::kUsage, "nothing left to train");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "runs")) << "no folder of a run that never began";
}

// Eight pictures are learnt by heart: all the parts together, from the labels to the figures.
TEST_F(TrainCli, SlowLearnsEightPicturesByHeart) {
  const test::CommandResult result =
      Run("mosaic 0 scale 0.1 translate 0.05 lr0 0.01 lrf 0.1 fliplr 0 hsv_h 0 --optimizer AdamW --data "
          "shapes.yaml "
          "--cfg model.yaml --imgsz 128 --batch-size 8 --epochs 600 --noval --nosave --noplots");
  ASSERT_EQ(result.status.value, 0) << result.err;
  const std::vector<double> last = Results("runs/train/exp").back();
  constexpr std::size_t kMap50 = 6;
  EXPECT_GT(last.at(kMap50), 0.95);
}

// What the stop-sign study found: pictures of what is mistaken for an object, without labels, are the cure.
TEST_F(TrainCli, SlowBackgroundPicturesLowerFalsePositives) {
  constexpr int kPictures = 8;
  const Path more = folder_.path() / "more";
  test::WriteShapes(more, {.pictures = kPictures, .backgrounds = kPictures});
  const Path green = folder_.path() / "green";
  MakeDirectories(green);
  for (int i = kPictures; i < 2 * kPictures; ++i) {
    const std::string name = "picture" + std::to_string(i) + ".png";
    std::filesystem::copy_file(more / "images" / name, green / name);
  }
  const auto false_positives = [&](const std::string& data, const std::string& name) {
    const test::CommandResult trained =
        Run("mosaic 0 scale 0.1 translate 0.05 lr0 0.01 lrf 0.1 fliplr 0 hsv_h 0 --optimizer AdamW --cfg "
            "model.yaml "
            "--imgsz 128 --batch-size 8 --epochs 300 --noval --nosave --noplots --data " +
            data + " --name " + name);
    EXPECT_EQ(trained.status.value, 0) << trained.err;
    const test::CommandResult found =
        test::RunCommand({test::Program("yolo-detect").string(), "--weights",
                          "runs/train/" + name + "/weights/best.pt", "--source", "green", "--imgsz", "128",
                          "--conf-thres", "0.1", "--nosave", "--save-csv", "--out", name + "-found"},
                         folder_.path());
    EXPECT_EQ(found.status.value, 0) << found.err;
    const std::string csv = test::ReadText(folder_.path() / (name + "-found") / "predictions.csv");
    return std::ranges::count(csv, '\n') - 1;  // a heading, then a line for each
  };
  const auto without = false_positives("shapes.yaml", "without");
  const auto with = false_positives("more/shapes.yaml", "with");
  EXPECT_GT(without, 4) << "green squares are not mistaken for red or blue ones: nothing to cure";
  EXPECT_LT(with, without / 2);
}

}  // namespace
}  // namespace roost::yolo
