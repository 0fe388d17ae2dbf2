#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "roost/yolo/detector.h"
#include "yolo/detect/run_folder.h"
#include "yolo/evaluate/evaluate.h"

namespace roost::yolo {

/// Which pictures of the dataset are looked at, and how.
enum class ValTask { kTrain, kVal, kTest, kSpeed };

/// What the command line of yolo-val asks for, checked as far as flags alone can be.
struct ValFlags {
  Path data;
  std::vector<std::string> weights = {"yolov5s.pt"};
  std::int64_t imgsz = 640;
  ValTask task = ValTask::kVal;
  EvaluateOptions evaluate;  ///< without imgsz and stride
  DetectorOptions detector;  ///< augment, half, device, threads
  RunFolderOptions folder;
  Path annotations;
  bool no_rect = false;
  bool verbose = false;
  bool save_txt = false;
  bool save_conf = false;
  bool save_json = false;
  bool no_plots = false;
  bool strict = false;
  bool json = false;
  bool quiet = false;
  bool dnn = false;
  std::string color = "auto";
};

/// Nothing where --help or --version has been answered. Throws Error (usage).
std::optional<ValFlags> ParseValFlags(int argc, char** argv);

}  // namespace roost::yolo
