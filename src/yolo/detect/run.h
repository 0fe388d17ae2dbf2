#pragma once

#include <functional>
#include <string>
#include <vector>

#include "roost/yolo/detector.h"
#include "roost/yolo/image.h"
#include "yolo/detect/labels.h"
#include "yolo/detect/reporter.h"
#include "yolo/detect/sources.h"

namespace roost::yolo {

/// What is written for each picture, and where.
struct OutputOptions {
  Path folder;
  bool save_pictures = true;
  bool save_labels = false;
  bool save_confidence = false;  ///< a sixth column in label files
  bool hide_labels = false;      ///< boxes without text
  bool hide_confidence = false;
  DrawStyle style;
};

/// The name under which the annotated picture is saved: its own, or with ".jpg" added where its format can
/// only be read (dng, mpo).
Path OutputName(const Path& picture);

/// Refuses a run that would destroy something: annotated pictures in the place of its own inputs, also
/// through links (Error, usage), or label files in the place of ones that no run of ours wrote, as a
/// dataset's labels (Error, cannot create). Warns about inputs that share an output file.
///
/// A label file counts as ours where the annotated picture of one of its inputs lies in the output folder: a
/// run writes the picture first. Runs that save labels only leave the file ".roost-run" to know them by.
void CheckOutputs(const std::vector<Input>& inputs, const OutputOptions& options, Reporter& reporter);

/// Detects on every input and writes what `options` ask for. An input that cannot be used is told, counted
/// and passed over, and results that an earlier run left for it are removed; output that cannot be written
/// ends the run (Error). Asks `stop_signal` before each input and ends early when it answers a signal number.
RunSummary RunDetection(const std::vector<Input>& inputs, const Detector& detector,
                        const std::vector<std::string>& names, const OutputOptions& options,
                        Reporter& reporter, const std::function<int()>& stop_signal);

}  // namespace roost::yolo
