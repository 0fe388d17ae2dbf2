#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "roost/base/files.h"

namespace roost::yolo {

bool HasWildcard(std::string_view text);

/// Existing paths that match an absolute `pattern`, sorted by their bytes. As Python's glob with
/// recursive=True: ** stands for any number of folders, wildcards do not match a leading dot, and a folder
/// that cannot be read matches nothing.
std::vector<Path> Glob(const Path& pattern);

}  // namespace roost::yolo
