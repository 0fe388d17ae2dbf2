#include "roost/yolo/detector.h"

#include <utility>

#include "yolo/detect/classify.h"
#include "yolo/detect/masks.h"
#include "yolo/detect/model.h"

namespace roost::yolo {

Detector Detector::Load(const DetectorOptions& options) {
  OpenModel model =
      ReadModel(options).open({.device = options.device, .threads = options.threads, .half = options.half});
  return Detector(std::move(model.engine), std::move(model.traits), options.nms);
}

Detector::Detector(std::shared_ptr<const Engine> engine, ModelTraits traits, NmsOptions nms)
    : engine_(std::move(engine)), traits_(std::move(traits)), nms_(std::move(nms)) {
  nms_.masks = traits_.masks;
}

Result<Findings> Detector::Detect(const Image& image) const {
  auto picture = Prepare(image);
  if (!picture) return picture.error();
  PreparedPicture* const one = &*picture;
  return Conclude(Infer({&one, 1}), 0, *picture);
}

Result<Findings> Detector::Detect(const cv::Mat& bgr) const {
  const auto image = CopyOf(bgr);
  if (!image) return image.error();
  return Detect(*image);
}

Result<Findings> Detector::DetectFile(const Path& picture) const {
  const auto image = ReadImage(picture);
  if (!image) return image.error();
  return Detect(*image);
}

Result<PreparedPicture> Detector::Prepare(const Image& image) const {
  const auto ready = [&](const LetterboxPlan& plan) {
    const Size size = plan.padded();
    PreparedPicture picture{.plan = plan, .batch = {.n = 1, .height = size.height, .width = size.width}};
    picture.batch.pixels.resize(static_cast<std::size_t>(3 * size.height * size.width));
    return picture;
  };
  if (traits_.task == Task::kClassify) {
    const std::int64_t side = traits_.input.height;
    PreparedPicture picture = ready({.original = image.size(), .scaled = {side, side}});
    ToNormalizedPlanes(CenterSquare(image, side), picture.batch.pixels);
    return picture;
  }
  const auto plan = PlanLetterbox(image.size(), traits_.input, traits_.stride,
                                  traits_.whole_input ? Padding::kWhole : Padding::kLeast);
  if (!plan) return plan.error();
  PreparedPicture picture = ready(*plan);
  ToPlanes(Letterbox(image, *plan), picture.batch.pixels);
  return picture;
}

Predictions Detector::Infer(std::span<PreparedPicture* const> pictures) const {
  ROOST_CHECK(!pictures.empty(), "a batch holds at least one picture");
  ImageBatch batch = std::move(pictures.front()->batch);
  for (PreparedPicture* const picture : pictures.subspan(1)) {
    ++batch.n;
    batch.pixels.insert(batch.pixels.end(), picture->batch.pixels.begin(), picture->batch.pixels.end());
    picture->batch.pixels = {};
  }
  return engine_->Run(batch);
}

Findings Detector::Conclude(const Predictions& predictions, std::int64_t i,
                            const PreparedPicture& picture) const {
  Findings findings{.letterbox = picture.plan};
  for (const LayerMaps& maps : predictions.layers) {
    LayerMaps& own = findings.layers.emplace_back();
    own = {maps.layer, maps.class_name, maps.channels, maps.height, maps.width, {}};
    const std::span<const float> values = maps.of(i);
    own.values.assign(values.begin(), values.end());
  }
  if (traits_.task == Task::kClassify) {
    findings.classes = TopClasses(predictions.of(i));
    return findings;
  }
  const Size network = picture.plan.padded();
  findings.detections = NonMaxSuppression(predictions.of(i), predictions.columns, nms_);
  if (traits_.task == Task::kSegment) {
    findings.masks = MakeMasks(predictions, i, findings.detections, network);
  }
  for (Detection& detection : findings.detections) {
    detection.box = ToOriginal(detection.box, network, picture.plan.original);
  }
  return findings;
}

Size RoundedUp(Size size, std::int64_t stride) {
  const auto up = [&](std::int64_t side) { return (side + stride - 1) / stride * stride; };
  return {up(size.height), up(size.width)};
}

}  // namespace roost::yolo
