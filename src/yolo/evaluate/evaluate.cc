#include "yolo/evaluate/evaluate.h"

#include <utility>

#include "yolo/data/parallel.h"
#include "yolo/evaluate/batches.h"

namespace roost::yolo {
namespace {

Box FromCenter(float x, float y, float width, float height) {
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

/// The labels of picture `i` of the batch, in pixels of the picture: through the batch and back, as the
/// detections came.
std::vector<LabelBox> LabelsOf(const PreparedBatch& batch, std::int64_t i) {
  const auto width = static_cast<float>(batch.images.width);
  const auto height = static_cast<float>(batch.images.height);
  std::vector<LabelBox> labels;
  for (const Target& target : batch.targets) {
    if (target.picture != i) continue;
    const Box box =
        FromCenter(target.x * width, target.y * height, target.width * width, target.height * height);
    labels.push_back({target.class_id, batch.places[static_cast<std::size_t>(i)].ToPicture(box)});
  }
  return labels;
}

/// The rows of picture `i` with a row for each of its labels behind them, as sure as can be.
std::vector<float> WithLabels(std::span<const float> rows, std::int64_t columns, const PreparedBatch& batch,
                              std::int64_t i) {
  constexpr std::size_t kObjectness = 4;
  std::vector<float> all(rows.begin(), rows.end());
  const auto width = static_cast<float>(batch.images.width);
  const auto height = static_cast<float>(batch.images.height);
  for (const Target& target : batch.targets) {
    const auto column = static_cast<std::size_t>(target.class_id) + kObjectness + 1;
    if (target.picture != i || column >= static_cast<std::size_t>(columns)) continue;
    const std::size_t row = all.size();
    all.resize(row + static_cast<std::size_t>(columns), 0.0F);
    all[row] = target.x * width;
    all[row + 1] = target.y * height;
    all[row + 2] = target.width * width;
    all[row + 3] = target.height * height;
    all[row + kObjectness] = 1;
    all[row + column] = 1;
  }
  return all;
}

PictureResult Conclude(const Predictions& predictions, std::int64_t i, const PreparedBatch& batch,
                       const EvaluateOptions& options) {
  const Placement& place = batch.places[static_cast<std::size_t>(i)];
  PictureResult result{.sample = place.sample, .size = place.size};
  const std::span<const float> rows = predictions.of(i);
  NmsOptions nms = options.nms;
  nms.agnostic = nms.agnostic || options.single_cls;
  result.in_network = options.hybrid ? NonMaxSuppression(WithLabels(rows, predictions.columns, batch, i),
                                                         predictions.columns, nms)
                                     : NonMaxSuppression(rows, predictions.columns, nms);
  if (options.single_cls) {
    for (Detection& detection : result.in_network) detection.class_id = 0;
  }
  result.detections = result.in_network;
  for (Detection& detection : result.detections) detection.box = place.ToPicture(detection.box);
  result.labels = LabelsOf(batch, i);
  return result;
}

void Add(const PictureResult& result, Judgements& judgements) {
  ++judgements.images;
  for (const Judged& judged : Judge(result.detections, result.labels)) {
    judgements.detections.push_back(judged);
  }
  for (const LabelBox& label : result.labels) judgements.targets.push_back(label.class_id);
}

}  // namespace

Evaluation EvaluateInFull(const Engine& engine, const Dataset& dataset, std::int64_t classes,
                          const EvaluateOptions& options, const BatchSeen& seen, const BatchJudged& judged,
                          const std::function<bool()>& stopped) {
  ROOST_CHECK(options.imgsz > 0 && options.imgsz % options.stride == 0,
              "network inputs have sides that are multiples of the stride");
  Evaluation evaluation;
  Judgements judgements;
  BatchFeed feed(dataset, options);
  while (auto batch = feed.Next()) {
    if (stopped && stopped()) break;
    for (std::string& why : batch->unusable) evaluation.unusable.push_back(std::move(why));
    evaluation.times.decode += batch->decode;
    evaluation.times.pre_process += batch->pre_process;
    if (batch->places.empty()) continue;
    const Predictions predictions =
        Timed(evaluation.times.inference, [&] { return engine.Run(batch->images); });
    ROOST_CHECK(predictions.n == batch->images.n && predictions.columns == classes + 5 + options.nms.masks,
                "predictions that are not those of a detection head with these classes");
    if (seen) seen(batch->images, batch->targets, judgements.images + batch->images.n);
    std::vector<PictureResult> results(batch->places.size());
    Timed(evaluation.times.nms, [&] {
      ParallelFor(results.size(), WorkerCount(options.workers), [&](std::size_t i) {
        results[i] = Conclude(predictions, static_cast<std::int64_t>(i), *batch, options);
      });
    });
    for (const PictureResult& result : results) Add(result, judgements);
    if (judged) judged({batch->images, batch->targets, results});
  }
  evaluation.metrics = MetricsOf(judgements, &evaluation.curves);
  return evaluation;
}

Metrics Evaluate(const Engine& engine, const Dataset& dataset, std::int64_t classes,
                 const EvaluateOptions& options, const BatchSeen& seen) {
  return EvaluateInFull(engine, dataset, classes, options, seen, {}).metrics;
}

}  // namespace roost::yolo
