#pragma once

#include "yolo/train/train_run.h"

namespace roost::yolo {

/// What roost_train.so offers: the part of yolo-train that needs LibTorch.
struct TrainModule {
  const char* version;
  /// Joins the group of processes that `rank` tells of, and trains. Throws Error only.
  int (*run)(const TrainOptions& options, const TrainRunContext& context);
};

inline constexpr const char* kTrainModuleSymbol = "roost_train_module";

}  // namespace roost::yolo
