#include "yolo/evaluate/outputs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tuple>

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

CocoObject ObjectOf(const Label& label, Size size, std::int64_t category) {
  const auto picture_width = static_cast<double>(size.width);
  const auto picture_height = static_cast<double>(size.height);
  const double width = static_cast<double>(label.width) * picture_width;
  const double height = static_cast<double>(label.height) * picture_height;
  return {.category = category,
          .box = {static_cast<double>(label.x) * picture_width - width / 2,
                  static_cast<double>(label.y) * picture_height - height / 2, width, height},
          .area = width * height};
}

CocoFind FindOf(const Detection& detection, std::int64_t category) {
  const Box& box = detection.box;
  // Through the centre and back, in floats, as the reference.
  const float width = box.x2 - box.x1;
  const float height = box.y2 - box.y1;
  return {
      .category = category,
      .box = {Rounded((box.x1 + box.x2) / 2 - width / 2, 1e3),
              Rounded((box.y1 + box.y2) / 2 - height / 2, 1e3), Rounded(width, 1e3), Rounded(height, 1e3)},
      .score = Rounded(detection.confidence, 1e5)};
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

void CocoResults::Add(const Sample& sample, const PictureResult& result) {
  Entry& entry = entries_.emplace_back();
  entry.stem = sample.image.stem();
  for (const Label& label : sample.labels) {
    entry.picture.objects.push_back(
        ObjectOf(label, result.size, categories_.at(static_cast<std::size_t>(label.class_id))));
  }
  const json id = IsNumber(entry.stem) ? json(*ParseInt(entry.stem)) : json(JsonName(entry.stem));
  for (const Detection& detection : result.detections) {
    const CocoFind& find = entry.picture.finds.emplace_back(
        FindOf(detection, categories_.at(static_cast<std::size_t>(detection.class_id))));
    if (!text_.empty()) text_ += ",\n";
    text_ += JsonLine(
        json{{"image_id", id}, {"category_id", find.category}, {"bbox", find.box}, {"score", find.score}});
  }
}

std::vector<const CocoResults::Entry*> CocoResults::Sorted() const {
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries_) sorted.push_back(&entry);
  const auto key = [](const Entry* entry) {
    const bool number = IsNumber(entry->stem);
    return std::tuple(!number, number ? *ParseInt(entry->stem) : 0, entry->stem);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Entry* a, const Entry* b) { return key(a) < key(b); });
  return sorted;
}

CocoTable CocoResults::ByLabels() const {
  std::vector<CocoPicture> pictures;
  for (const Entry* entry : Sorted()) pictures.push_back(entry->picture);
  return EvaluateCoco(pictures, categories_);
}

CocoTable CocoResults::ByAnnotations(const CocoAnnotations& annotations) const {
  std::vector<CocoPicture> pictures;
  for (const Entry* entry : Sorted()) {
    const auto objects = annotations.objects.find(entry->stem);
    if (objects == annotations.objects.end()) {
      throw Error("the annotations know no picture '" + Printable(entry->stem) + "'", ExitCode::kBadData);
    }
    pictures.push_back({objects->second, entry->picture.finds});
  }
  return EvaluateCoco(pictures, annotations.categories);
}

}  // namespace roost::yolo
