#pragma once

#include <string>
#include <vector>

#include "roost/base/files.h"

namespace roost::yolo {

/// Class names by id from a dataset YAML: `names`, a list or a map from id to name. Throws Error (bad data,
/// with file and line) where there are none.
std::vector<std::string> ReadClassNames(const Path& dataset_yaml);

/// A checkpoint that names no class: all of `names` are the reader's own "class<i>".
bool AreNamesMadeUp(const std::vector<std::string>& names);

}  // namespace roost::yolo
