#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "roost/base/terminal.h"
#include "yolo/train/train_observer.h"

namespace roost::yolo {

/// Tells a person how a run goes, in train.py's words: on a terminal with a bar that moves, else a line for
/// each epoch.
class TrainConsole final : public TrainObserver {
 public:
  TrainConsole(std::ostream& out, Terminal terminal, bool quiet)
      : out_(out), terminal_(terminal), quiet_(quiet) {}

  void Say(const std::string& line);
  void Warn(const std::string& line);

  void EpochStarted(std::int64_t epoch) override;
  void BatchDone(const BatchProgress& progress, const TrainBatch& batch) override;
  void Measuring(std::int64_t pictures_done, std::int64_t pictures) override;
  void EpochDone(const EpochResult& result, const Trainer& trainer) override;

 private:
  void Redraw(const std::string& line);
  void Erase();

  std::ostream& out_;
  Terminal terminal_;
  bool quiet_;
  bool drawn_ = false;      ///< a line that will be drawn again is on the terminal
  std::string batch_line_;  ///< of the last batch, without the bar
  std::chrono::steady_clock::time_point started_, last_drawn_;
};

}  // namespace roost::yolo
