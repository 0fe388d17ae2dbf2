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
    if (!line.starts_with("image ") || !line.ends_with("ms")) continue;
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
                                           "maxdet3", "img320", "img416", "img640x480", "noconf_labels"),
                         [](const auto& param_info) {
                           std::string name = param_info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(ReferenceTest, DetectionsAreThoseOfThePeerInFullPrecision) {
  ROOST_NEEDS_REFERENCE();
  LinkPictures(At("flat"));
  const Detector detector = Detector::Load({.weights = {Weights()}, .device = "cpu", .threads = 1});
  const auto golden = Json(Golden() / "det_conf0.25.json");
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

/// Every box of `golden` that has a partner in `detections`, within the tolerances and each used once.
std::size_t CountMatches(const nlohmann::json& golden, const std::vector<Detection>& detections) {
  std::vector<bool> used(detections.size(), false);
  std::size_t matches = 0;
  for (const auto& e : golden) {
    for (std::size_t i = 0; i < detections.size(); ++i) {
      const auto& [box, confidence, class_id, row] = detections[i];
      const auto is_near = [&](std::size_t column, double value, double tolerance) {
        return std::abs(e[column].get<double>() - value) <= tolerance;
      };
      if (used[i] || e[5].get<std::int64_t>() != class_id || !is_near(4, confidence, kConfidenceTolerance) ||
          !is_near(0, box.x1, kPixelTolerance) || !is_near(1, box.y1, kPixelTolerance) ||
          !is_near(2, box.x2, kPixelTolerance) || !is_near(3, box.y2, kPixelTolerance)) {
        continue;
      }
      used[i] = true;
      ++matches;
      break;
    }
  }
  return matches;
}

TEST_F(ReferenceTest, WithTheSettingsOfValPyDetectionsAreThoseOfThePeerAsASet) {
  ROOST_NEEDS_REFERENCE();
  LinkPictures(At("flat"));
  const auto golden = Json(Golden() / "det_conf0.001_multilabel.json");
  const auto& params = golden.at("params");
  const NmsOptions nms{.conf_thres = params.at("conf_thres"),
                       .iou_thres = params.at("iou_thres"),
                       .max_det = params.at("max_det"),
                       .classes = std::nullopt,
                       .multi_label = params.at("multi_label")};
  const Network network = LoadNetwork(Weights(), {640, 640}, {});
  const Detector detector(OpenEngine("torch", network.graph, {.device = "cpu", .threads = 1}), network.input,
                          network.stride, nms);
  std::size_t expected = 0;
  std::size_t got = 0;
  std::size_t matched = 0;
  for (const auto& [name, picture] : golden.at("images").items()) {
    const auto detections = detector.Detect(ReadImage(At("flat") / name).value()).value();
    expected += picture.at("det").size();
    got += detections.size();
    matched += CountMatches(picture["det"], detections);
  }
  // A box more or less near a threshold or the cut at max_det is legitimate: half a percent, says the
  // reference.
  ASSERT_GT(expected, 0U);
  EXPECT_LE(expected - matched, expected / 200) << matched << " of " << expected;
  EXPECT_LE(got - matched, expected / 200) << matched << " of our " << got;
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
    if (!stems.insert(Path(name).stem()).second) continue;
    fs::create_symlink(odd / name, At("in") / name);
    if (expected.at("rc") == 0 && !name.ends_with(".gif")) {
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
