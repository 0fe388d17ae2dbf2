#pragma once

#include <vector>

#include "roost/base/files.h"

namespace roost::yolo {

/// The pictures that the sources of a dataset name, absolute, sorted by their bytes, each once. A source is a
/// folder with everything below it (no hidden files or folders; links are followed), a list file with a
/// picture in each line ("./" counts from the list's folder) or a picture. What has no suffix of a picture is
/// passed over. Throws Error (no input) where a source does not exist or there are no pictures at all.
std::vector<Path> FindPictures(const std::vector<Path>& sources);

}  // namespace roost::yolo
