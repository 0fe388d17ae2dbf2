#pragma once

#include <cstdint>
#include <vector>

#include "roost/yolo/image.h"
#include "yolo/data/dataset.h"

namespace roost::yolo::scenes {

struct SceneOptions {
  int long_side = 640;      ///< pixels
  bool background = false;  ///< nothing to be found in it
};

/// A picture of a place that does not exist, with what is to be found in it.
struct Scene {
  Image image;
  std::vector<Label> labels;
  /// How well a camera would have stored it: JPEG quality.
  int quality = 90;
};

/// The same seed gives the same scene. A label's box goes around the whole outline of the sign as far as it
/// is inside the picture, hidden parts included; of every sign at least two fifths are to be seen, and it is
/// at least 8 pixels wide and high.
Scene RenderScene(std::uint64_t seed, const SceneOptions& options);

}  // namespace roost::yolo::scenes
