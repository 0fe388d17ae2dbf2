#include "yolo/image/video_module.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "roost/base/text.h"
#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

/// Only our own messages on stderr. FFmpeg's level has no function that OpenCV hands through: it reads the
/// variable when it is first used, and -8 is AV_LOG_QUIET.
void SilenceLibraries() {
  ::setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", /*overwrite=*/0);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}

bool IsAddress(const std::string& source) { return source.find("://") != std::string::npos; }

/// "0": the first camera.
std::optional<int> CameraNumber(const std::string& source) {
  const bool digits = !source.empty() && source.find_first_not_of("0123456789") == std::string::npos;
  const auto number = digits ? ParseInt(source) : std::nullopt;
  if (!number || !std::in_range<int>(*number)) return std::nullopt;
  return static_cast<int>(*number);
}

/// The numbers in the head of a container.
class HeadReader {
 public:
  explicit HeadReader(const Path& path) : file_(path, std::ios::binary) {}

  /// `count` bytes as one number; 0 behind the end.
  std::uint64_t BigEndian(std::uint64_t offset, int count) {
    std::array<char, 8> bytes{};
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(bytes.data(), count);
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    }
    return value;
  }

 private:
  std::ifstream file_;
};

/// Where the outermost parts of an .avi, .mp4, .mov or .mkv file end by its own account. 0: it does not say,
/// or it is another kind of file.
std::uint64_t DeclaredEnd(const Path& path, std::uint64_t size) {
  HeadReader head(path);
  constexpr std::uint64_t kRiff = 0x52494646, kFtyp = 0x66747970, kEbml = 0x1A45DFA3, kSegment = 0x18538067;
  const std::uint64_t magic = head.BigEndian(0, 4);
  if (magic == kRiff) return 8 + __builtin_bswap32(static_cast<std::uint32_t>(head.BigEndian(4, 4)));

  if (magic == kEbml) {  // a header of fewer than 128 bytes, then one segment
    const std::uint64_t segment = 5 + (head.BigEndian(4, 1) & 0x7F);
    if (head.BigEndian(segment, 4) != kSegment) return 0;
    const std::uint64_t first = head.BigEndian(segment + 4, 1);
    if (first == 0) return 0;
    const int bytes = std::countl_zero(static_cast<std::uint8_t>(first)) + 1;
    const std::uint64_t unknown = (std::uint64_t{1} << 7 * bytes) - 1;
    const std::uint64_t length = head.BigEndian(segment + 4, bytes) & unknown;
    return length == unknown ? 0 : segment + 4 + static_cast<std::uint64_t>(bytes) + length;
  }

  if (head.BigEndian(4, 4) != kFtyp) return 0;
  constexpr int kMaxBoxes = 10'000;  // most files have a handful; a live recording some per second
  std::uint64_t offset = 0;
  for (int i = 0; i < kMaxBoxes && offset < size; ++i) {
    std::uint64_t length = head.BigEndian(offset, 4);
    if (length == 1) length = head.BigEndian(offset + 8, 8);        // a large one
    if (length < 8 || length > (std::uint64_t{1} << 62)) return 0;  // up to the end of the file, or no box
    offset += length;
  }
  return offset;
}

bool IsCutShort(const Path& path) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  return !error && DeclaredEnd(path, size) > size;
}

/// Nothing where the file can be opened for reading and has something in it.
std::optional<Error> WhyNotReadable(const Path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return ErrnoError(errno, "open", path);
  if (!S_ISREG(info.st_mode)) {
    return Error("cannot read '" + path.string() + "': not a regular file", ExitCode::kNoInput);
  }
  if (::access(path.c_str(), R_OK) != 0) return ErrnoError(errno, "open", path);
  if (info.st_size == 0) {
    return Error("cannot decode '" + path.string() + "': the file is empty", ExitCode::kBadData);
  }
  return std::nullopt;
}

class Reader final : public VideoReader {
 public:
  /// `name`: the source as messages show it. `file`: where it is one.
  Reader(cv::VideoCapture capture, VideoInfo info, std::string name, std::optional<Path> file)
      : capture_(std::move(capture)), info_(info), name_(std::move(name)), file_(std::move(file)) {}

  VideoInfo info() const override { return info_; }

  bool Skip() override {
    try {
      if (!capture_.grab()) return false;
    } catch (const cv::Exception&) {
      return false;
    }
    ++grabbed_;
    return true;
  }

  Result<std::optional<Image>> Read() override {
    if (!Skip()) {
      if (const auto why = WhyTooShort()) return Failure(*why);
      return std::optional<Image>();
    }
    const std::string frame = "frame " + std::to_string(grabbed_) + " cannot be decoded";
    try {
      cv::Mat picture;
      if (!capture_.retrieve(picture) || picture.empty() || picture.type() != CV_8UC3) return Failure(frame);
      return std::optional(FromMat(picture.isContinuous() ? std::move(picture) : picture.clone()));
    } catch (const cv::Exception& error) {
      return Failure(frame + ": " + FirstLine(error));
    }
  }

 private:
  Error Failure(const std::string& why) const {
    return Error("cannot use '" + name_ + "': " + why, ExitCode::kBadData);
  }

  /// What is wrong with a file that has no more frames, if anything is. The container's count alone does not
  /// say: for some formats it is an estimate.
  std::optional<std::string> WhyTooShort() const {
    if (!file_) return std::nullopt;
    if (grabbed_ == 0) return "there is no picture in this video";
    if (grabbed_ >= info_.frames || !IsCutShort(*file_)) return std::nullopt;
    return "the file is cut short, it ends after frame " + std::to_string(grabbed_) + " of " +
           std::to_string(info_.frames);
  }

  cv::VideoCapture capture_;
  VideoInfo info_;
  std::string name_;
  std::optional<Path> file_;
  std::int64_t grabbed_ = 0;
};

VideoInfo InfoOf(const cv::VideoCapture& capture) {
  VideoInfo info;
  info.size = {static_cast<std::int64_t>(capture.get(cv::CAP_PROP_FRAME_HEIGHT)),
               static_cast<std::int64_t>(capture.get(cv::CAP_PROP_FRAME_WIDTH))};
  const double fps = capture.get(cv::CAP_PROP_FPS);
  if (std::isfinite(fps) && fps > 0) info.fps = fps;
  // Of a live stream OpenCV makes a count from a length that is not known: a huge negative number.
  constexpr double kMost = 1e12;
  const double frames = capture.get(cv::CAP_PROP_FRAME_COUNT);
  if (frames > 0 && frames < kMost) info.frames = static_cast<std::int64_t>(frames);
  return info;
}

Result<std::unique_ptr<VideoReader>> Open(const std::string& source) {
  std::error_code ignored;
  const bool exists = std::filesystem::exists(source, ignored);
  const auto camera = exists ? std::nullopt : CameraNumber(source);
  const bool address = !exists && IsAddress(source);
  const std::string name = address ? DisplayUrl(source) : camera ? "camera " + source : source;
  const bool is_file = !camera && !address;
  if (is_file) {
    if (auto why = WhyNotReadable(source)) return *why;
  }
  if (camera && ::access(("/dev/video" + source).c_str(), F_OK) != 0) {
    return Error("there is no camera " + source + " (/dev/video" + source + ")", ExitCode::kNoInput);
  }
  const auto failure = [&](const std::string& why) {
    return Error("cannot use '" + name + "': " + why, address ? ExitCode::kTryAgain : ExitCode::kBadData);
  };
  try {
    cv::VideoCapture capture;
    if (camera) {
      capture.open(*camera, cv::CAP_V4L2);
    } else {
      constexpr int kTimeout = 10'000;  // milliseconds
      capture.open(source, cv::CAP_FFMPEG,
                   {cv::CAP_PROP_OPEN_TIMEOUT_MSEC, kTimeout, cv::CAP_PROP_READ_TIMEOUT_MSEC, kTimeout});
    }
    if (!capture.isOpened()) {
      return failure(is_file   ? "not a video that can be read (damaged, or of a kind that is not supported)"
                     : address ? "the stream cannot be opened"
                               : "it cannot be opened");
    }
    const VideoInfo info = InfoOf(capture);
    constexpr std::int64_t kMaxSide = 32'768;
    constexpr std::int64_t kMaxPixels = std::int64_t{1} << 28;  // 16384 x 16384: no camera comes near
    if (info.size.height < 1 || info.size.width < 1 || info.size.height > kMaxSide ||
        info.size.width > kMaxSide || info.size.height * info.size.width > kMaxPixels) {
      return failure("its pictures would be " + std::to_string(info.size.width) + "x" +
                     std::to_string(info.size.height) + " pixels");
    }
    return std::unique_ptr<VideoReader>(std::make_unique<Reader>(
        std::move(capture), info, name, is_file ? std::optional<Path>(source) : std::nullopt));
  } catch (const cv::Exception& error) {
    return failure(FirstLine(error));
  }
}

class Writer final : public VideoWriter {
 public:
  Writer(const Path& path, double fps, Size size) : file_(path), size_(size) {
    constexpr double kFallbackFps = 30;  // the reference's for streams
    if (!std::isfinite(fps) || fps <= 0) fps = kFallbackFps;
    // MPEG-4 cannot express every rate ("the maximum admitted value for the timebase denominator is 65535").
    if (!Start(fps) && !Start(std::clamp(std::round(fps), 1.0, 1000.0))) {
      throw Failure("OpenCV cannot write a video of " + std::to_string(size.width) + "x" +
                    std::to_string(size.height) + " pixels here");
    }
  }

  void Write(const Image& frame) override {
    try {
      cv::Mat picture = AsMat(frame);
      if (frame.size() != size_) {
        cv::resize(AsMat(frame), picture,
                   cv::Size(static_cast<int>(size_.width), static_cast<int>(size_.height)));
      }
      writer_.write(picture);
      ++frames_;
    } catch (const cv::Exception& error) {
      throw Failure(FirstLine(error));
    }
  }

  /// OpenCV does not tell whether FFmpeg could write. The index of an .mp4 file is written last, and not
  /// after an error: a file that can be opened, with all its frames, is whole.
  void Commit() override {
    try {
      writer_.release();
    } catch (const cv::Exception& error) {
      throw Failure(FirstLine(error));
    }
    if (frames_ > 0) {
      const auto written = Open(file_.temporary_path());
      if (!written || (*written)->info().frames < frames_) throw WhyNotWritten();
    }
    file_.Commit().value();
  }

 private:
  bool Start(double fps) {
    try {
      return writer_.open(file_.temporary_path().string(), cv::CAP_FFMPEG,
                          cv::VideoWriter::fourcc('m', 'p', '4', 'v'), fps,
                          cv::Size(static_cast<int>(size_.width), static_cast<int>(size_.height)));
    } catch (const cv::Exception& error) {
      throw Failure(FirstLine(error));
    }
  }

  Error Failure(const std::string& why) const {
    return Error("cannot write '" + file_.path().string() + "': " + why, ExitCode::kCannotCreate);
  }

  /// The system's reason shows when some more is written to the file, which is of no use any more.
  Error WhyNotWritten() const {
    const std::string block(1 << 20, '\0');
    ::lseek(file_.fd(), 0, SEEK_END);
    if (const auto more = WriteAll(file_.fd(), block, file_.path()); !more) return more.error();
    return Failure("the video is not whole");
  }

  AtomicFile file_;
  Size size_;
  cv::VideoWriter writer_;
  std::int64_t frames_ = 0;
};

std::unique_ptr<VideoWriter> Create(const Path& path, double fps, Size size) {
  return std::make_unique<Writer>(path, fps, size);
}

}  // namespace
}  // namespace roost::yolo

extern "C" __attribute__((visibility("default"))) const roost::yolo::VideoModule roost_video_module = {
    ROOST_VERSION, roost::yolo::SilenceLibraries, roost::yolo::Open, roost::yolo::Create};
