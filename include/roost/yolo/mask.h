#pragma once

#include <cstdint>
#include <vector>

#include "roost/yolo/detection.h"

namespace roost::yolo {

/// Which pixels of the network input belong to one object. Kept for the part of it where there may be any:
/// a picture with a thousand small objects costs what their boxes cover.
struct Mask {
  Size input;                        ///< the padded network input that the pixels are counted in
  std::int64_t top = 0, left = 0;    ///< of the part, in pixels of the input
  Size size;                         ///< of the part; no sides: the object has no pixel
  std::vector<std::uint8_t> pixels;  ///< size.height * size.width: 1 where the object is, else 0
};

struct Point {
  float x = 0, y = 0;
  bool operator==(const Point&) const = default;
};

/// A closed line through its points.
using Polygon = std::vector<Point>;

}  // namespace roost::yolo
