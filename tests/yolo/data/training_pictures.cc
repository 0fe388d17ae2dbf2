#include "yolo/data/training_pictures.h"

#include <algorithm>

#include "roost/yolo/image.h"
#include "support/support.h"

namespace roost::test {

using yolo::Dataset;
using yolo::Image;
using yolo::Label;
using yolo::Sample;
using yolo::Size;
using yolo::TrainBatch;

Sample PaintPicture(const Path& file, const PaintedPicture& picture, std::int64_t class_id) {
  Image image(picture.size, {60, 60, 60});
  const auto& [x1, y1, x2, y2] = picture.box;
  for (auto y = static_cast<std::int64_t>(y1); y < static_cast<std::int64_t>(y2); ++y) {
    for (auto x = static_cast<std::int64_t>(x1); x < static_cast<std::int64_t>(x2); ++x) {
      std::ranges::copy(picture.color, image.pixels().data() + (y * picture.size.width + x) * 3);
    }
  }
  WriteFile(file, yolo::EncodeImage(image, ".png").value());
  const auto width = static_cast<float>(picture.size.width);
  const auto height = static_cast<float>(picture.size.height);
  const Label label{class_id, (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width,
                    (y2 - y1) / height};
  return {file, picture.size, {label}};
}

Dataset PaintedDataset(const Path& folder, int count) {
  Dataset dataset;
  const std::vector<Size> sizes = {{90, 120}, {120, 80}, {100, 100}, {50, 130}, {64, 64}};
  for (int i = 0; i < count; ++i) {
    const Size size = sizes[static_cast<std::size_t>(i) % sizes.size()];
    const auto left = static_cast<float>(3 + i % 17);
    const auto top = static_cast<float>(5 + i % 11);
    const auto shade = static_cast<std::uint8_t>(255 - i % 100);
    dataset.samples.push_back(PaintPicture(folder / ("picture-" + std::to_string(i) + ".png"),
                                           {size, {left, top, left + 30, top + 24}, {0, shade, 255}}, i % 3));
  }
  return dataset;
}

std::vector<TrainBatch> Epoch(yolo::TrainLoader& loader, std::int64_t epoch,
                              const std::vector<double>& weights) {
  loader.StartEpoch(epoch, weights);
  std::vector<TrainBatch> batches;
  while (auto batch = loader.Next()) batches.push_back(*std::move(batch));
  return batches;
}

std::string PlanesOf(const TrainBatch& batch, std::int64_t picture) {
  const auto bytes = static_cast<std::size_t>(3 * batch.height * batch.width);
  const auto* first = batch.pixels.data() + static_cast<std::size_t>(picture) * bytes;
  return {first, first + bytes};
}

}  // namespace roost::test
