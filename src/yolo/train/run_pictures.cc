#include "yolo/train/run_pictures.h"

#include <utility>

#include "yolo/data/batch_picture.h"
#include "yolo/data/labels_picture.h"

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

void RunPictures::Save(const Image& image, const std::string& name) const {
  const Path file = folder_ / name;
  WriteFileAtomically(file, EncodeImage(image, file.extension().string()).value()).value();
}

}  // namespace roost::yolo
