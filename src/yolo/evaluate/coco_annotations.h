#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "yolo/evaluate/coco_table.h"

namespace roost::yolo {

/// What a file of COCO annotations (instances_*.json) says of the objects in pictures.
struct CocoAnnotations {
  std::vector<std::int64_t> categories;                    ///< ascending
  std::map<std::string, std::vector<CocoObject>> objects;  ///< by the stem of the picture's file name
};

/// Throws Error (no input, bad data) that names the file.
CocoAnnotations ReadCocoAnnotations(const Path& file);

}  // namespace roost::yolo
