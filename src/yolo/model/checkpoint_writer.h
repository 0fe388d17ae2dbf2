#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/module.h"

namespace roost::yolo {

/// What goes into a .pt file. The reference opens it as one of its own: torch.load(), attempt_load(),
/// detect.py, val.py, and train.py with --weights or --resume.
struct CheckpointToSave {
  std::shared_ptr<const Module> model;  ///< must be there: models.yolo.DetectionModel, or one that was read
  /// The smoothed copy of the weights, which is the one that is used where it is there. May be null.
  std::shared_ptr<const Module> ema;
  /// By class id; they become attributes of the networks. Empty: the networks keep those they have.
  std::vector<std::string> names;
  /// The numbers of the networks become float16: half the size, enough to detect. Not to go on training.
  bool half = false;

  std::int64_t epoch = -1;  ///< the last one that is finished; -1: training is, too
  std::optional<double> best_fitness;
  std::optional<std::int64_t> updates;  ///< of `ema`
  AttributeMap hyp;                     ///< becomes an attribute of the networks; empty: they keep theirs
  AttributeMap opt;                     ///< the options of the run, for people
  std::string date;                     ///< ISO 8601

  /// What training needs to go on exactly, for ReadSavedTraining(): numbers, texts, lists, maps and tensors,
  /// all given back as they are. None where training is over.
  Attribute training_state;
};

/// Writes `file`, whole and synced or not at all. Attributes that Python's modules have and `checkpoint`'s
/// lack are put in, as the constructors of torch 1.8 to 2.x set them. Throws Error (cannot create; bad data
/// where a class has a name that cannot be).
void SaveCheckpoint(const CheckpointToSave& checkpoint, const Path& file);

/// What a run needs of the file that it left, to go on.
struct SavedTraining {
  std::shared_ptr<const Module> model;
  std::shared_ptr<const Module> ema;  ///< null where there is none
  std::int64_t epoch = -1;
  std::optional<double> best_fitness;
  std::optional<std::int64_t> updates;
  AttributeMap opt;
  Attribute training_state;
};

/// Reads what SaveCheckpoint() wrote with a `training_state`. Throws Error as LoadCheckpoint() does, and (bad
/// data) where the file holds none: weights of others, or of a run that is finished.
SavedTraining ReadSavedTraining(const Path& file);

}  // namespace roost::yolo
