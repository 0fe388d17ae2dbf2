#include "yolo/evaluate/batches.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <span>
#include <thread>

#include "roost/yolo/detector.h"
#include "roost/yolo/image.h"
#include "yolo/data/parallel.h"
#include "yolo/evaluate/sort_order.h"

namespace roost::yolo {
namespace {

double AspectOf(const Sample& sample) {
  return static_cast<double>(sample.size.height) / static_cast<double>(sample.size.width);
}

/// The least shape, in multiples of the stride, for pictures with these aspect ratios.
Size ShapeFor(double least, double largest, const EvaluateOptions& options) {
  double height = 1;
  double width = 1;
  if (largest < 1) height = largest;
  if (least > 1) width = 1 / least;
  const auto side = [&](double fraction) {
    const double strides =
        fraction * static_cast<double>(options.imgsz) / static_cast<double>(options.stride);
    return static_cast<std::int64_t>(std::ceil(strides + options.pad)) * options.stride;
  };
  return {side(height), side(width)};
}

/// A picture in a batch, before its pixels are where the network reads them.
struct Fitted {
  Placement place;
  std::vector<Target> targets;
};

/// Where a label is in the batch, as fractions of it. The reference goes through pixels and clips; so do we,
/// float by float.
Target TargetOf(const Label& label, const LetterboxPlan& plan, const Placement& place, Size shape) {
  const auto width = static_cast<float>(plan.scaled.width);
  const auto height = static_cast<float>(plan.scaled.height);
  const auto left = static_cast<float>(place.left);
  const auto top = static_cast<float>(place.top);
  constexpr double kInside = 1e-3;
  const auto clipped_x = [&](float x) {
    return std::clamp(x, 0.0F, static_cast<float>(static_cast<double>(shape.width) - kInside));
  };
  const auto clipped_y = [&](float y) {
    return std::clamp(y, 0.0F, static_cast<float>(static_cast<double>(shape.height) - kInside));
  };
  const float x1 = clipped_x(width * (label.x - label.width / 2) + left);
  const float y1 = clipped_y(height * (label.y - label.height / 2) + top);
  const float x2 = clipped_x(width * (label.x + label.width / 2) + left);
  const float y2 = clipped_y(height * (label.y + label.height / 2) + top);
  const auto batch_width = static_cast<float>(shape.width);
  const auto batch_height = static_cast<float>(shape.height);
  return {.class_id = label.class_id,
          .x = (x1 + x2) / 2 / batch_width,
          .y = (y1 + y2) / 2 / batch_height,
          .width = (x2 - x1) / batch_width,
          .height = (y2 - y1) / batch_height};
}

/// `planes` is the picture's part of the batch.
Result<Fitted> Fit(const Sample& sample, Size shape, const EvaluateOptions& options, std::span<float> planes,
                   PreparedBatch& times) {
  auto image = Timed(times.decode, [&] { return ReadImage(sample.image); });
  if (!image) return image.error();
  const auto name_it = [&](const Error& error) {
    return Error("'" + sample.image.string() + "': " + error.message(), error.code());
  };
  return Timed(times.pre_process, [&]() -> Result<Fitted> {
    const Size original = image->size();
    const Image scaled = ScaleLongSide(std::move(*image), options.imgsz, Shrinking::kAveraged);
    const auto plan = PlanLetterbox(scaled.size(), shape, options.stride, Padding::kWhole, Enlarging::kNever);
    if (!plan) return name_it(plan.error());
    ToPlanes(Letterbox(scaled, *plan), planes);
    Fitted fitted;
    fitted.place.size = original;
    // Of the two sides the height counts. Padding keeps its halves.
    fitted.place.scale = static_cast<double>(plan->scaled.height) / static_cast<double>(original.height);
    fitted.place.left = static_cast<double>(shape.width - plan->scaled.width) / 2;
    fitted.place.top = static_cast<double>(shape.height - plan->scaled.height) / 2;
    for (const Label& label : sample.labels) {
      fitted.targets.push_back(TargetOf(label, *plan, fitted.place, shape));
    }
    return fitted;
  });
}

PreparedBatch Prepare(const PlannedBatch& planned, const Dataset& dataset, const EvaluateOptions& options) {
  const std::size_t count = planned.samples.size();
  const auto plane = static_cast<std::size_t>(3 * planned.shape.height * planned.shape.width);
  PreparedBatch batch;
  batch.images = {.height = planned.shape.height, .width = planned.shape.width};
  batch.images.pixels.resize(count * plane);
  std::vector<std::optional<Result<Fitted>>> fitted(count);
  std::vector<PreparedBatch> times(count);
  ParallelFor(count, WorkerCount(options.workers), [&](std::size_t i) {
    const std::span<float> planes = std::span(batch.images.pixels).subspan(i * plane, plane);
    fitted[i] = Fit(dataset.samples[planned.samples[i]], planned.shape, options, planes, times[i]);
  });
  for (std::size_t i = 0; i < count; ++i) {
    batch.decode += times[i].decode;
    batch.pre_process += times[i].pre_process;
    const Result<Fitted>& result = *fitted[i];
    if (!result) {
      batch.unusable.push_back(result.error().message());
      continue;
    }
    const std::size_t place = batch.places.size();
    if (place != i) {  // close the gap that an unusable picture left
      const auto from = batch.images.pixels.begin() + static_cast<std::ptrdiff_t>(i * plane);
      std::copy(from, from + static_cast<std::ptrdiff_t>(plane),
                batch.images.pixels.begin() + static_cast<std::ptrdiff_t>(place * plane));
    }
    batch.places.push_back(result->place);
    batch.places.back().sample = planned.samples[i];
    for (Target target : result->targets) {
      target.picture = static_cast<std::int64_t>(place);
      batch.targets.push_back(target);
    }
  }
  batch.images.n = std::ssize(batch.places);
  batch.images.pixels.resize(batch.places.size() * plane);
  return batch;
}

}  // namespace

Box Placement::ToPicture(const Box& box) const {
  const auto pad_x = static_cast<float>(left);
  const auto pad_y = static_cast<float>(top);
  const auto gain = static_cast<float>(scale);
  const auto x = [&](float v) {
    return std::clamp((v - pad_x) / gain, 0.0F, static_cast<float>(size.width));
  };
  const auto y = [&](float v) {
    return std::clamp((v - pad_y) / gain, 0.0F, static_cast<float>(size.height));
  };
  return {x(box.x1), y(box.y1), x(box.x2), y(box.y2)};
}

std::vector<PlannedBatch> PlanBatches(const Dataset& dataset, const EvaluateOptions& options) {
  const std::vector<Sample>& samples = dataset.samples;
  std::vector<std::size_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0);
  if (options.rect) {
    std::vector<double> aspects;
    aspects.reserve(samples.size());
    for (const Sample& sample : samples) aspects.push_back(AspectOf(sample));
    order = NumpyOrder(aspects);
  }
  std::vector<PlannedBatch> batches;
  const auto size = static_cast<std::size_t>(std::max<std::int64_t>(options.batch, 1));
  for (std::size_t first = 0; first < order.size(); first += size) {
    const std::size_t last = std::min(first + size, order.size());
    PlannedBatch& batch = batches.emplace_back();
    batch.samples.assign(order.begin() + static_cast<std::ptrdiff_t>(first),
                         order.begin() + static_cast<std::ptrdiff_t>(last));
    batch.shape = options.rect ? ShapeFor(AspectOf(samples[batch.samples.front()]),
                                          AspectOf(samples[batch.samples.back()]), options)
                               : Size{options.imgsz, options.imgsz};
  }
  return batches;
}

/// One thread goes through the batches; the pictures of each are shared out between the workers.
class BatchFeed::Impl {
 public:
  Impl(const Dataset& dataset, const EvaluateOptions& options)
      : dataset_(dataset),
        options_(options),
        planned_(PlanBatches(dataset, options)),
        thread_([this] { PrepareAll(); }) {}

  ~Impl() {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

  std::optional<PreparedBatch> Next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || ended_; });
    if (ready_.empty()) {
      if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
      return std::nullopt;
    }
    std::optional<PreparedBatch> batch = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return batch;
  }

 private:
  static constexpr std::size_t kAhead = 1;  // waiting; one more is being prepared

  void PrepareAll() {
    try {
      for (const PlannedBatch& planned : planned_) {
        PreparedBatch batch = Prepare(planned, dataset_, options_);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ready_.size() < kAhead || stopping_; });
        if (stopping_) break;
        ready_.push_back(std::move(batch));
        changed_.notify_all();
      }
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      failure_ = std::current_exception();
    }
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  const Dataset& dataset_;
  const EvaluateOptions options_;
  const std::vector<PlannedBatch> planned_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PreparedBatch> ready_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  bool ended_ = false;
  std::jthread thread_;  ///< last: it uses the others
};

BatchFeed::BatchFeed(const Dataset& dataset, const EvaluateOptions& options)
    : impl_(std::make_unique<Impl>(dataset, options)) {}
BatchFeed::~BatchFeed() = default;
std::optional<PreparedBatch> BatchFeed::Next() { return impl_->Next(); }

}  // namespace roost::yolo
