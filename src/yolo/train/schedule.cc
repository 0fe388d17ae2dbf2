#include "yolo/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace roost::yolo {
namespace {

constexpr double kNominalBatch = 64;  // the reference's nbs
constexpr std::int64_t kLeastWarmup = 100;

/// Python's round(): a half goes to the even neighbour.
std::int64_t Round(double value) { return std::llround(std::nearbyint(value)); }

}  // namespace

Schedule::Schedule(const Hyperparameters& hyperparameters, const Options& options)
    : hyperparameters_(hyperparameters),
      options_(options),
      warmup_(std::max(Round(hyperparameters.warmup_epochs * static_cast<double>(options.batches)),
                       kLeastWarmup)) {
  const auto batch = static_cast<double>(options_.batch_size);
  const auto accumulate = static_cast<double>(std::max<std::int64_t>(Round(kNominalBatch / batch), 1));
  weight_decay_ = hyperparameters_.weight_decay * batch * accumulate / kNominalBatch;
}

double Schedule::Fraction(std::int64_t epoch) const {
  const double x = static_cast<double>(epoch) / static_cast<double>(options_.epochs);
  const double last = hyperparameters_.lrf;
  if (options_.cosine) return (1 - std::cos(x * std::numbers::pi)) / 2 * (last - 1) + 1;
  return (1 - x) * (1 - last) + last;
}

double Schedule::Warm(std::int64_t done, double first, double last) const {
  const double x = std::min(static_cast<double>(done) / static_cast<double>(warmup_), 1.0);
  return first + (last - first) * x;
}

StepSize Schedule::At(std::int64_t epoch, std::int64_t batch) const {
  const std::int64_t done = epoch * options_.batches + batch;
  const double rate = hyperparameters_.lr0 * Fraction(epoch);
  StepSize size{.learning_rate = {rate, rate, rate}, .momentum = hyperparameters_.momentum};
  if (done > warmup_) return size;
  for (const auto group : {ParameterGroup::kBias, ParameterGroup::kWeight, ParameterGroup::kNorm}) {
    const double first = group == ParameterGroup::kBias ? hyperparameters_.warmup_bias_lr : 0;
    size.learning_rate.at(static_cast<std::size_t>(group)) = Warm(done, first, rate);
  }
  size.momentum = Warm(done, hyperparameters_.warmup_momentum, hyperparameters_.momentum);
  return size;
}

std::int64_t Schedule::Accumulate(std::int64_t epoch, std::int64_t batch) const {
  const double whole = kNominalBatch / static_cast<double>(options_.batch_size);
  const std::int64_t done = epoch * options_.batches + batch;
  if (done > warmup_) return std::max<std::int64_t>(Round(whole), 1);
  return std::max<std::int64_t>(Round(Warm(done, 1, whole)), 1);
}

}  // namespace roost::yolo
