#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/support.h"
#include "yolo/evaluate/coco_annotations.h"
#include "yolo/evaluate/coco_table.h"
#include "yolo/evaluate/outputs.h"

namespace roost::yolo {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr double kExact = 1e-9;

void ExpectTable(const std::vector<double>& expected, const CocoTable& table) {
  const std::vector<double> actual = {table.ap,        table.ap50,     table.ap75,      table.ap_small,
                                      table.ap_medium, table.ap_large, table.ar1,       table.ar10,
                                      table.ar100,     table.ar_small, table.ar_medium, table.ar_large};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(expected[i], actual[i], kExact) << i;
}

CocoObject Object(double x, double y, double side, bool crowd = false) {
  return {.category = 1, .box = {x, y, side, side}, .area = side * side, .crowd = crowd};
}
CocoFind Find(double x, double y, double side, double score) {
  return {.category = 1, .box = {x, y, side, side}, .score = score};
}

TEST(CocoTableTest, WhatIsFoundExactlyIsOneAndWhatThereIsNoneOfIsMinusOne) {
  const std::vector<CocoPicture> pictures = {{{Object(0, 0, 50)}, {Find(0, 0, 50, 0.9)}}};
  ExpectTable({1, 1, 1, -1, 1, -1, 1, 1, 1, -1, 1, -1}, EvaluateCoco(pictures, {1}));
  EXPECT_EQ(CocoTable{}, EvaluateCoco(pictures, {2})) << "of another category";
}

TEST(CocoTableTest, AFalseAlarmInFrontHalvesThePrecision) {
  const std::vector<CocoPicture> pictures = {
      {{Object(0, 0, 50)}, {Find(0, 0, 50, 0.5), Find(200, 200, 50, 0.9)}}};
  const CocoTable table = EvaluateCoco(pictures, {1});
  EXPECT_NEAR(0.5, table.ap, kExact);
  EXPECT_EQ(0, table.ar1) << "the best find is the false alarm";
  EXPECT_EQ(1, table.ar10);
}

TEST(CocoTableTest, OfTwoObjectsOneFoundIs51Of101Recalls) {
  const std::vector<CocoPicture> pictures = {{{Object(0, 0, 50), Object(300, 0, 50)}, {Find(0, 0, 50, 0.9)}}};
  EXPECT_NEAR(51.0 / 101, EvaluateCoco(pictures, {1}).ap50, kExact);
}

TEST(CocoTableTest, CrowdsAndObjectsOfOtherSizesCountNeitherWay) {
  const std::vector<CocoPicture> pictures = {
      {{Object(0, 0, 50), Object(100, 100, 200, /*crowd=*/true), Object(400, 0, 20)},
       {Find(0, 0, 50, 0.5), Find(120, 120, 30, 0.9), Find(150, 150, 30, 0.8), Find(400, 0, 20, 0.95)}}};
  const CocoTable table = EvaluateCoco(pictures, {1});
  EXPECT_NEAR(1, table.ap, kExact);
  EXPECT_NEAR(1, table.ap_small, kExact);
  EXPECT_NEAR(1, table.ap_medium, kExact);
  EXPECT_EQ(-1, table.ap_large);
}

TEST(CocoTableTest, OnlyTheBestHundredFindsOfAPictureCount) {
  CocoPicture picture{{Object(0, 0, 50)}, {Find(0, 0, 50, 0.1)}};
  for (int i = 0; i < 99; ++i) picture.finds.push_back(Find(300, 300, 50, 0.5));
  EXPECT_EQ(1, EvaluateCoco(std::vector{picture}, {1}).ar100);
  picture.finds.push_back(Find(300, 300, 50, 0.5));
  EXPECT_EQ(0, EvaluateCoco(std::vector{picture}, {1}).ar100);
}

/// Twelve pictures with crowds, areas smaller than boxes, equal scores, a category without objects and a
/// picture without anything, made by chance. The figures are those of the COCO API's own cocoeval.py
/// (github.com/cocodataset/cocoapi, PythonAPI) on the same two files; only its overlap of boxes, a function
/// of ten lines in C, was written in Python for it.
TEST(CocoTableTest, IsThatOfTheCocoApi) {
  const Path folder = test::SourceDir() / "tests/cases/coco";
  const CocoAnnotations annotations = ReadCocoAnnotations(folder / "annotations.json");
  EXPECT_THAT(annotations.objects, SizeIs(12));
  std::map<std::string, CocoPicture> pictures;
  for (const auto& [stem, objects] : annotations.objects) pictures[stem].objects = objects;
  for (const json& result : json::parse(test::ReadText(folder / "results.json"))) {
    char stem[32];
    std::snprintf(stem, sizeof stem, "%012d", result.at("image_id").get<int>());
    pictures.at(stem).finds.push_back(
        {result.at("category_id"), result.at("bbox").get<CocoBox>(), result.at("score")});
  }
  std::vector<CocoPicture> in_order;
  for (const auto& [stem, picture] : pictures) in_order.push_back(picture);
  const CocoTable table = EvaluateCoco(in_order, annotations.categories);
  ExpectTable({0.18832125344688336, 0.46840384836194005, 0.09816381638163815, 0.20627455602703126,
               0.19982319660537481, 0.28146314631463143, 0.16041666666666668, 0.31333333333333335,
               0.31333333333333335, 0.3293650793650793, 0.29555555555555557, 0.39166666666666666},
              table);
  EXPECT_EQ(table, EvaluateCoco(in_order, annotations.categories, /*workers=*/3));
  EXPECT_THAT(ToText(table),
              HasSubstr(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.188\n"));
  EXPECT_THAT(ToText(table),
              HasSubstr(" Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.392\n"));
}

/// The reference's own detections on its 86 pictures, measured by the labels; expected as above.
TEST(CocoTableTest, IsThatOfTheCocoApiOnRealPictures) {
  ROOST_NEEDS_REFERENCE();
  const Path reference = *test::ReferenceDir();
  const json golden = json::parse(test::ReadText(reference / "golden/yolov5/val_rect_bs32_preds.json"));
  const Dataset dataset = ReadDataset({reference / "images/coco/images/train2017"}, {.classes = 80});
  CocoResults results(CategoryNumbers(80, /*coco=*/false));
  for (const Sample& sample : dataset.samples) {
    PictureResult result{.size = sample.size};
    for (const json& row : golden.at("images").at(sample.image.filename().string())) {
      result.detections.push_back({.box = {row[0], row[1], row[2], row[3]},
                                   .confidence = row[4],
                                   .class_id = row[5].get<std::int64_t>()});
    }
    results.Add(sample, result);
  }
  const CocoTable table = results.ByLabels();
  constexpr double kRounding = 1e-4;  // of boxes and scores to the digits of COCO's format
  EXPECT_NEAR(0.34358201758100365, table.ap, kRounding);
  EXPECT_NEAR(0.5336972437975422, table.ap50, kRounding);
  EXPECT_NEAR(0.3353734711764684, table.ap75, kRounding);
  EXPECT_NEAR(0.14935408238566086, table.ap_small, kRounding);
  EXPECT_NEAR(0.41510289715678816, table.ap_medium, kRounding);
  EXPECT_NEAR(0.5011267687412009, table.ap_large, kRounding);
  EXPECT_NEAR(0.3048645894534932, table.ar1, kRounding);
  EXPECT_NEAR(0.44707058437673414, table.ar10, kRounding);
  EXPECT_NEAR(0.49584105119532923, table.ar100, kRounding);
  EXPECT_NEAR(0.2524682863914582, table.ar_small, kRounding);
  EXPECT_NEAR(0.5636349426257237, table.ar_medium, kRounding);
  EXPECT_NEAR(0.642155497989635, table.ar_large, kRounding);
}

TEST(CocoResultsTest, AreInTheFormatOfTheReference) {
  CocoResults results(CategoryNumbers(80, /*coco=*/true));
  const PictureResult result{
      .size = {480, 640},
      .detections = {{.box = {1.00049F, 2, 11.25F, 22}, .confidence = 0.876543F, .class_id = 79}}};
  results.Add({.image = "/d/000000000042.jpg", .size = {480, 640}}, result);
  results.Add({.image = "/d/dog.jpg", .size = {480, 640}}, result);
  const json entries = json::parse(results.Text());
  EXPECT_EQ(42, entries[0].at("image_id"));
  EXPECT_EQ("dog", entries[1].at("image_id"));
  EXPECT_EQ(90, entries[0].at("category_id"));
  EXPECT_EQ(json({1.0, 2.0, 10.25, 20.0}), entries[0].at("bbox"));
  EXPECT_EQ(0.87654, entries[0].at("score"));
  EXPECT_EQ("[]", CocoResults({}).Text());
}

class CocoAnnotationsTest : public ::testing::Test {
 protected:
  std::string FaultOf(const std::string& text) {
    test::WriteFile(file_, text);
    try {
      ReadCocoAnnotations(file_);
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kBadData, error.code());
      EXPECT_THAT(error.message(), HasSubstr("a.json"));
      return error.message();
    }
    return "";
  }
  TemporaryDirectory folder_;
  Path file_ = folder_.path() / "a.json";
};

TEST_F(CocoAnnotationsTest, WhatIsNotOfTheFormatIsNamed) {
  EXPECT_THAT(FaultOf(""), HasSubstr("parse error"));
  EXPECT_THAT(FaultOf("[1, 2]"), HasSubstr("cannot use"));
  EXPECT_THAT(FaultOf("{}"), HasSubstr("'categories' not found"));
  const std::string head =
      R"({"categories":[{"id":1}],"images":[{"id":1,"file_name":"a.jpg"}],"annotations":)";
  EXPECT_THAT(FaultOf(head + R"([{"image_id":2,"category_id":1,"bbox":[1,2,3,4]}]})"),
              HasSubstr("not in 'images'"));
  EXPECT_THAT(FaultOf(head + R"([{"image_id":1,"category_id":1,"bbox":[1,2,3]}]})"),
              HasSubstr("four numbers"));
  EXPECT_THAT(FaultOf(head + R"([{"image_id":1,"category_id":1,"bbox":["x",2,3,4]}]})"),
              HasSubstr("type must be number"));
  EXPECT_EQ("", FaultOf(head + R"([{"image_id":1,"category_id":1,"bbox":[1,2,3,4]}]})"));
}

}  // namespace
}  // namespace roost::yolo
