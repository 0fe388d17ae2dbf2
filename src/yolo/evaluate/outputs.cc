#include "yolo/evaluate/outputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "yolo/detect/coco_categories.h"
#include "yolo/detect/json_text.h"

namespace roost::yolo {
namespace {

using json = nlohmann::ordered_json;

void AppendNumber(std::string& line, float value) {
  char text[32];
  std::snprintf(text, sizeof text, " %g", static_cast<double>(value));
  line += text;
}

double Rounded(float value, double unit) { return std::nearbyint(static_cast<double>(value) * unit) / unit; }

bool IsNumber(const std::string& stem) {
  constexpr std::size_t kMostDigits = 18;
  return !stem.empty() && stem.size() <= kMostDigits &&
         stem.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

std::string DetectionLines(const PictureResult& result, bool with_confidence) {
  const auto width = static_cast<float>(result.size.width);
  const auto height = static_cast<float>(result.size.height);
  std::string lines;
  for (const Detection& detection : result.detections) {
    const Box& box = detection.box;
    std::string line = std::to_string(detection.class_id);
    AppendNumber(line, (box.x1 + box.x2) / 2 / width);
    AppendNumber(line, (box.y1 + box.y2) / 2 / height);
    AppendNumber(line, (box.x2 - box.x1) / width);
    AppendNumber(line, (box.y2 - box.y1) / height);
    if (with_confidence) AppendNumber(line, detection.confidence);
    lines += line + '\n';
  }
  return lines;
}

std::vector<std::int64_t> CategoryNumbers(std::int64_t classes, bool coco) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < classes; ++i) numbers.push_back(coco ? CocoCategory(i) : i);
  return numbers;
}

void CocoResults::Add(const Path& image, const PictureResult& result) {
  const std::string stem = image.stem();
  const json id = IsNumber(stem) ? json(*ParseInt(stem)) : json(JsonName(stem));
  for (const Detection& detection : result.detections) {
    const Box& box = detection.box;
    // Through the centre and back, in floats, as the reference.
    const float width = box.x2 - box.x1;
    const float height = box.y2 - box.y1;
    const std::array<float, 4> bbox = {(box.x1 + box.x2) / 2 - width / 2, (box.y1 + box.y2) / 2 - height / 2,
                                       width, height};
    json rounded = json::array();
    for (const float value : bbox) rounded.push_back(Rounded(value, 1e3));
    if (!text_.empty()) text_ += ",\n";
    text_ += JsonLine(json{{"image_id", id},
                           {"category_id", categories_.at(static_cast<std::size_t>(detection.class_id))},
                           {"bbox", std::move(rounded)},
                           {"score", Rounded(detection.confidence, 1e5)}});
  }
}

}  // namespace roost::yolo
