#pragma once

#include <cstdint>

#include "roost/base/files.h"

namespace roost::test {

struct ShapesOptions {
  int pictures = 8;
  int backgrounds = 0;  ///< more pictures, with green squares, which are nobody's label
  int side = 128;
};

/// Writes a dataset that is learnt in no time: red squares (class 0) and blue ones (class 1) on grey. Returns
/// its YAML. Training and validation see the same pictures.
Path WriteShapes(const Path& folder, const ShapesOptions& options = {});

}  // namespace roost::test
