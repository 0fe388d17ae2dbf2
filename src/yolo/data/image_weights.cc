#include "yolo/data/image_weights.h"

#include <algorithm>

namespace roost::yolo {

std::vector<double> ClassWeights(const Dataset& dataset, std::int64_t classes) {
  std::vector<double> weights(static_cast<std::size_t>(classes), 0.0);
  for (const Sample& sample : dataset.samples) {
    for (const Label& label : sample.labels) ++weights.at(static_cast<std::size_t>(label.class_id));
  }
  double sum = 0;
  for (double& weight : weights) sum += weight = 1 / std::max(weight, 1.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::vector<double> ImageWeights(const Dataset& dataset, std::span<const double> class_weights) {
  std::vector<double> weights;
  weights.reserve(dataset.samples.size());
  for (const Sample& sample : dataset.samples) {
    double weight = 0;
    for (const Label& label : sample.labels) {
      ROOST_CHECK(static_cast<std::size_t>(label.class_id) < class_weights.size(),
                  "a class without a weight");
      weight += class_weights[static_cast<std::size_t>(label.class_id)];
    }
    weights.push_back(weight);
  }
  return weights;
}

}  // namespace roost::yolo
