#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/detection.h"

namespace roost::yolo {

/// Box edges on whole pixels, halves to even: the reference rounds before it writes and draws.
Box RoundedToPixels(const Box& box);

/// The lines of a label file: "class x y w h[ confidence]", numbers as %g, centre and size as fractions of
/// the picture, worst detection first. `detections` are best first, in pixels of the picture.
std::string LabelLines(const std::vector<Detection>& detections, Size picture, bool with_confidence);

/// Writes labels/<stem>.txt for each picture of a run. A file is always whole: it is replaced, never added
/// to. What an earlier run left under a name is gone after this run's first picture of that stem; pictures of
/// the same stem in one run (a.jpg, a.png) share a file, as with detect.py.
class LabelWriter {
 public:
  LabelWriter(Path folder, bool with_confidence)
      : folder_(std::move(folder)), with_confidence_(with_confidence) {}

  /// No detections: no file. Throws Error.
  void Write(const Path& picture, Size size, const std::vector<Detection>& detections);

  /// Removes the label file that an earlier run left for `picture`; one of this run stays. Throws Error.
  void RemoveStale(const Path& picture);

  /// The label file of `picture` in a folder of labels.
  static Path PathFor(const Path& folder, const Path& picture) { return folder / (picture.stem() += ".txt"); }

  const Path& folder() const { return folder_; }
  /// How many label files are in the folder, also those of earlier runs: what detect.py reports.
  std::size_t CountFiles() const;

 private:
  Path folder_;
  bool with_confidence_;
  std::unordered_set<std::string> stems_;  ///< of the pictures that this run has seen
};

}  // namespace roost::yolo
