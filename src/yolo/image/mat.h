#pragma once

#include <string>

#include <opencv2/core.hpp>

#include "roost/base/text.h"
#include "roost/yolo/image.h"

namespace roost::yolo {

/// The pixels of `image` as OpenCV sees them: shared, valid as long as `image` is. OpenCV has no read-only
/// matrix, so what is made from a const Image must only be read.
inline cv::Mat AsMat(const Image& image) {
  return {static_cast<int>(image.size().height), static_cast<int>(image.size().width), CV_8UC3,
          const_cast<std::uint8_t*>(image.pixels().data())};
}

/// What an exception of OpenCV says. Its messages carry file, line and function of OpenCV's source: only the
/// first line says something.
inline std::string FirstLine(const cv::Exception& error) { return Printable(Split(error.err, '\n').front()); }

/// Takes over a continuous 8-bit BGR matrix without copying its pixels.
inline Image FromMat(cv::Mat mat) {
  const Size size{mat.rows, mat.cols};
  auto owner = std::make_shared<cv::Mat>(std::move(mat));
  return Image::Adopt(size, std::shared_ptr<std::uint8_t>(owner, owner->data));
}

}  // namespace roost::yolo
