#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "roost/yolo/image.h"

/// Moving pictures. What they need (OpenCV's videoio and behind it FFmpeg) is heavy to load, so it is in a
/// shared module that is opened at the first call, as engines are (engine.h): a job on pictures never pays
/// it.
namespace roost::yolo {

struct VideoInfo {
  Size size;                ///< of the first frame, turned upright
  double fps = 0;           ///< 0: not known
  std::int64_t frames = 0;  ///< as the container says; 0: not known, or a live stream
};

/// Frames of a video file, a camera or a network stream, one after the other. Used by one thread at a time.
class VideoReader {
 public:
  virtual ~VideoReader() = default;
  virtual VideoInfo info() const = 0;
  /// The next frame, or nothing at the end. An Error (bad data) where a frame that should be there cannot be
  /// read.
  virtual Result<std::optional<Image>> Read() = 0;
  /// Passes over one frame without decoding it where that is possible. False at the end.
  virtual bool Skip() = 0;
};

/// Opens a video file, "rtsp://...", "http://..." or the number of a camera ("0"). An Error (bad data, no
/// input) names it.
Result<std::unique_ptr<VideoReader>> OpenVideo(const std::string& source);

/// Writes an .mp4 file that appears under its name whole or not at all. Used by one thread at a time.
class VideoWriter {
 public:
  virtual ~VideoWriter() = default;
  /// All frames have the size of the first. Throws Error (cannot create).
  virtual void Write(const Image& frame) = 0;
  /// Ends the file and gives it its name; without it the destructor removes what was written. Throws Error
  /// (cannot create).
  virtual void Commit() = 0;
};

/// Throws Error (cannot create) where the file or its format cannot be written here.
std::unique_ptr<VideoWriter> CreateVideo(const Path& path, double fps, Size size);

}  // namespace roost::yolo
