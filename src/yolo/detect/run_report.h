#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "roost/base/clock.h"
#include "roost/base/files.h"
#include "yolo/detect/run.h"

namespace roost::yolo {

/// What is said of a run beside its results.
struct RunFacts {
  std::string status;  ///< "finished" or "stopped"
  int exit_code = 0;
  Clock::WallTime started;
  Clock::WallTime ended;
  std::string engine;                ///< "torch 1.13.0 CPU (2 threads)"
  std::vector<std::string> weights;  ///< names of the files
  std::string shard;                 ///< "3/8" or ""
};

/// Writes run.json: every input with its outcome, versions, settings, times. Throws Error (cannot
/// create).
void WriteRunReport(const RunFacts& facts, const nlohmann::json& settings, const ModelTraits& traits,
                    const std::vector<Input>& inputs, const RunResult& result, const Path& file);

/// Writes predictions.csv: "Image Name,Prediction,Confidence" with a line per object, as detect.py.
void WriteCsv(const std::vector<Input>& inputs, const RunResult& result,
              const std::vector<std::string>& names, const Path& file);

/// Writes predictions.json: COCO's results format, as val.py --save-json. The image id is the stem of
/// the file, a number where it is one; the category is COCO's own number (1 to 90) where the classes are the
/// 80 of COCO, else the class id. Boxes are x, y, width, height in pixels.
void WriteCocoJson(const std::vector<Input>& inputs, const RunResult& result,
                   const std::vector<std::string>& names, const Path& file);

}  // namespace roost::yolo
