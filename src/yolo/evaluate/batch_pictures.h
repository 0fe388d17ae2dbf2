#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "yolo/data/dataset.h"
#include "yolo/evaluate/evaluate.h"

namespace roost::yolo {

/// Writes val_batch<number>_labels.jpg and val_batch<number>_pred.jpg: what the network was shown, with what
/// should have been found and with what was found with more than 25 % confidence. Throws Error (cannot
/// create).
void SaveBatchPictures(const BatchResult& batch, std::size_t number, const Dataset& dataset,
                       const std::vector<std::string>& names, const Path& folder);

}  // namespace roost::yolo
