#pragma once

#include <cstdint>

namespace roost::yolo {

/// Ends a run that no longer gets better (utils/torch_utils.py EarlyStopping).
struct EarlyStopping {
  std::int64_t patience = 100;  ///< epochs; 0: for ever
  double best_fitness = 0;
  std::int64_t best_epoch = 0;

  /// Whether to stop after this epoch.
  bool Add(std::int64_t epoch, double fitness) {
    if (fitness >= best_fitness) {  // also at zero, where every run begins
      best_epoch = epoch;
      best_fitness = fitness;
    }
    return patience > 0 && epoch - best_epoch >= patience;
  }
};

}  // namespace roost::yolo
