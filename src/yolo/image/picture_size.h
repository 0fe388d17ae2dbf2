#pragma once

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "roost/yolo/detection.h"

namespace roost::yolo {

/// What is known of a picture without its pixels.
struct PictureFacts {
  Size size;               ///< upright: that of the Image that ReadImage() gives
  bool cut_short = false;  ///< a JPEG without its end: decoded, part of it is grey
};

/// Reads the header of a picture: its first 64 KiB and last bytes, for JPEG, PNG and BMP. What has no header
/// that it understands is decoded. An Error (bad data, no input) names the file.
Result<PictureFacts> ReadPictureFacts(const Path& path);

}  // namespace roost::yolo
