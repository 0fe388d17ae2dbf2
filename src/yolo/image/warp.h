#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "roost/yolo/image.h"

/// What training does to the pixels of pictures, bit for bit as the reference's calls of OpenCV do it.
namespace roost::yolo {

/// A projective map of points (x, y, 1), rows one after the other.
using Matrix3 = std::array<double, 9>;

/// Where a picture lies, in pixels: right and bottom are exclusive.
struct Region {
  std::int64_t left = 0, top = 0, right = 0, bottom = 0;
};

/// Fills `to`: the point p of `from` goes to `map` p, bilinear; grey where nothing of `from` goes.
void Warp(const Image& from, const Matrix3& map, Image& to);

/// The part of a picture of `from` that Warp() reads to fill a picture of `to`; perhaps a little more.
Region ReadByWarp(const Matrix3& map, Size from, Size to);

/// `image` with other sides: bilinear, or, where `average` is set, the means of the areas (for smaller ones).
Image Resize(const Image& image, Size size, bool average);

/// Factors of hue, saturation and value.
struct HsvGains {
  double hue = 1, saturation = 1, value = 1;
};

/// The last steps on the way to the network.
struct Finish {
  std::optional<HsvGains> gains;
  bool upside_down = false;  ///< first and last row change places
  bool mirrored = false;     ///< left and right
};

/// BGR bytes, with `finish`, to planes of RGB bytes. `planes` holds 3 * height * width.
void ToBytePlanes(const Image& image, const Finish& finish, std::span<std::uint8_t> planes);

}  // namespace roost::yolo
