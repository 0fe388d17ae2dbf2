#pragma once

#include "roost/dag/dag.h"

namespace roost::dag {

/// What is wrong, or odd, in a DAG that parsed: cycles, rules that have no effect.
Faults CheckGraph(const Dag& dag);

/// The line of a DAG file that holds this command for `name` (of a node of a splice the last part of its
/// name, or ALL_NODES), with the word `mentions` in it; 0 where there is none. Reads the file again: for the
/// few places that a Dag does not keep.
int LineOfCommand(const Path& file, std::string_view keyword, std::string_view name,
                  std::string_view mentions = {});

}  // namespace roost::dag
