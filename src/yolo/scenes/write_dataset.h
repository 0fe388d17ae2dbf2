#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "roost/base/files.h"

namespace roost::yolo::scenes {

struct DatasetPlan {
  Path out;
  std::int64_t train = 3000, val = 500, test = 0;  ///< pictures
  std::uint64_t seed = 0;
  int long_side = 640;
  double background_fraction = 0.15;
  int quality = 95;  ///< the best JPEG quality; cameras that store worse ones are part of the data
  int workers = 0;   ///< threads; 0 = one per CPU
};

/// What was written.
struct DatasetCounts {
  std::int64_t pictures = 0, background = 0, signs = 0;
};

/// Writes images/SPLIT/NNNNNN.jpg, labels/SPLIT/NNNNNN.txt (empty for background) and data.yaml below
/// `plan.out`. Picture number i of a split follows from seed, split and i alone: more or fewer pictures,
/// another number of threads or a second run leave it as it is (another compiler or another OpenCV may draw
/// other scenes). Every file appears whole; files of an earlier, larger dataset stay. `progress` is called
/// with the number of pictures done, by one thread at a time. Throws Error.
DatasetCounts WriteDataset(const DatasetPlan& plan, const std::function<void(std::int64_t)>& progress);

}  // namespace roost::yolo::scenes
