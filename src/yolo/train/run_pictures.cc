#include "yolo/train/run_pictures.h"

#include <array>
#include <utility>
#include <vector>

#include "yolo/data/batch_picture.h"
#include "yolo/data/labels_picture.h"
#include "yolo/image/plot.h"
#include "yolo/train/results_csv.h"

namespace roost::yolo {

RunPictures::RunPictures(Path folder, const Dataset& dataset, const std::vector<std::string>& names)
    : folder_(std::move(folder)), dataset_(dataset), names_(names) {
  Save(DrawLabels(dataset, names), "labels.jpg");
}

void RunPictures::BatchDone(const BatchProgress& progress, const TrainBatch& batch) {
  constexpr std::int64_t kBatches = 3;
  if (progress.epoch > 0 || progress.batch >= kBatches) return;
  Save(DrawTrainBatch(batch, dataset_, names_), "train_batch" + std::to_string(progress.batch) + ".jpg");
}

/// The columns that people look at, against the epochs: as utils/plots.py plot_results.
void RunPictures::EpochDone(const EpochResult& /*result*/, const Trainer& /*trainer*/) {
  constexpr std::array kColumns = {
      "train/box_loss", "train/obj_loss", "train/cls_loss", "metrics/precision", "metrics/recall",
      "val/box_loss",   "val/obj_loss",   "val/cls_loss",   "metrics/mAP_0.5",   "metrics/mAP_0.5:0.95"};
  const ResultsTable table = ReadResultsCsv(folder_ / "results.csv");

  std::vector<Panel> panels;
  for (const char* column : kColumns) {
    panels.emplace_back(
        Chart{.title = column, .lines = {{.x = table.at("epoch"), .y = table.at(column), .markers = true}}});
  }
  Save(DrawPanels(panels, 5, {400, 400}), "results.png");
}

void RunPictures::Save(const Image& image, const std::string& name) const {
  const Path file = folder_ / name;
  WriteFileAtomically(file, EncodeImage(image, file.extension().string()).value()).value();
}

}  // namespace roost::yolo
