#pragma once

#include <string>

#include "roost/yolo/image.h"

namespace roost::test {

/// A checkpoint file of a detector small enough to reason about: it looks at cells of 32 x 32 pixels and
/// finds one object, as large as the cell, in each cell that is red (class 0, "red") or blue (class 1,
/// "blue") through and through. Grey, black and white cells are empty.
std::string TinyDetector();

inline constexpr yolo::Color kRed{0, 0, 255};
inline constexpr yolo::Color kBlue{255, 0, 0};
inline constexpr yolo::Color kBlack{0, 0, 0};

/// An encoded picture of cells of 32 x 32 pixels, one letter each: r, b or anything else for black; rows are
/// separated by '/': "r../.b." has two rows of three.
std::string CellPicture(const std::string& cells, const std::string& suffix = ".png");

}  // namespace roost::test
