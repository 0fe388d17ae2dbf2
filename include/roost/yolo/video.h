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
  /// The next frame, turned upright, or nothing at the end. An Error (bad data) where a frame that should be
  /// there cannot be read: of a file that holds no frame at all, or that was cut short, at its end. Damage
  /// inside a file shows as in every player: frames that look odd, or are missing.
  virtual Result<std::optional<Image>> Read() = 0;
  /// Passes over one frame, which is cheaper than to read it. False at the end.
  virtual bool Skip() = 0;
};

/// Opens the shared module, which the functions below do otherwise, and switches off what OpenCV and FFmpeg
/// say on stderr, for the whole process, through the environment: where these functions are called on several
/// threads, call this before. Throws Error where the module is not there.
void PrepareVideo();

/// Opens a video file, an address ("rtsp://...", "http://...") or the number of a camera ("0"); a file of
/// that name comes first. An Error (bad data, no input, permission; of an address: try again) names it,
/// addresses without password and query. Network streams that say nothing for 10 s are given up.
///
/// Throws Error where the shared module is not there.
Result<std::unique_ptr<VideoReader>> OpenVideo(const std::string& source);

/// Writes an .mp4 file (MPEG-4 part 2, as the reference does) that appears under its name whole or not at
/// all. Used by one thread at a time.
class VideoWriter {
 public:
  virtual ~VideoWriter() = default;
  /// A frame of another size is scaled to that of the video. Throws Error (cannot create).
  virtual void Write(const Image& frame) = 0;
  /// Ends the file and gives it its name; without it the destructor removes what was written. Throws Error
  /// (cannot create): this is where a full disk shows.
  virtual void Commit() = 0;
};

/// `path` should end in ".mp4". An `fps` of 0 becomes 30, as the reference takes it for streams. The format
/// has even sides only: a last odd row or column is cut off. Throws Error (cannot create) where the file or
/// its format cannot be written here.
std::unique_ptr<VideoWriter> CreateVideo(const Path& path, double fps, Size size);

}  // namespace roost::yolo
