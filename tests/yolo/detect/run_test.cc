#include "yolo/detect/run.h"

#include <csignal>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/base/digest.h"
#include "roost/base/text.h"
#include "roost/yolo/video.h"
#include "support/support.h"
#include "yolo/detect/tiny_detector.h"

namespace roost::yolo {
namespace {

using test::CellPicture;
using test::ReadText;
using test::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

namespace fs = std::filesystem;

/// Sees in every picture one object of class 1 in the middle, half as high and wide as the network input.
class OneObjectEngine final : public Engine {
 public:
  Predictions Run(const ImageBatch& batch) const override {
    const auto width = static_cast<float>(batch.width);
    const auto height = static_cast<float>(batch.height);
    Predictions predictions{.n = batch.n, .rows = 1, .columns = 7};
    for (std::int64_t i = 0; i < batch.n; ++i) {
      predictions.values.insert(predictions.values.end(),
                                {width / 2, height / 2, width / 2, height / 2, 1, 0.25F, 0.75F});
    }
    return predictions;
  }
  std::string Description() const override { return "one object"; }
};

class RunTest : public ::testing::Test {
 protected:
  RunTest() { fs::create_directories(options_.folder / "labels"); }

  Path Add(const std::string& name, const std::string& content) {
    const Path path = folder_.path() / "in" / name;
    fs::create_directories(path.parent_path());
    WriteFile(path, content);
    inputs_.push_back({.path = path});
    return path;
  }
  RunSummary Run(bool resume = false) {
    Manifest manifest({.folder = options_.folder,
                       .resume = resume,
                       .owns_labels = fs::is_empty(options_.folder / "labels")},
                      settings_);
    const Detector detector(std::make_shared<OneObjectEngine>(), traits_, {});
    result_ = RunDetection(inputs_, FinishedBefore(inputs_, options_, manifest), detector, options_,
                           run_options_, manifest, reporter_, stop_);
    return result_.summary;
  }
  /// A stop signal that arrives when the results of `pictures` have been told.
  std::function<int()> StopAfter(int pictures) {
    return [this, pictures] {
      const std::string said = Said();
      int told = 0;
      for (std::size_t at = said.find("dog, "); at != std::string::npos; at = said.find("dog, ", at + 1))
        ++told;
      return told >= pictures ? SIGTERM : 0;
    };
  }
  std::string Said() const { return said_.str(); }
  std::string Warnings() {
    CheckOutputs(inputs_, options_, reporter_);
    return Said();
  }

  TemporaryDirectory folder_;
  OutputOptions options_{.folder = folder_.path() / "out", .save_labels = true};
  std::vector<Input> inputs_;
  ModelTraits traits_{.names = {"cat", "dog"}, .classes = 2, .stride = 32, .input = {64, 64}};
  nlohmann::json settings_ = {{"conf_thres", 0.25}};
  RunOptions run_options_;
  RunResult result_;
  std::ostringstream said_;
  Reporter reporter_{said_, Terminal{}, {}};
  std::function<int()> stop_ = [] { return 0; };
};

TEST_F(RunTest, EachPictureGetsAnAnnotatedCopyALabelFileAndALine) {
  const Path a = Add("a.png", CellPicture("../.."));
  Add("b.jpg", CellPicture("....", ".jpg"));
  const RunSummary summary = Run();

  EXPECT_EQ(2U, summary.detected);
  EXPECT_THAT(summary.unusable, SizeIs(0));
  EXPECT_EQ("1 0.5 0.5 0.5 0.5\n", ReadText(options_.folder / "labels/a.txt"));
  EXPECT_EQ((Size{64, 64}), ReadImage(options_.folder / "a.png")->size());
  EXPECT_NE(ReadText(a), ReadText(options_.folder / "a.png"));
  EXPECT_EQ((Size{32, 128}), ReadImage(options_.folder / "b.jpg")->size());
  EXPECT_THAT(Said(), ::testing::ContainsRegex("image 1/2 .*/a.png: 64x64 1 dog, [0-9]+\\.[0-9]ms\n"));
  EXPECT_THAT(Said(), ::testing::ContainsRegex("image 2/2 .*/b.jpg: 32x64 1 dog, "));
  EXPECT_THAT(Said(), ::testing::ContainsRegex("Speed: [0-9.]+ms pre-process, [0-9.]+ms inference, [0-9.]+ms "
                                               "NMS per image at shape \\(1, 3, 64, 64\\)\n"));
  EXPECT_THAT(Said(), HasSubstr("Results saved to " + options_.folder.string() + "\n2 labels saved to " +
                                (options_.folder / "labels").string() + "\n"));
}

TEST_F(RunTest, ConfidenceIsASixthColumnWhereAskedFor) {
  options_.save_confidence = true;
  Add("a.png", CellPicture("."));
  Run();
  EXPECT_EQ("1 0.5 0.5 0.5 0.5 0.75\n", ReadText(options_.folder / "labels/a.txt"));
}

TEST_F(RunTest, WhatIsDrawnFollowsTheOptions) {
  Add("a.png", CellPicture("......../......../......../........"));
  std::vector<std::string> pictures;
  for (const auto& [hide_labels, hide_confidence, thickness] :
       {std::tuple(false, false, 3), {false, true, 3}, {true, false, 3}, {false, false, 1}}) {
    options_.hide_labels = hide_labels;
    options_.hide_confidence = hide_confidence;
    options_.style.line_thickness = thickness;
    Run();
    pictures.push_back(ReadText(options_.folder / "a.png"));
  }
  std::sort(pictures.begin(), pictures.end());
  EXPECT_EQ(pictures.end(), std::unique(pictures.begin(), pictures.end())) << "four different pictures";
}

TEST_F(RunTest, AnUnusableInputIsToldAndTheRestGoesOn) {
  Add("a.png", CellPicture("."));
  Add("broken.jpg", "not a picture");
  Add("empty.jpg", "");
  inputs_.push_back({.path = "/in/v.mp4", .kind = Input::Kind::kVideo, .unusable = "it is gone"});
  Add("z.png", CellPicture("."));
  const RunSummary summary = Run();

  EXPECT_EQ(2U, summary.detected);
  EXPECT_THAT(summary.unusable,
              ElementsAre(HasSubstr("/in/broken.jpg': "), HasSubstr("/in/empty.jpg': the file is empty"),
                          "cannot use '/in/v.mp4': it is gone"));
  EXPECT_THAT(Said(), HasSubstr("image 2/5: cannot decode '"));
  EXPECT_THAT(Said(), HasSubstr("video 4/5: cannot use '/in/v.mp4': "));
  EXPECT_THAT(Said(), HasSubstr("3 of 5 inputs could not be used:\n  cannot decode '"));
  EXPECT_FALSE(fs::exists(options_.folder / "broken.jpg"));
  EXPECT_TRUE(fs::exists(options_.folder / "z.png"));
}

TEST_F(RunTest, APictureTooNarrowForTheNetworkIsUnusable) {
  Add("sliver.png", EncodeImage(Image({1, 200}, {0, 0, 0}), ".png").value());
  EXPECT_THAT(Run().unusable, ElementsAre(HasSubstr("sliver.png': a picture of 1x200")));
}

TEST_F(RunTest, QuietLeavesOnlyWhatWentWrong) {
  Add("a.png", CellPicture("."));
  Add("broken.jpg", "not a picture");
  reporter_ = Reporter(said_, Terminal{}, {.quiet = true});
  Run();
  EXPECT_THAT(Said(), Not(HasSubstr("a.png")));
  EXPECT_THAT(Said(), Not(HasSubstr("Speed")));
  EXPECT_THAT(Said(), HasSubstr("broken.jpg"));
}

TEST_F(RunTest, NothingIsWrittenThatWasNotAskedFor) {
  Add("a.png", CellPicture("."));
  options_.save_pictures = options_.save_labels = false;
  Run();
  EXPECT_FALSE(fs::exists(options_.folder / "a.png"));
  EXPECT_TRUE(fs::is_empty(options_.folder / "labels"));
  EXPECT_THAT(Said(), Not(HasSubstr("saved to")));
}

TEST_F(RunTest, AStopSignalEndsTheRunAfterThePictureInHand) {
  for (int i = 0; i < 50; ++i) Add(std::to_string(100 + i) + ".png", CellPicture("."));
  stop_ = StopAfter(3);
  const RunSummary summary = Run();
  EXPECT_EQ(SIGTERM, summary.stopped_by_signal);
  EXPECT_GE(summary.detected, 3U);
  EXPECT_LT(summary.detected, 50U);
  EXPECT_EQ(50, static_cast<int>(summary.finished + summary.left));
  EXPECT_TRUE(fs::exists(options_.folder / "102.png"));
  EXPECT_FALSE(fs::exists(options_.folder / "149.png"));
  EXPECT_THAT(Said(), HasSubstr("stopped by signal 15: "));
}

TEST_F(RunTest, AResumedRunDoesWhatIsLeftAndNothingTwice) {
  for (int i = 0; i < 50; ++i) Add(std::to_string(100 + i) + ".png", CellPicture("."));
  stop_ = StopAfter(3);
  const RunSummary first = Run();
  stop_ = [] { return 0; };
  const RunSummary second = Run(/*resume=*/true);
  EXPECT_EQ(first.finished, second.finished_before);
  EXPECT_EQ(50U - first.finished, second.detected);
  EXPECT_EQ(0U, second.left);
  for (const auto& record : result_.records) {
    ASSERT_TRUE(record);
    EXPECT_EQ(1, record->objects);
  }
  const RunSummary third = Run(/*resume=*/true);
  EXPECT_EQ(50U, third.finished_before);
  EXPECT_EQ(0U, third.detected);
}

TEST_F(RunTest, AResumedRunDoesAgainWhatIsNotWhatItWas) {
  for (const char* name : {"a.png", "b.png", "c.png", "d.png"}) Add(name, CellPicture("."));
  Add("broken.png", "x");
  Run();
  fs::remove(options_.folder / "a.png");                          // a result that is gone
  WriteFile(options_.folder / "labels/b.txt", "");                // one that a power cut emptied
  WriteFile(folder_.path() / "in/c.png", CellPicture(".."));      // another picture than before
  WriteFile(folder_.path() / "in/broken.png", CellPicture("."));  // one that has been mended
  const RunSummary summary = Run(/*resume=*/true);
  EXPECT_EQ(1U, summary.finished_before);
  EXPECT_EQ(4U, summary.detected);
  EXPECT_EQ("1 0.5 0.5 0.5 0.5\n", ReadText(options_.folder / "labels/b.txt"));
}

TEST_F(RunTest, PicturesThatShareALabelFileAreResumedTogether) {
  Add("a.jpg", CellPicture(".", ".jpg"));
  Add("a.png", CellPicture("."));
  Add("b.png", CellPicture("."));
  Run();
  fs::remove(options_.folder / "a.png");
  const RunSummary summary = Run(/*resume=*/true);
  EXPECT_EQ(1U, summary.finished_before);
  EXPECT_EQ("1 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n", ReadText(options_.folder / "labels/a.txt"));
}

TEST_F(RunTest, ARunGoesOnOnlyWithTheSettingsItHad) {
  Add("a.png", CellPicture("."));
  Run();
  settings_["conf_thres"] = 0.5;
  try {
    Run(/*resume=*/true);
    FAIL() << "results of two kinds would be mixed";
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kUsage, error.code());
    EXPECT_THAT(error.message(), HasSubstr("its conf_thres was 0.25, not 0.5"));
  }
}

TEST_F(RunTest, TimeThatIsOverEndsTheRun) {
  for (int i = 0; i < 50; ++i) Add(std::to_string(100 + i) + ".png", CellPicture("."));
  run_options_.max_time = std::chrono::seconds(0);
  const RunSummary summary = Run();
  EXPECT_TRUE(summary.out_of_time);
  EXPECT_GT(summary.left, 0U);
  EXPECT_THAT(Said(), HasSubstr("--max-time is over: "));
}

TEST_F(RunTest, BatchesAndWorkersChangeNothing) {
  for (int i = 0; i < 40; ++i) {
    const std::string cells = i % 3 == 0 ? "..../.b../...." : i % 3 == 1 ? ".." : "./.";
    Add(std::to_string(100 + i) + ".png", CellPicture(cells));
  }
  const auto lines = [&] {
    said_.str("");
    Run();
    std::string text;
    for (const std::string& line : Split(Said(), '\n')) {
      if (line.starts_with("image ")) text += line.substr(0, line.rfind(' ')) + "\n";
    }
    for (const auto& entry : fs::directory_iterator(options_.folder / "labels"))
      text += ReadText(entry.path());
    return text;
  };
  const std::string one = lines();
  EXPECT_THAT(one, HasSubstr("image 40/40 "));
  for (const auto& [batch, workers] : {std::pair(1, 4), {4, 1}, {16, 3}, {64, 2}}) {
    run_options_.pipeline = {.batch = batch, .workers = workers};
    EXPECT_EQ(one, lines()) << "batch " << batch << ", workers " << workers;
  }
}

TEST_F(RunTest, OutputThatCannotBeWrittenEndsTheRun) {
  Add("a.png", CellPicture("."));
  fs::create_directories(options_.folder / "a.png" / "in the way");
  EXPECT_THROW(Run(), Error);
}

TEST_F(RunTest, APictureOfAFormatThatCanOnlyBeReadIsSavedAsJpeg) {
  EXPECT_EQ("x.mpo.jpg", OutputName({.path = "/in/x.mpo"}));
  EXPECT_EQ("x.dng.jpg", OutputName({.path = "/in/x.dng"}));
  EXPECT_EQ("UPPER.JPG", OutputName({.path = "/in/UPPER.JPG"}));
  EXPECT_EQ("sub/clip.mp4",
            OutputName({.path = "/in/sub/clip.avi", .kind = Input::Kind::kVideo, .below = "sub"}));
  Add("x.mpo", CellPicture(".", ".jpg"));
  Run();
  EXPECT_EQ((Size{32, 32}), ReadImage(options_.folder / "x.mpo.jpg")->size());
}

TEST_F(RunTest, ARunNeverReplacesItsOwnInputs) {
  Add("a.png", CellPicture("."));
  options_.folder = folder_.path() / "in";
  EXPECT_THROW(CheckOutputs(inputs_, options_, reporter_), Error);
  options_.save_pictures = false;
  EXPECT_EQ("", Warnings());
}

TEST_F(RunTest, InputsAreNotReplacedThroughLinksEither) {
  const auto refused = [&] {
    try {
      CheckOutputs(inputs_, options_, reporter_);
    } catch (const Error& error) {
      return error.code() == ExitCode::kUsage;
    }
    return false;
  };
  fs::create_directory(folder_.path() / "orig");
  WriteFile(folder_.path() / "orig/a.png", CellPicture("."));
  WriteFile(folder_.path() / "orig/b.png", CellPicture("."));
  fs::create_directory(folder_.path() / "links");
  fs::create_symlink("../orig/a.png", folder_.path() / "links/a.png");
  inputs_ = {{.path = folder_.path() / "links/a.png"}};
  EXPECT_FALSE(refused());
  options_.folder = folder_.path() / "orig";
  EXPECT_TRUE(refused());

  // The output of one input in the place of another input.
  fs::create_symlink("../orig/a.png", folder_.path() / "links/b.png");
  fs::create_symlink("../orig/b.png", folder_.path() / "links/c.png");
  inputs_ = {{.path = folder_.path() / "links/b.png"}, {.path = folder_.path() / "links/c.png"}};
  EXPECT_TRUE(refused());
}

TEST_F(RunTest, LabelsThatNoRunWroteAreNotReplaced) {
  Add("a.png", CellPicture("."));
  const Path label = options_.folder / "labels/a.txt";
  WriteFile(options_.folder / "labels/of_no_input.txt", "x");
  CheckOutputs(inputs_, options_, reporter_);
  WriteFile(label, "0 0.5 0.5 1 1\n");
  for (const bool pictures : {true, false}) {
    options_.save_pictures = pictures;
    try {
      CheckOutputs(inputs_, options_, reporter_);
      FAIL() << "a label file of somebody else is to be replaced";
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kCannotCreate, error.code());
      EXPECT_THAT(error.message(), HasSubstr("'" + label.string() + "' exists"));
    }
  }
  inputs_[0].unusable = "it is gone";
  EXPECT_THROW(CheckOutputs(inputs_, options_, reporter_), Error) << "its labels would be removed";
  options_.save_labels = false;
  CheckOutputs(inputs_, options_, reporter_);
}

TEST_F(RunTest, ARunBesideOtherLabelsDoesNotClaimThem) {
  Add("a.png", CellPicture("."));
  options_.save_pictures = false;
  WriteFile(options_.folder / "labels/b.txt", "0 0.5 0.5 1 1\n");
  Run();
  Add("b.png", CellPicture("."));
  EXPECT_THROW(CheckOutputs(inputs_, options_, reporter_), Error);
}

TEST_F(RunTest, AnInputInTheOutputFolderDoesNotMakeItsLabelsOurs) {
  Add("a.png", CellPicture("."));
  options_.folder = folder_.path() / "in";
  options_.save_pictures = false;
  fs::create_directories(options_.folder / "labels");
  WriteFile(options_.folder / "labels/a.txt", "0 0.5 0.5 1 1\n");
  EXPECT_THROW(CheckOutputs(inputs_, options_, reporter_), Error);
}

TEST_F(RunTest, LabelsThatLookLikeThoseOfFramesAreNotReplaced) {
  inputs_.push_back({.path = "/in/clip.mp4", .kind = Input::Kind::kVideo});
  WriteFile(options_.folder / "labels/clip_x.txt", "x");
  WriteFile(options_.folder / "labels/clip_.txt", "x");
  CheckOutputs(inputs_, options_, reporter_);
  WriteFile(options_.folder / "labels/clip_12.txt", "0 0.5 0.5 1 1\n");
  EXPECT_THROW(CheckOutputs(inputs_, options_, reporter_), Error);
}

TEST_F(RunTest, AVideoOfSomebodyBesideAnInputIsNotReplaced) {
  Add("clip.avi", "x");
  inputs_.back().kind = Input::Kind::kVideo;
  options_.folder = folder_.path() / "in";
  CheckOutputs(inputs_, options_, reporter_);
  WriteFile(folder_.path() / "in/clip.mp4", "x");
  EXPECT_THROW(CheckOutputs(inputs_, options_, reporter_), Error);
}

TEST_F(RunTest, InputsAreNotReplacedByWhatIsCutOutOfThem) {
  Add("crops/cat/a.png", CellPicture("."));
  options_ = {.folder = folder_.path() / "in", .save_pictures = false};
  CheckOutputs(inputs_, options_, reporter_);
  options_.save_crops = true;
  EXPECT_THROW(CheckOutputs(inputs_, options_, reporter_), Error);
}

TEST_F(RunTest, AKillBetweenLabelsAndTheirRecordDoesNotMakeThemSomebodyElses) {
  Add("a.png", CellPicture("."));
  options_.save_pictures = false;
  WriteFile(options_.folder / "labels/foreign.txt", "0 0.5 0.5 1 1\n");
  Run();
  const Path manifest = options_.folder / ".roost-manifest.jsonl";
  std::vector<std::string> lines = Split(ReadText(manifest), '\n');
  lines.erase(lines.end() - 2);  // the record, before the empty piece behind the last line
  WriteFile(manifest, Join(lines, "\n"));
  CheckOutputs(inputs_, options_, reporter_);
  EXPECT_EQ(1U, Run(/*resume=*/true).detected);
}

TEST_F(RunTest, AVideoThatCannotBeUsedIsToldOnce) {
  const Path path = folder_.path() / "in/sliver.mp4";
  fs::create_directories(path.parent_path());
  auto video = CreateVideo(path, 30, {2, 4096});
  for (int i = 0; i < 5; ++i) video->Write(Image({2, 4096}, {0, 0, 0}));
  video->Commit();
  inputs_.push_back({.path = path, .kind = Input::Kind::kVideo});
  const RunSummary summary = Run();
  EXPECT_THAT(summary.unusable, SizeIs(1));
  EXPECT_EQ(0U, summary.left);
  EXPECT_FALSE(fs::exists(options_.folder / "sliver.mp4"));
}

TEST_F(RunTest, ANameThatLeavesNoRoomForItsResultsIsUnusable) {
  Add(std::string(251, 'x') + ".png", CellPicture("."));
  Add("b.png", CellPicture("."));
  options_.save_crops = true;  // the second cut-out would have a digit more, the label file none
  inputs_[0].path = folder_.path() / "in" / (std::string(248, 'x') + ".mpo");
  WriteFile(inputs_[0].path, CellPicture(".", ".jpg"));
  const RunSummary summary = Run();
  EXPECT_THAT(summary.unusable, ElementsAre(HasSubstr("too long for a file name")));
  EXPECT_EQ(1U, summary.detected);
}

TEST_F(RunTest, LabelsOfAnEarlierRunAreReplacedWhateverItSaved) {
  Add("a.png", CellPicture("."));
  Add("a.jpg", CellPicture("."));  // shares the label file
  for (const bool pictures : {true, false}) {
    options_.save_pictures = pictures;
    options_.folder = folder_.path() / (pictures ? "pictures" : "labels only");
    fs::create_directories(options_.folder / "labels");
    Run();
    EXPECT_TRUE(fs::exists(options_.folder / "labels/a.txt"));
    CheckOutputs(inputs_, options_, reporter_);
  }
}

TEST_F(RunTest, ResultsOfAnInputThatBecameUnusableAreRemoved) {
  Add("1/a.png", CellPicture("."));
  const Path b = Add("1/b.png", CellPicture("."));
  Add("2/a.png", CellPicture("."));
  Run();
  WriteFile(b, "broken");
  WriteFile(inputs_[2].path, "broken");
  EXPECT_THAT(Run().unusable, SizeIs(2));
  EXPECT_FALSE(fs::exists(options_.folder / "b.png"));
  EXPECT_FALSE(fs::exists(options_.folder / "labels/b.txt"));
  EXPECT_TRUE(fs::exists(options_.folder / "a.png")) << "1/a.png wrote it in this run";
  EXPECT_EQ("1 0.5 0.5 0.5 0.5\n", ReadText(options_.folder / "labels/a.txt"));
}

TEST_F(RunTest, InputsThatShareAnOutputFileAreToldBeforehand) {
  Add("1/a.png", "x");
  Add("2/b.png", "x");
  EXPECT_EQ("", Warnings());
  Add("1/b.jpg", "x");
  EXPECT_THAT(Warnings(), HasSubstr("share a label file"));
  EXPECT_THAT(Warnings(), Not(HasSubstr("only one of the two")));
  Add("3/a.png", "x");
  EXPECT_THAT(Warnings(), HasSubstr("only one of the two annotated pictures will remain"));
}

TEST_F(RunTest, ASharedPictureIsToldAlsoWhereOtherInputsShareOnlyTheStem) {
  const Path first = Add("1/a.jpg", "x");
  Add("1/a.png", "x");
  const Path last = Add("2/a.png", "x");
  EXPECT_THAT(Warnings(), HasSubstr("'" + last.string() + "' has the name of '" + inputs_[1].path.string()));
  EXPECT_THAT(Said(), Not(HasSubstr("has the name of '" + first.string())));
}

}  // namespace
}  // namespace roost::yolo
