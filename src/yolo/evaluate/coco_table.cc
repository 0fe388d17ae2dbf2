#include "yolo/evaluate/coco_table.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>

#include "yolo/data/parallel.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kThresholds = 10;  // of IoU: 0.5, 0.55, ... 0.95
constexpr std::size_t kRecalls = 101;
constexpr std::size_t kMostFinds = 100;  // per picture and category

struct Areas {
  double least = 0, largest = 0;
  bool Has(double area) const { return area >= least && area <= largest; }
};
constexpr double kAll = 1e10;
constexpr std::array<Areas, 4> kAreas = {
    {{0, kAll}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, kAll}}};  // all, small, medium, large

double ThresholdAt(std::size_t i) { return 0.5 + static_cast<double>(i) * ((0.95 - 0.5) / 9); }
double RecallAt(std::size_t i) { return i + 1 == kRecalls ? 1 : static_cast<double>(i) * 0.01; }

double AreaOf(const CocoBox& box) { return box[2] * box[3]; }

/// Of a crowd only what the find covers counts.
double Overlap(const CocoBox& find, const CocoObject& object) {
  const CocoBox& box = object.box;
  const double width = std::min(find[0] + find[2], box[0] + box[2]) - std::max(find[0], box[0]);
  const double height = std::min(find[1] + find[3], box[1] + box[3]) - std::max(find[1], box[1]);
  if (width <= 0 || height <= 0) return 0;
  const double both = width * height;
  return both / (object.crowd ? AreaOf(find) : AreaOf(find) + AreaOf(box) - both);
}

/// What one picture holds of one category.
struct Scene {
  std::vector<CocoObject> objects;
  std::vector<CocoFind> finds;               ///< best first, the best hundred
  std::vector<std::vector<double>> overlap;  ///< [find][object]
};

/// What became of a find: bit i is about threshold i.
struct Verdict {
  double score = 0;
  std::uint16_t matched = 0;
  std::uint16_t ignored = 0;  ///< counts neither as right nor as wrong
};

std::vector<Scene> ScenesOf(std::span<const CocoPicture> pictures, std::int64_t category) {
  std::vector<Scene> scenes;
  for (const CocoPicture& picture : pictures) {
    Scene scene;
    const auto is_of_it = [&](const auto& item) { return item.category == category; };
    std::copy_if(picture.objects.begin(), picture.objects.end(), std::back_inserter(scene.objects), is_of_it);
    std::copy_if(picture.finds.begin(), picture.finds.end(), std::back_inserter(scene.finds), is_of_it);
    if (scene.objects.empty() && scene.finds.empty()) continue;
    std::stable_sort(scene.finds.begin(), scene.finds.end(),
                     [](const CocoFind& a, const CocoFind& b) { return a.score > b.score; });
    scene.finds.resize(std::min(scene.finds.size(), kMostFinds));
    for (const CocoFind& find : scene.finds) {
      std::vector<double>& row = scene.overlap.emplace_back();
      for (const CocoObject& object : scene.objects) row.push_back(Overlap(find.box, object));
    }
    scenes.push_back(std::move(scene));
  }
  return scenes;
}

/// The objects of a scene with those that do not count last, and how many count.
struct Order {
  std::vector<std::size_t> objects;
  std::size_t counting = 0;
};

Order OrderOf(const Scene& scene, const Areas& areas) {
  Order order;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const bool counts = !scene.objects[i].crowd && areas.Has(scene.objects[i].area);
    (counts ? order.objects : others).push_back(i);
  }
  order.counting = order.objects.size();
  order.objects.insert(order.objects.end(), others.begin(), others.end());
  return order;
}

/// The place in `order` of the object that find `find` is taken to be: that with the largest overlap among
/// those that are free; one that counts before all that do not.
std::optional<std::size_t> Match(const Scene& scene, const Order& order, std::size_t find, double threshold,
                                 const std::vector<bool>& taken) {
  double least = std::min(threshold, 1 - 1e-10);
  std::optional<std::size_t> match;
  for (std::size_t place = 0; place < order.objects.size(); ++place) {
    if (place == order.counting && match) break;
    const std::size_t object = order.objects[place];
    if (taken[place] && !scene.objects[object].crowd) continue;
    const double overlap = scene.overlap[find][object];
    if (overlap < least) continue;
    least = overlap;
    match = place;
  }
  return match;
}

std::vector<Verdict> Decide(const Scene& scene, const Order& order, const Areas& areas) {
  std::vector<Verdict> verdicts;
  for (const CocoFind& find : scene.finds) verdicts.push_back({.score = find.score});
  for (std::size_t t = 0; t < kThresholds; ++t) {
    std::vector<bool> taken(order.objects.size(), false);
    for (std::size_t find = 0; find < scene.finds.size(); ++find) {
      const auto match = Match(scene, order, find, ThresholdAt(t), taken);
      const bool ignored = match ? *match >= order.counting : !areas.Has(AreaOf(scene.finds[find].box));
      if (match) taken[*match] = true;
      const auto bit = static_cast<std::uint16_t>(1U << t);
      if (match) verdicts[find].matched = static_cast<std::uint16_t>(verdicts[find].matched | bit);
      if (ignored) verdicts[find].ignored = static_cast<std::uint16_t>(verdicts[find].ignored | bit);
    }
  }
  return verdicts;
}

/// Of one category and one range of areas: per threshold.
struct Score {
  std::array<double, kThresholds> precision{}, recall{};
};

/// `verdicts`: of all pictures, best first.
void ScoreAt(std::size_t threshold, const std::vector<Verdict>& verdicts, std::int64_t objects,
             Score& score) {
  std::vector<double> recall;
  std::vector<double> precision;
  double right = 0;
  double wrong = 0;
  for (const Verdict& verdict : verdicts) {
    if ((verdict.ignored >> threshold & 1U) == 0) {
      ((verdict.matched >> threshold & 1U) != 0 ? right : wrong) += 1;
    }
    recall.push_back(right / static_cast<double>(objects));
    precision.push_back(right / (right + wrong + std::numeric_limits<double>::epsilon()));
  }
  score.recall[threshold] = recall.empty() ? 0 : recall.back();
  for (std::size_t i = precision.size(); i > 1; --i) {
    precision[i - 2] = std::max(precision[i - 2], precision[i - 1]);
  }
  double sum = 0;
  for (std::size_t i = 0; i < kRecalls; ++i) {
    const auto at = static_cast<std::size_t>(std::lower_bound(recall.begin(), recall.end(), RecallAt(i)) -
                                             recall.begin());
    if (at < precision.size()) sum += precision[at];
  }
  score.precision[threshold] = sum / static_cast<double>(kRecalls);
}

/// Nothing where no object counts.
std::optional<Score> ScoreOf(const std::vector<Scene>& scenes, const Areas& areas, std::size_t most_finds) {
  std::vector<Verdict> verdicts;
  std::int64_t objects = 0;
  for (const Scene& scene : scenes) {
    const Order order = OrderOf(scene, areas);
    objects += static_cast<std::int64_t>(order.counting);
    const std::vector<Verdict> of_scene = Decide(scene, order, areas);
    const std::size_t count = std::min(of_scene.size(), most_finds);
    verdicts.insert(verdicts.end(), of_scene.begin(), of_scene.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (objects == 0) return std::nullopt;
  std::stable_sort(verdicts.begin(), verdicts.end(),
                   [](const Verdict& a, const Verdict& b) { return a.score > b.score; });
  Score score;
  for (std::size_t t = 0; t < kThresholds; ++t) ScoreAt(t, verdicts, objects, score);
  return score;
}

/// All that is asked of one category.
struct CategoryScores {
  std::array<std::optional<Score>, kAreas.size()> by_area;  ///< with a hundred finds
  std::optional<Score> one_find, ten_finds;
};

double MeanOf(const std::array<double, kThresholds>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(kThresholds);
}

/// The mean over the categories that have a score; -1 where none has.
template <typename ScoreOfCategory, typename Figure>
double Mean(const std::vector<CategoryScores>& all, ScoreOfCategory score_of, Figure figure) {
  double sum = 0;
  double count = 0;
  for (const CategoryScores& scores : all) {
    const std::optional<Score>& score = score_of(scores);
    if (!score) continue;
    sum += figure(*score);
    ++count;
  }
  return count > 0 ? sum / count : -1;
}

}  // namespace

CocoTable EvaluateCoco(std::span<const CocoPicture> pictures, const std::vector<std::int64_t>& categories,
                       int workers) {
  std::vector<CategoryScores> all(categories.size());
  ParallelFor(categories.size(), WorkerCount(workers), [&](std::size_t i) {
    const std::vector<Scene> scenes = ScenesOf(pictures, categories[i]);
    for (std::size_t a = 0; a < kAreas.size(); ++a) {
      all[i].by_area[a] = ScoreOf(scenes, kAreas[a], kMostFinds);
    }
    all[i].one_find = ScoreOf(scenes, kAreas[0], 1);
    all[i].ten_finds = ScoreOf(scenes, kAreas[0], 10);
  });
  const auto area = [](std::size_t i) {
    return [i](const CategoryScores& scores) -> const std::optional<Score>& { return scores.by_area[i]; };
  };
  const auto ap = [](const Score& score) { return MeanOf(score.precision); };
  const auto ar = [](const Score& score) { return MeanOf(score.recall); };
  const auto one = [](const CategoryScores& scores) -> const std::optional<Score>& {
    return scores.one_find;
  };
  const auto ten = [](const CategoryScores& scores) -> const std::optional<Score>& {
    return scores.ten_finds;
  };
  CocoTable table;
  table.ap = Mean(all, area(0), ap);
  table.ap50 = Mean(all, area(0), [](const Score& score) { return score.precision[0]; });
  table.ap75 = Mean(all, area(0), [](const Score& score) { return score.precision[5]; });
  table.ap_small = Mean(all, area(1), ap);
  table.ap_medium = Mean(all, area(2), ap);
  table.ap_large = Mean(all, area(3), ap);
  table.ar1 = Mean(all, one, ar);
  table.ar10 = Mean(all, ten, ar);
  table.ar100 = Mean(all, area(0), ar);
  table.ar_small = Mean(all, area(1), ar);
  table.ar_medium = Mean(all, area(2), ar);
  table.ar_large = Mean(all, area(3), ar);
  return table;
}

std::string ToText(const CocoTable& table) {
  std::string text;
  const auto add = [&](bool is_precision, const char* iou, const char* area, int finds, double value) {
    char line[128];
    std::snprintf(line, sizeof line, " %-18s (%s) @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %.3f\n",
                  is_precision ? "Average Precision" : "Average Recall", is_precision ? "AP" : "AR", iou,
                  area, finds, value);
    text += line;
  };
  constexpr const char* kMean = "0.50:0.95";
  add(true, kMean, "all", 100, table.ap);
  add(true, "0.50", "all", 100, table.ap50);
  add(true, "0.75", "all", 100, table.ap75);
  add(true, kMean, "small", 100, table.ap_small);
  add(true, kMean, "medium", 100, table.ap_medium);
  add(true, kMean, "large", 100, table.ap_large);
  add(false, kMean, "all", 1, table.ar1);
  add(false, kMean, "all", 10, table.ar10);
  add(false, kMean, "all", 100, table.ar100);
  add(false, kMean, "small", 100, table.ar_small);
  add(false, kMean, "medium", 100, table.ar_medium);
  add(false, kMean, "large", 100, table.ar_large);
  return text;
}

}  // namespace roost::yolo
