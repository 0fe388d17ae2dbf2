#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/detect/tiny_detector.h"

namespace roost::yolo {
namespace {

using nlohmann::json;
using test::CellPicture;
using test::ReadText;
using test::WriteFile;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

namespace fs = std::filesystem;

/// Runs the real program on three pictures whose red and blue cells the tiny model finds, all labelled right.
class YoloValTest : public ::testing::Test {
 protected:
  YoloValTest() {
    for (const char* folder : {"images", "labels"}) fs::create_directory(At(folder));
    WriteFile(At("tiny.pt"), test::TinyDetector());
    WriteFile(At("data.yaml"), "train: images\nval: images\nnames: [red, blue]\n");
    // 4 x 4 cells of a network input of 128 x 128 pixels
    Add("a", "..../.r../..../....", "0 0.375 0.375 0.25 0.25\n");
    Add("b", "..../..../..b./.r..", "1 0.625 0.625 0.25 0.25\n0 0.375 0.875 0.25 0.25\n");
    Add("c", "..../..../..../....", "");
  }

  void Add(const std::string& name, const std::string& cells, const std::string& labels) {
    WriteFile(At("images/" + name + ".png"), CellPicture(cells));
    WriteFile(At("labels/" + name + ".txt"), labels);
  }
  Path At(const std::string& name) const { return folder_.path() / name; }

  test::CommandResult Val(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {test::Program("yolo-val"),
                                          "--weights",
                                          "tiny.pt",
                                          "--data",
                                          "data.yaml",
                                          "--imgsz",
                                          "128",
                                          "--no-rect",
                                          "--threads",
                                          "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::RunCommand(arguments, folder_.path(), {});
  }
  json JsonOf(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"--json", "--quiet", "--no-plots"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto run = Val(arguments);
    return json::parse(run.out, nullptr, /*allow_exceptions=*/false);
  }

  TemporaryDirectory folder_;
};

TEST_F(YoloValTest, MeasuresAndSaysWhereTheResultsAre) {
  const auto run = Val({"--device", "cpu"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(
      "                 Class     Images  Instances          P          R      mAP50   mAP50-95\n"
      "                   all          3          3          1          1      0.995      0.995\n"
      "                   red          3          2          1          1      0.995      0.995\n"
      "                  blue          3          1          1          1      0.995      0.995\n"
      "runs/val/exp\n",
      run.out);
  EXPECT_THAT(run.err, HasSubstr("val: 2 pictures with labels, 1 backgrounds, 0 unusable\n"));
  EXPECT_THAT(run.err, HasSubstr("Speed: "));
  EXPECT_THAT(run.err, HasSubstr(" per image at shape (32, 3, 128, 128)\n"));
  EXPECT_THAT(run.err, Not(HasSubstr("\033"))) << "no progress in a pipe";
  for (const char* file : {"PR_curve.png", "F1_curve.png", "P_curve.png", "R_curve.png",
                           "confusion_matrix.png", "val_batch0_labels.jpg", "val_batch0_pred.jpg"}) {
    EXPECT_TRUE(ReadImage(At("runs/val/exp") / file).ok()) << file;
  }
  EXPECT_EQ("runs/val/exp2", json::parse(ReadText(At("runs/val/exp/metrics.json"))).is_object()
                                 ? JsonOf({}).at("folder")
                                 : json());
}

TEST_F(YoloValTest, WhatIsMissedAndWhatIsNotThereShows) {
  Add("d", "r.../..../..../....", "0 0.875 0.875 0.25 0.25\n");
  const json figures = JsonOf({});
  EXPECT_EQ(4, figures.at("images"));
  EXPECT_EQ(4, figures.at("instances"));
  EXPECT_LT(figures.at("map50"), 0.95);
  EXPECT_NEAR(0.995, figures.at("classes")[1].at("ap50"), 1e-9) << "blue";
  EXPECT_EQ("red", figures.at("classes")[0].at("name"));
  EXPECT_EQ(0, figures.at("exit_code"));
}

TEST_F(YoloValTest, FiguresDoNotDependOnThreadsAndSquareOnesNotOnBatches) {
  Add("d", "rb../..../..../...r", "0 0.125 0.125 0.25 0.25\n0 0.875 0.875 0.2 0.25\n");
  json one = JsonOf({"--batch-size", "1", "--workers", "1"});
  json many = JsonOf({"--batch-size", "3", "--workers", "5"});
  one.erase("folder");
  many.erase("folder");
  EXPECT_EQ(one, many);
}

TEST_F(YoloValTest, UnusablePicturesAreNamedAndShowInTheExitStatus) {
  WriteFile(At("images/broken.png"), "no picture");
  WriteFile(At("labels/a.txt"), "0 0.5 0.5 0.5\n");
  const auto run = Val({"--quiet"});
  EXPECT_EQ(3, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("images/broken.png"));
  EXPECT_THAT(run.err, HasSubstr("labels/a.txt:1: a label has 5 numbers"));
  EXPECT_THAT(run.out, HasSubstr("all          2          2"));
  EXPECT_EQ(1, Val({"--quiet", "--strict"}).status.value);
}

TEST_F(YoloValTest, APictureThatBreaksBehindItsHeaderIsNamed) {
  std::string bytes = ReadText(At("images/c.png"));
  bytes.replace(bytes.find("IDAT") + 4, 8, 8, '\xFF');  // the coded pixels; header and end are whole
  WriteFile(At("images/c.png"), bytes);
  const auto run = Val({"--quiet", "--no-plots"});
  EXPECT_EQ(3, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("images/c.png"));
  EXPECT_THAT(run.err, Not(HasSubstr("left out"))) << "while measuring, not while the dataset was read";
  EXPECT_THAT(run.out, HasSubstr("all          2          3"));
}

TEST_F(YoloValTest, WritesLabelsAndCocosResultsAndTable) {
  const auto run = Val({"--save_txt", "--save-conf", "--save-json", "--no-plots", "--name", "x"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_THAT(ReadText(At("runs/val/x/labels/a.txt")), StartsWith("0 0.375 0.375 0.25 0.25 "));
  EXPECT_FALSE(fs::exists(At("runs/val/x/labels/c.txt"))) << "nothing was found there";
  const json results = json::parse(ReadText(At("runs/val/x/tiny_predictions.json")));
  ASSERT_EQ(3U, results.size());
  EXPECT_EQ("a", results[0].at("image_id"));
  EXPECT_EQ(json({32.0, 32.0, 32.0, 32.0}), results[0].at("bbox"));
  EXPECT_THAT(run.out, HasSubstr(" Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = "
                                 "1.000\n"));
  EXPECT_THAT(run.out, HasSubstr("area= large | maxDets=100 ] = -1.000\n"));
  EXPECT_THAT(run.out, EndsWith("runs/val/x\n"));
}

TEST_F(YoloValTest, AnnotationsMayTakeTheLabelsPlaceInCocosTable) {
  WriteFile(At("coco.json"), R"({"categories": [{"id": 0}, {"id": 1}],
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}, {"id": 3, "file_name": "c.png"}],
    "annotations": [{"image_id": 1, "category_id": 0, "bbox": [32, 32, 32, 32], "area": 1024, "iscrowd": 0},
                    {"image_id": 3, "category_id": 0, "bbox": [0, 0, 32, 32], "area": 1024, "iscrowd": 0}]})");
  const json figures = JsonOf({"--save-json", "--annotations", "coco.json"});
  EXPECT_NEAR(0.995, figures.at("map50"), 1e-9) << "by the labels";
  EXPECT_NEAR(0.5, figures.at("coco").at("ar100"), 1e-9) << "one of two, by the annotations";
  WriteFile(At("coco.json"), R"({"categories": [], "images": [], "annotations": []})");
  EXPECT_EQ(65, Val({"--save-json", "--annotations", "coco.json"}).status.value);
}

TEST_F(YoloValTest, TheLabelsOfTheDatasetAreNeverWrittenOver) {
  const auto run = Val({"--save-txt", "--out", "."});
  EXPECT_EQ(73, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("would write over the labels of the dataset"));
  EXPECT_EQ("0 0.375 0.375 0.25 0.25\n", ReadText(At("labels/a.txt")));
}

TEST_F(YoloValTest, OneClassForAll) {
  WriteFile(At("labels/b.txt"), "7 0.625 0.625 0.25 0.25\n9 0.375 0.875 0.25 0.25\n");
  const json figures = JsonOf({"--single-cls"});
  EXPECT_EQ(1U, figures.at("classes").size());
  EXPECT_NEAR(0.995, figures.at("map50_95"), 1e-9);
}

TEST_F(YoloValTest, HybridLabelsCompleteTheLabels) {
  WriteFile(At("labels/b.txt"), "1 0.125 0.125 0.25 0.25\n");
  const auto run = Val({"--save-hybrid", "--no-plots"});
  ASSERT_EQ(0, run.status.value) << run.err;
  const std::string lines = ReadText(At("runs/val/exp/labels/b.txt"));
  EXPECT_THAT(lines, HasSubstr("1 0.125 0.125 0.25 0.25\n")) << "the label";
  EXPECT_THAT(lines, HasSubstr("0 0.375 0.875 0.25 0.25\n")) << "what was found";
  EXPECT_THAT(run.err, HasSubstr("--save-hybrid"));
}

TEST_F(YoloValTest, TasksAreOtherPictures) {
  fs::create_directory(At("images/t"));
  WriteFile(At("images/t/a.png"), CellPicture("...."));
  WriteFile(At("data.yaml"), "val: images\ntest: images/t\nnames: [red, blue]\ndownload: bash get.sh\n");
  const auto test_run = Val({"--task", "test", "--no-plots"});
  EXPECT_EQ(0, test_run.status.value) << test_run.err;
  EXPECT_THAT(test_run.out, HasSubstr("all          1          0"));
  EXPECT_THAT(test_run.err, HasSubstr("no labels in the test pictures"));
  EXPECT_THAT(test_run.err, HasSubstr("'download' is not used"));
  const auto train = Val({"--task", "train"});
  EXPECT_EQ(65, train.status.value);
  EXPECT_THAT(train.err, HasSubstr("data.yaml: no 'train'"));
  EXPECT_EQ(0, Val({"--task", "speed"}).status.value);
}

TEST_F(YoloValTest, WhatCannotBeMeasuredIsRefusedBeforeAFolderIsMade) {
  WriteFile(At("data.yaml"), "val: images\nnames: [red, blue, green]\n");
  const auto classes = Val({});
  EXPECT_EQ(65, classes.status.value);
  EXPECT_THAT(classes.err, HasSubstr("'tiny.pt' has 2 classes, but 'data.yaml' has 3"));
  WriteFile(At("data.yaml"), "val: [\n");
  EXPECT_EQ(65, Val({}).status.value);
  WriteFile(At("data.yaml"), "val: nowhere\nnames: [red, blue]\n");
  const auto nowhere = Val({});
  EXPECT_EQ(66, nowhere.status.value);
  EXPECT_THAT(nowhere.err, HasSubstr("nowhere"));
  EXPECT_EQ(66, Val({"--data", "none.yaml"}).status.value);
  EXPECT_EQ(66, Val({"--weights", "none.pt"}).status.value);
  EXPECT_FALSE(fs::exists(At("runs")));
}

TEST_F(YoloValTest, WrongFlagsAreRefused) {
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"--task", "guess"},
                                             {"--conf", "2"},
                                             {"--batch-size", "0"},
                                             {"--imgsz", "0"},
                                             {"--nonsense"},
                                             {"stray"},
                                             {"--out", ""},
                                             {"--annotations", "x.json"},
                                             {"--save-hybrid", "--single-cls"}}) {
    const auto run = Val(flags);
    EXPECT_EQ(64, run.status.value) << flags.front() << run.err;
    EXPECT_THAT(run.err, StartsWith("yolo-val: "));
  }
  EXPECT_EQ(0, Val({"--help"}).status.value);
}

}  // namespace
}  // namespace roost::yolo
