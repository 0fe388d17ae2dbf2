#pragma once

#include <optional>
#include <string_view>

#include "roost/yolo/detection.h"

namespace roost::yolo {

/// What stands in front of the pixels of a JPEG.
struct JpegHeader {
  Size stored;                ///< as the pixels lie in the file
  bool huffman_coded = true;  ///< else arithmetic or lossless
  int orientation = 1;        ///< EXIF: 1 to 8; 5 and up swap the sides
};

/// Nothing where `bytes` is no JPEG, or ends before the size is told.
std::optional<JpegHeader> ReadJpegHeader(std::string_view bytes);

/// Whether a file is a JPEG of a few bytes that claims to be a huge picture. Decoders fill what is missing
/// with grey, so that such a file would cost minutes and gigabytes. Pictures of usual sizes that were cut
/// short, and files of other formats, are none of that.
bool IsJpegBomb(std::string_view bytes);

}  // namespace roost::yolo
