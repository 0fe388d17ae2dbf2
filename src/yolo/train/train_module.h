#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "roost/base/terminal.h"
#include "yolo/train/train_options.h"

namespace roost::yolo {

/// What yolo-train asks of the part of it that needs LibTorch.
struct TrainRequest {
  TrainOptions options;
  std::vector<std::pair<std::string, std::string>> given;  ///< names and values that were set by the user
  std::vector<std::string> argv;                           ///< of this process: for those that it starts
  std::int64_t nproc = 1;  ///< processes to start, where none tells that this is one of several
  Terminal terminal;       ///< stderr
  bool json = false;       ///< a line for each epoch on stdout
};

/// What roost_train_module.so offers.
struct TrainModule {
  const char* version;
  /// The exit code. Throws Error only.
  int (*run)(const TrainRequest& request);
};

inline constexpr const char* kTrainModuleSymbol = "roost_train_module";

}  // namespace roost::yolo
