#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "roost/yolo/detector.h"
#include "yolo/detect/output.h"
#include "yolo/detect/run_folder.h"

namespace roost::yolo {

/// What the command line of yolo-detect asks for, checked as far as flags alone can be.
struct DetectFlags {
  std::vector<std::string> weights = {"yolov5s.pt"};
  std::vector<std::string> sources;
  std::vector<std::int64_t> imgsz;
  std::vector<std::int64_t> classes;
  bool recursive = false;
  std::string shard;
  DetectorOptions detector;  ///< without weights and imgsz
  OutputOptions output;      ///< without folder
  RunFolderOptions folder;
  std::int64_t vid_stride = 1;
  std::int64_t batch = 1;
  int workers = 0;
  bool nosave = false;
  bool resume = false;
  std::optional<std::chrono::duration<double>> max_time;
  bool strict = false;
  bool json = false;
  bool quiet = false;
  bool profile = false;
  bool dnn = false;
  bool update = false;
  std::string color = "auto";
};

/// Nothing where --help or --version has been answered. Throws Error (usage).
std::optional<DetectFlags> ParseDetectFlags(int argc, char** argv);

/// The two numbers of --shard "i/n": 0 <= i <= n, n >= 1. Throws Error (usage).
std::pair<std::int64_t, std::int64_t> ParseShard(const std::string& text);

Error UsageError(const std::string& message);

}  // namespace roost::yolo
