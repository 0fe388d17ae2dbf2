#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace roost::yolo {

/// COCO numbers its 80 classes from 1 to 90, with gaps (utils/general.py coco80_to_coco91_class).
std::int64_t CocoCategory(std::int64_t class_id);

/// Whether a model names the 80 classes of COCO, in its order.
bool AreCocoNames(const std::vector<std::string>& names);

}  // namespace roost::yolo
