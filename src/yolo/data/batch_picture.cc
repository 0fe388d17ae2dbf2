#include "yolo/data/batch_picture.h"

#include <algorithm>
#include <cstdio>

namespace roost::yolo {

std::string NameOf(std::int64_t class_id, std::span<const std::string> names) {
  const auto index = static_cast<std::size_t>(class_id);
  return class_id >= 0 && index < names.size() ? names[index] : std::to_string(class_id);
}

std::vector<MarkedBox> MarkTargets(std::span<const Target> targets, std::span<const std::string> names) {
  std::vector<MarkedBox> boxes;
  boxes.reserve(targets.size());
  for (const Target& target : targets) {
    const float half_width = target.width / 2;
    const float half_height = target.height / 2;
    boxes.push_back(
        {static_cast<std::size_t>(target.picture),
         {target.x - half_width, target.y - half_height, target.x + half_width, target.y + half_height},
         NameOf(target.class_id, names),
         ClassColor(target.class_id)});
  }
  return boxes;
}

std::vector<MarkedBox> MarkDetections(std::size_t picture, std::span<const Detection> detections, Size size,
                                      std::span<const std::string> names) {
  constexpr float kLeastConfidence = 0.25F;
  const auto width = static_cast<float>(size.width);
  const auto height = static_cast<float>(size.height);
  std::vector<MarkedBox> boxes;
  for (const Detection& detection : detections) {
    if (!(detection.confidence > kLeastConfidence)) continue;
    std::array<char, 16> confidence{};
    std::snprintf(confidence.data(), confidence.size(), " %.1f", static_cast<double>(detection.confidence));
    const Box& box = detection.box;
    boxes.push_back({picture,
                     {box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height},
                     NameOf(detection.class_id, names) + confidence.data(),
                     ClassColor(detection.class_id)});
  }
  return boxes;
}

Image DrawTrainBatch(const TrainBatch& batch, const Dataset& dataset, std::span<const std::string> names) {
  const Size size{batch.height, batch.width};
  const auto bytes = static_cast<std::size_t>(3 * batch.height * batch.width);
  std::vector<Image> pictures;
  std::vector<std::string> titles;
  for (std::size_t i = 0; i < std::min(static_cast<std::size_t>(batch.n), kMosaicPictures); ++i) {
    pictures.push_back(FromPlanes(std::span(batch.pixels).subspan(i * bytes, bytes), size));
    titles.push_back(dataset.samples.at(batch.samples.at(i)).image.filename());
  }
  return MosaicPicture(pictures, MarkTargets(batch.targets, names), titles);
}

}  // namespace roost::yolo
