#pragma once

#include "roost/base/files.h"
#include "roost/yolo/image.h"

/// Decoded pictures as files of NumPy
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): an array of height x width x 3
/// bytes, BGR.
namespace roost::yolo {

/// An Error names the file: not there, not such an array, too short.
Result<Image> ReadNpyImage(const Path& path);

/// Whole or not at all. An Error names the file.
Result<void> WriteNpyImage(const Image& image, const Path& path);

}  // namespace roost::yolo
