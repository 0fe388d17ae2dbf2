#pragma once

#include <string_view>

namespace roost::yolo {

/// How a picture has to be turned, 1 (not at all) to 8, as the TIFF structure of EXIF data says. 1 where it
/// says nothing, or nonsense.
int ExifOrientation(std::string_view tiff);

}  // namespace roost::yolo
