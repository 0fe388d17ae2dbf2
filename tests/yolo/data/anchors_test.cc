#include "yolo/data/anchors.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/data/image_weights.h"

namespace roost::yolo {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pair;
using ::testing::SizeIs;

/// Of yolov5n to yolov5x, in pixels.
const std::vector<Extent> kAnchors = {{10, 13},  {16, 30},  {33, 23},   {30, 61},  {62, 45},
                                      {59, 119}, {116, 90}, {156, 198}, {373, 326}};

Dataset Coco() {
  return ReadDataset({*test::ReferenceDir() / "images/coco/images/train2017"}, {.classes = 80});
}

void ExpectFit(double recall, double above, const AnchorFit& fit) {
  EXPECT_NEAR(recall, fit.best_possible_recall, 1e-6);
  EXPECT_NEAR(above, fit.above_threshold, 1e-6);
}

/// What anchor_fitness() of the reference calls fitness, for the test's own use.
double MeanBestRatio(const std::vector<Extent>& objects, const std::vector<Extent>& anchors) {
  double sum = 0;
  std::size_t count = 0;
  for (const auto& [width, height] : objects) {
    if (width < 2 && height < 2) continue;
    ++count;
    double best = 0;
    for (const auto& [anchor_width, anchor_height] : anchors) {
      best = std::max(best, static_cast<double>(std::min({width / anchor_width, anchor_width / width,
                                                          height / anchor_height, anchor_height / height})));
    }
    if (best > 0.25) sum += best;
  }
  return sum / static_cast<double>(count);
}

// Figures of the metric in check_anchors() of v7.0 on the same labels.
TEST(AnchorFitTest, FiguresAreThoseOfTheReference) {
  ROOST_NEEDS_REFERENCE();
  const Dataset dataset = Coco();
  EXPECT_THAT(LabelExtents(dataset, 640), SizeIs(678));
  ExpectFit(0.9941002726554871, 4.215339183807373, FitOf(LabelExtents(dataset, 640), kAnchors, 4));
  ExpectFit(0.8864306807518005, 1.5766961574554443, FitOf(LabelExtents(dataset, 640), kAnchors, 2));
  ExpectFit(0.9542772769927979, 3.8628318309783936, FitOf(LabelExtents(dataset, 320), kAnchors, 4));
  ExpectFit(0.6784660816192627, 2.290560483932495, FitOf(LabelExtents(dataset, 96), kAnchors, 4));
}

TEST(AnchorFitTest, EachPictureIsScaledByANumberOfItsOwn) {
  ROOST_NEEDS_REFERENCE();
  const Dataset dataset = Coco();
  // As above, with np.random.uniform() replaced by our Random of the same key.
  ExpectFit(0.99262535572052, 4.219764232635498, FitOf(LabelExtents(dataset, 640, 5), kAnchors, 4));
  ExpectFit(0.6828908324241638, 2.284660816192627, FitOf(LabelExtents(dataset, 96, 5), kAnchors, 4));
}

TEST(AnchorFitTest, ThereIsNothingToFitWithoutObjects) { ExpectFit(0, 0, FitOf({}, kAnchors, 4)); }

TEST(CheckAnchorsTest, AnchorsThatSuitStay) {
  ROOST_NEEDS_REFERENCE();
  const AnchorCheck check = CheckAnchors(Coco(), kAnchors, {.imgsz = 640});
  EXPECT_GT(check.before.best_possible_recall, 0.98);
  EXPECT_FALSE(check.after.has_value());
  EXPECT_FALSE(check.replaced);
  EXPECT_EQ(kAnchors, check.anchors);
  EXPECT_EQ(678U, check.objects);
  EXPECT_EQ(2U, check.tiny) << "as the reference warns";
}

TEST(CheckAnchorsTest, AnchorsThatDoNotSuitAreReplacedByOnesAsGoodAsTheReferences) {
  ROOST_NEEDS_REFERENCE();
  const Dataset dataset = Coco();
  const AnchorCheck check = CheckAnchors(dataset, kAnchors, {.imgsz = 96});
  ASSERT_TRUE(check.after.has_value());
  EXPECT_TRUE(check.replaced);
  EXPECT_EQ(227U, check.tiny);
  ASSERT_THAT(check.anchors, SizeIs(9));
  EXPECT_TRUE(std::is_sorted(
      check.anchors.begin(), check.anchors.end(),
      [](const Extent& a, const Extent& b) { return a.first * a.second < b.first * b.second; }));
  // kmean_anchors() of v7.0 with three seeds: fitness 0.6755, 0.6718 and 0.6713, recall 0.9705 and 0.9690.
  const auto objects = LabelExtents(dataset, 96);
  EXPECT_GT(MeanBestRatio(objects, check.anchors), 0.668);
  EXPECT_GT(FitOf(objects, check.anchors, 4).best_possible_recall, 0.965);
}

TEST(CheckAnchorsTest, WithoutObjectsAnchorsStay) {
  Dataset dataset;
  dataset.samples.push_back({"background.jpg", {100, 100}, {}});
  const AnchorCheck check = CheckAnchors(dataset, kAnchors, {});
  EXPECT_EQ(kAnchors, check.anchors);
  EXPECT_FALSE(check.replaced);
}

TEST(FindAnchorsTest, ClustersAreFound) {
  std::vector<Extent> objects;
  for (const float offset : {-1.0F, 0.0F, 1.0F}) {
    for (int i = 0; i < 20; ++i) {
      objects.emplace_back(20 + offset, 30 - offset);
      objects.emplace_back(200 + offset, 150 + offset);
      objects.emplace_back(60 - offset, 300 + offset);
    }
  }
  const auto anchors = FindAnchors(objects, {.anchors = 3, .generations = 0});
  const auto extent = [](float width, float height) {
    return Pair(FloatNear(width, 0.01F), FloatNear(height, 0.01F));
  };
  EXPECT_THAT(anchors, ElementsAre(extent(20, 30), extent(60, 300), extent(200, 150)));
}

TEST(FindAnchorsTest, TheyFollowFromTheSeed) {
  std::vector<Extent> objects;
  objects.reserve(200);
  for (int i = 0; i < 200; ++i) {
    objects.emplace_back(static_cast<float>(5 + i * 37 % 300), static_cast<float>(5 + i * 53 % 200));
  }
  AnchorSearch search{.anchors = 6, .generations = 50, .seed = 3};
  const auto anchors = FindAnchors(objects, search);
  EXPECT_EQ(anchors, FindAnchors(objects, search));
  search.generations = 0;
  EXPECT_GT(MeanBestRatio(objects, anchors), MeanBestRatio(objects, FindAnchors(objects, search)))
      << "mutations improve them";
}

TEST(FindAnchorsTest, FewOrEqualObjectsGiveAnchorsAllTheSame) {
  for (const auto& objects :
       {std::vector<Extent>{}, std::vector<Extent>{{20, 30}}, std::vector<Extent>(50, Extent{20, 30})}) {
    const auto anchors = FindAnchors(objects, {.generations = 20});
    ASSERT_THAT(anchors, SizeIs(9));
    for (const auto& [width, height] : anchors) EXPECT_TRUE(width > 0 && height > 0 && width <= 900);
  }
}

// labels_to_class_weights() and labels_to_image_weights() of v7.0.
TEST(ImageWeightsTest, RareClassesWeighMore) {
  ROOST_NEEDS_REFERENCE();
  const Dataset dataset = Coco();
  const auto classes = ClassWeights(dataset, 80);
  ASSERT_THAT(classes, SizeIs(80));
  EXPECT_NEAR(0.0001564923586556688, classes[0], 1e-9);
  EXPECT_NEAR(0.007120402064174414, classes[1], 1e-8);
  EXPECT_NEAR(0.005696321837604046, classes[16], 1e-8);
  EXPECT_NEAR(0.014240804128348827, classes[79], 1e-8);
  const auto pictures = ImageWeights(dataset, classes);
  ASSERT_THAT(pictures, SizeIs(86));
  EXPECT_THAT(std::vector<double>(pictures.begin(), pictures.begin() + 4),
              ElementsAre(DoubleNear(0.03493257, 1e-7), DoubleNear(0.00949387, 1e-7),
                          DoubleNear(0.02848161, 1e-7), DoubleNear(0.00205527, 1e-7)));
}

}  // namespace
}  // namespace roost::yolo
