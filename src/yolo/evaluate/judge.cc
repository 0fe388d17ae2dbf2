#include <algorithm>
#include <vector>

#include "yolo/evaluate/metrics.h"

namespace roost::yolo {
namespace {

/// As torch.linspace(0.5, 0.95, 10) has them: from both ends towards the middle.
std::array<float, kIouThresholds> Thresholds() {
  constexpr float kFirst = 0.5F;
  constexpr float kLast = 0.95F;
  const float step = (kLast - kFirst) / static_cast<float>(kIouThresholds - 1);
  std::array<float, kIouThresholds> thresholds{};
  for (std::size_t i = 0; i < kIouThresholds; ++i) {
    thresholds[i] = i < kIouThresholds / 2 ? kFirst + step * static_cast<float>(i)
                                           : kLast - step * static_cast<float>(kIouThresholds - 1 - i);
  }
  return thresholds;
}

}  // namespace

float Overlap(const Box& a, const Box& b) {
  constexpr float kNotZero = 1e-7F;
  const float width = std::max(0.0F, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const float height = std::max(0.0F, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const float both = width * height;
  const float area_a = (a.x2 - a.x1) * (a.y2 - a.y1);
  const float area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
  return both / (area_a + area_b - both + kNotZero);
}

std::vector<Judged> Judge(std::span<const Detection> detections, std::span<const LabelBox> labels) {
  const auto thresholds = Thresholds();
  std::vector<Judged> judged;
  std::vector<std::uint16_t> taken(labels.size(), 0);  // of each label, at which thresholds
  for (const Detection& detection : detections) {
    Judged& result = judged.emplace_back(Judged{detection.confidence, detection.class_id, 0});
    std::size_t best = labels.size();
    float best_overlap = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].class_id != detection.class_id) continue;
      const float overlap = Overlap(labels[i].box, detection.box);
      if (overlap >= best_overlap) best = i;  // of equal ones the last, as numpy's sort leaves them
      best_overlap = std::max(best_overlap, overlap);
    }
    if (best == labels.size()) continue;
    for (std::size_t i = 0; i < kIouThresholds; ++i) {
      const auto bit = static_cast<std::uint16_t>(1U << i);
      if (best_overlap < thresholds[i] || (taken[best] & bit) != 0) continue;
      taken[best] = static_cast<std::uint16_t>(taken[best] | bit);
      result.correct = static_cast<std::uint16_t>(result.correct | bit);
    }
  }
  return judged;
}

}  // namespace roost::yolo
