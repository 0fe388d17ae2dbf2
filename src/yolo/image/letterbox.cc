#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "roost/yolo/image.h"
#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

constexpr std::uint8_t kGrey = 114;  // the reference trains with this padding

/// Python's round(): halves go to the even neighbour, the default rounding mode of the machine.
std::int64_t RoundHalfEven(double value) { return std::llrint(value); }

std::string Describe(Size size) {
  return std::to_string(size.height) + "x" + std::to_string(size.width) + " (height x width)";
}

Error TooNarrow(Size original, Size target) {
  return Error("a picture of " + Describe(original) + " has no pixels left when scaled to " +
                   Describe(target) + ": too narrow",
               ExitCode::kBadData);
}

/// What becomes of each value of a byte.
using ByteValues = std::array<float, 256>;

/// x / 255 as the reference divides; x * (1 / 255) differs in the last bit.
ByteValues ScaledBytes() {
  ByteValues values{};
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 255.0F;
  return values;
}

/// BGR bytes to planes, red first, each with values of its own.
void FillPlanes(const Image& image, std::span<float> planes, const std::array<ByteValues, 3>& values) {
  const auto pixels = static_cast<std::size_t>(image.size().height * image.size().width);
  ROOST_CHECK(planes.size() == 3 * pixels, "planes of another size than the picture");
  const auto& [reds, greens, blues] = values;
  const std::uint8_t* bgr = image.pixels().data();
  float* red = planes.data();
  float* green = red + pixels;
  float* blue = green + pixels;
  for (std::size_t i = 0; i < pixels; ++i, bgr += 3) {
    blue[i] = blues[bgr[0]];
    green[i] = greens[bgr[1]];
    red[i] = reds[bgr[2]];
  }
}

}  // namespace

Result<LetterboxPlan> PlanLetterbox(Size original, Size target, std::int64_t stride, Padding padding,
                                    Enlarging enlarging) {
  double scale = std::min(static_cast<double>(target.height) / static_cast<double>(original.height),
                          static_cast<double>(target.width) / static_cast<double>(original.width));
  if (enlarging == Enlarging::kNever) scale = std::min(scale, 1.0);
  LetterboxPlan plan;
  plan.original = original;
  plan.scaled = {RoundHalfEven(static_cast<double>(original.height) * scale),
                 RoundHalfEven(static_cast<double>(original.width) * scale)};
  if (plan.scaled.height < 1 || plan.scaled.width < 1) {
    return TooNarrow(original, target);
  }
  const auto half_of = [&](std::int64_t room) {
    return static_cast<double>(padding == Padding::kLeast ? room % stride : room) / 2;
  };
  const double pad_height = half_of(target.height - plan.scaled.height);
  const double pad_width = half_of(target.width - plan.scaled.width);
  // An odd number of padding pixels is one larger at the bottom and on the right.
  plan.top = RoundHalfEven(pad_height - 0.1);
  plan.bottom = RoundHalfEven(pad_height + 0.1);
  plan.left = RoundHalfEven(pad_width - 0.1);
  plan.right = RoundHalfEven(pad_width + 0.1);
  return plan;
}

Image ScaleLongSide(Image image, std::int64_t side, Shrinking shrinking) {
  const Size original = image.size();
  const double scale =
      static_cast<double>(side) / static_cast<double>(std::max(original.height, original.width));
  if (scale == 1) return image;
  const auto scaled_up = [&](std::int64_t pixels) {
    return static_cast<int>(std::ceil(static_cast<double>(pixels) * scale));
  };
  const cv::Size scaled(scaled_up(original.width), scaled_up(original.height));
  const bool averaged = scale < 1 && shrinking == Shrinking::kAveraged;
  cv::Mat result;
  cv::resize(AsMat(image), result, scaled, 0, 0, averaged ? cv::INTER_AREA : cv::INTER_LINEAR);
  return FromMat(std::move(result));
}

Image Letterbox(const Image& image, const LetterboxPlan& plan) {
  Image padded(plan.padded(), {kGrey, kGrey, kGrey});
  const cv::Rect inner(static_cast<int>(plan.left), static_cast<int>(plan.top),
                       static_cast<int>(plan.scaled.width), static_cast<int>(plan.scaled.height));
  cv::Mat scaled = AsMat(padded)(inner);  // resize() writes into it: it has the right size and type
  if (plan.scaled == plan.original) {
    AsMat(image).copyTo(scaled);
  } else {
    cv::resize(AsMat(image), scaled, scaled.size(), 0, 0, cv::INTER_LINEAR);
  }
  return padded;
}

void ToPlanes(const Image& image, std::span<float> planes) {
  const ByteValues scaled = ScaledBytes();
  FillPlanes(image, planes, {scaled, scaled, scaled});
}

Image CenterSquare(const Image& image, std::int64_t side) {
  const auto [height, width] = image.size();
  const std::int64_t edge = std::min(height, width);
  const cv::Rect square(static_cast<int>((width - edge) / 2), static_cast<int>((height - edge) / 2),
                        static_cast<int>(edge), static_cast<int>(edge));
  cv::Mat scaled;
  const int side_pixels = static_cast<int>(side);
  cv::resize(AsMat(image)(square), scaled, {side_pixels, side_pixels}, 0, 0, cv::INTER_LINEAR);
  return FromMat(std::move(scaled));
}

void ToNormalizedPlanes(const Image& image, std::span<float> planes) {
  // ImageNet's, red first, as torchvision and the reference have them.
  constexpr std::array<float, 3> kMean = {0.485F, 0.456F, 0.406F};
  constexpr std::array<float, 3> kDeviation = {0.229F, 0.224F, 0.225F};
  std::array<ByteValues, 3> normalized;
  for (std::size_t i = 0; i < normalized.size(); ++i) {
    normalized[i] = ScaledBytes();
    for (float& value : normalized[i]) value = (value - kMean[i]) / kDeviation[i];
  }
  FillPlanes(image, planes, normalized);
}

Box ToOriginal(const Box& box, Size padded, Size original) {
  const auto height = static_cast<double>(original.height);
  const auto width = static_cast<double>(original.width);
  const double gain =
      std::min(static_cast<double>(padded.height) / height, static_cast<double>(padded.width) / width);
  // The reference's tensors are float32, and so are the scalars it combines them with.
  const auto gain32 = static_cast<float>(gain);
  const auto pad_x = static_cast<float>((static_cast<double>(padded.width) - width * gain) / 2);
  const auto pad_y = static_cast<float>((static_cast<double>(padded.height) - height * gain) / 2);
  const auto x = [&](float v) {
    return std::clamp((v - pad_x) / gain32, 0.0F, static_cast<float>(original.width));
  };
  const auto y = [&](float v) {
    return std::clamp((v - pad_y) / gain32, 0.0F, static_cast<float>(original.height));
  };
  return {x(box.x1), y(box.y1), x(box.x2), y(box.y2)};
}

}  // namespace roost::yolo
