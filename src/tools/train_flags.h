#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "yolo/train/train_options.h"

namespace roost::yolo {

/// What the command line of yolo-train and its environment ask for.
struct TrainFlags {
  TrainOptions options;
  std::vector<std::pair<std::string, std::string>> given;  ///< names and values of options that were set
  std::int64_t nproc = 1;                                  ///< processes on this host
  bool json = false;
  std::string color = "auto";
};

/// Options come, each over the last, from the hyperparameter file, from variables ROOST_TRAIN_<OPTION> of
/// `environment`, from flags, and from trailing words KEY VALUE. Nothing where --help or --version has been
/// answered. Throws Error (usage).
std::optional<TrainFlags> ParseTrainFlags(int argc, char** argv,
                                          const std::map<std::string, std::string>& environment);

}  // namespace roost::yolo
