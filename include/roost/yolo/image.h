#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "roost/yolo/detection.h"
#include "roost/yolo/mask.h"

namespace cv {
class Mat;
}

/// Pictures: decode, letterbox, draw, encode. Everything that needs OpenCV is behind this header, and what it
/// computes is bit for bit what the reference's calls of OpenCV give.
namespace roost::yolo {

/// Blue, green, red: OpenCV's order.
using Color = std::array<std::uint8_t, 3>;

/// A decoded picture: height x width x 3 bytes, BGR, rows without gaps. Owns its pixels; moves are cheap,
/// copies are asked for with Clone().
class Image {
 public:
  Image() = default;
  /// All pixels `color`. Sides of at least one pixel.
  Image(Size size, Color color);
  /// Takes over pixels that somebody else allocated: size.height * size.width * 3 bytes.
  static Image Adopt(Size size, std::shared_ptr<std::uint8_t> pixels) {
    Image image;
    image.size_ = size;
    image.pixels_ = std::move(pixels);
    return image;
  }

  Image(Image&&) noexcept = default;
  Image& operator=(Image&&) noexcept = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  Image Clone() const;

  Size size() const { return size_; }
  std::span<std::uint8_t> pixels() { return {pixels_.get(), bytes()}; }
  std::span<const std::uint8_t> pixels() const { return {pixels_.get(), bytes()}; }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(size_.height * size_.width * 3); }
  Size size_;
  std::shared_ptr<std::uint8_t> pixels_;  ///< shared only with what allocated it
};

/// The picture in an encoded file: 8 bits per channel, three channels, turned upright by its EXIF orientation
/// (JPEG, PNG and TIFF). `name` is for messages. An Error (bad data) where it cannot be decoded; a JPEG that
/// was cut short decodes with its end grey, as everywhere.
Result<Image> DecodeImage(std::string_view bytes, const Path& name);

/// DecodeImage of a regular file of at most 1 GiB. An Error names it.
Result<Image> ReadImage(const Path& path);

/// A copy of the pixels of an OpenCV matrix of 8-bit BGR (CV_8UC3). An Error (bad data) for any other kind.
Result<Image> CopyOf(const cv::Mat& bgr);

/// Whether EncodeImage knows a suffix like ".jpg"; case does not matter.
bool CanEncode(const std::string& suffix);

/// `image` in the format that `suffix` names, with OpenCV's default quality (JPEG 95).
Result<std::string> EncodeImage(const Image& image, const std::string& suffix);

/// `image` as JPEG of a quality of 1 to 100.
Result<std::string> EncodeJpeg(const Image& image, int quality);

/// How a picture is fitted into the network input: scaled by one factor to `scaled`, then padded with grey.
struct LetterboxPlan {
  Size original;
  Size scaled;
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;

  Size padded() const { return {scaled.height + top + bottom, scaled.width + left + right}; }
};

enum class Padding {
  kLeast,  ///< to the smallest rectangle inside `target` whose sides are multiples of `stride` (auto=True)
  kWhole,  ///< to all of `target` (auto=False)
};

enum class Enlarging { kAllowed, kNever };

/// How a picture is scaled and padded (utils/augmentations.py letterbox). An Error (bad data) for a picture
/// so narrow that a side would scale to nothing.
Result<LetterboxPlan> PlanLetterbox(Size original, Size target, std::int64_t stride,
                                    Padding padding = Padding::kLeast,
                                    Enlarging enlarging = Enlarging::kAllowed);

/// How pixels of a picture that is made smaller come about.
enum class Shrinking {
  kSampled,   ///< bilinear: what networks are trained on
  kAveraged,  ///< the mean of those that each covers: what they are measured on
};

/// The picture with its longer side `side` pixels long, fractions of a pixel rounded up (which may make it
/// one longer), bilinear where it grows (load_image in utils/dataloaders.py, as Ultralytics changed it after
/// v7.0). A picture of this size is moved through.
Image ScaleLongSide(Image image, std::int64_t side, Shrinking shrinking);

/// The padded picture, 8 bits, bilinear.
Image Letterbox(const Image& image, const LetterboxPlan& plan);

/// BGR bytes to RGB planes in 0..1. `planes` holds 3 * height * width floats.
void ToPlanes(const Image& image, std::span<float> planes);

/// The largest square in the middle of a picture, scaled to `side` x `side` pixels, bilinear: what a
/// classification model is shown (utils/augmentations.py CenterCrop).
Image CenterSquare(const Image& image, std::int64_t side);

/// ToPlanes, less the mean of ImageNet's pixels and divided by their standard deviation: classification.
void ToNormalizedPlanes(const Image& image, std::span<float> planes);

/// A box in pixels of the padded network input, in pixels of the picture and clipped to it. The reference
/// computes scale and padding again from the two sizes (scale_boxes), a little different from what letterbox
/// did; so do we.
Box ToOriginal(const Box& box, Size padded, Size original);

/// How boxes are drawn.
struct DrawStyle {
  int line_thickness = 3;  ///< pixels; 0 = from the size of the picture
};

/// Ultralytics' colour of a class.
Color ClassColor(std::int64_t class_id);

/// Draws the frame of `box` (whole pixels) and, where `label` is not empty, the label on a filled background
/// above it, or inside where there is no room above. OpenCV's font has ASCII only: other characters become
/// '?'. Throws Error where OpenCV cannot draw it: lines of more than 32767 pixels.
void DrawBox(Image& image, const Box& box, const std::string& label, Color color, const DrawStyle& style);

/// Writes lines of text (separated by '\n'), white, from (`left`, `top`) on; size and spacing follow the size
/// of the picture as in classify/predict.py. The reference has Arial for it; OpenCV's font has ASCII only:
/// other characters become '?'.
void DrawLines(Image& image, std::int64_t left, std::int64_t top, const std::string& lines);

/// The outline of the part of a mask that has the most corners, in pixels of the network input; nothing where
/// no pixel is set. Straight runs are kept as their ends (utils/segment/general.py masks2segments).
Polygon LargestContour(const Mask& mask);

/// How masks are drawn.
enum class MaskStyle {
  kNetwork,  ///< as segment/predict.py: on the padded picture, which is then scaled back; detail is lost
  kRetina,   ///< its --retina-masks: the masks are scaled to the picture
};

/// Tints what the masks of a picture cover, best detection first, each in its colour. `plan` is how the
/// picture was fitted into the network input. No masks: nothing changes. Boxes are drawn afterwards.
void DrawMasks(Image& image, const LetterboxPlan& plan, std::span<const Mask> masks,
               std::span<const Color> colors, MaskStyle style);

/// The part of a picture around a box (whole pixels of the picture), a little larger than it and clipped to
/// the picture: what --save-crop saves (utils/plots.py save_one_box). Never empty where the box touches the
/// picture.
Image CutOut(const Image& image, const Box& box);

/// A JPEG of quality 95 that keeps the colour of every pixel, as the reference saves what it cuts out;
/// EncodeImage halves the resolution of colour. An Error (cannot create) for a side of more than 65500
/// pixels.
Result<std::string> EncodeFineJpeg(const Image& image);

/// The first 32 of `maps` (each size.height x size.width floats) side by side in false colours, each from its
/// least to its largest number: what a layer of a network sees.
Image FeatureGrid(std::span<const float> maps, Size size);

/// How many threads the functions above may use, for the whole process. Called once, in main.
void SetImageThreads(int threads);

}  // namespace roost::yolo
