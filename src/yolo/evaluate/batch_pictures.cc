#include "yolo/evaluate/batch_pictures.h"

#include <algorithm>
#include <span>

#include "yolo/data/batch_picture.h"
#include "yolo/image/mosaic_picture.h"

namespace roost::yolo {
namespace {

void Save(std::span<const Image> pictures, std::span<const MarkedBox> boxes,
          std::span<const std::string> titles, const Path& file) {
  const std::string jpeg = EncodeImage(MosaicPicture(pictures, boxes, titles), ".jpg").value();
  WriteFileAtomically(file, jpeg, AtomicFile::Sync::kNo).value();
}

}  // namespace

void SaveBatchPictures(const BatchResult& batch, std::size_t number, const Dataset& dataset,
                       const std::vector<std::string>& names, const Path& folder) {
  const Size size{batch.images.height, batch.images.width};
  const auto plane = static_cast<std::size_t>(3 * size.height * size.width);
  std::vector<Image> pictures;
  std::vector<std::string> titles;
  std::vector<MarkedBox> found;
  for (std::size_t i = 0; i < std::min(batch.pictures.size(), kMosaicPictures); ++i) {
    const PictureResult& result = batch.pictures[i];
    pictures.push_back(FromPlanes(std::span(batch.images.pixels).subspan(i * plane, plane), size));
    titles.push_back(dataset.samples[result.sample].image.filename());
    const auto marked = MarkDetections(i, result.in_network, size, names);
    found.insert(found.end(), marked.begin(), marked.end());
  }
  const std::string stem = "val_batch" + std::to_string(number);
  Save(pictures, MarkTargets(batch.targets, names), titles, folder / (stem + "_labels.jpg"));
  Save(pictures, found, titles, folder / (stem + "_pred.jpg"));
}

}  // namespace roost::yolo
