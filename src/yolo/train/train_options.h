#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "yolo/train/hyperparameters.h"

namespace roost::yolo {

/// What a training run is asked to do: train.py's options. The same names serve the command line
/// (--batch-size), the environment (ROOST_TRAIN_BATCH_SIZE), trailing words (batch_size 32), opt.yaml and the
/// checkpoint of a run.
struct TrainOptions {
  std::string weights;  ///< to begin with; empty: drawn from the seed
  std::string cfg;      ///< model YAML; empty: the network of `weights`
  std::string data;     ///< dataset YAML
  std::string hyp;      ///< hyperparameter YAML; empty: the defaults
  std::string resume;   ///< "", a checkpoint, or "latest": of the newest run below `project`
  std::string cache;    ///< "", "ram", "disk"
  std::string device;
  std::string optimizer = "SGD";
  std::string project = "runs/train";
  std::string name = "exp";
  std::int64_t epochs = 100;
  std::int64_t batch_size = 16;  ///< of all processes together
  std::int64_t imgsz = 640;
  std::int64_t workers = 0;       ///< 0: one per CPU
  std::int64_t patience = 100;    ///< epochs; 0: for ever
  std::int64_t save_period = -1;  ///< epochs; below 1: never
  std::int64_t seed = 0;
  std::int64_t threads = 0;  ///< of LibTorch, in each process; 0: OMP_NUM_THREADS, else one per CPU
  std::vector<std::int64_t> freeze{0};  ///< one number: that many layers from the first; several: these
  double label_smoothing = 0;
  bool rect = false;
  bool nosave = false, noval = false, noautoanchor = false, noplots = false;
  bool image_weights = false;
  bool multi_scale = false;
  bool single_cls = false;
  bool sync_bn = false;
  bool exist_ok = false;
  bool cos_lr = false;
  bool quiet = false;

  Hyperparameters hyperparameters;  ///< of `hyp`, with what was set by name on top

  /// Sets the option or hyperparameter called `key`; '-' and '_' are one. An Error (usage) says what is
  /// wrong.
  Result<void> Set(const std::string& key, const std::string& value);
  /// Name and value of every option, without the hyperparameters, as Set() takes them.
  std::vector<std::pair<std::string, std::string>> All() const;
};

/// How an option is given on a command line.
struct TrainOptionInfo {
  enum class Kind { kValue, kFlag, kOptionalValue, kList };
  std::string name;  ///< "batch_size"
  std::string help;
  Kind kind = Kind::kValue;
  std::string implied;  ///< kOptionalValue: what it means alone ("ram" of --cache)
};
std::span<const TrainOptionInfo> TrainOptionInfos();

}  // namespace roost::yolo
