#pragma once

#include <cstdint>
#include <vector>

#include "yolo/data/augment.h"
#include "yolo/data/dataset.h"
#include "yolo/data/random.h"
#include "yolo/image/warp.h"

/// Where the objects of a training picture are while it is being made: the arithmetic of
/// utils/augmentations.py and utils/general.py, without pixels.
namespace roost::yolo {

/// An object in a picture that is being made; the box is in its pixels.
struct PlacedObject {
  std::int64_t class_id = 0;
  Box box;
};

/// Appends the objects of a picture that is drawn with the size `scaled_width` x `scaled_height`, its corner
/// at (`left`, `top`).
void PlaceObjects(const std::vector<Label>& labels, float scaled_width, float scaled_height, float left,
                  float top, std::vector<PlacedObject>& objects);

/// Cuts the boxes off at the sides of a picture. Boxes that are outside become empty, but stay.
void ClipToPicture(std::vector<PlacedObject>& objects, Size size);

/// What is drawn at random for random_perspective().
struct PerspectiveDraw {
  double perspective_x = 0, perspective_y = 0;  ///< per pixel
  double degrees = 0;                           ///< counter-clockwise
  double scale = 1;
  double shear_x = 0, shear_y = 0;              ///< degrees
  double translate_x = 0.5, translate_y = 0.5;  ///< where the middle goes, as fractions of the new sides
};

PerspectiveDraw DrawPerspective(const Augmentation& augmentation, Random& random);

/// The map from a picture of size `from` to one of size `to`.
Matrix3 PerspectiveMap(const PerspectiveDraw& draw, Size from, Size to);

/// Moves boxes along with a picture, clips them to its new size and keeps those of which enough is left: more
/// than 2 pixels a side, a tenth of the area (that `scale` alone would give) and an aspect ratio below 100
/// (box_candidates).
std::vector<PlacedObject> MoveObjects(const std::vector<PlacedObject>& objects, const Matrix3& map,
                                      double scale, Size to);

/// An object of a finished picture, as fractions of its sides.
Label ToLabel(const PlacedObject& object, Size size);

}  // namespace roost::yolo
