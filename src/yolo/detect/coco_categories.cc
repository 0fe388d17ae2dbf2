#include "yolo/detect/coco_categories.h"

#include <array>
#include <cstddef>

namespace roost::yolo {

std::int64_t CocoCategory(std::int64_t class_id) {
  constexpr std::array<std::int64_t, 10> kUnused = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83};
  std::int64_t category = class_id + 1;
  for (const std::int64_t unused : kUnused) category += category >= unused ? 1 : 0;
  return category;
}

bool AreCocoNames(const std::vector<std::string>& names) {
  constexpr std::size_t kClasses = 80;
  return names.size() == kClasses && names.front() == "person" && names[11] == "stop sign" &&
         names.back() == "toothbrush";
}

}  // namespace roost::yolo
