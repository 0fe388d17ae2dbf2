#include "roost/yolo/detector.h"

namespace roost::yolo {

Result<std::vector<Detection>> Detector::Detect(const Image& image) const {
  const auto picture = Prepare(image);
  if (!picture) return picture.error();
  return Select(Infer(*picture), picture->plan);
}

Result<PreparedPicture> Detector::Prepare(const Image& image) const {
  const auto plan = PlanLetterbox(image.size(), input_, stride_);
  if (!plan) return plan.error();
  const Size size = plan->padded();
  PreparedPicture picture{.plan = *plan, .batch = {.n = 1, .height = size.height, .width = size.width}};
  picture.batch.pixels.resize(static_cast<std::size_t>(3 * size.height * size.width));
  ToPlanes(Letterbox(image, *plan), picture.batch.pixels);
  return picture;
}

std::vector<Detection> Detector::Select(const Predictions& predictions, const LetterboxPlan& plan) const {
  std::vector<Detection> detections = NonMaxSuppression(predictions.of(0), predictions.columns, nms_);
  for (Detection& detection : detections) {
    detection.box = ToOriginal(detection.box, plan.padded(), plan.original);
  }
  return detections;
}

Size RoundedUp(Size size, std::int64_t stride) {
  const auto up = [&](std::int64_t side) { return (side + stride - 1) / stride * stride; };
  return {up(size.height), up(size.width)};
}

}  // namespace roost::yolo
