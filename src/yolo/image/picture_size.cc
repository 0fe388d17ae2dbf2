#include "yolo/image/picture_size.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roost/yolo/image.h"
#include "yolo/image/jpeg_header.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kHeadBytes = 64 << 10;  // EXIF data alone may have 64 KiB; most headers have far less
constexpr std::int64_t kTailBytes = 4 << 10;

/// From `offset`, at most `count` bytes. Nothing where they cannot be read.
std::optional<std::string> ReadAt(int fd, std::int64_t offset, std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ::ssize_t got =
        ::pread(fd, bytes.data() + have, count - have, offset + static_cast<std::int64_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

std::int64_t Unsigned(std::string_view bytes, std::size_t at, std::size_t count, bool little) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[little ? at + count - 1 - i : at + i]);
    value = value * 256 + byte;
  }
  return value;
}

/// Of a PNG that holds no EXIF data in front of its pixels, which might turn it.
std::optional<Size> PngSize(std::string_view head) {
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
  constexpr std::size_t kChunkFrame = 12;  // length, type, CRC
  if (!head.starts_with(kSignature) || head.size() < 33 || head.substr(12, 4) != "IHDR") return std::nullopt;
  const Size size{Unsigned(head, 20, 4, false), Unsigned(head, 16, 4, false)};
  for (std::size_t at = kSignature.size(); head.size() - at >= kChunkFrame;) {
    const std::string_view type = head.substr(at + 4, 4);
    if (type == "IDAT") return size;
    if (type == "eXIf") return std::nullopt;
    const auto length = static_cast<std::size_t>(Unsigned(head, at, 4, false));
    if (length > head.size() - at - kChunkFrame) return std::nullopt;
    at += kChunkFrame + length;
  }
  return std::nullopt;
}

/// Of a BMP with the header of Windows 3 or later.
std::optional<Size> BmpSize(std::string_view head) {
  if (!head.starts_with("BM") || head.size() < 26 || Unsigned(head, 14, 4, true) < 40) return std::nullopt;
  const auto side = [&](std::size_t at) {
    return std::int64_t{static_cast<std::int32_t>(Unsigned(head, at, 4, true))};
  };
  return Size{std::abs(side(22)), side(18)};  // a negative height: rows from the top
}

std::optional<Size> SizeFromHead(std::string_view head) {
  if (const auto jpeg = ReadJpegHeader(head)) {
    constexpr int kFirstThatSwaps = 5;
    const auto [height, width] = jpeg->stored;
    return jpeg->orientation >= kFirstThatSwaps ? Size{width, height} : jpeg->stored;
  }
  if (const auto size = PngSize(head)) return size;
  return BmpSize(head);
}

bool IsPlausible(Size size) {
  constexpr std::int64_t kMostSide = 1 << 20;
  constexpr std::int64_t kMostPixels = 1 << 30;
  return size.height > 0 && size.width > 0 && size.height <= kMostSide && size.width <= kMostSide &&
         size.height * size.width <= kMostPixels;
}

/// Whether `mark` is in the last bytes of the file, or nobody can tell.
bool EndsWith(int file, std::int64_t size, std::string_view mark) {
  const auto end = ReadAt(file, std::max<std::int64_t>(0, size - kTailBytes), kTailBytes);
  return !end || end->find(mark) != std::string::npos;
}

}  // namespace

Result<PictureFacts> ReadPictureFacts(const Path& path) {
  // O_NONBLOCK: a pipe of that name must not hang us.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return ErrnoError(errno, "open", path);
  struct ::stat status {};
  const bool regular = ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
  const auto head = regular ? ReadAt(file.get(), 0, kHeadBytes) : std::nullopt;
  const auto size = head ? SizeFromHead(*head) : std::nullopt;
  if (size && IsPlausible(*size)) {
    PictureFacts facts{.size = *size};
    if (head->starts_with("\xFF\xD8")) {
      // Cameras append all kinds of things; among coded pixels the two bytes never follow each other.
      facts.cut_short = !EndsWith(file.get(), status.st_size, "\xFF\xD9");
    }
    // A PNG ends in a chunk of that name. Without it the decoder gives up, at some later time.
    if (head->starts_with("\x89PNG") && !EndsWith(file.get(), status.st_size, "IEND")) {
      return Error("'" + path.string() + "' is cut short", ExitCode::kBadData);
    }
    return facts;
  }
  auto image = ReadImage(path);
  if (!image) return image.error();
  return PictureFacts{.size = image->size()};
}

}  // namespace roost::yolo
