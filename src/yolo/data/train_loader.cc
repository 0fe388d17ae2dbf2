#include "yolo/data/train_loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "yolo/data/augment_picture.h"
#include "yolo/data/cache.h"
#include "yolo/data/parallel.h"
#include "yolo/data/train_loader_plan.h"

namespace roost::yolo {
namespace {

constexpr std::uint64_t kPictureStream = 2;  // apart from the stream of the order

/// What stays the same during an epoch.
struct Epoch {
  std::int64_t number = 0;
  std::vector<std::size_t> order;  ///< of samples, by place
  std::vector<Size> sizes;         ///< of batches
};

/// A batch in the making. Each picture is written by one thread, without a lock.
struct Making {
  std::shared_ptr<const Epoch> epoch;
  Share share;
  std::once_flag allocated;
  TrainBatch batch;
  std::vector<std::vector<Label>> labels;  ///< by picture
  std::int64_t started = 0, finished = 0;  ///< pictures; guarded by the loader's mutex
  std::exception_ptr error;                ///< the first; guarded likewise
};

TrainLoaderOptions Checked(const Dataset& dataset, TrainLoaderOptions options) {
  if (dataset.samples.empty()) {
    throw Error("there are no pictures to train with: none of them can be used", ExitCode::kBadData);
  }
  const auto refuse = [](const std::string& why) { throw Error(why, ExitCode::kUsage); };
  if (options.stride < 1) refuse("a stride must be at least 1, not " + std::to_string(options.stride));
  if (options.imgsz < 1 || options.imgsz % options.stride != 0) {
    refuse("the image size must be a multiple of " + std::to_string(options.stride) + ", not " +
           std::to_string(options.imgsz));
  }
  if (options.world < 1 || options.rank < 0 || options.rank >= options.world) {
    refuse("there is no process " + std::to_string(options.rank) + " of " + std::to_string(options.world));
  }
  if (options.batch < 1 || options.batch % options.world != 0) {
    refuse("a batch must be a multiple of the number of processes (" + std::to_string(options.world) +
           "), not " + std::to_string(options.batch));
  }
  if (options.workers < 0) refuse("a number of threads cannot be negative");
  options.workers = WorkerCount(options.workers);
  return options;
}

}  // namespace

class TrainLoader::Impl {
 public:
  Impl(const Dataset& dataset, const TrainLoaderOptions& options)
      : dataset_(dataset),
        options_(Checked(dataset, options)),
        store_(dataset, {.imgsz = options_.imgsz, .augment = options_.augment, .cache = options_.cache}) {
    for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { Work(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::int64_t batches() const { return (Samples() + options_.batch - 1) / options_.batch; }
  std::vector<std::string> warnings() const { return store_.warnings(); }

  void StartEpoch(std::int64_t number, std::span<const double> weights) {
    auto epoch = std::make_shared<Epoch>(Plan(number, weights));
    {
      const std::lock_guard lock(mutex_);
      making_.clear();  // threads that are still at it keep what they need
      epoch_ = std::move(epoch);
      planned_ = 0;
    }
    work_.notify_all();
  }

  std::optional<TrainBatch> Next() {
    std::unique_lock lock(mutex_);
    if (!epoch_) return std::nullopt;
    if (making_.empty() && planned_ == batches()) {
      epoch_.reset();
      return std::nullopt;
    }
    done_.wait(lock,
               [&] { return !making_.empty() && making_.front()->finished == making_.front()->share.count; });
    const std::shared_ptr<Making> making = std::move(making_.front());
    making_.pop_front();
    if (making->error) {
      making_.clear();
      epoch_.reset();
      std::rethrow_exception(making->error);
    }
    lock.unlock();
    work_.notify_all();  // there is room for another
    return Collect(*making);
  }

 private:
  std::int64_t Samples() const { return static_cast<std::int64_t>(dataset_.samples.size()); }

  Epoch Plan(std::int64_t number, std::span<const double> weights) const {
    Epoch epoch;
    epoch.number = number;
    if (!weights.empty()) {
      ROOST_CHECK(!options_.rect, "weights need shuffling, which rectangular batches exclude");
      ROOST_CHECK(weights.size() == dataset_.samples.size(), "one weight per sample");
      epoch.order = WeightedOrder(weights, options_.seed, number);
    } else if (options_.rect) {
      epoch.order = AspectOrder(dataset_);
    } else {
      epoch.order = ShuffledOrder(dataset_.samples.size(), options_.seed, number);
    }
    if (options_.rect) {
      epoch.sizes = AspectSizes(dataset_, epoch.order, options_.batch, options_.imgsz, options_.stride);
    } else {
      epoch.sizes.assign(static_cast<std::size_t>(batches()), {options_.imgsz, options_.imgsz});
    }
    return epoch;
  }

  /// How many batches may be there or in the making: enough that no thread waits for another's picture.
  std::size_t Window() const {
    const std::int64_t share = options_.batch / options_.world;
    const std::int64_t pictures = std::int64_t{2} * options_.workers;
    return static_cast<std::size_t>((pictures + share - 1) / share + 1);
  }

  std::shared_ptr<Making> Begin() {
    auto making = std::make_shared<Making>();
    making->epoch = epoch_;
    making->share = ShareOf(planned_, Samples(), options_.batch, options_.rank, options_.world);
    const auto [height, width] = epoch_->sizes[static_cast<std::size_t>(planned_)];
    making->batch.n = making->share.count;
    making->batch.height = height;
    making->batch.width = width;
    ++planned_;
    return making;
  }

  /// A batch of which a picture can be begun. Waits for it; nothing when the loader ends.
  std::shared_ptr<Making> NextWork(std::unique_lock<std::mutex>& lock) {
    std::shared_ptr<Making> next;
    work_.wait(lock, [&] {
      if (stop_) return true;
      if (!epoch_) return false;
      for (const auto& making : making_) {
        if (making->started < making->share.count) {
          next = making;
          return true;
        }
      }
      if (planned_ == batches() || making_.size() >= Window()) return false;
      next = making_.emplace_back(Begin());
      return true;
    });
    return next;
  }

  void Work() {
    PictureMaker maker(dataset_, store_,
                       {.imgsz = options_.imgsz,
                        .augmentation = options_.augmentation,
                        .augment = options_.augment,
                        .mosaic = !options_.rect});
    std::unique_lock lock(mutex_);
    while (const std::shared_ptr<Making> making = NextWork(lock)) {
      const std::int64_t picture = making->started++;
      lock.unlock();
      std::exception_ptr error;
      try {
        Make(maker, *making, picture);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error && !making->error) making->error = error;
      if (++making->finished == making->share.count) done_.notify_all();
    }
  }

  static void Allocate(Making& making) {
    TrainBatch& batch = making.batch;
    batch.pixels.resize(static_cast<std::size_t>(batch.n * 3 * batch.height * batch.width));
    batch.samples.resize(static_cast<std::size_t>(batch.n));
    making.labels.resize(static_cast<std::size_t>(batch.n));
  }

  void Make(PictureMaker& maker, Making& making, std::int64_t picture) const {
    const std::int64_t place = making.share.first + picture;
    const auto& order = making.epoch->order;
    const std::size_t sample = order[static_cast<std::size_t>(place) % order.size()];
    Random random{options_.seed, static_cast<std::uint64_t>(making.epoch->number), kPictureStream,
                  static_cast<std::uint64_t>(place)};
    std::call_once(making.allocated, Allocate, std::ref(making));
    TrainBatch& batch = making.batch;
    const auto bytes = static_cast<std::size_t>(3 * batch.height * batch.width);
    const auto index = static_cast<std::size_t>(picture);
    batch.samples[index] = sample;
    making.labels[index] = maker.Make(sample, {batch.height, batch.width}, order, random,
                                      std::span(batch.pixels).subspan(index * bytes, bytes));
  }

  static TrainBatch Collect(Making& making) {
    TrainBatch batch = std::move(making.batch);
    std::int64_t picture = 0;
    for (const auto& labels : making.labels) {
      for (const Label& label : labels) {
        batch.targets.push_back({picture, label.class_id, label.x, label.y, label.width, label.height});
      }
      ++picture;
    }
    return batch;
  }

  const Dataset& dataset_;
  const TrainLoaderOptions options_;
  PictureStore store_;

  std::mutex mutex_;
  std::condition_variable work_;  ///< a picture can be begun, or the end
  std::condition_variable done_;  ///< a batch is finished
  bool stop_ = false;
  std::shared_ptr<const Epoch> epoch_;          ///< the current one
  std::int64_t planned_ = 0;                    ///< batches of it that were begun
  std::deque<std::shared_ptr<Making>> making_;  ///< begun and not handed out, in order
  std::vector<std::thread> threads_;
};

TrainLoader::TrainLoader(const Dataset& dataset, TrainLoaderOptions options)
    : impl_(std::make_unique<Impl>(dataset, options)) {}

TrainLoader::~TrainLoader() = default;

std::int64_t TrainLoader::batches() const { return impl_->batches(); }

std::vector<std::string> TrainLoader::warnings() const { return impl_->warnings(); }

void TrainLoader::StartEpoch(std::int64_t epoch, std::span<const double> weights) {
  impl_->StartEpoch(epoch, weights);
}

std::optional<TrainBatch> TrainLoader::Next() { return impl_->Next(); }

}  // namespace roost::yolo
