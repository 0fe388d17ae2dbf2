#include "yolo/data/anchors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "yolo/data/random.h"

namespace roost::yolo {
namespace {

constexpr std::uint64_t kScaleStream = 3;  // apart from the streams of training pictures
constexpr std::uint64_t kSearchStream = 4;

/// How alike two extents are: 1 = the same, below that the worst ratio of their sides.
float Likeness(const Extent& a, const Extent& b) {
  const float width = a.first / b.first;
  const float height = a.second / b.second;
  return std::min(std::min(width, 1 / width), std::min(height, 1 / height));
}

/// anchor_fitness(): the mean likeness of objects and their best anchor, nothing for those that have none.
double Fitness(const std::vector<Extent>& objects, const std::vector<Extent>& anchors, float least) {
  double sum = 0;
  for (const Extent& object : objects) {
    float best = 0;
    for (const Extent& anchor : anchors) best = std::max(best, Likeness(object, anchor));
    if (best > least) sum += static_cast<double>(best);
  }
  return sum / static_cast<double>(objects.size());
}

using Point = std::array<double, 2>;

double Distance(const Point& a, const Point& b) { return std::hypot(a[0] - b[0], a[1] - b[1]); }

struct Clusters {
  std::vector<Point> centres;
  double distortion = 0;  ///< mean distance to the nearest centre
};

/// One round of Lloyd's algorithm: the means of the points that are nearest to each centre; centres without
/// points are left out. `distortion` is that of the centres before.
Clusters Improve(const std::vector<Point>& points, const std::vector<Point>& centres) {
  std::vector<Point> sums(centres.size(), Point{});
  std::vector<double> counts(centres.size(), 0.0);
  double distances = 0;
  for (const Point& point : points) {
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < centres.size(); ++i) {
      const double distance = Distance(point, centres[i]);
      if (distance < least) {
        least = distance;
        nearest = i;
      }
    }
    sums[nearest][0] += point[0];
    sums[nearest][1] += point[1];
    ++counts[nearest];
    distances += least;
  }
  Clusters improved;
  improved.distortion = distances / static_cast<double>(points.size());
  for (std::size_t i = 0; i < centres.size(); ++i) {
    if (counts[i] > 0) improved.centres.push_back({sums[i][0] / counts[i], sums[i][1] / counts[i]});
  }
  return improved;
}

/// scipy.cluster.vq.kmeans: the best of 30 tries, each from points drawn at random.
std::vector<Point> KMeans(const std::vector<Point>& points, std::size_t clusters, Random& random) {
  constexpr int kTries = 30;
  constexpr double kStandstill = 1e-5;
  Clusters best;
  best.distortion = std::numeric_limits<double>::infinity();
  std::vector<std::size_t> choice(points.size());
  for (int i = 0; i < kTries; ++i) {
    for (std::size_t j = 0; j < choice.size(); ++j) choice[j] = j;
    Clusters current;
    for (std::size_t j = 0; j < clusters; ++j) {
      std::swap(choice[j], choice[j + random.Below(choice.size() - j)]);
      current.centres.push_back(points[choice[j]]);
    }
    double last = std::numeric_limits<double>::infinity();
    for (;;) {
      current = Improve(points, current.centres);
      if (std::abs(last - current.distortion) <= kStandstill) break;
      last = current.distortion;
    }
    if (current.distortion < best.distortion) best = std::move(current);
  }
  return best.centres;
}

/// The standard deviation of one side.
double Deviation(const std::vector<Extent>& objects, float Extent::*side) {
  double sum = 0;
  for (const Extent& object : objects) sum += static_cast<double>(object.*side);
  const double mean = sum / static_cast<double>(objects.size());
  double squares = 0;
  for (const Extent& object : objects) squares += std::pow(static_cast<double>(object.*side) - mean, 2);
  return std::sqrt(squares / static_cast<double>(objects.size()));
}

/// Centres of the objects' extents, both sides measured in their standard deviations. Nothing where there are
/// fewer different objects than centres.
std::optional<std::vector<Extent>> Centres(const std::vector<Extent>& objects, std::size_t count,
                                           Random& random) {
  if (objects.size() < count) return std::nullopt;
  const double widths = Deviation(objects, &Extent::first);
  const double heights = Deviation(objects, &Extent::second);
  if (widths == 0 || heights == 0) return std::nullopt;
  std::vector<Point> points;
  points.reserve(objects.size());
  for (const auto& [width, height] : objects) {
    points.push_back({static_cast<double>(width) / widths, static_cast<double>(height) / heights});
  }
  const auto centres = KMeans(points, count, random);
  if (centres.size() != count) return std::nullopt;
  std::vector<Extent> extents;
  extents.reserve(count);
  for (const Point& centre : centres) {
    extents.emplace_back(static_cast<float>(centre[0] * widths), static_cast<float>(centre[1] * heights));
  }
  return extents;
}

std::vector<Extent> AnyAnchors(const AnchorSearch& search, Random& random) {
  std::vector<double> sides(search.anchors * 2);
  for (double& side : sides) side = random.Uniform() * static_cast<double>(search.imgsz);
  std::sort(sides.begin(), sides.end());
  std::vector<Extent> anchors;
  anchors.reserve(search.anchors);
  for (std::size_t i = 0; i < sides.size(); i += 2) {
    anchors.emplace_back(static_cast<float>(sides[i]), static_cast<float>(sides[i + 1]));
  }
  return anchors;
}

/// `anchors`, at least one side of which has changed a little.
std::vector<Extent> Mutated(const std::vector<Extent>& anchors, Random& random) {
  constexpr double kProbability = 0.9;
  constexpr double kSigma = 0.1;
  constexpr float kLeastSide = 2;
  std::vector<Extent> mutated = anchors;
  bool changed = false;
  while (!changed) {
    mutated = anchors;
    const double strength = random.Uniform();
    const auto mutate = [&](float& side) {
      const bool chosen = random.Chance(kProbability);
      const double factor = std::clamp(1 + (chosen ? strength * random.Normal() * kSigma : 0), 0.3, 3.0);
      changed = changed || factor != 1;
      side = std::max(static_cast<float>(static_cast<double>(side) * factor), kLeastSide);
    };
    for (auto& [width, height] : mutated) {
      mutate(width);
      mutate(height);
    }
  }
  return mutated;
}

}  // namespace

std::vector<Extent> LabelExtents(const Dataset& dataset, std::int64_t imgsz,
                                 std::optional<std::uint64_t> seed) {
  Random random{seed.value_or(0), kScaleStream};
  std::vector<Extent> extents;
  for (const Sample& sample : dataset.samples) {
    const double vary = seed ? random.Uniform(0.9, 1.1) : 1;
    const auto longer = static_cast<double>(std::max(sample.size.height, sample.size.width));
    const auto side = [&](float fraction, std::int64_t pixels) {
      const double scaled = static_cast<double>(imgsz) * static_cast<double>(pixels) / longer * vary;
      return static_cast<float>(static_cast<double>(fraction) * scaled);
    };
    for (const Label& label : sample.labels) {
      extents.emplace_back(side(label.width, sample.size.width), side(label.height, sample.size.height));
    }
  }
  return extents;
}

AnchorFit FitOf(const std::vector<Extent>& objects, const std::vector<Extent>& anchors, double threshold) {
  if (objects.empty()) return {};
  const auto least = static_cast<float>(1 / threshold);
  std::size_t suited = 0;
  std::size_t suiting = 0;
  for (const Extent& object : objects) {
    const auto count = std::count_if(anchors.begin(), anchors.end(),
                                     [&](const Extent& anchor) { return Likeness(object, anchor) > least; });
    suiting += static_cast<std::size_t>(count);
    suited += count > 0 ? 1 : 0;
  }
  const auto all = static_cast<double>(objects.size());
  return {static_cast<double>(suited) / all, static_cast<double>(suiting) / all};
}

std::vector<Extent> FindAnchors(const std::vector<Extent>& objects, const AnchorSearch& search) {
  constexpr float kLeastSide = 2;  // smaller objects teach nothing
  std::vector<Extent> visible;
  std::copy_if(objects.begin(), objects.end(), std::back_inserter(visible), [](const Extent& object) {
    return object.first >= kLeastSide || object.second >= kLeastSide;
  });
  Random random{search.seed, kSearchStream};
  auto anchors = Centres(visible, search.anchors, random);
  if (!anchors) anchors = AnyAnchors(search, random);
  if (!visible.empty()) {
    const auto least = static_cast<float>(1 / search.threshold);
    double fitness = Fitness(visible, *anchors, least);
    for (int i = 0; i < search.generations; ++i) {
      auto mutated = Mutated(*anchors, random);
      const double mutated_fitness = Fitness(visible, mutated, least);
      if (mutated_fitness <= fitness) continue;
      fitness = mutated_fitness;
      anchors = std::move(mutated);
    }
  }
  std::sort(anchors->begin(), anchors->end(),
            [](const Extent& a, const Extent& b) { return a.first * a.second < b.first * b.second; });
  return *std::move(anchors);
}

AnchorCheck CheckAnchors(const Dataset& dataset, const std::vector<Extent>& anchors, AnchorSearch search) {
  constexpr double kGoodRecall = 0.98;
  constexpr float kTinySide = 3;
  const auto varied = LabelExtents(dataset, search.imgsz, search.seed);
  const auto objects = LabelExtents(dataset, search.imgsz);
  AnchorCheck check;
  check.anchors = anchors;
  check.objects = objects.size();
  check.tiny =
      static_cast<std::size_t>(std::count_if(objects.begin(), objects.end(), [](const Extent& object) {
        return object.first < kTinySide || object.second < kTinySide;
      }));
  check.before = FitOf(varied, anchors, search.threshold);
  if (objects.empty() || check.before.best_possible_recall > kGoodRecall) return check;
  search.anchors = anchors.size();
  auto others = FindAnchors(objects, search);
  check.after = FitOf(varied, others, search.threshold);
  check.replaced = check.after->best_possible_recall > check.before.best_possible_recall;
  if (check.replaced) check.anchors = std::move(others);
  return check;
}

}  // namespace roost::yolo
