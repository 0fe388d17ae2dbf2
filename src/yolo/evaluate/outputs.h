#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "roost/base/files.h"
#include "yolo/data/dataset.h"
#include "yolo/evaluate/coco_annotations.h"
#include "yolo/evaluate/coco_table.h"
#include "yolo/evaluate/evaluate.h"

namespace roost::yolo {

/// The lines of a picture's label file: "class x y w h[ confidence]", best detection first, not rounded to
/// pixels (val.py save_one_txt).
std::string DetectionLines(const PictureResult& result, bool with_confidence);

/// COCO's number for each class of a model, by class id.
std::vector<std::int64_t> CategoryNumbers(std::int64_t classes, bool coco);

/// Predictions in COCO's results format, as val.py --save-json has them: image_id is the stem of the file, a
/// number where it is one; bbox x, y, width, height in pixels with three digits.
class CocoResults {
 public:
  /// `categories`: the number of each class.
  explicit CocoResults(std::vector<std::int64_t> categories) : categories_(std::move(categories)) {}

  void Add(const Sample& sample, const PictureResult& result);

  /// All that was added, as a JSON array.
  std::string Text() const { return "[" + text_ + "]"; }
  /// COCO's figures for what was added, measured by the labels.
  CocoTable ByLabels() const;
  /// The same, measured by annotations. Throws Error (bad data) where they are of other pictures.
  CocoTable ByAnnotations(const CocoAnnotations& annotations) const;

 private:
  struct Entry {
    std::string stem;
    CocoPicture picture;
  };
  /// In the order of image ids.
  std::vector<const Entry*> Sorted() const;

  std::vector<std::int64_t> categories_;
  std::vector<Entry> entries_;
  std::string text_;
};

}  // namespace roost::yolo
