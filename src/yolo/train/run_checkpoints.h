#pragma once

#include <string>
#include <vector>

#include "roost/base/files.h"
#include "yolo/model/checkpoint_writer.h"
#include "yolo/train/train_observer.h"
#include "yolo/train/train_options.h"

namespace roost::yolo {

/// weights/last.pt and weights/best.pt of a run: after each epoch what it goes on from, at its end what
/// detects.
class RunCheckpoints final : public TrainObserver {
 public:
  RunCheckpoints(const Path& run_folder, TrainOptions options, std::vector<std::string> names);

  void EpochDone(const EpochResult& result, const Trainer& trainer) override;

  /// The run is over: both files keep the smoothed weights in 16 bits and nothing else.
  void Finish() const;

  Path last() const { return folder_ / "last.pt"; }
  Path best() const { return folder_ / "best.pt"; }

 private:
  Path folder_;
  TrainOptions options_;
  std::vector<std::string> names_;
};

/// The options in a checkpoint of a run. Throws Error (bad data).
TrainOptions OptionsOf(const SavedTraining& saved);

}  // namespace roost::yolo
