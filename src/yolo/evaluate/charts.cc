#include "yolo/evaluate/charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "yolo/detect/reporter.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kManyClasses = 21;  // from here on their names would say nothing
constexpr Color kGrey{190, 190, 190};
constexpr Color kBlue{200, 60, 20};
constexpr AxisRange kFraction{0, 1};

std::string Text(const char* format, double a, double b = 0) {
  char text[128];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}

std::vector<double> Points() {
  std::vector<double> points;
  for (std::size_t i = 0; i < Curves::kPoints; ++i) {
    points.push_back(static_cast<double>(i) / static_cast<double>(Curves::kPoints - 1));
  }
  return points;
}

/// A thin line for each class. `label` is asked for the text behind the name.
template <typename Label>
Chart ChartOfClasses(const std::vector<Curves::Curve>& curves, const Metrics& metrics,
                     const std::vector<std::string>& names, Label label) {
  Chart chart{.x_range = kFraction, .y_range = kFraction};
  const std::vector<double> points = Points();
  const bool few = curves.size() < kManyClasses;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    ChartLine& line = chart.lines.emplace_back();
    line.x = points;
    line.y = curves[i];
    line.width = 1;
    line.color = few ? LineColor(i) : kGrey;
    if (few) line.label = ClassName(names, metrics.classes[i].class_id) + label(i);
  }
  return chart;
}

void AddMean(Chart& chart, std::vector<double> mean, const std::string& label) {
  ChartLine& line = chart.lines.emplace_back();
  line.label = label;
  line.x = Points();
  line.y = std::move(mean);
  line.color = kBlue;
  line.width = 3;
}

void Save(const Panel& panel, Size size, const Path& file) {
  const std::string png = EncodeImage(DrawPanel(panel, size), ".png").value();
  WriteFileAtomically(file, png, AtomicFile::Sync::kNo).value();
}

}  // namespace

Chart PrecisionRecallChart(const Metrics& metrics, const Curves& curves,
                           const std::vector<std::string>& names) {
  Chart chart = ChartOfClasses(curves.precision_by_recall, metrics, names,
                               [&](std::size_t i) { return Text(" %.3f", metrics.classes[i].ap50()); });
  chart.title = "Precision-Recall Curve";
  chart.x_label = "Recall";
  chart.y_label = "Precision";
  AddMean(chart, MeanOf(curves.precision_by_recall), Text("all classes %.3f mAP@0.5", metrics.map50));
  return chart;
}

Chart ConfidenceChart(const std::string& what, const std::vector<Curves::Curve>& curves,
                      const Metrics& metrics, const std::vector<std::string>& names) {
  Chart chart = ChartOfClasses(curves, metrics, names, [](std::size_t) { return ""; });
  chart.title = what + "-Confidence Curve";
  chart.x_label = "Confidence";
  chart.y_label = what;
  constexpr double kSmoothing = 0.05;
  std::vector<double> mean = Smoothed(MeanOf(curves), kSmoothing);
  const auto best = std::max_element(mean.begin(), mean.end());
  const double confidence =
      static_cast<double>(best - mean.begin()) / static_cast<double>(Curves::kPoints - 1);
  const std::string label = Text("all classes %.2f at %.3f", *best, confidence);
  AddMean(chart, std::move(mean), label);
  return chart;
}

HeatMap ConfusionChart(const ConfusionMatrix& confusion, const std::vector<std::string>& names) {
  constexpr std::size_t kMostAnnotated = 30;
  constexpr std::size_t kMostNamed = 99;
  constexpr double kLeastShown = 0.005;  // would be written as 0.00
  HeatMap map{.title = "Confusion Matrix",
              .x_label = "True",
              .y_label = "Predicted",
              .rows = confusion.classes() + 1,
              .columns = confusion.classes() + 1,
              .values = confusion.ByTruth(),
              .annotated = confusion.classes() < kMostAnnotated,
              .square = true};
  for (double& value : map.values) {
    if (value < kLeastShown) value = std::nan("");
  }
  if (confusion.classes() < kMostNamed) {
    for (std::size_t i = 0; i < confusion.classes(); ++i) {
      map.row_names.push_back(ClassName(names, static_cast<std::int64_t>(i)));
    }
    map.row_names.emplace_back("background");
    map.column_names = map.row_names;
  }
  return map;
}

void SaveCharts(const Metrics& metrics, const Curves& curves, const ConfusionMatrix& confusion,
                const std::vector<std::string>& names, const Path& folder) {
  constexpr Size kCurve{800, 1200};
  constexpr Size kTable{1050, 1200};
  if (!curves.f1.empty()) {
    Save(PrecisionRecallChart(metrics, curves, names), kCurve, folder / "PR_curve.png");
    Save(ConfidenceChart("F1", curves.f1, metrics, names), kCurve, folder / "F1_curve.png");
    Save(ConfidenceChart("Precision", curves.precision, metrics, names), kCurve, folder / "P_curve.png");
    Save(ConfidenceChart("Recall", curves.recall, metrics, names), kCurve, folder / "R_curve.png");
  }
  Save(ConfusionChart(confusion, names), kTable, folder / "confusion_matrix.png");
}

}  // namespace roost::yolo
