#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/graph.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;

std::vector<std::int64_t> Sides(const Shape& shape) { return {shape.channels, shape.rows, shape.columns}; }

/// Shape of a max pool's output (it has the most parameters) for a map of rows x columns.
std::vector<std::int64_t> Pooled(const MaxPoolOp& op, std::int64_t rows, std::int64_t columns) {
  Graph g;
  g.MaxPool(g.Input(2), op, "pool");
  return Sides(InferShapes(g, rows, columns).back());
}

using Numbers = std::vector<std::int64_t>;

TEST(InferShapesTest, WindowsFollowKernelStridePaddingAndDilation) {
  EXPECT_EQ((Numbers{2, 16, 24}), Pooled({.kernel = {5, 5}, .padding = {2, 2}}, 16, 24));
  EXPECT_EQ((Numbers{2, 8, 12}), Pooled({.kernel = {2, 2}, .stride = {2, 2}}, 16, 24));
  EXPECT_EQ((Numbers{2, 3, 1}), Pooled({.kernel = {3, 5}, .stride = {2, 3}}, 7, 7));
  EXPECT_EQ((Numbers{2, 5, 3}), Pooled({.kernel = {2, 3}, .dilation = {2, 2}}, 7, 7));
}

TEST(InferShapesTest, CeilModeCountsTheLastPartialWindow) {
  EXPECT_EQ((Numbers{2, 3, 3}), Pooled({.kernel = {2, 2}, .stride = {2, 2}}, 7, 6));
  EXPECT_EQ((Numbers{2, 4, 3}), Pooled({.kernel = {2, 2}, .stride = {2, 2}, .ceil_mode = true}, 7, 6));
  // A window that would start in the padding behind the map does not count.
  EXPECT_EQ((Numbers{2, 1, 1}),
            Pooled({.kernel = {2, 2}, .stride = {3, 3}, .padding = {1, 1}, .ceil_mode = true}, 2, 2));
}

TEST(InferShapesTest, EveryOperationHasItsRule) {
  Graph g;
  const Value x = g.Input(1);
  const Value up = g.Upsample(x, 2, "up");
  const Value padded = g.Pad(up, {.left = 1, .right = 2, .top = 3, .bottom = 4}, "pad");
  const Value even = g.Slice(padded, {.start = {0, 0}}, "even");
  const Value odd = g.Slice(padded, {.start = {1, 1}}, "odd");
  const auto shapes = InferShapes(g, 6, 10);

  EXPECT_EQ((Numbers{1, 12, 20}), Sides(shapes[static_cast<std::size_t>(up)]));
  EXPECT_EQ((Numbers{1, 19, 23}), Sides(shapes[static_cast<std::size_t>(padded)]));
  EXPECT_EQ((Numbers{1, 10, 12}), Sides(shapes[static_cast<std::size_t>(even)]));
  EXPECT_EQ((Numbers{1, 9, 11}), Sides(shapes[static_cast<std::size_t>(odd)]));
}

TEST(InferShapesTest, TransposedConvolutionsEnlarge) {
  Graph g;
  const auto weight = std::make_shared<const std::vector<float>>(2 * 3 * 4 * 2);
  g.ConvTranspose(g.Input(2),
                  {.weight = weight,
                   .in = 2,
                   .out = 3,
                   .kernel = {4, 2},
                   .stride = {2, 3},
                   .padding = {1, 0},
                   .output_padding = {0, 1}},
                  "up");
  EXPECT_EQ((Numbers{3, 10, 15}), Sides(InferShapes(g, 5, 5).back()));
}

TEST(InferShapesTest, ExpandingMakesChannelsPixelsAndAMeanMakesPixelsOne) {
  Graph g;
  const Value expanded = g.Expand(g.Input(12), 2, "expand");
  g.Mean(expanded, "mean");
  const auto shapes = InferShapes(g, 5, 7);
  EXPECT_EQ((Numbers{3, 10, 14}), Sides(shapes[1]));
  EXPECT_EQ((Numbers{3, 1, 1}), Sides(shapes[2]));
}

TEST(InferShapesTest, AttentionCountsWhatEachPixelGivesEachOther) {
  Graph g;
  const Value x = g.Input(4);
  g.Attention(x, x, x, 4, "attention");
  EXPECT_EQ((Numbers{4, 20, 30}), Sides(InferShapes(g, 20, 30).back()));
  EXPECT_THROW(InferShapes(g, 640, 640), Error);  // 4 x 409600^2 weights
  EXPECT_THROW(InferShapes(g, 100'000, 100'000), Error);
}

TEST(InferShapesTest, LogitsAreOneRowOfASinglePixel) {
  Graph g;
  g.Classify(g.Input(4), "classify");
  EXPECT_EQ((Numbers{4, 1, 1}), Sides(InferShapes(g, 1, 1).back()));
  EXPECT_THROW(InferShapes(g, 2, 1), Error);
}

TEST(InferShapesTest, JoinedHeadsHaveTheRowsOfAll) {
  Graph g;
  const Value head = g.Classify(g.Input(4), "classify");
  g.Join({head, head, head}, "join");
  EXPECT_EQ((Numbers{4, 3, 1}), Sides(InferShapes(g, 1, 1).back()));
}

TEST(InferShapesTest, ADetectionHeadHasARowPerAnchorAndPixel) {
  Graph g;
  const Value x = g.Input(12);
  const Value half = g.MaxPool(x, {.kernel = {2, 2}, .stride = {2, 2}}, "pool");
  g.Detect({x, half},
           {.classes = 1,
            .strides = {8, 16},
            .anchors = {{{1.0F, 1.0F}, {2.0F, 2.0F}}, {{3.0F, 3.0F}, {4.0F, 4.0F}}}},
           "detect");
  EXPECT_EQ((Numbers{6, 2 * (4 * 6 + 2 * 3), 1}), Sides(InferShapes(g, 4, 6).back()));
}

TEST(InferShapesTest, RefusesMapsThatDoNotMeet) {
  Graph g;
  const Value x = g.Input(4);
  g.Add(x, g.Upsample(x, 2, "up"), "sum");
  try {
    InferShapes(g, 32, 64);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kBadData, error.code());
    EXPECT_THAT(error.message(), HasSubstr("layer sum: adds maps of 32x64 and 64x128 (network input 32x64)"));
  }
}

TEST(InferShapesTest, RefusesMapsThatVanish) {
  Graph g;
  g.MaxPool(g.Input(4), {.kernel = {7, 7}}, "pool");
  EXPECT_NO_THROW(InferShapes(g, 7, 7));
  EXPECT_THROW(InferShapes(g, 7, 6), Error);
  EXPECT_THROW(InferShapes(g, 0, 0), Error);
  EXPECT_THROW(InferShapes(g, -5, 64), Error);
}

TEST(InferShapesTest, RefusesNetworksThatWouldTakeAllMemory) {
  Graph g;
  Value x = g.Input(3);
  for (int i = 0; i < 50; ++i) x = g.Upsample(x, 64, "up" + std::to_string(i));
  EXPECT_THROW(InferShapes(g, 64, 64), Error);

  Graph wide;
  x = wide.Input(64);
  for (int i = 0; i < 13; ++i) x = wide.Concat({x, x}, "twice" + std::to_string(i));
  EXPECT_NO_THROW(InferShapes(wide, 32, 32));
  EXPECT_THROW(InferShapes(wide, 640, 640), Error);
}

TEST(InferShapesTest, CountsOnlyTheMemoryThatIsNeededAtOneTime) {
  Graph g;
  Value x = g.Input(64);
  for (int i = 0; i < 1000; ++i) x = g.Activate(x, {ActivationKind::kSiLU}, "act");
  EXPECT_NO_THROW(InferShapes(g, 1280, 1280));  // 400 MiB each
}

}  // namespace
}  // namespace roost::yolo
