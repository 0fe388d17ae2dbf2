#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <memory>

#include <opencv2/core.hpp>
// After <cstdio>, which it needs.
#include <jpeglib.h>

#include "roost/base/text.h"
#include "roost/yolo/image.h"
#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

/// A compression and where it ends when libjpeg gives up: its own way out is exit().
struct JpegCompression {
  jpeg_compress_struct codec;
  jpeg_error_mgr errors;
  std::jmp_buf way_out;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void GiveUp(j_common_ptr codec) {
  auto* compression = static_cast<JpegCompression*>(codec->client_data);
  compression->errors.format_message(codec, compression->message);
  std::longjmp(compression->way_out, 1);
}

void IgnoreWarning(j_common_ptr /*codec*/) {}  // its own way is stderr

/// Compresses into `*bytes`, which has room for all of it. No object with a destructor lives here: longjmp()
/// passes by it. False: `compression.message` says why.
bool Compress(const Image& image, JpegCompression& compression, unsigned char** bytes, unsigned long* size) {
  jpeg_compress_struct& codec = compression.codec;
  codec.err = jpeg_std_error(&compression.errors);
  codec.client_data = &compression;
  compression.errors.error_exit = GiveUp;
  compression.errors.output_message = IgnoreWarning;
  if (setjmp(compression.way_out) != 0) {
    jpeg_destroy_compress(&codec);
    return false;
  }
  jpeg_create_compress(&codec);
  jpeg_mem_dest(&codec, bytes, size);
  codec.image_width = static_cast<JDIMENSION>(image.size().width);
  codec.image_height = static_cast<JDIMENSION>(image.size().height);
  codec.input_components = 3;
  codec.in_color_space = JCS_EXT_BGR;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, 95, TRUE);
  codec.comp_info[0].h_samp_factor = 1;  // as many pixels of colour as of brightness: one for two is usual
  codec.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&codec, TRUE);
  const std::size_t row_bytes = static_cast<std::size_t>(codec.image_width) * 3;
  while (codec.next_scanline < codec.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.pixels().data()) + codec.next_scanline * row_bytes;
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  return true;
}

/// libjpeg-turbo's own bound (TJBUFSIZE) for pictures with full colour. libjpeg would enlarge a smaller
/// buffer, and lose it where it fails.
std::size_t MostBytes(Size size) {
  const auto padded = [](std::int64_t side) { return static_cast<std::size_t>((side + 7) / 8 * 8); };
  return padded(size.height) * padded(size.width) * 6 + 2048;
}

}  // namespace

Image CutOut(const Image& image, const Box& box) {
  constexpr float kGain = 1.02F;
  constexpr float kPadding = 10;
  // From one `edge` to the other, widened and cut to whole pixels towards zero: float32, as torch.
  const auto widened = [](float low, float high, std::int64_t limit) {
    const float center = (low + high) / 2;
    const float half = ((high - low) * kGain + kPadding) / 2;
    const auto pixel = [&](float edge) {
      return static_cast<int>(std::clamp(std::trunc(edge), 0.0F, static_cast<float>(limit)));
    };
    return cv::Range(pixel(center - half), pixel(center + half));
  };
  const cv::Range rows = widened(box.y1, box.y2, image.size().height);
  const cv::Range columns = widened(box.x1, box.x2, image.size().width);
  ROOST_CHECK(rows.size() > 0 && columns.size() > 0, "a box outside the picture");
  return FromMat(AsMat(image)(rows, columns).clone());
}

Result<std::string> EncodeFineJpeg(const Image& image) {
  JpegCompression compression{};
  unsigned long size = MostBytes(image.size());
  const auto buffer = std::make_unique_for_overwrite<unsigned char[]>(size);
  unsigned char* bytes = buffer.get();
  if (!Compress(image, compression, &bytes, &size)) {
    return Error("cannot encode a picture of " + std::to_string(image.size().height) + "x" +
                     std::to_string(image.size().width) + " as JPEG: " + Printable(compression.message),
                 ExitCode::kCannotCreate);
  }
  ROOST_CHECK(bytes == buffer.get(), "a JPEG beyond its bound");
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace roost::yolo
