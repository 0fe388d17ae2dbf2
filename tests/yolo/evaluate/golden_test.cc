#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/support.h"
#include "yolo/detect/network.h"
#include "yolo/evaluate/confusion.h"
#include "yolo/evaluate/evaluate.h"

/// The figures of the reference's val.py on the same pictures, labels and weights.
namespace roost::yolo {
namespace {

using nlohmann::json;

json Golden(const std::string& name) {
  return json::parse(test::ReadText(*test::ReferenceDir() / "golden/yolov5" / (name + ".json")));
}

EvaluateOptions OptionsOf(const json& params) {
  EvaluateOptions options;
  options.imgsz = params.at("imgsz");
  options.batch = params.at("batch_size");
  options.rect = params.at("rect");
  options.single_cls = params.at("single_cls");
  return options;
}

/// Counts may differ by one where a confidence or an overlap is at its limit.
void ExpectConfusion(const json& nonzero, const ConfusionMatrix& confusion) {
  std::int64_t expected = 0;
  std::int64_t actual = 0;
  for (std::size_t i = 0; i <= confusion.classes(); ++i) {
    for (std::size_t j = 0; j <= confusion.classes(); ++j) actual += confusion.At(i, j);
  }
  for (const json& cell : nonzero) {
    expected += cell[2].get<std::int64_t>();
    EXPECT_NEAR(cell[2].get<double>(), static_cast<double>(confusion.At(cell[0], cell[1])), 1) << cell;
  }
  EXPECT_NEAR(static_cast<double>(expected), static_cast<double>(actual), 2);
}

class GoldenMetrics : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ROOST_NEEDS_REFERENCE(); }
};

TEST_P(GoldenMetrics, AreThoseOfTheReference) {
  const json golden = Golden(GetParam());
  const EvaluateOptions options = OptionsOf(golden.at("params"));
  const Path reference = *test::ReferenceDir();
  const Network network = LoadNetwork(reference / "weights/yolov5n.pt", {}, {});
  const auto engine = OpenEngine("torch", network.graph, {.device = "cpu"});
  const Dataset dataset = ReadDataset({reference / "images/coco/images/train2017"},
                                      {.classes = 80, .single_cls = options.single_cls});
  ConfusionMatrix confusion(options.single_cls ? 1 : 80);
  std::vector<std::string> order;
  std::vector<std::vector<std::int64_t>> shapes;
  const Evaluation evaluation =
      EvaluateInFull(*engine, dataset, network.classes, options, {}, [&](const BatchResult& batch) {
        shapes.push_back({batch.images.height, batch.images.width});
        for (const PictureResult& picture : batch.pictures) {
          order.push_back(dataset.samples[picture.sample].image.filename());
          confusion.Add(picture.detections, picture.labels);
        }
      });
  const Metrics& metrics = evaluation.metrics;

  EXPECT_EQ(golden.at("images"), metrics.images);
  EXPECT_EQ(golden.at("instances"), metrics.instances);
  constexpr double kOverall = 0.002;
  const json& overall = golden.at("overall");
  EXPECT_NEAR(overall.at("P"), metrics.precision, kOverall);
  EXPECT_NEAR(overall.at("R"), metrics.recall, kOverall);
  EXPECT_NEAR(overall.at("mAP50"), metrics.map50, kOverall);
  EXPECT_NEAR(overall.at("mAP50_95"), metrics.map50_95, kOverall);

  EXPECT_EQ(golden.at("image_order").get<std::vector<std::string>>(), order);
  if (options.rect) {
    EXPECT_EQ(golden.at("batch_shapes"), json(shapes));
  }
  ExpectConfusion(golden.at("confusion_matrix").at("nonzero"), confusion);

  constexpr double kPerClass = 0.01;
  const json& per_class = golden.at("per_class");
  ASSERT_EQ(per_class.size(), metrics.classes.size());
  for (std::size_t i = 0; i < metrics.classes.size(); ++i) {
    const json& expected = per_class[i];
    const ClassMetrics& actual = metrics.classes[i];
    SCOPED_TRACE(expected.at("name").get<std::string>());
    EXPECT_EQ(expected.at("cls"), actual.class_id);
    EXPECT_EQ(expected.at("instances"), actual.instances);
    EXPECT_NEAR(expected.at("P"), actual.precision, kPerClass);
    EXPECT_NEAR(expected.at("R"), actual.recall, kPerClass);
    EXPECT_NEAR(expected.at("F1"), actual.f1, kPerClass);
    for (std::size_t j = 0; j < kIouThresholds; ++j) {
      EXPECT_NEAR(expected.at("AP")[j], actual.ap[j], kPerClass);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Val, GoldenMetrics,
                         ::testing::Values("val_rect_bs32", "val_rect_bs1", "val_norect_bs32",
                                           "val_rect_img320_bs16", "val_rect_single_cls"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace roost::yolo
