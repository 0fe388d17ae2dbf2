#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/detection.h"

namespace roost::yolo {

/// An object that a person marked: centre and size as fractions of the picture's sides.
struct Label {
  std::int64_t class_id = 0;
  float x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Label&) const = default;
};

/// A picture with its labels; background has none.
struct Sample {
  Path image;
  Size size;  ///< upright: after the EXIF orientation
  std::vector<Label> labels;
};

/// A dataset as Ultralytics' YAML files describe it.
struct DatasetYaml {
  Path file;
  std::vector<std::string> names;  ///< by class id
  /// Folders, list files or pictures, absolute; empty where the YAML has none.
  std::vector<Path> train, val, test;
  std::string download;  ///< what the reference would run where pictures are missing; never used
};

/// `names` as list or map, `nc` optional, paths below `path`, which is relative to the YAML's folder, as
/// the reference finds them. Throws Error (no input; bad data with file and line).
DatasetYaml ReadDatasetYaml(const Path& file);

struct Dataset {
  std::vector<Sample> samples;  ///< in the order of the sorted paths
  std::size_t missing = 0;      ///< pictures without a label file
  std::size_t empty = 0;        ///< with an empty one
  std::size_t corrupt = 0;      ///< pictures left out, each with a line in `warnings`
  std::vector<std::string> warnings;

  /// How many pictures are background only.
  std::size_t background() const { return missing + empty; }
};

struct DatasetOptions {
  std::int64_t classes = 0;  ///< ids at or above it are bad labels
  bool single_cls = false;   ///< every object is of class 0
  int workers = 0;           ///< threads; 0 = one per CPU
};

/// Finds pictures (".../images/..." has its labels in ".../labels/...", suffix .txt) and reads their labels
/// and sizes. Throws Error: no input where there are no pictures at all.
Dataset ReadDataset(const std::vector<Path>& sources, const DatasetOptions& options);

}  // namespace roost::yolo
