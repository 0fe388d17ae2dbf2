#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "yolo/data/dataset.h"

namespace roost::yolo {

/// Where the labels of a picture are: the last folder "images" of its path replaced by "labels", its suffix
/// by ".txt" (utils/dataloaders.py img2label_paths).
Path LabelPathOf(const Path& image);

struct LabelFile {
  std::vector<Label> labels;
  std::size_t duplicates = 0;  ///< lines that were left out, since they said the same again
};

/// The lines of a label file: "class x y width height", or, in all lines where one has more than six
/// numbers, "class x1 y1 x2 y2 ..." of an outline, which becomes the box around it. Where lines are left out
/// as duplicates the others come sorted, as from the reference. `classes` above 0: ids must be below it. An
/// Error (bad data) names `name` and the line.
Result<LabelFile> ParseLabels(std::string_view text, const Path& name, std::int64_t classes);

}  // namespace roost::yolo
