#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "roost/base/terminal.h"
#include "yolo/train/train_options.h"

namespace roost::yolo {

class ProcessGroup;

/// What a training run gets from the program around it.
struct TrainRunContext {
  Terminal terminal;  ///< stderr
  bool json = false;  ///< a line for each epoch on stdout
  /// What the user set, by name: where a run is resumed a few of them count, and the others are warned of.
  std::vector<std::pair<std::string, std::string>> given;
  std::function<bool()> stop_requested;  ///< asked between two steps
  ProcessGroup* group = nullptr;         ///< null: alone
};

/// yolo-train: reads the data, makes the model, trains it in a run folder with weights/{last,best}.pt,
/// results.csv and pictures. The folder's name goes to stdout. Returns the exit code; throws Error.
int RunTraining(TrainOptions options, const TrainRunContext& context);

}  // namespace roost::yolo
