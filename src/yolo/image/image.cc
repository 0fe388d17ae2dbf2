#include "roost/yolo/image.h"

#include <utility>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/core/utility.hpp>
#include <opencv2/imgcodecs.hpp>

#include "yolo/image/jpeg_header.h"
#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

constexpr std::string_view kNotDecodable =
    "not a picture that can be decoded (damaged, or of a kind that is not supported)";

// OpenCV's own, 2^20 pixels a side and 2^30 in all; its environment variables raise them, as for the
// reference.
constexpr std::string_view kTooLarge =
    "it claims more than 1048576 pixels a side or 1073741824 in all (OPENCV_IO_MAX_IMAGE_PIXELS raises that)";

Error CannotDecode(const Path& name, std::string_view why) {
  return Error("cannot decode '" + name.string() + "': " + std::string(why), ExitCode::kBadData);
}

}  // namespace

Image::Image(Size size, Color color)
    : Image(FromMat(cv::Mat(static_cast<int>(size.height), static_cast<int>(size.width), CV_8UC3,
                            cv::Scalar(color[0], color[1], color[2])))) {}

Image Image::Clone() const { return FromMat(AsMat(*this).clone()); }

Result<Image> CopyOf(const cv::Mat& bgr) {
  if (bgr.empty() || bgr.type() != CV_8UC3) {
    return Error("a picture must be a matrix of 8-bit BGR pixels (CV_8UC3) that is not empty",
                 ExitCode::kBadData);
  }
  return FromMat(bgr.clone());
}

Result<Image> DecodeImage(std::string_view bytes, const Path& name) {
  if (bytes.empty()) return CannotDecode(name, "the file is empty");
  if (!std::in_range<int>(bytes.size())) return CannotDecode(name, "the file is larger than 2 GiB");
  if (IsJpegBomb(bytes)) return CannotDecode(name, "it is far too short for the size it claims (cut off?)");
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  try {
    cv::Mat decoded = cv::imdecode(encoded, cv::IMREAD_COLOR);
    if (decoded.empty()) return CannotDecode(name, kNotDecodable);
    return FromMat(std::move(decoded));
  } catch (const cv::Exception& error) {
    if (error.func == "validateInputImageSize") {
      return CannotDecode(name, error.err.find("> 0") == std::string::npos ? kTooLarge : kNotDecodable);
    }
    return CannotDecode(name, FirstLine(error));
  }
}

Result<Image> ReadImage(const Path& path) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;  // encoded; no camera's file comes near
  auto bytes = ReadRegularFile(path, kMaxBytes);
  if (!bytes) return bytes.error();
  return DecodeImage(*bytes, path);
}

bool CanEncode(const std::string& suffix) { return cv::haveImageWriter("picture" + suffix); }

namespace {

Result<std::string> Encode(const Image& image, const std::string& suffix, const std::vector<int>& settings) {
  const auto failure = [&](std::string_view why) {
    return Error("cannot encode a picture as '" + suffix + "': " + std::string(why), ExitCode::kCannotCreate);
  };
  try {
    std::vector<std::uint8_t> bytes;
    if (!cv::imencode(suffix, AsMat(image), bytes, settings))
      return failure("OpenCV cannot write this format");
    return std::string(bytes.begin(), bytes.end());
  } catch (const cv::Exception& error) {
    return failure(FirstLine(error));
  }
}

}  // namespace

Result<std::string> EncodeImage(const Image& image, const std::string& suffix) {
  return Encode(image, suffix, {});
}

Result<std::string> EncodeJpeg(const Image& image, int quality) {
  return Encode(image, ".jpg", {cv::IMWRITE_JPEG_QUALITY, quality});
}

void SetImageThreads(int threads) { cv::setNumThreads(threads); }

}  // namespace roost::yolo
