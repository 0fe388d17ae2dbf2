#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "roost/yolo/detection.h"

namespace roost::yolo {

/// The `count` most probable classes of a row of logits (Predictions of a classification model), best first;
/// of equal ones the one with the lower id first. Fewer where there are fewer classes.
std::vector<ClassScore> TopClasses(std::span<const float> logits, std::size_t count = 5);

/// "cat 0.93, dog 0.05, ": what classify/predict.py says of a picture.
std::string DescribeClasses(const std::vector<ClassScore>& scores, const std::vector<std::string>& names);

/// "0.93 cat\n0.05 dog\n": its label file, and the text that it draws on the picture.
std::string ClassLines(const std::vector<ClassScore>& scores, const std::vector<std::string>& names);

}  // namespace roost::yolo
