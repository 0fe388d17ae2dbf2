#include "yolo/train/run_pictures.h"

#include <algorithm>
#include <utility>

#include "yolo/data/batch_picture.h"
#include "yolo/image/plot.h"

namespace roost::yolo {

RunPictures::RunPictures(Path folder, const Dataset& dataset, const std::vector<std::string>& names)
    : folder_(std::move(folder)), dataset_(dataset), names_(names) {
  DrawLabels();
}

void RunPictures::BatchDone(const BatchProgress& progress, const TrainBatch& batch) {
  constexpr std::int64_t kBatches = 3;
  if (progress.epoch > 0 || progress.batch >= kBatches) return;
  Save(DrawTrainBatch(batch, dataset_, names_), "train_batch" + std::to_string(progress.batch) + ".jpg");
}

void RunPictures::Save(const Image& image, const std::string& name) const {
  const Path file = folder_ / name;
  WriteFileAtomically(file, EncodeImage(image, file.extension().string()).value()).value();
}

/// How many objects of each class; a thousand of them around one centre; where they are; how large they are.
void RunPictures::DrawLabels() const {
  constexpr std::size_t kMostBoxes = 1000, kBins = 50;
  ChartBars bars{.heights = std::vector<double>(names_.size()), .names = names_};
  Chart boxes{.title = "shapes", .x_range = AxisRange{0, 1}, .y_range = AxisRange{0, 1}};
  std::vector<double> x, y, width, height;
  for (const Sample& sample : dataset_.samples) {
    for (const Label& label : sample.labels) {
      const auto class_id = static_cast<std::size_t>(label.class_id);
      ++bars.heights.at(class_id);
      x.push_back(label.x);
      y.push_back(1 - static_cast<double>(label.y));
      width.push_back(label.width);
      height.push_back(label.height);
      if (boxes.boxes.size() == kMostBoxes) continue;
      const double w = width.back() / 2, h = height.back() / 2;
      boxes.boxes.push_back({0.5 - w, 0.5 - h, 0.5 + w, 0.5 + h, ClassColor(label.class_id)});
    }
  }
  for (std::size_t i = 0; i < names_.size(); ++i) {
    bars.colors.push_back(ClassColor(static_cast<std::int64_t>(i)));
  }
  HeatMap places = CountInCells(x, y, kBins), sizes = CountInCells(width, height, kBins);
  places.title = "centres";
  places.x_label = "x";
  places.y_label = "y";
  sizes.title = "sizes";
  sizes.x_label = "width";
  sizes.y_label = "height";
  Chart classes{.title = "instances", .bars = std::move(bars)};
  Save(DrawPanels({std::move(classes), std::move(boxes), std::move(places), std::move(sizes)}, 2, {600, 800}),
       "labels.jpg");
}

}  // namespace roost::yolo
