#include "yolo/detect/classify.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "roost/base/text.h"
#include "yolo/detect/reporter.h"

namespace roost::yolo {
namespace {

/// float32, as torch's softmax.
std::vector<float> Softmax(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  std::vector<float> probabilities;
  probabilities.reserve(logits.size());
  for (const float logit : logits) probabilities.push_back(std::exp(logit - highest));
  const float sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0F);
  for (float& probability : probabilities) probability /= sum;
  return probabilities;
}

/// As torch sorts: what is no number comes first.
bool ComesBefore(float a, float b) { return a > b || (std::isnan(a) && !std::isnan(b)); }

/// As Python's '.2f'.
std::string TwoDigits(float value) {
  if (std::isnan(value)) return "nan";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(value));
  return text;
}

}  // namespace

std::vector<ClassScore> TopClasses(std::span<const float> logits, std::size_t count) {
  if (logits.empty()) return {};
  const std::vector<float> probabilities = Softmax(logits);
  std::vector<ClassScore> scores;
  scores.reserve(probabilities.size());
  for (const float probability : probabilities) scores.push_back({std::ssize(scores), probability});
  std::stable_sort(scores.begin(), scores.end(), [](const ClassScore& a, const ClassScore& b) {
    return ComesBefore(a.probability, b.probability);
  });
  scores.resize(std::min(count, scores.size()));
  return scores;
}

std::string DescribeClasses(const std::vector<ClassScore>& scores, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& [class_id, probability] : scores) {
    text += Printable(ClassName(names, class_id)) + " " + TwoDigits(probability) + ", ";
  }
  return text;
}

std::string ClassLines(const std::vector<ClassScore>& scores, const std::vector<std::string>& names) {
  std::string lines;
  for (const auto& [class_id, probability] : scores) {
    lines += TwoDigits(probability) + " " + Printable(ClassName(names, class_id)) + "\n";
  }
  return lines;
}

}  // namespace roost::yolo
