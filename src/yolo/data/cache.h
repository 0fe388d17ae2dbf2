#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "roost/yolo/image.h"
#include "yolo/data/dataset.h"
#include "yolo/data/train_loader.h"

namespace roost::yolo {

/// Memory that could be had without swapping, in bytes (MemAvailable of /proc/meminfo); nothing where that
/// cannot be found out.
std::optional<std::uint64_t> AvailableMemory();

/// The pictures of a dataset, scaled so that the longer side is `imgsz`, as utils/dataloaders.py load_image
/// does it. With Cache::kRam each stays in memory after its first use, with Cache::kDisk its decoded pixels
/// stay beside it as "<name>.npy", the file that the reference writes and reads too.
///
/// Load() may be called by several threads at once.
class PictureStore {
 public:
  struct Options {
    std::int64_t imgsz = 640;
    bool augment = true;  ///< smaller pictures are made by sampling; otherwise by means of areas
    Cache cache = Cache::kNone;
    std::optional<std::uint64_t> memory = AvailableMemory();  ///< bytes that a cache in memory may look at
  };

  /// `dataset` must outlive it. A cache that would take more than 80% of the memory is not made; warnings()
  /// says so.
  PictureStore(const Dataset& dataset, const Options& options);

  /// An Error names the picture.
  Result<std::shared_ptr<const Image>> Load(std::size_t sample);

  /// What people should know: of the cache that cannot be.
  std::vector<std::string> warnings() const;

 private:
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<const Image> picture;
  };

  Result<Image> LoadScaled(const Path& path);
  Result<Image> LoadDecoded(const Path& path);
  void WriteDecoded(const Image& image, const Path& path);

  const Dataset& dataset_;
  Options options_;
  std::vector<Slot> slots_;  ///< with a cache in memory, one per sample
  mutable std::mutex mutex_;
  bool disk_works_ = true;             ///< guarded by mutex_
  std::vector<std::string> warnings_;  ///< guarded by mutex_
};

}  // namespace roost::yolo
