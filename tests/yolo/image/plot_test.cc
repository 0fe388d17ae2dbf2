#include "yolo/image/plot.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "yolo/image/plot_ticks.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Color kRed{0, 0, 255};
constexpr Color kGreen{0, 255, 0};

/// How many pixels of the rows [first, last) are of a colour.
std::int64_t Count(const Image& image, Color color, std::int64_t first, std::int64_t last) {
  std::int64_t count = 0;
  for (std::int64_t i = first * image.size().width; i < last * image.size().width; ++i) {
    const auto pixel = image.pixels().subspan(static_cast<std::size_t>(i) * 3, 3);
    count += pixel[0] == color[0] && pixel[1] == color[1] && pixel[2] == color[2] ? 1 : 0;
  }
  return count;
}
std::int64_t Count(const Image& image, Color color) { return Count(image, color, 0, image.size().height); }

std::vector<std::string> TextsIn(AxisRange range, int about) {
  std::vector<std::string> texts;
  for (const Tick& tick : TicksIn(range, about)) texts.push_back(tick.text);
  return texts;
}

TEST(PlotTest, TicksAreRoundNumbers) {
  EXPECT_THAT(TextsIn({0, 1}, 5), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1"));
  EXPECT_THAT(TextsIn({-0.13, 0.27}, 4), ElementsAre("-0.1", "0", "0.1", "0.2"));
  EXPECT_THAT(TextsIn({1, 0}, 2), ElementsAre("0", "0.5", "1"));
  EXPECT_THAT(TextsIn({0, 3.1e6}, 3), ElementsAre("0", "2e+06"));
  EXPECT_THAT(TextsIn({1, 1}, 3), IsEmpty());
  EXPECT_THAT(TextsIn({0, std::numeric_limits<double>::infinity()}, 3), IsEmpty());
}

TEST(PlotTest, ALineIsWhereItsNumbersAre) {
  Chart chart{.x_range = AxisRange{0, 1}, .y_range = AxisRange{0, 1}};
  chart.lines.push_back({.x = {0, 1}, .y = {0.9, 0.9}, .color = kRed, .width = 4});
  const Image image = DrawPanel(chart, {300, 400});
  EXPECT_EQ((Size{300, 400}), image.size());
  EXPECT_GT(Count(image, kRed, 0, 100), 600);  // near the top, almost all the way across
  EXPECT_EQ(0, Count(image, kRed, 100, 300));

  chart.y_range = AxisRange{1, 0};
  EXPECT_EQ(0, Count(DrawPanel(chart, {300, 400}), kRed, 0, 200));
}

TEST(PlotTest, BarsAreAsHighAsTheirNumbers) {
  Chart chart;
  chart.bars = ChartBars{.heights = {1, 4}, .names = {"one", "four"}, .colors = {kRed, kGreen}};
  const Image image = DrawPanel(chart, {300, 400});
  const double ratio = static_cast<double>(Count(image, kGreen)) / static_cast<double>(Count(image, kRed));
  EXPECT_NEAR(4, ratio, 0.1);
}

TEST(PlotTest, TheLastLineKeepsItsPlaceInALegendThatIsTooLong) {
  Chart with_label;
  Chart without;
  for (int i = 0; i < 200; ++i) {
    with_label.lines.push_back({.label = "class", .x = {0, 1}, .y = {0.5, 0.5}, .color = kGreen});
    without.lines.push_back({.label = "class", .x = {0, 1}, .y = {0.5, 0.5}, .color = kGreen});
  }
  with_label.lines.push_back({.label = "all", .x = {}, .y = {}, .color = kRed, .width = 3});
  without.lines.push_back({.x = {}, .y = {}, .color = kRed, .width = 3});
  EXPECT_GT(Count(DrawPanel(with_label, {300, 400}), kRed), 20);
  EXPECT_EQ(0, Count(DrawPanel(without, {300, 400}), kRed));
}

TEST(PlotTest, NumbersThatAreNoneAreLeftOut) {
  const double nan = std::nan("");
  const double infinite = std::numeric_limits<double>::infinity();
  Chart chart{.title = "t", .x_label = "x", .y_label = "y"};
  chart.lines.push_back(
      {.label = "l", .x = {0, 1, 2, nan, 4}, .y = {1, nan, infinite, 2, 1e300}, .markers = true});
  chart.bars = ChartBars{.heights = {nan, infinite, 1}};
  chart.boxes.push_back({nan, 0, 1, infinite});
  EXPECT_EQ((Size{200, 200}), DrawPanel(chart, {200, 200}).size());
  EXPECT_EQ((Size{200, 200}), DrawPanel(Chart{}, {200, 200}).size());
  EXPECT_EQ((Size{200, 200}), DrawPanel(HeatMap{}, {200, 200}).size());
  EXPECT_EQ((Size{200, 200}),
            DrawPanel(HeatMap{.rows = 1, .columns = 2, .values = {nan, infinite}}, {200, 200}).size());
}

TEST(PlotTest, PanelsLieSideBySide) {
  EXPECT_EQ((Size{400, 600}), DrawPanels({Chart{}, HeatMap{}, Chart{}, Chart{}}, 3, {200, 200}).size());
}

TEST(PlotTest, TheLargestNumberOfAHeatMapIsDarkest) {
  HeatMap map{.rows = 2, .columns = 2, .values = {0, 0, 0, 7}};
  const Image image = DrawPanel(map, {400, 400});
  constexpr Color kDarkest{107, 48, 8};
  EXPECT_GT(Count(image, kDarkest, 200, 400), 10000);
}

TEST(PlotTest, PointsAreCountedWhereTheyFall) {
  const HeatMap map = CountInCells({0.1, 0.1, 1, 0.9, std::nan("")}, {0.1, 0.2, 1, 0.1, 0.5}, 2);
  EXPECT_THAT(map.values, ElementsAre(0, 1, 2, 1));  // y upwards
}

}  // namespace
}  // namespace roost::yolo
