#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "roost/base/error.h"
#include "roost/yolo/image.h"
#include "roost/yolo/video.h"
#include "yolo/detect/sources.h"

namespace roost::yolo {

/// One picture on its way into the network.
struct Frame {
  std::size_t input = 0;  ///< index of the Input that it comes from
  /// 0: the one picture of its input, to be read by whoever works on it: `image` holds nothing. Frames of
  /// videos and streams count from 1, passed-over ones too, as the reference names their label files.
  std::int64_t number = 0;
  std::optional<Image> image;
  VideoInfo video;  ///< of the input, for frames of videos and streams
  /// Nothing more comes of this input. Of a video there may be one such Frame without `image` behind its last
  /// picture.
  bool last = true;
  /// Why the input cannot be used (further): then there is no `image`, and `last` is set.
  std::optional<Error> error;
};

struct FeedOptions {
  std::int64_t vid_stride = 1;  ///< only every n-th frame of videos and streams
};

/// Hands out the frames of all inputs: pictures and videos one input after the other; streams all at once,
/// frame by frame in turn, the latest of each, as the reference's LoadStreams does.
class FrameFeed {
 public:
  virtual ~FrameFeed() = default;
  /// The next frame; nothing when all inputs have ended. Waits for streams; `stopped` is asked while it does,
  /// and ends the wait (nothing is returned) when it answers true. Called from one thread.
  virtual std::optional<Frame> Next(const std::function<bool()>& stopped) = 0;
};

/// `inputs` must outlive the feed.
std::unique_ptr<FrameFeed> OpenFeed(const std::vector<Input>& inputs, const FeedOptions& options);

}  // namespace roost::yolo
