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

/// Writes label files into one folder. A file is always whole: it is replaced, never added to. What an
/// earlier run left under a name is gone after this run's first picture of that stem; pictures of the same
/// stem in one run (a.jpg, a.png) share a file, as with detect.py. A stem is a name without suffix, below the
/// folder: "a", "night/a", "clip_12".
class LabelWriter {
 public:
  /// `save_empty`: also files without lines.
  LabelWriter(Path folder, bool save_empty) : folder_(std::move(folder)), save_empty_(save_empty) {}

  /// The file of `stem` is one of this run: what comes is added to it.
  void Continue(const Path& stem) { stems_.insert(stem); }

  /// Whether there is a file of that stem now: no lines, no file, unless empty ones are saved. Throws Error.
  bool Write(const Path& stem, std::string lines);

  /// Removes the file that an earlier run left for `stem`; one of this run stays. Throws Error.
  void RemoveStale(const Path& stem);

  /// The label file of `stem` in a folder of labels.
  static Path PathFor(const Path& folder, const Path& stem) { return (folder / stem) += ".txt"; }

  const Path& folder() const { return folder_; }
  /// How many label files are in the folder and below, also those of earlier runs: what detect.py reports.
  std::size_t CountFiles() const;

 private:
  Path folder_;
  bool save_empty_;
  std::unordered_set<std::string> stems_;  ///< of the pictures that this run has seen
};

}  // namespace roost::yolo
