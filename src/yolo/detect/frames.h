#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
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
  /// videos and streams that are handed out count from 1, as the reference names the label files of videos.
  /// (Those of streams it counts from 0.)
  std::int64_t number = 0;
  std::optional<Image> image;
  VideoInfo video;  ///< of the input, for frames of videos and streams
  /// Nothing more comes of this input. Behind the last picture of a stream comes one such Frame without
  /// `image`.
  bool last = true;
  /// Why the input cannot be used (further): then there is no `image`, and `last` is set.
  std::optional<Error> error;
};

struct FeedOptions {
  /// Only every n-th frame of videos and streams: the n-th, the 2n-th, and so on. The reference does so with
  /// the first video of a run; of further ones it also takes the first frame. We do not, as results must not
  /// depend on what else is in a run.
  std::int64_t vid_stride = 1;
  std::function<void(const std::string&)> warn = {};  ///< of streams that broke off; called in Next()
};

/// Hands out the frames of all inputs: pictures and videos one input after the other; then streams all at
/// once, frame by frame in turn.
///
/// Each stream has a thread that reads ahead. Of a live stream the newest frame is handed out, and frames
/// that nobody took in time are dropped, as in the reference's LoadStreams; a file or a recording that is
/// played as a stream waits for whoever takes its frames. A live stream that breaks off is opened again once;
/// it ends with an Error where that does not help. Unlike in the reference a frame is handed out once only,
/// and the other streams go on when one has ended.
class FrameFeed {
 public:
  /// Ends the threads of streams; a network that says nothing can make that last 10 s.
  virtual ~FrameFeed() = default;
  /// The next frame; nothing when all inputs have ended. Waits for streams; `stopped` is asked while it does,
  /// and ends the wait (nothing is returned) when it answers true. Called from one thread.
  virtual std::optional<Frame> Next(const std::function<bool()>& stopped) = 0;
};

/// `inputs` must outlive the feed.
std::unique_ptr<FrameFeed> OpenFeed(const std::vector<Input>& inputs, const FeedOptions& options);

}  // namespace roost::yolo
