#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "yolo/data/dataset.h"

/// Whether a network's anchors suit the objects of a dataset, and better ones (utils/autoanchor.py).
namespace roost::yolo {

/// Width and height in pixels of the network input.
using Extent = std::pair<float, float>;

/// The extents of a dataset's objects when the longer side of each picture is scaled to `imgsz`. With a seed
/// each picture is scaled by another 0.9 to 1.1, as augmentation might.
std::vector<Extent> LabelExtents(const Dataset& dataset, std::int64_t imgsz,
                                 std::optional<std::uint64_t> seed = std::nullopt);

/// How well anchors suit objects. An anchor suits an object when neither side differs by more than a factor
/// of `threshold` (the hyperparameter anchor_t).
struct AnchorFit {
  double best_possible_recall = 0;  ///< the part of objects that have an anchor
  double above_threshold = 0;       ///< anchors per object
};

/// 0 and 0 where there are no objects.
AnchorFit FitOf(const std::vector<Extent>& objects, const std::vector<Extent>& anchors, double threshold);

struct AnchorSearch {
  std::size_t anchors = 9;
  std::int64_t imgsz = 640;  ///< anchors are below it where objects are too few to start from
  double threshold = 4;
  int generations = 1000;
  std::uint64_t seed = 0;
};

/// Anchors for objects: the centres that k-means finds, improved by mutations; the smallest area first.
/// Follows from its arguments alone.
std::vector<Extent> FindAnchors(const std::vector<Extent>& objects, const AnchorSearch& search);

struct AnchorCheck {
  AnchorFit before;
  std::optional<AnchorFit> after;  ///< of other anchors, where those before were a poor fit
  bool replaced = false;           ///< the others are better
  std::vector<Extent> anchors;     ///< those to train with
  std::size_t objects = 0;
  std::size_t tiny = 0;  ///< objects with a side of less than 3 pixels
};

/// check_anchors(): anchors (of all layers, in pixels, smallest stride first) that suit less than 98% of the
/// objects give way to better ones. `search.anchors` is not looked at.
AnchorCheck CheckAnchors(const Dataset& dataset, const std::vector<Extent>& anchors, AnchorSearch search);

}  // namespace roost::yolo
