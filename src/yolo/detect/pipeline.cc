#include "yolo/detect/pipeline.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <set>
#include <thread>

namespace roost::yolo {
namespace {

/// How often the thread that waits for results looks whether it should stop.
constexpr std::chrono::milliseconds kStopInterval{100};

Error CannotUse(const Path& path, const std::string& why) {
  return Error("cannot use '" + path.string() + "': " + why, ExitCode::kBadData);
}

// What is done with frames, by threads that have them to themselves.

/// Decode, letterbox. Nothing, and an error in the frame, where it cannot be used.
std::optional<PreparedPicture> Prepare(ProcessedFrame& item, const Path& path, const Detector& detector,
                                       bool keep_image) {
  try {
    Frame& frame = item.frame;
    if (!frame.image) {
      auto image = Timed(item.times.decode, [&] { return ReadImage(path); });
      if (!image) {
        frame.error = image.error();
        return std::nullopt;
      }
      frame.image = std::move(*image);
    }
    auto prepared = Timed(item.times.pre_process, [&] { return detector.Prepare(*frame.image); });
    item.picture_size = frame.image->size();
    if (!keep_image) frame.image.reset();
    if (prepared) return std::move(*prepared);
    frame.error = CannotUse(path, prepared.error().message());
  } catch (const std::bad_alloc&) {
    item.frame.error = CannotUse(path, "it needs more memory than there is");
  }
  item.frame.image.reset();
  return std::nullopt;
}

/// Network, NMS.
void Infer(std::span<ProcessedFrame* const> items, std::span<PreparedPicture* const> pictures,
           const Detector& detector) {
  Milliseconds time{0};
  const Predictions predictions = Timed(time, [&] { return detector.Infer(pictures); });
  for (std::size_t i = 0; i < items.size(); ++i) {
    ProcessedFrame& item = *items[i];
    item.times.inference = time / items.size();
    item.findings = Timed(item.times.nms, [&] {
      return detector.Conclude(predictions, static_cast<std::int64_t>(i), *pictures[i]);
    });
  }
}

void RenderOne(ProcessedFrame& item, const Path& path, const Pipeline::Render& render) {
  try {
    const auto rendered = Timed(item.times.render, [&] { return render(item); });
    if (rendered) return;
    item.frame.error = CannotUse(path, rendered.error().message());
  } catch (const std::bad_alloc&) {
    item.frame.error = CannotUse(path, "it needs more memory than there is");
  }
  item.findings.reset();
}

/// Where a frame is on its way: it waits for the next step, or (ing) a thread has it.
enum class Stage { kFed, kPreparing, kPrepared, kInferring, kConcluded, kRendering, kReady };

struct Slot {
  Stage stage = Stage::kFed;
  ProcessedFrame item;
  std::optional<PreparedPicture> prepared;
};

/// The frames under way, oldest first, and the rules by which threads take them.
class Window {
 public:
  Window(const std::vector<Input>& inputs, const Detector& detector, FrameFeed& feed,
         const PipelineOptions& options, const Pipeline::Render& render)
      : inputs_(inputs), detector_(detector), feed_(feed), options_(options), render_(render) {}

  void Run(const Pipeline::Finish& finish, const std::function<bool()>& stopped) {
    {
      std::vector<std::jthread> threads;  // joined where this block ends
      const auto start = [&](void (Window::*body)()) {
        threads.emplace_back([this, body] { Guarded([&] { (this->*body)(); }); });
      };
      Guarded([&] {  // a machine may have no more threads to give
        start(&Window::FeedAll);
        start(&Window::InferAll);
        for (int i = 0; i < options_.workers; ++i) start(&Window::Work);
      });
      Guarded([&] { FinishAll(finish, stopped); });
      Change([&] { over_ = true; });
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  /// What a thread throws ends the run.
  template <typename Body>
  void Guarded(Body&& body) {
    try {
      body();
    } catch (...) {
      Change([&] {
        if (!failure_) failure_ = std::current_exception();
        over_ = true;
      });
    }
  }

  template <typename Action>
  void Change(Action&& action) {
    const std::lock_guard lock(mutex_);
    action();
    changed_.notify_all();
  }

  template <typename Action>
  static auto WithoutLock(std::unique_lock<std::mutex>& lock, Action&& action) {
    struct Relock {
      std::unique_lock<std::mutex>& lock;
      ~Relock() { lock.lock(); }
    } const relock{lock};
    lock.unlock();
    return action();
  }

  // Each thread waits until there is something to take, takes it, works on it without the lock, and puts it
  // back one stage further.

  void FeedAll() {
    const auto may_not_go_on = [&] { return over_ || stopping_; };
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return may_not_go_on() || slots_.size() < Capacity(); });
      if (may_not_go_on()) break;
      lock.unlock();
      auto frame = feed_.Next([&] {
        const std::lock_guard look(mutex_);
        return may_not_go_on();
      });
      lock.lock();
      if (!frame) break;
      const bool has_picture = !frame->error && (frame->image || frame->number == 0);
      slots_.push_back({.stage = has_picture ? Stage::kFed : Stage::kReady,
                        .item = {.frame = std::move(*frame)},
                        .prepared = {}});
      changed_.notify_all();
    }
    all_fed_ = true;
    changed_.notify_all();
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      Slot* slot = nullptr;
      changed_.wait(lock, [&] { return over_ || (slot = NextForWorker()) != nullptr; });
      if (over_) return;
      const bool render = slot->stage == Stage::kConcluded;
      slot->stage = render ? Stage::kRendering : Stage::kPreparing;
      lock.unlock();
      const Path& path = inputs_[slot->item.frame.input].path;
      if (render) {
        RenderOne(slot->item, path, render_);
      } else {
        slot->prepared = Prepare(slot->item, path, detector_, options_.keep_images);
      }
      lock.lock();
      slot->stage = !render && slot->prepared ? Stage::kPrepared : Stage::kReady;
      changed_.notify_all();
    }
  }

  void InferAll() {
    std::unique_lock lock(mutex_);
    while (true) {
      std::vector<Slot*> batch;
      changed_.wait(lock, [&] { return over_ || !(batch = NextBatch()).empty(); });
      if (over_) return;
      std::vector<ProcessedFrame*> items;
      std::vector<PreparedPicture*> pictures;
      for (Slot* slot : batch) {
        slot->stage = Stage::kInferring;
        items.push_back(&slot->item);
        pictures.push_back(&*slot->prepared);
      }
      lock.unlock();
      Infer(items, pictures, detector_);
      lock.lock();
      for (Slot* slot : batch) {
        slot->prepared.reset();
        slot->stage = Stage::kConcluded;
      }
      changed_.notify_all();
    }
  }

  /// On the thread of the caller.
  void FinishAll(const Pipeline::Finish& finish, const std::function<bool()>& stopped) {
    std::set<std::size_t> dropped;  // inputs of which something was dropped
    std::unique_lock lock(mutex_);
    while (!over_) {
      if (!stopping_ && WithoutLock(lock, stopped)) {
        stopping_ = true;
        changed_.notify_all();
      }
      if (slots_.empty() && all_fed_) return;
      if (!FrontCanLeave()) {
        changed_.wait_for(lock, kStopInterval);
        continue;
      }
      const bool ready = slots_.front().stage == Stage::kReady;
      ProcessedFrame item = std::move(slots_.front().item);
      slots_.pop_front();
      changed_.notify_all();
      if (!ready) dropped.insert(item.frame.input);
      if (dropped.contains(item.frame.input)) continue;
      WithoutLock(lock, [&] { finish(std::move(item)); });
    }
  }

  // What there is to take, asked with the lock held

  Slot* First(Stage stage) {
    const auto found = std::ranges::find(slots_, stage, &Slot::stage);
    return found == slots_.end() ? nullptr : &*found;
  }

  /// Rendering first: it makes room.
  Slot* NextForWorker() {
    Slot* slot = First(Stage::kConcluded);
    return slot != nullptr || stopping_ ? slot : First(Stage::kFed);
  }

  /// Prepared frames of the size of the oldest one: as many as make a batch; fewer where no more can come.
  std::vector<Slot*> NextBatch() {
    if (stopping_) return {};
    const auto size_of = [](const Slot& slot) {
      return Size{slot.prepared->batch.height, slot.prepared->batch.width};
    };
    std::vector<Slot*> batch;
    bool more_may_come = !all_fed_ && slots_.size() < Capacity();
    for (Slot& slot : slots_) {
      if (slot.stage == Stage::kFed || slot.stage == Stage::kPreparing) more_may_come = true;
      if (slot.stage != Stage::kPrepared) continue;
      if (!batch.empty() && size_of(slot) != size_of(*batch.front())) continue;
      batch.push_back(&slot);
      if (static_cast<std::int64_t>(batch.size()) == options_.batch) return batch;
    }
    if (options_.patient && more_may_come) return {};
    return batch;
  }

  /// Done, or dropped because the run is to stop.
  bool FrontCanLeave() const {
    if (slots_.empty()) return false;
    const Stage stage = slots_.front().stage;
    return stage == Stage::kReady || (stopping_ && (stage == Stage::kFed || stage == Stage::kPrepared));
  }

  /// Enough for every thread to have its next piece of work waiting, and for batches of a size to be found
  /// among pictures of several.
  std::size_t Capacity() const {
    return static_cast<std::size_t>(3 * options_.batch) + 2 * static_cast<std::size_t>(options_.workers) + 1;
  }

  const std::vector<Input>& inputs_;
  const Detector& detector_;
  FrameFeed& feed_;
  const PipelineOptions& options_;
  const Pipeline::Render& render_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Slot> slots_;  // slots keep their place in memory while others come and go at the ends
  bool all_fed_ = false;
  bool stopping_ = false;  // nothing new is begun
  bool over_ = false;      // threads end
  std::exception_ptr failure_;
};

}  // namespace

void Pipeline::Run(const Finish& finish, const std::function<bool()>& stopped) {
  Window(inputs_, detector_, feed_, options_, render_).Run(finish, stopped);
}

}  // namespace roost::yolo
