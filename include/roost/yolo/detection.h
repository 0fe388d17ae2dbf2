#pragma once

#include <cstdint>

namespace roost::yolo {

/// What a model was trained for; it follows from the head that its checkpoint ends in.
enum class Task { kDetect, kSegment, kClassify };

/// Height first, as in the reference's shapes and --imgsz.
struct Size {
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool operator==(const Size&) const = default;
};

/// Corners in pixels: (x1, y1) top left, (x2, y2) bottom right.
struct Box {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  bool operator==(const Box&) const = default;
};

/// One object that the network saw. Whether the box is in pixels of the network input or of the picture is
/// said by whoever hands it out.
struct Detection {
  Box box;
  float confidence = 0;  ///< objectness times class score, 0..1
  std::int64_t class_id = 0;
  std::int64_t row = 0;  ///< of the predictions that it was made from: its mask coefficients are there
};

/// How sure a classification model is of one class.
struct ClassScore {
  std::int64_t class_id = 0;
  float probability = 0;  ///< 0..1; all classes together 1
};

}  // namespace roost::yolo
