#include <algorithm>
#include <csignal>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "roost/base/process.h"
#include "roost/base/text.h"
#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/detect/tiny_detector.h"

namespace roost::yolo {
namespace {

using test::CellPicture;
using test::ReadText;
using test::WriteFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

namespace fs = std::filesystem;

/// Runs the real program in a folder of its own that holds tiny.pt and in/a.png, in/b.jpg.
class YoloDetectTest : public ::testing::Test {
 protected:
  YoloDetectTest() {
    WriteFile(At("tiny.pt"), test::TinyDetector());
    fs::create_directory(At("in"));
    WriteFile(At("in/a.png"), CellPicture("..../.rb./...."));
    WriteFile(At("in/b.jpg"), CellPicture("../..", ".jpg"));
  }

  Path At(const std::string& name) const { return folder_.path() / name; }

  test::CommandResult Run(std::vector<std::string> arguments,
                          const std::vector<std::string>& environment = {}) const {
    arguments.insert(arguments.begin(), test::Program("yolo-detect"));
    return test::RunCommand(arguments, folder_.path(), environment);
  }
  /// With the tiny model, a small network input and the two pictures.
  test::CommandResult Detect(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"--weights", "tiny.pt", "--source",  "in",
                                          "--imgsz",   "128",     "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }

  TemporaryDirectory folder_;
};

TEST_F(YoloDetectTest, DetectsFromPicturesToLabelsAndAnnotatedPictures) {
  const auto run = Detect({"--save-txt", "--device", "cpu"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ("runs/detect/exp\n", run.out);
  EXPECT_THAT(run.err, HasSubstr("Roost "));
  EXPECT_THAT(run.err, HasSubstr("CPU (1 thread)"));
  EXPECT_THAT(run.err, HasSubstr("tiny.pt: "));
  EXPECT_THAT(run.err, HasSubstr("/in/a.png: 96x128 1 red, 1 blue, "));
  EXPECT_THAT(run.err, HasSubstr("/in/b.jpg: 128x128 (no detections), "));
  EXPECT_THAT(run.err, HasSubstr("Results saved to runs/detect/exp\n1 labels saved to "));
  EXPECT_THAT(run.err, Not(HasSubstr("\033"))) << "no colours in a pipe";

  EXPECT_THAT(ReadText(At("runs/detect/exp/labels/a.txt")),
              AllOf(HasSubstr("0 0.375 0.5 0.25 0.333333\n"), HasSubstr("1 0.625 0.5 0.25 0.333333\n")));
  EXPECT_FALSE(fs::exists(At("runs/detect/exp/labels/b.txt")));
  EXPECT_EQ((Size{96, 128}), ReadImage(At("runs/detect/exp/a.png"))->size());
  EXPECT_TRUE(fs::exists(At("runs/detect/exp/b.jpg")));
}

TEST_F(YoloDetectTest, FlagsMayBeSpelledAsPythonAllows) {
  const auto run = Run({"--weights=tiny.pt", "--source", "in/a.png", "--img", "128", "--conf", "0.3",
                        "--save_txt", "--exist_ok", "--classes", "1", "5", "--threads", "1"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ("1 0.625 0.5 0.25 0.333333\n", ReadText(At("runs/detect/exp/labels/a.txt")));
  EXPECT_THAT(run.err, HasSubstr("--classes 5: the model has classes 0 to 1"));
}

TEST_F(YoloDetectTest, ASizeThatTheModelCannotTakeIsRoundedUpAndTold) {
  const auto run = Run(
      {"--weights", "tiny.pt", "--source", "in/a.png", "--imgsz", "90", "100", "--nosave", "--threads", "1"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("--imgsz 90x100 is not a multiple of the model's stride 32: using 96x128"));
  EXPECT_THAT(run.err, HasSubstr("(1, 3, 96, 128)"));
}

TEST_F(YoloDetectTest, ACorruptPictureAmongGoodOnesIsToldAndExitStatusIs3) {
  WriteFile(At("in/aa.jpg"), "this is no picture");
  const auto run = Detect({"--out", "results"});
  EXPECT_EQ(3, run.status.value);
  EXPECT_EQ("results\n", run.out);
  EXPECT_THAT(run.err, HasSubstr("image 2/3: cannot decode '"));
  EXPECT_THAT(run.err, HasSubstr("1 of 3 inputs could not be used:"));
  EXPECT_TRUE(fs::exists(At("results/a.png")));
  EXPECT_TRUE(fs::exists(At("results/b.jpg")));
}

TEST_F(YoloDetectTest, ANamedPipeAmongThePicturesIsUnusableAndDoesNotStopTheRun) {
  ASSERT_EQ(0, ::mkfifo(At("in/aa.jpg").c_str(), 0600));
  const auto run = Detect({"--out", "results"});
  EXPECT_EQ(3, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("aa.jpg': not a regular file"));
  EXPECT_TRUE(fs::exists(At("results/b.jpg")));
}

TEST_F(YoloDetectTest, AnExactFolderCanBeUsedAgain) {
  ASSERT_EQ(0, Detect({"--out", "results", "--save-txt"}).status.value);
  const std::string labels = ReadText(At("results/labels/a.txt"));
  ASSERT_EQ(0, Detect({"--out", "results", "--save-txt"}).status.value);
  EXPECT_EQ(labels, ReadText(At("results/labels/a.txt"))) << "not added a second time";
}

/// 60 pictures that take a moment each, in "many".
class LongRunTest : public YoloDetectTest {
 protected:
  static constexpr int kPictures = 60;

  LongRunTest() {
    fs::create_directory(At("many"));
    std::string cells;
    for (int row = 0; row < 30; ++row)
      cells += (row == 0 ? "" : "/") + std::string(30, row % 3 == 0 ? 'r' : '.');
    const std::string picture = CellPicture(cells);
    for (int i = 0; i < kPictures; ++i) WriteFile(At("many") / (std::to_string(100 + i) + ".png"), picture);
  }

  std::vector<std::string> Arguments() const {
    return {test::Program("yolo-detect"),
            "--weights",
            "tiny.pt",
            "--source",
            "many",
            "--imgsz",
            "960",
            "--threads",
            "1",
            "--workers",
            "1",
            "--out",
            "results",
            "--save-txt",
            "--save-csv",
            "--resume"};
  }
  static int LinesOf(const Path& file) {
    std::error_code error;
    if (!fs::exists(file, error)) return 0;
    const std::string text = ReadText(file);
    return static_cast<int>(std::ranges::count(text, '\n'));
  }
  /// Starts the run, sends `signal` when some pictures are done, and returns how it ended.
  ExitStatus RunAndSignal(int signal) const {
    ProcessOptions options;
    options.argv = Arguments();
    options.working_directory = folder_.path();
    options.error = "first.err";
    auto process = Subprocess::Start(options).value();
    const Path manifest = At("results/.roost-manifest.jsonl");
    EXPECT_TRUE(test::WaitUntil([&] { return LinesOf(manifest) >= 5; }));
    process.Signal(signal);
    return process.Wait();
  }
  void ExpectEachPictureHasOneWholeResult() const {
    int pictures = 0;
    for (const auto& entry : fs::directory_iterator(At("results"))) {
      EXPECT_FALSE(IsAtomicTemporary(entry.path())) << entry.path();
      if (entry.path().extension() == ".png") ++pictures;
    }
    EXPECT_EQ(kPictures, pictures);
    std::set<std::string> labels;
    for (const auto& entry : fs::directory_iterator(At("results/labels"))) {
      EXPECT_FALSE(IsAtomicTemporary(entry.path())) << entry.path();
      labels.insert(ReadText(entry.path()));
    }
    EXPECT_EQ(1U, labels.size()) << "equal pictures have equal labels";
    EXPECT_EQ(1 + kPictures * std::ranges::count(*labels.begin(), '\n'),
              LinesOf(At("results/predictions.csv")));
  }

  /// The pictures that a run told about.
  std::set<std::string> Told(const std::string& log) const {
    std::set<std::string> names;
    for (const std::string& line : Split(log, '\n')) {
      if (line.starts_with("image ")) names.insert(line.substr(0, line.find(": ")));
    }
    return names;
  }
};

TEST_F(LongRunTest, SigtermStopsItCleanlyAndResumeGoesOnWhereItWas) {
  const ExitStatus first = RunAndSignal(SIGTERM);
  EXPECT_FALSE(first.signaled);
  EXPECT_EQ(75, first.value);
  const std::set<std::string> done = Told(ReadText(At("first.err")));
  EXPECT_LT(done.size(), 60U) << "the signal came too late to show anything";
  EXPECT_THAT(ReadText(At("results/run.json")), HasSubstr("\"status\": \"stopped\""));

  const auto second = test::RunCommand(Arguments(), folder_.path());
  EXPECT_EQ(0, second.status.value) << second.err;
  const std::set<std::string> rest = Told(second.err);
  EXPECT_EQ(60U, done.size() + rest.size()) << "no picture twice";
  ExpectEachPictureHasOneWholeResult();
  EXPECT_THAT(ReadText(At("results/run.json")), HasSubstr("\"status\": \"finished\""));

  const auto third = test::RunCommand(Arguments(), folder_.path());
  EXPECT_EQ(0, third.status.value) << third.err;
  EXPECT_THAT(Told(third.err), IsEmpty());
  EXPECT_THAT(third.err, HasSubstr("60 inputs had been finished before"));
  EXPECT_EQ("results\n", third.out);
}

TEST_F(LongRunTest, SigkillLosesAtMostWhatWasInHand) {
  const ExitStatus first = RunAndSignal(SIGKILL);
  EXPECT_TRUE(first.signaled);
  const int noted = LinesOf(At("results/.roost-manifest.jsonl")) - 1;
  EXPECT_LT(noted, kPictures);
  const auto second = test::RunCommand(Arguments(), folder_.path());
  EXPECT_EQ(0, second.status.value) << second.err;
  EXPECT_EQ(static_cast<std::size_t>(kPictures - noted), Told(second.err).size());
  ExpectEachPictureHasOneWholeResult();
}

TEST_F(LongRunTest, TimeThatIsOverEndsWith75) {
  std::vector<std::string> arguments = Arguments();
  arguments.insert(arguments.end(), {"--max-time", "0"});
  const auto run = test::RunCommand(arguments, folder_.path());
  EXPECT_EQ(75, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("--max-time is over: "));
}

TEST_F(YoloDetectTest, ManyRunsAtOnceGetAFolderEach) {
  std::set<std::string> folders;
  constexpr int kPairs = 10;
  for (int pair = 0; pair < kPairs; ++pair) {
    std::vector<Subprocess> processes;
    for (const char* output : {"out1", "out2"}) {
      ProcessOptions options;
      options.argv = {test::Program("yolo-detect"),
                      "--weights",
                      "tiny.pt",
                      "--source",
                      "in/a.png",
                      "--imgsz",
                      "64",
                      "--quiet",
                      "--threads",
                      "1"};
      options.working_directory = folder_.path();
      options.output = output;
      processes.push_back(Subprocess::Start(options).value());
    }
    for (Subprocess& process : processes) EXPECT_TRUE(process.Wait().ok());
    folders.insert(ReadText(At("out1")));
    folders.insert(ReadText(At("out2")));
  }
  EXPECT_EQ(2U * kPairs, folders.size());
}

TEST_F(YoloDetectTest, JsonIsALinePerPictureAndOneAtTheEnd) {
  WriteFile(At("in/broken.png"), "x");
  const auto run = Detect({"--json", "--quiet", "--out", "results"});
  EXPECT_EQ(3, run.status.value);
  const std::vector<std::string> lines = Split(run.out, '\n');
  ASSERT_EQ(5U, lines.size()) << run.out;
  const auto a = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(At("in/a.png").string(), a.at("input"));
  EXPECT_EQ(128, a.at("width"));
  ASSERT_EQ(2U, a.at("detections").size());
  EXPECT_EQ("red", a["detections"][0].at("name"));
  EXPECT_EQ((std::vector<double>{32, 32, 64, 64}), a["detections"][0].at("box").get<std::vector<double>>());
  EXPECT_TRUE(nlohmann::json::parse(lines[2]).contains("error"));
  EXPECT_EQ((nlohmann::json{{"folder", "results"}, {"exit_code", 3}}), nlohmann::json::parse(lines[3]));
}

TEST_F(YoloDetectTest, ShardsShareOneFolderAndDoEveryPictureOnce) {
  fs::create_directory(At("shards"));
  for (int i = 0; i < 20; ++i) WriteFile(At("shards") / (std::to_string(i) + ".png"), CellPicture("r."));
  std::size_t done = 0;
  for (const char* shard : {"0/3", "1/3", "2/3"}) {
    const auto run = Run({"--weights", "tiny.pt", "--source", "shards", "--imgsz", "64", "--threads", "1",
                          "--out", "results", "--shard", shard, "--save-txt"});
    EXPECT_EQ(0, run.status.value) << run.err;
    const std::string name = "results/run-" + std::string(1, shard[0]) + "of3.json";
    done += nlohmann::json::parse(ReadText(At(name))).at("totals").at("done").get<std::size_t>();
  }
  EXPECT_EQ(20U, done);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(fs::exists(At("results") / (std::to_string(i) + ".png")));
}

TEST_F(YoloDetectTest, TheRunReportNamesEveryInputWithItsOutcome) {
  WriteFile(At("in/broken.png"), "x");
  const auto run = Detect({"--out", "results", "--save-txt", "--strict", "--save-empty"});
  EXPECT_EQ(1, run.status.value) << "--strict";
  const auto report = nlohmann::json::parse(ReadText(At("results/run.json")));
  EXPECT_EQ("finished", report.at("status"));
  EXPECT_EQ(1, report.at("exit_code"));
  EXPECT_EQ(64U, report.at("settings").at("weights_sha256").at(0).get<std::string>().size());
  const auto& inputs = report.at("inputs");
  ASSERT_EQ(3U, inputs.size());
  EXPECT_EQ("in/a.png", inputs[0].at("input"));
  EXPECT_EQ("done", inputs[0].at("outcome"));
  EXPECT_EQ(2, inputs[0].at("objects"));
  EXPECT_EQ("unusable", inputs[2].at("outcome"));
  EXPECT_THAT(inputs[2].at("why"), HasSubstr("broken.png"));
  EXPECT_EQ("", ReadText(At("results/labels/b.txt"))) << "--save-empty";
}

TEST_F(YoloDetectTest, ATreeIsMirrored) {
  fs::create_directories(At("tree/day/noon"));
  fs::copy(At("in/a.png"), At("tree/a.png"));
  fs::copy(At("in/a.png"), At("tree/day/noon/a.png"));
  const auto run = Run({"--weights", "tiny.pt", "--source", "tree", "--recursive", "--imgsz", "128",
                        "--threads", "1", "--out", "results", "--save-txt", "--save-crop"});
  EXPECT_EQ(0, run.status.value) << run.err;
  for (const char* name : {"a.png", "day/noon/a.png", "labels/a.txt", "labels/day/noon/a.txt",
                           "crops/red/a.jpg", "crops/red/day/noon/a.jpg"}) {
    EXPECT_TRUE(fs::exists(At("results") / name)) << name;
  }
}

TEST_F(YoloDetectTest, PredictionsAreSummarizedForSpreadsheetsAndCoco) {
  const auto run = Detect({"--out", "results", "--save-csv", "--save-json", "--nosave"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_THAT(ReadText(At("results/predictions.csv")),
              AllOf(StartsWith("Image Name,Prediction,Confidence\r\n"), HasSubstr("a.png,blue,1.00\r\n")));
  const auto coco = nlohmann::json::parse(ReadText(At("results/predictions.json")));
  ASSERT_EQ(2U, coco.size());
  EXPECT_EQ("a", coco[0].at("image_id"));
  EXPECT_EQ((std::vector<double>{32, 32, 32, 32}), coco[0].at("bbox").get<std::vector<double>>());
}

TEST_F(YoloDetectTest, WhatLayersSeeIsSavedAsPicturesAndArrays) {
  const auto run = Detect({"--out", "results", "--visualize", "--nosave"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_TRUE(ReadImage(At("results/a/stage0_Conv2d_features.png")));
  const std::string array = ReadText(At("results/a/stage0_Conv2d_features.npy"));
  EXPECT_THAT(array, StartsWith("\x93NUMPY\x01"));
  EXPECT_THAT(array, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3, 4), }"));
  const std::size_t data = array.find('\n') + 1;
  EXPECT_EQ(0U, data % 64) << "as NumPy asks for";
  EXPECT_EQ(3U * 3 * 4 * sizeof(float), array.size() - data);
}

TEST_F(YoloDetectTest, AnEnsembleOfOneModelTwiceFindsWhatItFindsOnce) {
  const auto run = Run({"--weights", "tiny.pt", "tiny.pt", "--source", "in/a.png", "--imgsz", "128",
                        "--threads", "1", "--save-txt", "--nosave", "--out", "results"});
  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_THAT(ReadText(At("results/labels/a.txt")),
              AllOf(HasSubstr("0 0.375 0.5 0.25 0.333333\n"), HasSubstr("1 0.625 0.5 0.25 0.333333\n")));
  EXPECT_EQ(64, Detect({"--weights", "tiny.pt", "tiny.pt", "--visualize"}).status.value);
}

TEST_F(YoloDetectTest, FlagsThatHaveNothingToDoAreExplainedAndTheRunGoesOn) {
  const auto run = Detect({"--out", "results", "--dnn", "--update"});
  EXPECT_EQ(0, run.status.value);
  EXPECT_THAT(run.err, AllOf(HasSubstr("warning: --dnn is for"), HasSubstr("warning: --update rewrites")));
}

TEST_F(YoloDetectTest, HalfPrecisionWithoutCudaIsRefusedAndLeavesNothing) {
  const auto run = Detect({"--device", "cpu", "--half"});
  EXPECT_EQ(64, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("--half needs a CUDA device"));
  EXPECT_FALSE(fs::exists(At("runs/detect/exp")));
}

TEST_F(YoloDetectTest, ResultsBelowASourceAreNotLookedAt) {
  for (int time = 0; time < 2; ++time) {
    const auto run = Detect({"--recursive", "--out", "in/results", "--resume"});
    EXPECT_EQ(0, run.status.value) << run.err;
    EXPECT_FALSE(fs::exists(At("in/results/results")));
  }
}

TEST_F(YoloDetectTest, ARunReportOfSomebodyElseIsNotReplaced) {
  fs::create_directory(At("results"));
  WriteFile(At("results/run.json"), "mine");
  const auto run = Detect({"--out", "results"});
  EXPECT_EQ(73, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("run.json' exists and is not known as a result"));
  EXPECT_EQ("mine", ReadText(At("results/run.json")));
}

TEST_F(YoloDetectTest, StrayWordsAreNamed) {
  EXPECT_THAT(Detect({"--conf-tres", "0.3"}).err, HasSubstr("there is no flag --conf-tres\n"));
  EXPECT_THAT(Detect({"--nosave", "pictures"}).err, HasSubstr("'pictures' belongs to no flag"));
}

TEST_F(YoloDetectTest, AListFileGivesLabelsAndNoPictures) {
  WriteFile(At("list.txt"), "in/b.jpg\nin/a.png\nin/gone.png\n");
  const auto run = Run({"--weights", "tiny.pt", "--source", "list.txt", "--imgsz", "128", "--save-txt",
                        "--out", "results", "--threads", "1"});
  EXPECT_EQ(3, run.status.value);
  EXPECT_TRUE(fs::exists(At("results/labels/a.txt")));
  EXPECT_FALSE(fs::exists(At("results/a.png")));
  EXPECT_THAT(run.err, HasSubstr("no annotated pictures"));
  EXPECT_THAT(run.err, HasSubstr("gone.png': no such file (named in list.txt)"));
}

TEST_F(YoloDetectTest, TwoRunsAtOnceGetTwoFolders) {
  ProcessOptions options;
  options.argv = {test::Program("yolo-detect"),
                  "--weights",
                  "tiny.pt",
                  "--source",
                  "in",
                  "--imgsz",
                  "64",
                  "--quiet",
                  "--threads",
                  "1"};
  options.working_directory = folder_.path();
  options.output = "out1";
  auto first = Subprocess::Start(options).value();
  options.output = "out2";
  auto second = Subprocess::Start(options).value();
  EXPECT_TRUE(first.Wait().ok());
  EXPECT_TRUE(second.Wait().ok());
  EXPECT_THAT((std::vector{ReadText(At("out1")), ReadText(At("out2"))}),
              ::testing::UnorderedElementsAre("runs/detect/exp\n", "runs/detect/exp2\n"));
}

TEST_F(YoloDetectTest, HelpShowsEveryFlagAndExamples) {
  const auto run = Run({"--help"});
  EXPECT_EQ(0, run.status.value);
  for (const char* text :
       {"--weights",     "--source",       "--imgsz",   "--img",      "--img-size",  "--conf-thres",
        "--iou-thres",   "--max-det",      "--device",  "--save-txt", "--save-conf", "--nosave",
        "--classes",     "--agnostic-nms", "--project", "--name",     "--exist-ok",  "--line-thickness",
        "--hide-labels", "--hide-conf",    "--data",    "--out",      "--threads",   "--quiet",
        "Examples:",     "Exit status:"}) {
    EXPECT_THAT(run.out, HasSubstr(text));
  }
  EXPECT_THAT(run.err, IsEmpty());
}

TEST_F(YoloDetectTest, VersionIsAResult) {
  const auto run = Run({"--version"});
  EXPECT_EQ(0, run.status.value);
  EXPECT_THAT(run.out, StartsWith("yolo-detect "));
}

TEST_F(YoloDetectTest, WrongFlagsEndWith64AndSayWhich) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "--source"},
      {{"--source", "in", "--nonsense"}, "--nonsense"},
      {{"--source", "in", "--conf-thres", "1.5"}, "--conf-thres"},
      {{"--source", "in", "--conf-thres", "nan"}, "--conf-thres"},
      {{"--source", "in", "--iou-thres", "-0.1"}, "--iou-thres"},
      {{"--source", "in", "--conf-thres", "high"}, "--conf-thres"},
      {{"--source", "in", "--imgsz", "0"}, "--imgsz"},
      {{"--source", "in", "--imgsz", "64", "64", "64"}, "--imgsz"},
      {{"--source", "in", "--max-det", "0"}, "--max-det"},
      {{"--source", "in", "--threads", "-1"}, "--threads"},
      {{"--source", "in", "--line-thickness", "-1"}, "--line-thickness"},
      {{"--source", "in", "--line-thickness", "1001"}, "--line-thickness"},
      {{"--source", "in", "--out", ""}, "--out must not be empty"},
      {{"--source", "in", "--out="}, "--out"},
      {{"--source", "in", "--project", ""}, "--project must not be empty"},
      {{"--source", "in", "--name", ""}, "--name must not be empty"},
      {{"--source", "in", "--data", ""}, "--data must not be empty"},
      {{"--source", "in", "--weights", ""}, "--weights must not be empty"},
      {{"--source", ""}, "--source must not be empty"},
      {{"--source", "in", ""}, "--source must not be empty"},
      {{"--source", "in", "--weights", "tiny.pt", "--imgsz", "60000"}, "--imgsz: the model cannot run on"},
      {{"--source", "in", "--weights", "tiny.pt", "--classes", "2", "-1"},
       "--classes: nothing would be found"},
      {{"--source", "in", "--hide"}, "--hide-labels --hide-conf"},
      {{"--source", "in", "--out", "x", "--name", "y"}, "--name"},
      {{"--source", "in", "--color", "pink"}, "--color"},
      {{"--source", "in", "--vid-stride", "0"}, "--vid-stride"},
      {{"--source", "in", "--batch-size", "0"}, "--batch-size"},
      {{"--source", "in", "--workers", "-1"}, "--workers"},
      {{"--source", "in", "--shard", "3"}, "--shard"},
      {{"--source", "in", "--shard", "9/8"}, "--shard"},
      {{"--source", "in", "--max-time", "soon"}, "--max-time"},
      {{"--source", "screen"}, "'screen'"},
  };
  for (const auto& [arguments, text] : cases) {
    const auto run = Run(arguments);
    EXPECT_EQ(64, run.status.value) << run.err;
    EXPECT_THAT(run.err, AllOf(StartsWith("yolo-detect: "), HasSubstr(text)));
    EXPECT_THAT(run.out, IsEmpty());
  }
  EXPECT_FALSE(fs::exists(At("runs")));
}

TEST_F(YoloDetectTest, MissingSourcesAndWeightsEndWith66) {
  EXPECT_EQ(66, Run({"--weights", "tiny.pt", "--source", "nowhere"}).status.value);
  EXPECT_EQ(66, Run({"--weights", "tiny.pt", "--source", "in/*.bmp"}).status.value);
  EXPECT_EQ(66, Run({"--weights", "nowhere.pt", "--source", "in"}).status.value);
  EXPECT_FALSE(fs::exists(At("runs")));
}

TEST_F(YoloDetectTest, WeightsThatCannotBeUsedEndWith65AndNoFolderIsMade) {
  WriteFile(At("text.pt"), "hello");
  const auto run = Run({"--weights", "text.pt", "--source", "in"});
  EXPECT_EQ(65, run.status.value);
  EXPECT_THAT(run.err, AllOf(StartsWith("yolo-detect: "), HasSubstr("text.pt")));
  EXPECT_FALSE(fs::exists(At("runs")));
}

TEST_F(YoloDetectTest, OutputThatCannotBeMadeEndsWith73) {
  EXPECT_EQ(73, Detect({"--out", "tiny.pt"}).status.value);
  EXPECT_EQ(73, Detect({"--out", "tiny.pt/below"}).status.value);
}

TEST_F(YoloDetectTest, AResultThatNobodyCanReadEndsWith73) {
  const std::string command =
      test::Program("yolo-detect").string() + " --weights tiny.pt --source in --imgsz 64 --quiet >/dev/full";
  const auto run = test::RunCommand({"/bin/sh", "-c", command}, folder_.path());
  EXPECT_EQ(73, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("cannot write to stdout"));
}

TEST_F(YoloDetectTest, TheLinesOfBoxesMayBeAsThickAsTheFlagTakes) {
  EXPECT_EQ(0, Detect({"--line-thickness", "1000"}).status.value);
}

TEST_F(YoloDetectTest, TheInputsAreNeverReplaced) {
  const std::string before = ReadText(At("in/a.png"));
  const auto run = Detect({"--out", "in"});
  EXPECT_EQ(64, run.status.value) << run.err;
  EXPECT_EQ(before, ReadText(At("in/a.png")));
}

TEST_F(YoloDetectTest, LabelsOfADatasetAreNotReplaced) {
  fs::create_directories(At("dataset/labels"));
  WriteFile(At("dataset/labels/a.txt"), "7 0.5 0.5 1 1\n");
  const auto run = Detect({"--out", "dataset", "--save-txt"});
  EXPECT_EQ(73, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("dataset/labels/a.txt"));
  EXPECT_EQ("7 0.5 0.5 1 1\n", ReadText(At("dataset/labels/a.txt")));
}

TEST_F(YoloDetectTest, AFolderWithLabelsOnlyCanBeUsedAgain) {
  ASSERT_EQ(0, Detect({"--out", "results", "--save-txt", "--nosave"}).status.value);
  EXPECT_EQ(0, Detect({"--out", "results", "--save-txt", "--nosave"}).status.value);
}

TEST_F(YoloDetectTest, ADeviceThatIsNotThereLeavesNoFolder) {
  const auto run = Detect({"--device", "nonsense"});
  EXPECT_NE(0, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("nonsense"));
  EXPECT_FALSE(fs::exists(At("runs/detect/exp")));
}

TEST_F(YoloDetectTest, OfflineAnOfficialNameEndsWith75AndTellsWhatToDo) {
  // A proxy that nobody listens to: the one way to be offline on every machine.
  const auto run = Run({"--weights", "yolov5n.pt", "--source", "in"},
                       {"ROOST_CACHE_DIR=" + At("cache").string(), "https_proxy=http://127.0.0.1:1",
                        "HTTPS_PROXY=http://127.0.0.1:1", "no_proxy=", "NO_PROXY="});
  EXPECT_EQ(75, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("https://github.com/ultralytics/yolov5/releases/download/v7.0/yolov5n.pt"));
  EXPECT_THAT(run.err, HasSubstr(At("cache/yolov5n.pt").string()));
  EXPECT_FALSE(fs::exists(At("runs")));
}

}  // namespace
}  // namespace roost::yolo
