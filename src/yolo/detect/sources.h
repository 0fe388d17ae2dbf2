#pragma once

#include <string>
#include <vector>

#include "roost/base/files.h"

namespace roost::yolo {

/// One thing to look at.
struct Input {
  enum class Kind { kImage, kVideo, kStream };
  Path path;  ///< absolute; of a downloaded picture where it was put; of a stream a name fit for files
  Kind kind = Kind::kImage;
  std::string unusable;  ///< why it cannot be used, where that is known without opening it
  /// With --recursive, the folder that the file lies in, seen from its source: results go to the same place
  /// below the output folder. Else empty.
  Path below;
  /// What the user knows it as, where that is not `path`: a web address, a camera number. Else empty.
  std::string origin;
};

/// What --source names.
struct Inputs {
  std::vector<Input> files;  ///< pictures first, then videos; each in the order of its sources
  bool from_list = false;    ///< named by a list file: detect.py saves no pictures then
};

/// Finds the files that `sources` name, in detect.py's order. A source is
///   - a picture,
///   - a folder: the pictures in it, sorted, without hidden files and sub-folders,
///   - a glob with * ? [...] and ** for any depth of folders, sorted; hidden names only where asked for,
///   - a list file (.txt): one of the above per line, or several separated by white space; relative to the
///     working directory; taken in sorted order.
/// What exists under its literal name is never taken for a glob. A file that several sources name is taken
/// once. Files with other suffixes in a folder or
/// glob are passed over, as are half-written files of other runs; videos and entries of a list that are not
/// there are returned as unusable.
///
/// Throws Error (no input) where a source does not exist or nothing at all is left to do, and Error (usage)
/// for cameras, streams and web addresses.
Inputs FindInputs(std::vector<std::string> sources);

}  // namespace roost::yolo
