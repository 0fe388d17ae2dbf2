#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "roost/base/files.h"

namespace roost::yolo {

/// What is known after an epoch: one line of results.csv. Counted from 0, as in the reference.
struct EpochResults {
  std::int64_t epoch = 0;
  double train_box = 0, train_obj = 0, train_cls = 0;  ///< mean losses of the epoch
  double precision = 0, recall = 0, map50 = 0, map = 0;
  double val_box = 0, val_obj = 0, val_cls = 0;
  double lr0 = 0, lr1 = 0, lr2 = 0;  ///< learning rates of the parameter groups
};

/// results.csv of a run, with the columns and in the format of the reference (utils/loggers): whatever plots
/// or reads its files reads these. Every line is in the file as soon as Append() returns.
class ResultsCsv {
 public:
  /// Begins the file, or goes on with the one that is there: lines of `first_epoch` and later ones, of a run
  /// that went on beyond what it is resumed from, are dropped, and so is a line that was cut off. Throws
  /// Error (bad data, with file and line, where it is no results.csv; cannot create).
  ResultsCsv(const Path& file, std::int64_t first_epoch);

  /// Throws Error (cannot create).
  void Append(const EpochResults& results);

 private:
  AppendFile file_;
};

/// The numbers of a results.csv by their columns.
using ResultsTable = std::map<std::string, std::vector<double>, std::less<>>;

/// A line that was cut off is left out. Throws Error (no input; bad data with file and line).
ResultsTable ReadResultsCsv(const Path& file);

}  // namespace roost::yolo
