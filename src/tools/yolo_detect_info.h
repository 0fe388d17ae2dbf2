#pragma once

#include <functional>
#include <string>

#include "roost/base/files.h"

namespace roost::yolo {

/// `yolo-detect info WEIGHTS`: tells what a file with weights is, on stdout. `argv` begins with "info";
/// `find_weights` gives the file behind a name as --weights does. Returns the exit status. Throws Error.
int InfoMain(int argc, char** argv, const std::function<Path(const std::string& name)>& find_weights);

}  // namespace roost::yolo
