#include "yolo/data/labels_picture.h"

#include <algorithm>
#include <vector>

#include "yolo/image/plot.h"

namespace roost::yolo {
namespace {

std::vector<Label> AllLabels(const Dataset& dataset) {
  std::vector<Label> labels;
  for (const Sample& sample : dataset.samples) {
    labels.insert(labels.end(), sample.labels.begin(), sample.labels.end());
  }
  return labels;
}

/// How many objects each class has.
Chart ClassChart(const std::vector<Label>& labels, std::span<const std::string> names) {
  constexpr std::size_t kMostNames = 30;  // more are not readable
  std::size_t classes = names.size();
  for (const Label& label : labels) classes = std::max(classes, static_cast<std::size_t>(label.class_id) + 1);
  ChartBars bars;
  bars.heights.assign(classes, 0.0);
  for (const Label& label : labels) ++bars.heights[static_cast<std::size_t>(label.class_id)];
  for (std::size_t i = 0; i < classes; ++i) bars.colors.push_back(ClassColor(static_cast<std::int64_t>(i)));
  if (classes == names.size() && classes <= kMostNames) bars.names.assign(names.begin(), names.end());
  Chart chart;
  chart.title = std::to_string(labels.size()) + " objects";
  if (bars.names.empty()) chart.x_label = "class";
  chart.y_label = "objects";
  chart.bars = std::move(bars);
  return chart;
}

/// Boxes of some objects, evenly chosen, as if their centres were the same.
Chart BoxChart(const std::vector<Label>& labels) {
  constexpr std::size_t kMostBoxes = 1000;
  Chart chart;
  chart.title = "boxes";
  chart.x_label = "width";
  chart.y_label = "height";
  chart.x_range = chart.y_range = AxisRange{-0.5, 0.5};
  const std::size_t count = std::min(labels.size(), kMostBoxes);
  chart.boxes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Label& label = labels[i * labels.size() / count];
    const double half_width = static_cast<double>(label.width) / 2;
    const double half_height = static_cast<double>(label.height) / 2;
    chart.boxes.push_back({-half_width, -half_height, half_width, half_height, ClassColor(label.class_id)});
  }
  return chart;
}

/// How often two of a label's numbers come together.
HeatMap PairsOf(const std::vector<Label>& labels, float Label::*x, float Label::*y) {
  constexpr std::size_t kBins = 50;
  std::vector<double> columns;
  std::vector<double> rows;
  columns.reserve(labels.size());
  rows.reserve(labels.size());
  for (const Label& label : labels) {
    columns.push_back(static_cast<double>(label.*x));
    rows.push_back(static_cast<double>(label.*y));
  }
  return CountInCells(columns, rows, kBins);
}

}  // namespace

Image DrawLabels(const Dataset& dataset, std::span<const std::string> names) {
  const auto labels = AllLabels(dataset);
  HeatMap centres = PairsOf(labels, &Label::x, &Label::y);
  // As in the pictures, y goes down.
  for (std::size_t row = 0; row < centres.rows / 2; ++row) {
    const auto above = centres.values.begin() + static_cast<std::ptrdiff_t>(row * centres.columns);
    const auto below = centres.values.end() - static_cast<std::ptrdiff_t>((row + 1) * centres.columns);
    std::swap_ranges(above, above + static_cast<std::ptrdiff_t>(centres.columns), below);
  }
  centres.y_axis = AxisRange{1, 0};
  centres.title = "centres";
  centres.x_label = "x";
  centres.y_label = "y";
  HeatMap sides = PairsOf(labels, &Label::width, &Label::height);
  sides.title = "sides";
  sides.x_label = "width";
  sides.y_label = "height";
  return DrawPanels({ClassChart(labels, names), BoxChart(labels), std::move(centres), std::move(sides)},
                    /*columns=*/2, {800, 800});
}

}  // namespace roost::yolo
