#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "yolo/evaluate/coco_table.h"
#include "yolo/evaluate/evaluate.h"

namespace roost::yolo {

/// val.py's table: a line of headings, one for all, and, where asked for, one for each class that has
/// instances. Ends with a newline.
std::string MetricsTable(const Metrics& metrics, const std::vector<std::string>& names, bool each_class);

/// The same and more for programs: what is a number stays one.
nlohmann::ordered_json MetricsJson(const Metrics& metrics, const std::vector<std::string>& names);

nlohmann::ordered_json ToJson(const CocoTable& table);

/// "Speed: 0.5ms pre-process, 58.1ms inference, 1.2ms NMS per image at shape (32, 3, 640, 640)".
std::string SpeedLine(const Evaluation& evaluation, const EvaluateOptions& options);

}  // namespace roost::yolo
