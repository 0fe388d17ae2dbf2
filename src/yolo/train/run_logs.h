#pragma once

#include <cstdint>
#include <optional>
#include <ostream>

#include "roost/base/clock.h"
#include "roost/base/files.h"
#include "yolo/train/event_file.h"
#include "yolo/train/results_csv.h"
#include "yolo/train/train_observer.h"

namespace roost::yolo {

/// What a run leaves for programs that follow it: results.csv, and event files for TensorBoard, a line and an
/// event after each epoch; zeros, as in the reference, where it was not measured.
class RunLogs final : public TrainObserver {
 public:
  /// `resumed_at`: what is there about this epoch and later ones is of a run that did not get to save it.
  RunLogs(const Path& folder, std::optional<std::int64_t> resumed_at);

  void EpochDone(const EpochResult& result, const Trainer& trainer) override;

 private:
  SystemClock clock_;
  ResultsCsv csv_;
  EventFile events_;
};

/// The same as JSON, a line for each epoch, for scripts.
class RunJson final : public TrainObserver {
 public:
  /// `out` must outlive it.
  explicit RunJson(std::ostream& out) : out_(out) {}

  void EpochDone(const EpochResult& result, const Trainer& trainer) override;
  /// The last line: where the results are.
  void Finished(const Path& folder);

 private:
  std::ostream& out_;
};

}  // namespace roost::yolo
