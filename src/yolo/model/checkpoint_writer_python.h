#pragma once

#include "roost/yolo/module.h"

namespace roost::yolo {

/// The module itself (its children stay as they are) with everything that Python's code for its class expects
/// and a Module leaves out, or need not have where it was built from a YAML: torch's own attributes,
/// arguments that have their default, None in place of parameters that are not there, tuples where Python has
/// tuples. What it has already stays, but for attributes of unknown classes, which go.
Module WithPythonAttributes(const Module& module);

}  // namespace roost::yolo
