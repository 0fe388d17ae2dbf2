#pragma once

#include <optional>
#include <string>

#include "roost/base/files.h"

namespace roost::dag {

/// Why the kernel would refuse to start the file `program` ("does not exist", "has no #! line: ..."), said so
/// that it can be mended; nothing where it would start.
std::optional<std::string> WhyNotRunnable(const Path& program);

/// What would go wrong later in a script that starts: lines that end in CR LF.
std::optional<std::string> OddInScript(const Path& program);

/// The file of the name `name` in a folder of $PATH that may be executed, or an empty path.
Path FindInPath(const std::string& name);

}  // namespace roost::dag
