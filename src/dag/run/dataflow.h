#pragma once

#include "roost/dag/submit.h"

namespace roost::dag {

/// Whether every declared output of the job is there and newer than its program, its input and its input
/// files: then running it again would make nothing new (skip_if_dataflow). False where no output is declared.
bool OutputsAreNewer(const Job& job);

}  // namespace roost::dag
