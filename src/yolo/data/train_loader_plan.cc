#include "yolo/data/train_loader_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "yolo/data/random.h"

namespace roost::yolo {
namespace {

constexpr std::uint64_t kOrderStream = 1;  // apart from the streams of pictures

std::vector<std::size_t> InOrder(std::size_t samples) {
  std::vector<std::size_t> order(samples);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

double HeightByWidth(const Sample& sample) {
  return static_cast<double>(sample.size.height) / static_cast<double>(sample.size.width);
}

}  // namespace

std::vector<std::size_t> ShuffledOrder(std::size_t samples, std::uint64_t seed, std::int64_t epoch) {
  auto order = InOrder(samples);
  Random random{seed, static_cast<std::uint64_t>(epoch), kOrderStream};
  random.Shuffle(order);
  return order;
}

std::vector<std::size_t> WeightedOrder(std::span<const double> weights, std::uint64_t seed,
                                       std::int64_t epoch) {
  std::vector<double> sums;
  sums.reserve(weights.size());
  double sum = 0;
  for (const double weight : weights) {
    if (!(weight >= 0) || std::isinf(weight)) {
      throw Error("sample " + std::to_string(sums.size()) + " has the weight " + std::to_string(weight) +
                      ": not a number from 0 on",
                  ExitCode::kBadData);
    }
    sums.push_back(sum += weight);
  }
  if (sum == 0) throw Error("every sample has the weight 0: there is none to draw", ExitCode::kBadData);
  Random random{seed, static_cast<std::uint64_t>(epoch), kOrderStream};
  std::vector<std::size_t> order;
  order.reserve(weights.size());
  while (order.size() < weights.size()) {
    const auto drawn = std::upper_bound(sums.begin(), sums.end(), random.Uniform(0, sum));
    if (drawn != sums.end()) order.push_back(static_cast<std::size_t>(drawn - sums.begin()));
  }
  return order;
}

std::vector<std::size_t> AspectOrder(const Dataset& dataset) {
  auto order = InOrder(dataset.samples.size());
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return HeightByWidth(dataset.samples[a]) < HeightByWidth(dataset.samples[b]);
  });
  return order;
}

std::vector<Size> AspectSizes(const Dataset& dataset, std::span<const std::size_t> order, std::int64_t batch,
                              std::int64_t imgsz, std::int64_t stride) {
  const auto side = [&](double fraction) {
    const double strides = std::ceil(fraction * static_cast<double>(imgsz) / static_cast<double>(stride));
    return static_cast<std::int64_t>(strides) * stride;
  };
  std::vector<Size> sizes;
  for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(batch)) {
    const std::size_t end = std::min(first + static_cast<std::size_t>(batch), order.size());
    const double least = HeightByWidth(dataset.samples[order[first]]);
    const double most = HeightByWidth(dataset.samples[order[end - 1]]);
    // A batch with wide and tall pictures is square.
    const double height = most < 1 ? most : 1;
    const double width = least > 1 ? 1 / least : 1;
    sizes.push_back({side(height), side(width)});
  }
  return sizes;
}

Share ShareOf(std::int64_t index, std::int64_t samples, std::int64_t batch, std::int64_t rank,
              std::int64_t world) {
  const std::int64_t first = index * batch;
  const std::int64_t pictures = std::min(batch, samples - first);
  const std::int64_t count = (pictures + world - 1) / world;
  return {first + rank * count, count};
}

}  // namespace roost::yolo
