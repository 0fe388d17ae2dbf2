#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "roost/yolo/detector.h"
#include "yolo/detect/frames.h"
#include "yolo/detect/stage_times.h"

namespace roost::yolo {

/// One frame, and what became of it on its way.
struct ProcessedFrame {
  Frame frame;
  /// Nothing where the frame only says that its input ended, or why it cannot be used (`frame.error`).
  std::optional<Findings> findings;
  StageTimes times;

  Size picture_size;

  // What the render step made
  std::string picture;  ///< the annotated picture, encoded, where it is asked for
  std::vector<std::pair<std::string, std::string>> features;  ///< names and contents, for --visualize
  std::vector<std::string> crops;  ///< an encoded picture of each detection, where they are asked for
};

struct PipelineOptions {
  std::int64_t batch = 1;  ///< most pictures that go through the network at once
  int workers = 1;         ///< threads that decode and render
  /// Wait for more pictures of a size to fill a batch. Not with live streams, whose pictures are late then.
  bool patient = true;
  /// The render step needs the pictures. Else they are given up as soon as the network has its copy.
  bool keep_images = true;
};

/// Frames in, processed frames out, in the same order whatever the options are: a thread that feeds, some
/// that decode and render, one for the network, all on a window of frames of bounded size.
///
///   feed -> decode, letterbox -> network, NMS -> render -> finish
///
/// Pictures of one padded size share a batch, also where others lie between them.
class Pipeline {
 public:
  /// Draws and encodes: called by the workers, for frames with findings. An Error makes the picture unusable.
  using Render = std::function<Result<void>(ProcessedFrame&)>;
  using Finish = std::function<void(ProcessedFrame)>;

  /// All must outlive Run().
  Pipeline(const std::vector<Input>& inputs, const Detector& detector, FrameFeed& feed,
           PipelineOptions options, Render render)
      : inputs_(inputs), detector_(detector), feed_(feed), options_(options), render_(std::move(render)) {}

  /// Calls `finish` for each frame, on this thread, until the feed ends. Asks `stopped` now and then; when it
  /// answers true, what the network has begun is finished and the rest dropped: of an input of which
  /// something was dropped no later frame is finished. Throws what a step throws.
  void Run(const Finish& finish, const std::function<bool()>& stopped);

 private:
  const std::vector<Input>& inputs_;
  const Detector& detector_;
  FrameFeed& feed_;
  const PipelineOptions options_;
  const Render render_;
};

}  // namespace roost::yolo
