#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/image.h"
#include "yolo/data/dataset.h"
#include "yolo/data/train_loader.h"

namespace roost::test {

/// A grey picture file with one rectangle of `color`, and its label. Sides of the rectangle in pixels.
struct PaintedPicture {
  yolo::Size size;
  yolo::Box box;
  yolo::Color color = {0, 0, 255};
};
yolo::Sample PaintPicture(const Path& file, const PaintedPicture& picture, std::int64_t class_id = 0);

/// A dataset of `count` pictures of several sizes, each with a rectangle of class (number % 3).
yolo::Dataset PaintedDataset(const Path& folder, int count);

/// All batches of an epoch.
std::vector<yolo::TrainBatch> Epoch(yolo::TrainLoader& loader, std::int64_t epoch,
                                    const std::vector<double>& weights = {});

/// The planes of one picture of a batch.
std::string PlanesOf(const yolo::TrainBatch& batch, std::int64_t picture);

}  // namespace roost::test
