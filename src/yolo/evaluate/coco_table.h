#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace roost::yolo {

/// x, y of the left upper corner, width, height, in pixels: COCO's boxes.
using CocoBox = std::array<double, 4>;

/// An object that is there. `area` is that of its outline, where that is known, else of its box.
struct CocoObject {
  std::int64_t category = 0;
  CocoBox box{};
  double area = 0;
  bool crowd = false;  ///< many of a kind: finding any of them, or none, counts neither way
};

struct CocoFind {
  std::int64_t category = 0;
  CocoBox box{};
  double score = 0;
};

struct CocoPicture {
  std::vector<CocoObject> objects;
  std::vector<CocoFind> finds;
};

/// The twelve figures of COCO. AP: mean over IoU thresholds, categories and 101 recalls; AR: over IoU
/// thresholds and categories. Small objects have an area of at most 32 x 32 pixels, large ones of at least
/// 96 x 96. -1 where there are no objects of the kind.
struct CocoTable {
  double ap = -1, ap50 = -1, ap75 = -1, ap_small = -1, ap_medium = -1, ap_large = -1;
  double ar1 = -1, ar10 = -1, ar100 = -1, ar_small = -1, ar_medium = -1, ar_large = -1;
  bool operator==(const CocoTable&) const = default;
};

/// The algorithm of the COCO API (cocoeval.py) for boxes. Pictures in the order of their ids: it shows where
/// scores are equal. What is not of one of `categories` does not count.
CocoTable EvaluateCoco(std::span<const CocoPicture> pictures, const std::vector<std::int64_t>& categories,
                       int workers = 0);

/// Its twelve lines, as everybody prints them: " Average Precision  (AP) @[ IoU=0.50:0.95 | ...". Ends with a
/// newline.
std::string ToText(const CocoTable& table);

}  // namespace roost::yolo
