#include "yolo/evaluate/confusion.h"

#include <algorithm>
#include <optional>

namespace roost::yolo {
namespace {

constexpr float kConfidence = 0.25F;
constexpr float kOverlap = 0.45F;

struct Match {
  std::size_t label = 0;
  std::size_t detection = 0;
  float overlap = 0;
};

/// Each detection with the label that it overlaps most, then each label with the detection that does so
/// most. Of equal ones the last, as numpy's sort leaves them.
std::vector<Match> Matches(std::span<const Detection> detections, std::span<const LabelBox> labels) {
  std::vector<std::optional<Match>> of_label(labels.size());
  for (std::size_t d = 0; d < detections.size(); ++d) {
    std::optional<Match> best;
    for (std::size_t l = 0; l < labels.size(); ++l) {
      const float overlap = Overlap(labels[l].box, detections[d].box);
      if (overlap > kOverlap && (!best || overlap >= best->overlap)) best = Match{l, d, overlap};
    }
    if (!best) continue;
    std::optional<Match>& taken = of_label[best->label];
    if (!taken || best->overlap >= taken->overlap) taken = best;
  }
  std::vector<Match> matches;
  for (const auto& match : of_label) {
    if (match) matches.push_back(*match);
  }
  return matches;
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::int64_t classes)
    : classes_(static_cast<std::size_t>(classes)), counts_((classes_ + 1) * (classes_ + 1), 0) {}

void ConfusionMatrix::Add(std::span<const Detection> detections, std::span<const LabelBox> labels) {
  if (labels.empty()) return;
  std::vector<Detection> sure;
  std::copy_if(detections.begin(), detections.end(), std::back_inserter(sure),
               [](const Detection& detection) { return detection.confidence > kConfidence; });
  const std::vector<Match> matches = Matches(sure, labels);
  std::vector<bool> used(sure.size(), false);
  std::vector<std::size_t> taken_for(labels.size(), classes_);
  for (const Match& match : matches) {
    used[match.detection] = true;
    taken_for[match.label] = static_cast<std::size_t>(sure[match.detection].class_id);
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Count(taken_for[i], static_cast<std::size_t>(labels[i].class_id));
  }
  if (matches.empty()) return;
  for (std::size_t i = 0; i < sure.size(); ++i) {
    if (!used[i]) Count(static_cast<std::size_t>(sure[i].class_id), classes_);
  }
}

std::vector<double> ConfusionMatrix::ByTruth() const {
  constexpr double kNotZero = 1e-9;
  const std::size_t side = classes_ + 1;
  std::vector<double> fractions(side * side);
  for (std::size_t is = 0; is < side; ++is) {
    double all = kNotZero;
    for (std::size_t taken_for = 0; taken_for < side; ++taken_for) {
      all += static_cast<double>(At(taken_for, is));
    }
    for (std::size_t taken_for = 0; taken_for < side; ++taken_for) {
      fractions[taken_for * side + is] = static_cast<double>(At(taken_for, is)) / all;
    }
  }
  return fractions;
}

}  // namespace roost::yolo
