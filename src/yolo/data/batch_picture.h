#pragma once

#include <span>
#include <string>
#include <vector>

#include "roost/yolo/image.h"
#include "yolo/data/train_loader.h"
#include "yolo/image/mosaic_picture.h"

namespace roost::yolo {

/// The name of a class, or its number where it has none.
std::string NameOf(std::int64_t class_id, std::span<const std::string> names);

/// Targets as boxes with the names of their classes.
std::vector<MarkedBox> MarkTargets(std::span<const Target> targets, std::span<const std::string> names);

/// What a network found in picture number `picture` of a batch, in pixels of pictures of `size`, as boxes
/// with names and confidences; without those of a confidence up to 0.25.
std::vector<MarkedBox> MarkDetections(std::size_t picture, std::span<const Detection> detections, Size size,
                                      std::span<const std::string> names);

/// The first pictures of a training batch with their objects: train_batch0.jpg.
Image DrawTrainBatch(const TrainBatch& batch, const Dataset& dataset, std::span<const std::string> names);

}  // namespace roost::yolo
