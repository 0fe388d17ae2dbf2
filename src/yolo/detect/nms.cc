#include "roost/yolo/nms.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "roost/base/error.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kBoxColumns = 5;          // x, y, w, h, objectness
constexpr std::size_t kMaxCandidates = 30'000;  // the reference's max_nms
constexpr float kClassOffset = 7680;            // the reference's max_wh: keeps boxes of two classes apart

Box FromCenter(std::span<const float> xywh) {
  const float half_width = xywh[2] / 2;
  const float half_height = xywh[3] / 2;
  return {xywh[0] - half_width, xywh[1] - half_height, xywh[0] + half_width, xywh[1] + half_height};
}

bool IsFinite(const Box& box) {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
}

/// Rows above the threshold, as detections in the order of rows and, within a row, of classes.
std::vector<Detection> Candidates(std::span<const float> rows, std::size_t columns,
                                  const NmsOptions& options) {
  const auto threshold = static_cast<float>(options.conf_thres);
  const auto is_wanted = [&](const Detection& detection) {
    return detection.confidence > threshold && std::isfinite(detection.confidence) &&
           (!options.classes || options.classes->contains(detection.class_id));
  };
  const std::size_t scores_end = columns - static_cast<std::size_t>(options.masks);
  std::vector<Detection> candidates;
  for (std::int64_t row = 0; !rows.empty(); rows = rows.subspan(columns), ++row) {
    const float objectness = rows[4];
    if (!(objectness > threshold)) continue;
    const Box box = FromCenter(rows);
    if (!IsFinite(box)) continue;
    Detection best{.confidence = -1};
    for (std::size_t i = kBoxColumns; i < scores_end; ++i) {
      const Detection scored{.box = box,
                             .confidence = rows[i] * objectness,
                             .class_id = static_cast<std::int64_t>(i - kBoxColumns),
                             .row = row};
      if (scored.confidence > best.confidence) best = scored;
      if (options.multi_label && is_wanted(scored)) candidates.push_back(scored);
    }
    if (!options.multi_label && is_wanted(best)) candidates.push_back(best);
  }
  return candidates;
}

float Area(const Box& box) { return (box.x2 - box.x1) * (box.y2 - box.y1); }

float IntersectionOverUnion(const Box& a, float area_a, const Box& b, float area_b) {
  const float width = std::max(0.0F, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const float height = std::max(0.0F, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const float intersection = width * height;
  return intersection / (area_a + area_b - intersection);
}

/// Where boxes are compared: classes lie far apart, so that one pass serves all of them. The shift costs
/// low bits of the coordinates, and the reference's results depend on that.
Box Shifted(const Detection& detection, bool agnostic) {
  const float offset = agnostic ? 0 : static_cast<float>(detection.class_id) * kClassOffset;
  const Box& box = detection.box;
  return {box.x1 + offset, box.y1 + offset, box.x2 + offset, box.y2 + offset};
}

}  // namespace

std::vector<Detection> NonMaxSuppression(std::span<const float> rows, std::int64_t columns,
                                         const NmsOptions& options) {
  const auto width = static_cast<std::size_t>(columns);
  ROOST_CHECK(options.masks >= 0 && columns - options.masks > static_cast<std::int64_t>(kBoxColumns) &&
                  rows.size() % width == 0,
              "predictions that are not rows of a head");

  std::vector<Detection> candidates = Candidates(rows, width, options);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Detection& a, const Detection& b) { return a.confidence > b.confidence; });
  candidates.resize(std::min(candidates.size(), kMaxCandidates));

  std::vector<Box> boxes;
  std::vector<float> areas;
  for (const Detection& candidate : candidates) {
    boxes.push_back(Shifted(candidate, options.agnostic));
    areas.push_back(Area(boxes.back()));
  }

  std::vector<bool> suppressed(candidates.size(), false);
  std::vector<Detection> kept;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (suppressed[i]) continue;
    if (static_cast<std::int64_t>(kept.size()) == options.max_det) break;
    kept.push_back(candidates[i]);
    for (std::size_t j = i + 1; j < candidates.size(); ++j) {
      if (static_cast<double>(IntersectionOverUnion(boxes[i], areas[i], boxes[j], areas[j])) >
          options.iou_thres) {
        suppressed[j] = true;
      }
    }
  }
  return kept;
}

}  // namespace roost::yolo
