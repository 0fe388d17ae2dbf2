#pragma once

#include "roost/yolo/module.h"
#include "yolo/model/shared_bytes.h"

namespace roost::yolo {

/// LoadCheckpoint() for a file that is in memory already. What it throws does not name the file.
Checkpoint ReadCheckpoint(SharedBytes file);

}  // namespace roost::yolo
