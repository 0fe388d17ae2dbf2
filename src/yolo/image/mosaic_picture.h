#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "roost/yolo/image.h"

/// Many pictures as one, for people to look at: what a network was shown, and what it saw.
namespace roost::yolo {

/// The picture in planes of RGB bytes: 3 * size.height * size.width.
Image FromPlanes(std::span<const std::uint8_t> planes, Size size);

/// Likewise of planes of numbers from 0 to 1; others become the nearest of these.
Image FromPlanes(std::span<const float> planes, Size size);

/// A box to draw, in fractions of its picture's sides.
struct MarkedBox {
  std::size_t picture = 0;
  Box box;
  std::string label;
  Color color = {};
};

/// At most this many pictures are drawn.
inline constexpr std::size_t kMosaicPictures = 16;

/// Up to 16 pictures of the same size in a square, column by column, of at most 1920 pixels a side, with
/// their boxes and names (utils/plots.py plot_images). There may be fewer `titles` than pictures.
Image MosaicPicture(std::span<const Image> pictures, std::span<const MarkedBox> boxes,
                    std::span<const std::string> titles);

}  // namespace roost::yolo
