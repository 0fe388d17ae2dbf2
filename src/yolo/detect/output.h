#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/image.h"
#include "yolo/detect/sources.h"

namespace roost::yolo {

class Reporter;

/// What is written for each picture, and where.
struct OutputOptions {
  Path folder;
  bool save_pictures = true;
  bool save_labels = false;
  bool save_confidence = false;  ///< a last column in label files
  bool save_empty = false;       ///< label files also for pictures without objects
  bool save_crops = false;       ///< crops/CLASS/NAME.jpg
  bool save_csv = false;         ///< predictions.csv
  bool save_json = false;        ///< predictions.json, COCO's results
  bool save_features = false;    ///< NAME/stage0_Conv_features.png, ...
  bool hide_labels = false;      ///< boxes without text
  bool hide_confidence = false;
  bool retina_masks = false;  ///< masks drawn in the resolution of the picture
  bool show = false;          ///< a window
  DrawStyle style;
};

/// The name below the output folder under which the annotated picture or video is saved: its own, with ".jpg"
/// added where its format can only be read (dng, mpo), ".mp4" for all videos.
Path OutputName(const Input& input);

/// The name below the folder of labels, without ".txt", of a picture (`frame` 0) or a frame.
Path LabelStem(const Input& input, std::int64_t frame);

/// Refuses a run that would destroy something: annotated pictures in the place of its own inputs, also
/// through links (Error, usage), or label files in the place of ones that no run of ours wrote, as a
/// dataset's labels (Error, cannot create). Warns about inputs that share an output file.
///
/// A label file counts as ours where a manifest in the output folder says so.
void CheckOutputs(const std::vector<Input>& inputs, const OutputOptions& options, Reporter& reporter);

}  // namespace roost::yolo
