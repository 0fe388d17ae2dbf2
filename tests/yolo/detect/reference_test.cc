#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/base/digest.h"
#include "roost/base/text.h"
#include "roost/yolo/detector.h"
#include "roost/yolo/video.h"
#include "support/support.h"
#include "yolo/detect/network.h"

/// Compares with what YOLOv5's detect.py gave for the same pictures and flags.
namespace roost::yolo {
namespace {

using test::ReadText;

namespace fs = std::filesystem;

constexpr double kConfidenceTolerance = 1e-5;
constexpr double kPixelTolerance = 2e-3;

Path Golden() { return *test::ReferenceDir() / "golden/yolov5"; }
Path Weights() { return *test::ReferenceDir() / "weights/yolov5n.pt"; }

nlohmann::json Json(const Path& path) { return nlohmann::json::parse(ReadText(path)); }

/// One folder with links to all pictures: detect.py was given them so.
void LinkPictures(const Path& folder) {
  fs::create_directories(folder);
  for (const char* from : {"images/photos", "images/coco/images/train2017"}) {
    for (const auto& entry : fs::directory_iterator(*test::ReferenceDir() / from)) {
      if (entry.path().extension() == ".jpg") {
        fs::create_symlink(entry.path(), folder / entry.path().filename());
      }
    }
  }
}

/// Same lines, same order, all equal as text but the confidence, which is within 1e-5.
void ExpectSameLabels(const std::string& expected, const std::string& actual, const std::string& name) {
  const auto expected_lines = Split(expected, '\n');
  const auto actual_lines = Split(actual, '\n');
  ASSERT_EQ(expected_lines.size(), actual_lines.size()) << name;
  for (std::size_t i = 0; i < expected_lines.size(); ++i) {
    auto e = Split(expected_lines[i], ' ');
    auto a = Split(actual_lines[i], ' ');
    ASSERT_EQ(e.size(), a.size()) << name;
    if (e.size() == 6) {
      EXPECT_NEAR(std::stod(e[5]), std::stod(a[5]), kConfidenceTolerance) << name;
      e.pop_back();
      a.pop_back();
    }
    EXPECT_EQ(e, a) << name << " line " << i + 1;
  }
}

std::set<std::string> FileNames(const Path& folder) {
  std::set<std::string> names;
  if (!fs::is_directory(folder)) return names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

void ExpectSameLabelFolder(const Path& expected, const Path& actual) {
  ASSERT_EQ(FileNames(expected), FileNames(actual));
  for (const std::string& name : FileNames(expected)) {
    ExpectSameLabels(ReadText(expected / name), ReadText(actual / name), name);
  }
}

/// The lines about pictures, without folders and with the time as <ms>: what the reference's records keep.
std::vector<std::string> PictureLines(const std::string& log) {
  std::vector<std::string> lines;
  for (const std::string& line : Split(log, '\n')) {
    if (!(line.starts_with("image ") || line.starts_with("video ")) || !line.ends_with("ms")) continue;
    const std::size_t path = line.find(" /") + 1;
    const std::size_t name = line.rfind('/', line.find(": ", path)) + 1;
    lines.push_back(line.substr(0, path) + line.substr(name, line.rfind(' ') - name) + " <ms>");
  }
  return lines;
}

class ReferenceTest : public ::testing::Test {
 protected:
  Path At(const std::string& name) const { return folder_.path() / name; }

  test::CommandResult Run(const Path& source, const Path& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {test::Program("yolo-detect"),
                                          "--weights",
                                          Weights(),
                                          "--source",
                                          source,
                                          "--out",
                                          out,
                                          "--threads",
                                          "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::RunCommand(arguments, folder_.path());
  }

  TemporaryDirectory folder_;
};

class ReferenceRunTest : public ReferenceTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(ReferenceRunTest, LabelsAndLinesAreThoseOfDetectPy) {
  ROOST_NEEDS_REFERENCE();
  const std::string variant = GetParam();
  const auto golden = Json(Golden() / "detect_runs.json").at(variant);
  LinkPictures(At("flat"));
  auto flags = golden.at("args").get<std::vector<std::string>>();
  const bool save_pictures = variant == "default";
  if (!save_pictures) flags.emplace_back("--nosave");
  const auto run = Run(At("flat"), At("out"), flags);

  ASSERT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(golden.at("log").get<std::vector<std::string>>(), PictureLines(run.err));
  ExpectSameLabelFolder(Golden() / "labels" / variant, At("out/labels"));
  if (!save_pictures) return;
  const auto pictures = Json(Golden() / "save_crop.json").at("annotated_jpg_sha256");
  EXPECT_EQ(91U, pictures.size());
  for (const auto& [name, digest] : pictures.items()) {
    EXPECT_EQ(digest, DigestOfFile(DigestKind::kSha256, At("out") / name).value()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, ReferenceRunTest,
                         ::testing::Values("default", "conf0.5", "iou0.3", "classes_0_5", "agnostic",
                                           "maxdet3", "img320", "img416", "img640x480", "augment",
                                           "noconf_labels"),
                         [](const auto& param_info) {
                           std::string name = param_info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

struct PrecisionCase {
  const char* golden;
  DetectorOptions options;
};

class PrecisionTest : public ReferenceTest, public ::testing::WithParamInterface<PrecisionCase> {};

TEST_P(PrecisionTest, DetectionsAreThoseOfThePeerInFullPrecision) {
  ROOST_NEEDS_REFERENCE();
  LinkPictures(At("flat"));
  DetectorOptions options = GetParam().options;
  options.weights = {Weights()};
  options.device = "cpu";
  options.threads = 1;
  const Detector detector = Detector::Load(options);
  const auto golden = Json(Golden() / GetParam().golden);
  ASSERT_EQ(91U, golden.at("images").size());
  for (const auto& [name, expected] : golden.at("images").items()) {
    const auto detections = detector.DetectFile(At("flat") / name).value().detections;
    ASSERT_EQ(expected.at("det").size(), detections.size()) << name;
    for (std::size_t i = 0; i < detections.size(); ++i) {
      const auto& e = expected["det"][i];
      const Box& box = detections[i].box;
      EXPECT_NEAR(e[0].get<double>(), box.x1, kPixelTolerance) << name << " #" << i;
      EXPECT_NEAR(e[1].get<double>(), box.y1, kPixelTolerance) << name << " #" << i;
      EXPECT_NEAR(e[2].get<double>(), box.x2, kPixelTolerance) << name << " #" << i;
      EXPECT_NEAR(e[3].get<double>(), box.y2, kPixelTolerance) << name << " #" << i;
      EXPECT_NEAR(e[4].get<double>(), detections[i].confidence, kConfidenceTolerance) << name << " #" << i;
      EXPECT_EQ(e[5].get<std::int64_t>(), detections[i].class_id) << name << " #" << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, PrecisionTest,
                         ::testing::Values(PrecisionCase{"det_conf0.25.json", {}},
                                           PrecisionCase{"det_conf0.25_img320.json", {.imgsz = {320, 320}}},
                                           PrecisionCase{"det_conf0.25_augment.json", {.augment = true}}),
                         [](const auto& param_info) {
                           return std::string(param_info.param.options.augment           ? "augment"
                                              : param_info.param.options.imgsz == Size() ? "default"
                                                                                         : "img320");
                         });

TEST_F(ReferenceTest, BatchesAndThreadsGiveTheSameDetections) {
  ROOST_NEEDS_REFERENCE();
  LinkPictures(At("flat"));
  for (const auto& [batch, threads] : {std::pair("1", "2"), {"4", "1"}, {"16", "2"}}) {
    SCOPED_TRACE(std::string("batch ") + batch + ", threads " + threads);
    const Path out = At(std::string("out") + batch);
    const auto run =
        Run(At("flat"), out,
            {"--save-txt", "--save-conf", "--nosave", "--batch-size", batch, "--threads", threads});
    ASSERT_EQ(0, run.status.value) << run.err;
    ExpectSameLabelFolder(Golden() / "labels/default", out / "labels");
  }
}

TEST_F(ReferenceTest, CutOutsHaveTheNamesAndSizesOfDetectPy) {
  ROOST_NEEDS_REFERENCE();
  LinkPictures(At("flat"));
  const auto run = Run(At("flat"), At("out"), {"--save-crop", "--nosave"});
  ASSERT_EQ(0, run.status.value) << run.err;
  const auto golden = Json(Golden() / "save_crop.json").at("crops_wh");
  std::size_t found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(At("out/crops")))
    found += entry.is_regular_file();
  EXPECT_EQ(golden.size(), found);
  for (const auto& [name, size] : golden.items()) {
    const auto crop = ReadImage(At("out") / name);
    ASSERT_TRUE(crop) << name;
    EXPECT_EQ((Size{size[1].get<std::int64_t>(), size[0].get<std::int64_t>()}), crop->size()) << name;
  }
}

TEST_F(ReferenceTest, ModelsOfOtherTasksGiveTheResultsOfTheirScripts) {
  ROOST_NEEDS_REFERENCE();
  const Path checkpoints = *test::ReferenceDir() / "golden/checkpoints";
  const Path picture = *test::ReferenceDir() / "images/photos/bus.jpg";
  const auto run = [&](const char* weights, std::vector<std::string> more) {
    std::vector<std::string> words = {test::Program("yolo-detect"),
                                      "--weights",
                                      checkpoints / weights,
                                      "--source",
                                      picture,
                                      "--save-txt",
                                      "--threads",
                                      "1"};
    words.insert(words.end(), more.begin(), more.end());
    return test::RunCommand(words, folder_.path());
  };
  const auto classified = run("classify.pt", {});
  ASSERT_EQ(0, classified.status.value) << classified.err;
  EXPECT_EQ("runs/predict-cls/exp\n", classified.out);
  EXPECT_THAT(classified.err, ::testing::HasSubstr("bus.jpg: 224x224 kind 2 0.18, kind 6 0.18, "));
  EXPECT_THAT(ReadText(At("runs/predict-cls/exp/labels/bus.txt")),
              ::testing::StartsWith("0.18 kind 2\n0.18 kind 6\n"));

  const auto segmented = run("segment.pt", {"--conf-thres", "0.3", "--max-det", "5"});
  ASSERT_EQ(0, segmented.status.value) << segmented.err;
  EXPECT_EQ("runs/predict-seg/exp\n", segmented.out);
  EXPECT_EQ(5, std::ranges::count(ReadText(At("runs/predict-seg/exp/labels/bus.txt")), '\n'));
  EXPECT_TRUE(ReadImage(At("runs/predict-seg/exp/bus.jpg")));
}

TEST_F(ReferenceTest, VideosGiveLabelsPerFrameAndAClipThatPlays) {
  ROOST_NEEDS_REFERENCE();
  const auto odd = Json(Golden() / "odd_inputs.json");
  for (const char* name : {"clip12.avi", "clip12.mp4", "anim3.gif", "still.gif"}) {
    SCOPED_TRACE(name);
    const bool clip = odd.at("videos").contains(name);
    const auto& golden = clip ? odd["videos"][name] : odd.at("images").at(name);
    const Path source = *test::ReferenceDir() / (clip ? "images/video" : "images/odd") / name;
    const Path out = At(std::string("out ") + name);
    const auto run = Run(source, out, {"--save-txt", "--save-conf"});
    ASSERT_EQ(0, run.status.value) << run.err;
    EXPECT_EQ(golden.at("log").get<std::vector<std::string>>(), PictureLines(run.err));
    EXPECT_EQ(golden.at("labels").size(), FileNames(out / "labels").size());
    for (const auto& [file, text] : golden["labels"].items()) {
      ExpectSameLabels(text, ReadText(out / "labels" / file), file);
    }
    const std::string saved = golden.at("saved").at(0);
    auto video = OpenVideo(out / saved);
    ASSERT_TRUE(video) << video.error().message();
    std::size_t frames = 0;
    while ((*video)->Skip()) ++frames;
    EXPECT_EQ(golden["log"].size(), frames);
  }
}

TEST_F(ReferenceTest, VideosWithoutFramesAreUnusable) {
  ROOST_NEEDS_REFERENCE();
  for (const char* name : {"truncated.mp4", "empty.mp4"}) {
    const auto run = Run(*test::ReferenceDir() / "images/video" / name, At("out"));
    EXPECT_EQ(3, run.status.value) << run.err;
    EXPECT_THAT(run.err, ::testing::HasSubstr(name));
    EXPECT_FALSE(fs::exists(At("out") / name));
  }
}

TEST_F(ReferenceTest, TheModelIsSummarizedAsThePeerDoes) {
  ROOST_NEEDS_REFERENCE();
  EXPECT_EQ("213 layers, 1867405 parameters, 80 classes", LoadNetwork(Weights(), {640, 640}, {}).summary);
}

TEST_F(ReferenceTest, OddPicturesGiveWhatDetectPyGaveOrAreToldAsUnusable) {
  ROOST_NEEDS_REFERENCE();
  const Path odd = *test::ReferenceDir() / "images/odd";
  const auto golden = Json(Golden() / "odd_inputs.json").at("images");
  // All in one run, but for what would share a label file with another one.
  fs::create_directory(At("in"));
  std::map<std::string, nlohmann::json> good;
  std::set<std::string> bad;
  std::set<std::string> stems;
  for (const auto& [name, expected] : golden.items()) {
    if (name.find('.') == std::string::npos || name.starts_with('.')) continue;  // not found in a folder
    if (name.ends_with(".gif")) continue;                                        // videos
    if (!stems.insert(Path(name).stem()).second) continue;
    fs::create_symlink(odd / name, At("in") / name);
    if (expected.at("rc") == 0) {
      good[name] = expected;
    } else {
      bad.insert(name);
    }
  }
  const auto run = Run(At("in"), At("out"), {"--save-txt", "--save-conf"});
  EXPECT_EQ(3, run.status.value);
  EXPECT_THAT(run.err,
              ::testing::HasSubstr(std::to_string(bad.size()) + " of " +
                                   std::to_string(good.size() + bad.size()) + " inputs could not be used:"));
  for (const std::string& name : bad) {
    EXPECT_THAT(run.err, ::testing::HasSubstr("/" + name + "': "));
    EXPECT_FALSE(fs::exists(At("out") / name)) << name;
  }
  std::map<std::string, std::string> lines;  // by picture, without the number of the input
  for (const std::string& line : PictureLines(run.err)) {
    const std::string text = line.substr(line.find(' ', 6) + 1);
    lines[text.substr(0, text.find(": "))] = text;
  }
  for (const auto& [name, expected] : good) {
    const std::string line = expected.at("log")[0];
    EXPECT_EQ(line.substr(line.find(' ', 6) + 1), lines[name]);
    EXPECT_TRUE(fs::exists(At("out") / name)) << name;
    const Path label = At("out/labels") / (Path(name).stem().string() + ".txt");
    ASSERT_EQ(!expected.at("labels").empty(), fs::exists(label)) << name;
    for (const auto& [file, text] : expected["labels"].items()) {
      ExpectSameLabels(text, ReadText(At("out/labels") / file), file);
    }
  }
}

TEST_F(ReferenceTest, PicturesOfOneStemShareALabelFile) {
  ROOST_NEEDS_REFERENCE();
  const Path odd = *test::ReferenceDir() / "images/odd";
  fs::create_directory(At("in"));
  for (const char* name : {"same.jpg", "same.png"}) fs::create_symlink(odd / name, At("in") / name);
  const auto run = Run(At("in"), At("out"), {"--save-txt", "--save-conf"});
  ASSERT_EQ(0, run.status.value) << run.err;
  const auto golden =
      Json(Golden() / "odd_inputs.json").at("sources").at("directory same.jpg + same.png (label name clash)");
  ExpectSameLabels(golden.at("labels").at("same.txt"), ReadText(At("out/labels/same.txt")), "same.txt");
}

TEST_F(ReferenceTest, BrokenAndMaliciousCheckpointsAreRefusedInOneLine) {
  ROOST_NEEDS_REFERENCE();
  const Path canary = "/tmp/YOLO_PWNED";  // what the samples with code in them would make
  ASSERT_FALSE(fs::exists(canary));
  const Path bad = *test::ReferenceDir() / "golden/checkpoints/bad";
  const Path picture = *test::ReferenceDir() / "images/photos/bus.jpg";
  const auto run_with = [&](const std::string& name) {
    return test::RunCommand({test::Program("yolo-detect"), "--weights", bad / name, "--source", picture,
                             "--imgsz", "64", "--nosave", "--threads", "1"},
                            folder_.path());
  };
  const auto samples = Json(bad / "expect.json");
  for (const auto& [name, sample] : samples.items()) {
    const std::string expect = sample.at("expect");
    const auto run = run_with(name);
    EXPECT_FALSE(run.status.signaled) << name;
    const bool must_load = expect.starts_with("loads") && expect.find("or error") == std::string::npos;
    const bool may_load = must_load || expect.find(" or ") != std::string::npos;
    EXPECT_TRUE(!must_load || run.status.value == 0) << name << ": " << run.err;
    if (run.status.value == 0) {
      EXPECT_TRUE(may_load) << name;
      fs::remove_all(At("runs"));
      continue;
    }
    EXPECT_EQ(65, run.status.value) << name << ": " << run.err;
    const auto lines = Split(run.err, '\n');
    ASSERT_GE(lines.size(), 2U) << name;
    EXPECT_THAT(lines[0], ::testing::StartsWith("yolo-detect: ")) << name;
    EXPECT_THAT(lines[0], ::testing::HasSubstr(name));
    const bool one_line = lines.size() == 2 || (lines.size() == 3 && lines[1].starts_with("  "));  // a hint
    EXPECT_TRUE(one_line) << run.err;
    EXPECT_FALSE(fs::exists(At("runs"))) << name;
  }
  EXPECT_FALSE(fs::exists(canary));
}

}  // namespace
}  // namespace roost::yolo
