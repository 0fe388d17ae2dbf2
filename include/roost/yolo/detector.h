#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "roost/base/error.h"
#include "roost/yolo/detection.h"
#include "roost/yolo/engine.h"
#include "roost/yolo/image.h"
#include "roost/yolo/nms.h"

namespace roost::yolo {

/// A picture ready for the network.
struct PreparedPicture {
  LetterboxPlan plan;
  ImageBatch batch;  ///< of one
};

/// Pictures in, detections out: letterbox, engine, NMS, boxes back in pixels of the picture. Immutable; its
/// steps may be called one by one, from several threads, by whoever wants to overlap or time them.
class Detector {
 public:
  /// `input` has sides that are multiples of `stride`.
  Detector(std::shared_ptr<const Engine> engine, Size input, std::int64_t stride, NmsOptions nms)
      : engine_(std::move(engine)), input_(input), stride_(stride), nms_(std::move(nms)) {}

  /// Largest size of the network input; a picture is given the smallest rectangle inside that it needs.
  Size input() const { return input_; }

  /// Best first, boxes clipped to the picture and not rounded. An Error for a picture that cannot be fitted.
  Result<std::vector<Detection>> Detect(const Image& image) const;

  Result<PreparedPicture> Prepare(const Image& image) const;
  Predictions Infer(const PreparedPicture& picture) const { return engine_->Run(picture.batch); }
  std::vector<Detection> Select(const Predictions& predictions, const LetterboxPlan& plan) const;

 private:
  std::shared_ptr<const Engine> engine_;
  Size input_;
  std::int64_t stride_;
  NmsOptions nms_;
};

/// `size` rounded up to multiples of `stride`.
Size RoundedUp(Size size, std::int64_t stride);

}  // namespace roost::yolo
