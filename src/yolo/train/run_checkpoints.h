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
  enum class Begin { kFresh, kResumed };
  /// A fresh run removes the weights that another one left in its folder.
  RunCheckpoints(const Path& run_folder, TrainOptions options, std::vector<std::string> names, Begin begin);

  void EpochDone(const EpochResult& result, const Trainer& trainer) override;

  /// The run is over: the file keeps the smoothed weights in 16 bits and nothing else. Of `last` it is the
  /// last thing that a run does: until then it can be resumed.
  void Finish(const Path& file) const;

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
