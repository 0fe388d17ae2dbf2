#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roost/yolo/detection.h"
#include "roost/yolo/engine.h"
#include "roost/yolo/mask.h"

namespace roost::yolo {

/// The masks of `detections`, which NonMaxSuppression() made of picture `picture` of a batch: boxes in pixels
/// of the `network` input, Detection::row where their coefficients are. A mask is the sigmoid of a weighted
/// sum of the prototypes, cut to the box, enlarged bilinearly to the network input, and where it is then more
/// than one half (utils/segment/general.py process_mask with upsample=True).
std::vector<Mask> MakeMasks(const Predictions& predictions, std::int64_t picture,
                            const std::vector<Detection>& detections, Size network);

/// The lines of a segmentation model's label file: "class x1 y1 x2 y2 ...[ confidence]", numbers as %g, the
/// outline of the largest part of each mask as fractions of the picture, worst detection first. `detections`
/// are best first, as are their `masks`; one without a pixel has no points. A picture's padded network input
/// has `network` pixels.
std::string SegmentLines(const std::vector<Detection>& detections, const std::vector<Mask>& masks,
                         Size network, Size picture, bool with_confidence);

}  // namespace roost::yolo
