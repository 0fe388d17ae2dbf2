#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "yolo/data/dataset.h"

/// Which sample comes at which place of an epoch, and who makes it.
namespace roost::yolo {

/// Every sample once, in an order that follows from seed and epoch.
std::vector<std::size_t> ShuffledOrder(std::size_t samples, std::uint64_t seed, std::int64_t epoch);

/// As many draws as there are weights, with replacement. Throws Error (bad data) for weights that are not
/// numbers from 0 on, or all 0.
std::vector<std::size_t> WeightedOrder(std::span<const double> weights, std::uint64_t seed,
                                       std::int64_t epoch);

/// Every sample once, the widest first (utils/dataloaders.py, "Rectangular Training").
std::vector<std::size_t> AspectOrder(const Dataset& dataset);

/// The size of each batch of that order: the least that a multiple of the stride allows, the longer side
/// `imgsz`.
std::vector<Size> AspectSizes(const Dataset& dataset, std::span<const std::size_t> order, std::int64_t batch,
                              std::int64_t imgsz, std::int64_t stride);

/// Places of an epoch, one after the other. Those past its end stand for its first samples again.
struct Share {
  std::int64_t first = 0, count = 0;
  bool operator==(const Share&) const = default;
};

/// What process `rank` of `world` makes of a batch: the batch is cut into `world` equal parts; the last batch
/// of an epoch is lengthened until that is possible. `batch` is a multiple of `world`.
Share ShareOf(std::int64_t index, std::int64_t samples, std::int64_t batch, std::int64_t rank,
              std::int64_t world);

}  // namespace roost::yolo
