#include "yolo/evaluate/metrics.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>

namespace roost::yolo {
namespace {

constexpr double kNotZero = 1e-16;
constexpr std::size_t kRecallPoints = 101;  // as COCO interpolates

/// A line through points (x, y), x ascending, extended level to the right and by `left` to the left, at
/// `at`. Of points with one x the last counts, as with numpy.interp.
class Polyline {
 public:
  Polyline(std::span<const double> x, std::span<const double> y, double left) : x_(x), y_(y), left_(left) {}

  double operator()(double at) const {
    const auto next = static_cast<std::size_t>(std::upper_bound(x_.begin(), x_.end(), at) - x_.begin());
    if (next == 0) return left_;
    if (next == x_.size() || x_[next - 1] == at) return y_[next - 1];
    const double slope = (y_[next] - y_[next - 1]) / (x_[next] - x_[next - 1]);
    return slope * (at - x_[next - 1]) + y_[next - 1];
  }

 private:
  std::span<const double> x_;
  std::span<const double> y_;
  double left_;
};

double PointAt(std::size_t i, std::size_t points) {
  return static_cast<double>(i) / static_cast<double>(points - 1);
}

/// Precision over recall, made to fall only.
struct Envelope {
  std::vector<double> recall = {0};
  std::vector<double> precision = {1};

  Envelope(std::span<const double> recalls, std::span<const double> precisions) {
    recall.insert(recall.end(), recalls.begin(), recalls.end());
    recall.push_back(1);
    precision.insert(precision.end(), precisions.begin(), precisions.end());
    precision.push_back(0);
    for (std::size_t i = precision.size() - 1; i > 0; --i) {
      precision[i - 1] = std::max(precision[i - 1], precision[i]);
    }
  }

  Polyline line() const { return {recall, precision, precision.front()}; }

  double Area() const {
    const Polyline curve = line();
    double area = 0;
    double previous = curve(0);
    for (std::size_t i = 1; i < kRecallPoints; ++i) {
      const double value = curve(PointAt(i, kRecallPoints));
      area += (PointAt(i, kRecallPoints) - PointAt(i - 1, kRecallPoints)) * (value + previous) / 2;
      previous = value;
    }
    return area;
  }
};

/// Recall and precision when only the first 1, 2, 3, ... detections of a class are taken.
struct Course {
  std::vector<double> recall, precision;

  Course(std::span<const Judged> detections, std::size_t threshold, std::int64_t instances) {
    std::int64_t right = 0;
    std::int64_t all = 0;
    for (const Judged& detection : detections) {
      right += (detection.correct >> threshold) & 1U;
      ++all;
      recall.push_back(static_cast<double>(right) / (static_cast<double>(instances) + kNotZero));
      precision.push_back(static_cast<double>(right) / static_cast<double>(all));
    }
  }
};

/// The curves of one class and its average precisions.
void Measure(std::span<const Judged> detections, ClassMetrics& metrics, Curves& curves) {
  Curves::Curve& precision = curves.precision.emplace_back(Curves::kPoints, 0.0);
  Curves::Curve& recall = curves.recall.emplace_back(Curves::kPoints, 0.0);
  Curves::Curve& by_recall = curves.precision_by_recall.emplace_back(Curves::kPoints, 0.0);
  if (detections.empty()) return;
  std::vector<double> falling;  // x of the curves: confidence with its sign turned
  for (const Judged& detection : detections) falling.push_back(-static_cast<double>(detection.confidence));
  for (std::size_t threshold = 0; threshold < kIouThresholds; ++threshold) {
    const Course course(detections, threshold, metrics.instances);
    const Envelope envelope(course.recall, course.precision);
    metrics.ap[threshold] = envelope.Area();
    if (threshold > 0) continue;
    for (std::size_t i = 0; i < Curves::kPoints; ++i) {
      const double point = PointAt(i, Curves::kPoints);
      recall[i] = Polyline(falling, course.recall, 0)(-point);
      precision[i] = Polyline(falling, course.precision, 1)(-point);
      by_recall[i] = envelope.line()(point);
    }
  }
}

template <typename Member>
double Mean(const std::vector<ClassMetrics>& classes, Member member) {
  if (classes.empty()) return 0;
  const double sum =
      std::accumulate(classes.begin(), classes.end(), 0.0,
                      [&](double so_far, const ClassMetrics& metrics) { return so_far + member(metrics); });
  return sum / static_cast<double>(classes.size());
}

}  // namespace

std::vector<double> MeanOf(const std::vector<Curves::Curve>& curves) {
  std::vector<double> mean(Curves::kPoints, 0.0);
  for (const Curves::Curve& curve : curves) {
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += curve[i];
  }
  for (double& value : mean) value /= static_cast<double>(curves.size());
  return mean;
}

double ClassMetrics::ap50_95() const {
  return std::accumulate(ap.begin(), ap.end(), 0.0) / static_cast<double>(ap.size());
}

double Metrics::f1() const {
  return Mean(classes, [](const ClassMetrics& metrics) { return metrics.f1; });
}

std::vector<double> Smoothed(std::span<const double> curve, double fraction) {
  const double points = static_cast<double>(curve.size());
  const std::int64_t half = (std::llrint(points * fraction * 2) / 2 + 1) / 2;
  const std::int64_t last = std::ssize(curve) - 1;
  std::vector<double> smooth;
  smooth.reserve(curve.size());
  for (std::int64_t i = 0; i <= last; ++i) {
    double sum = 0;
    for (std::int64_t j = i - half; j <= i + half; ++j) {
      sum += curve[static_cast<std::size_t>(std::clamp<std::int64_t>(j, 0, last))];
    }
    smooth.push_back(sum / static_cast<double>(2 * half + 1));
  }
  return smooth;
}

Metrics MetricsOf(const Judgements& judgements, Curves* curves) {
  Metrics metrics;
  metrics.images = judgements.images;
  metrics.instances = std::ssize(judgements.targets);
  std::map<std::int64_t, std::int64_t> instances;
  for (const std::int64_t class_id : judgements.targets) ++instances[class_id];
  std::map<std::int64_t, std::vector<Judged>> by_class;
  for (const Judged& detection : judgements.detections) {
    if (instances.contains(detection.class_id)) by_class[detection.class_id].push_back(detection);
  }
  Curves own;
  Curves& all = curves == nullptr ? own : *curves;
  all = {};
  for (const auto& [class_id, count] : instances) {
    std::vector<Judged>& detections = by_class[class_id];
    std::stable_sort(detections.begin(), detections.end(),
                     [](const Judged& a, const Judged& b) { return a.confidence > b.confidence; });
    ClassMetrics& of_class = metrics.classes.emplace_back();
    of_class.class_id = class_id;
    of_class.instances = count;
    Measure(detections, of_class, all);
  }
  // The reference takes no figures from a network that found nothing at all.
  const bool anything = std::any_of(judgements.detections.begin(), judgements.detections.end(),
                                    [](const Judged& detection) { return detection.correct != 0; });
  if (!anything || metrics.classes.empty()) return metrics;

  for (std::size_t i = 0; i < metrics.classes.size(); ++i) {
    Curves::Curve& f1 = all.f1.emplace_back();
    for (std::size_t j = 0; j < Curves::kPoints; ++j) {
      const double p = all.precision[i][j];
      const double r = all.recall[i][j];
      f1.push_back(2 * p * r / (p + r + kNotZero));
    }
  }
  constexpr double kSmoothing = 0.1;
  const std::vector<double> smooth = Smoothed(MeanOf(all.f1), kSmoothing);
  const auto best = static_cast<std::size_t>(std::max_element(smooth.begin(), smooth.end()) - smooth.begin());
  all.best_confidence = PointAt(best, Curves::kPoints);
  for (std::size_t i = 0; i < metrics.classes.size(); ++i) {
    metrics.classes[i].precision = all.precision[i][best];
    metrics.classes[i].recall = all.recall[i][best];
    metrics.classes[i].f1 = all.f1[i][best];
  }
  metrics.precision = Mean(metrics.classes, [](const ClassMetrics& m) { return m.precision; });
  metrics.recall = Mean(metrics.classes, [](const ClassMetrics& m) { return m.recall; });
  metrics.map50 = Mean(metrics.classes, [](const ClassMetrics& m) { return m.ap50(); });
  metrics.map50_95 = Mean(metrics.classes, [](const ClassMetrics& m) { return m.ap50_95(); });
  return metrics;
}

}  // namespace roost::yolo
