#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "yolo/data/augment.h"
#include "yolo/data/dataset.h"

namespace roost::yolo {

/// An object in a batch: centre and size as fractions of the batch's pictures.
struct Target {
  std::int64_t picture = 0;  ///< in the batch
  std::int64_t class_id = 0;
  float x = 0, y = 0, width = 0, height = 0;
};

struct TrainBatch {
  std::int64_t n = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  ///< [n, 3, height, width] RGB
  std::vector<Target> targets;
  std::vector<std::size_t> samples;  ///< of the dataset; of a mosaic the first
};

enum class Cache { kNone, kRam, kDisk };

struct TrainLoaderOptions {
  std::int64_t imgsz = 640;
  std::int64_t stride = 32;
  std::int64_t batch = 16;  ///< of all processes together
  Augmentation augmentation;
  bool augment = true;  ///< off: letterbox only
  bool rect = false;    ///< batches of like aspect ratio: no mosaic, no shuffling
  Cache cache = Cache::kNone;
  std::uint64_t seed = 0;
  int workers = 0;  ///< threads; 0 = one per CPU
  std::int64_t rank = 0, world = 1;
};

/// The batches of an epoch, made ahead by a few threads.
///
/// What a picture of a batch looks like depends on (seed, epoch, its place in the epoch) alone: not on the
/// threads, on earlier epochs or on the number of processes. With `world` processes each gets its share
/// (batch / world pictures, one after the other) of the batches that one process would get. Every epoch has
/// each sample once (sample weights aside); the last batch may be smaller, and pictures are added from the
/// start of the epoch where its size is no multiple of `world`.
///
/// Each thread makes pictures of its own: SetImageThreads(1) keeps OpenCV from starting more.
class TrainLoader {
 public:
  /// `dataset` must outlive it. Throws Error (bad data) where it has no samples.
  TrainLoader(const Dataset& dataset, TrainLoaderOptions options);
  ~TrainLoader();

  /// Batches of an epoch.
  std::int64_t batches() const;
  /// What people should know: of a cache that cannot be made. Grows while pictures are read.
  std::vector<std::string> warnings() const;
  /// Begins an epoch, whatever is left of an earlier one. `weights` (may be empty): how often samples are
  /// drawn, with replacement (--image-weights); not with `rect`, whose order is fixed.
  void StartEpoch(std::int64_t epoch, std::span<const double> weights = {});
  /// The next batch; nothing at the end of the epoch. Throws Error where a picture cannot be read any more.
  std::optional<TrainBatch> Next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roost::yolo
