#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/image.h"
#include "yolo/data/dataset.h"
#include "yolo/train/train_observer.h"

namespace roost::yolo {

/// Pictures of a run for people: train_batch0.jpg to train_batch2.jpg, what the network was shown first;
/// labels.jpg, what there is to learn; results.png, how it went, drawn anew after each epoch.
class RunPictures final : public TrainObserver {
 public:
  /// `dataset` and `names` must outlive it. Draws labels.jpg.
  RunPictures(Path folder, const Dataset& dataset, const std::vector<std::string>& names);

  void BatchDone(const BatchProgress& progress, const TrainBatch& batch) override;
  /// Reads results.csv, which must have its line already.
  void EpochDone(const EpochResult& result, const Trainer& trainer) override;

 private:
  void Save(const Image& image, const std::string& name) const;

  Path folder_;
  const Dataset& dataset_;
  const std::vector<std::string>& names_;
};

}  // namespace roost::yolo
