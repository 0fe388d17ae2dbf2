// Raw network outputs against those of the reference implementation.

#include <cmath>
#include <cstring>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

#include "roost/yolo/engine.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using nlohmann::json;

json ReadJson(const Path& path) {
  std::ifstream file(path);
  return json::parse(file);
}

std::vector<float> ReadFloats(const Path& path) {
  const std::string bytes = test::ReadText(path);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::shared_ptr<const Engine> OpenWeights(const Path& file, bool optimize = true) {
  return OpenEngine("torch", Lower(*LoadCheckpoint(file).model), {.device = "cpu", .optimize = optimize});
}

/// What may be the difference in the numbers of a row: four of the box, the scores, the mask coefficients.
struct Tolerance {
  double box_pixels = 1e-3, box_relative = 1e-5, score = 1e-5, raw = 1e-4;
};

void ExpectRowsClose(const Predictions& got, std::span<const float> expected, std::int64_t columns,
                     const Tolerance& t) {
  ASSERT_EQ(columns, got.columns);
  ASSERT_EQ(expected.size(), got.values.size());
  double worst_box = 0, worst_score = 0, worst_raw = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(got.values[i] - expected[i]);
    const std::int64_t column = static_cast<std::int64_t>(i) % columns;
    if (column < 4) {
      worst_box = std::max(worst_box, difference - t.box_relative * std::abs(expected[i]));
    } else if (column < columns - got.prototypes.channels) {
      worst_score = std::max(worst_score, difference);
    } else {
      worst_raw = std::max(worst_raw, difference);
    }
  }
  EXPECT_LE(worst_box, t.box_pixels);
  EXPECT_LE(worst_score, t.score);
  EXPECT_LE(worst_raw, t.raw);
}

/// Prototypes or logits.
void ExpectRawClose(std::span<const float> got, std::span<const float> expected) {
  ASSERT_EQ(expected.size(), got.size());
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max<double>(worst, std::abs(got[i] - expected[i]));
  }
  EXPECT_LE(worst, Tolerance{}.raw);
}

/// The input that golden/checkpoints describes by a formula.
ImageBatch FormulaBatch(const json& shape) {
  ImageBatch batch{shape[0], shape[2], shape[3], {}};
  const std::uint64_t count = static_cast<std::uint64_t>(batch.n * 3 * batch.height * batch.width);
  for (std::uint64_t k = 0; k < count; ++k) {
    const auto mixed = static_cast<std::uint32_t>(k * 2654435761U + 12345U);
    batch.pixels.push_back(static_cast<float>(mixed >> 8U) / static_cast<float>(1U << 24U));
  }
  return batch;
}

class TinyCheckpointTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TinyCheckpointTest, GivesTheOutputOfTheReference) {
  ROOST_NEEDS_REFERENCE();
  const Path folder = *test::ReferenceDir() / "golden/checkpoints";
  const std::string name = GetParam();
  const json expected = ReadJson(folder / (name + ".json"));
  const std::vector<float> values = ReadFloats(folder / (name + ".f32"));
  const ImageBatch batch = FormulaBatch(expected["input"]["shape"]);
  const json& outputs = expected["outputs"];
  for (const bool optimize : {true, false}) {
    SCOPED_TRACE(optimize ? "optimized" : "as lowered");
    const Predictions got = OpenWeights(folder / (name + ".pt"), optimize)->Run(batch);
    if (outputs[0]["shape"].size() == 2) {  // [n, classes]
      EXPECT_EQ(1, got.rows);
      ExpectRawClose(got.values, values);
      continue;
    }
    const std::span rows = std::span(values).first(got.values.size());
    ExpectRowsClose(got, rows, outputs[0]["shape"][2], {});
    const Prototypes& maps = got.prototypes;
    ASSERT_EQ(outputs.size() > 1, maps.channels > 0);
    if (outputs.size() == 1) continue;
    EXPECT_EQ(outputs[1]["shape"], json({got.n, maps.channels, maps.height, maps.width}));
    ExpectRawClose(maps.values, std::span(values).subspan(rows.size()));
  }
}

std::string TestName(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyCheckpointTest,
                         ::testing::Values("detect-v7-fp16", "detect-v7-legacy-container",
                                           "detect-v7-unstripped-last", "detect-v5style-focus-csp",
                                           "detect-p6", "segment", "classify"),
                         TestName);

/// A letterboxed picture as network input.
ImageBatch PictureBatch(const Path& file) {
  const cv::Mat picture = cv::imread(file.string(), cv::IMREAD_COLOR);
  ImageBatch batch{1, picture.rows, picture.cols, {}};
  for (const int channel : {2, 1, 0}) {  // OpenCV has blue first
    for (int row = 0; row < picture.rows; ++row) {
      for (int column = 0; column < picture.cols; ++column) {
        batch.pixels.push_back(static_cast<float>(picture.at<cv::Vec3b>(row, column)[channel]) / 255.0F);
      }
    }
  }
  return batch;
}

class Yolov5nTest : public ::testing::TestWithParam<const char*> {};

TEST_P(Yolov5nTest, GivesTheOutputOfTheReferenceOnAPhoto) {
  ROOST_NEEDS_REFERENCE();
  const Path weights = *test::ReferenceDir() / "weights/yolov5n.pt";
  const Path folder = *test::ReferenceDir() / "golden/yolov5/debug";
  const std::string name = GetParam();
  const Predictions got = OpenWeights(weights)->Run(PictureBatch(folder / (name + "_letterbox.png")));
  ExpectRowsClose(got, ReadFloats(folder / (name + "_output.f32")), 85,
                  {.box_pixels = 5e-3, .box_relative = 0});
}

INSTANTIATE_TEST_SUITE_P(Golden, Yolov5nTest, ::testing::Values("bus_320", "zidane_320"), TestName);

}  // namespace
}  // namespace roost::yolo
