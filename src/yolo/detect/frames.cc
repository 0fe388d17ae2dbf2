#include "yolo/detect/frames.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace roost::yolo {
namespace {

using Picture = std::optional<Image>;

Error CannotUse(const std::string& name, const std::string& why) {
  return Error("cannot use '" + name + "': " + why, ExitCode::kBadData);
}

/// The last of the next `stride` frames, as the reference reads it.
Result<Picture> ReadStrided(VideoReader& reader, std::int64_t stride) {
  for (std::int64_t i = 1; i < stride; ++i) {
    if (!reader.Skip()) break;  // Read() says why
  }
  return reader.Read();
}

/// The frames of one video file. One is read ahead, so that the last is known as such.
class VideoFrames {
 public:
  VideoFrames(std::unique_ptr<VideoReader> reader, std::size_t input, std::string name, std::int64_t stride)
      : reader_(std::move(reader)), input_(input), name_(std::move(name)), stride_(stride) {
    ahead_ = ReadStrided(*reader_, stride_);
    if (ahead_ && !*ahead_) {
      ahead_ = CannotUse(name_, "--vid-stride " + std::to_string(stride_) + " passes over all of its frames");
    }
  }

  /// Not to be called again after a Frame that is the last.
  Frame Next() {
    Frame frame{.input = input_, .number = ++number_, .video = reader_->info()};
    if (!ahead_) {
      frame.error = ahead_.error();
      return frame;
    }
    frame.image = std::move(*ahead_);
    ahead_ = ReadStrided(*reader_, stride_);
    frame.last = ahead_ && !*ahead_;
    return frame;
  }

 private:
  std::unique_ptr<VideoReader> reader_;
  std::size_t input_;
  std::string name_;
  std::int64_t stride_;
  std::int64_t number_ = 0;
  Result<Picture> ahead_ = Picture();
};

/// What the threads of streams and their reader share.
struct StreamBoard {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;             ///< guarded by `mutex`, as what follows
  std::deque<std::string> warnings;  ///< not told yet
};

/// One stream and the thread that reads it.
class Stream {
 public:
  Stream(const Input& input, std::size_t index, std::int64_t stride, StreamBoard& board)
      : address_(input.address),
        name_(input.origin),
        index_(index),
        stride_(stride),
        board_(board),
        thread_([this] { Run(); }) {}
  /// The board must have been told to stop.
  ~Stream() { thread_.join(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// The newest frame, or how the stream ended; nothing where there is no news. With the board locked.
  std::optional<Frame> Take() {
    if (!newest_ && (!ended_ || told_end_)) return std::nullopt;
    Frame frame{.input = index_, .number = ++number_, .video = info_};
    if (newest_) {
      frame.image = std::exchange(newest_, std::nullopt);
      frame.last = false;
      board_.changed.notify_all();
    } else {
      frame.error = error_;
      told_end_ = true;
    }
    return frame;
  }

  /// With the board locked.
  bool finished() const { return told_end_; }

 private:
  void Run() {
    std::optional<Error> error;
    try {
      error = ReadAll();
    } catch (const Error& thrown) {
      error = thrown;
    } catch (const std::exception& thrown) {
      error = CannotUse(name_, thrown.what());
    }
    const std::lock_guard lock(board_.mutex);
    error_ = std::move(error);
    ended_ = true;
    board_.changed.notify_all();
  }

  /// Until the end, or until the board says stop. An Error where the stream ended before its time.
  std::optional<Error> ReadAll() {
    auto opened = OpenVideo(address_);
    if (!opened) return opened.error();
    std::unique_ptr<VideoReader> reader = std::move(*opened);
    const bool live = reader->info().frames == 0;
    bool fresh = true;  // nothing came since it was opened
    while (true) {
      auto picture = ReadStrided(*reader, stride_);
      if (picture && *picture) {
        fresh = false;
        if (!Publish(std::move(**picture), reader->info(), live)) return std::nullopt;
        continue;
      }
      if (!live) return picture ? std::nullopt : std::optional(picture.error());
      if (fresh) return CannotUse(name_, "nothing comes from this stream");
      if (!Warn("the stream '" + name_ + "' broke off: opening it again")) return std::nullopt;
      opened = OpenVideo(address_);
      if (!opened) return opened.error();
      reader = std::move(*opened);
      fresh = true;
    }
  }

  /// False when it is time to stop.
  bool Publish(Image picture, const VideoInfo& info, bool live) {
    std::unique_lock lock(board_.mutex);
    if (!live) board_.changed.wait(lock, [&] { return !newest_ || board_.stopping; });
    newest_ = std::move(picture);
    info_ = info;
    board_.changed.notify_all();
    return !board_.stopping;
  }

  bool Warn(std::string text) {
    const std::lock_guard lock(board_.mutex);
    board_.warnings.push_back(std::move(text));
    board_.changed.notify_all();
    return !board_.stopping;
  }

  const std::string address_;
  const std::string name_;
  const std::size_t index_;
  const std::int64_t stride_;
  StreamBoard& board_;
  std::int64_t number_ = 0;
  Picture newest_;  ///< guarded by the board's mutex, as what follows
  VideoInfo info_;
  bool ended_ = false;
  bool told_end_ = false;
  std::optional<Error> error_;
  std::thread thread_;  ///< last: it uses the others
};

/// All streams of a run.
class Streams {
 public:
  Streams(const std::vector<Input>& inputs, const FeedOptions& options) : warn_(options.warn) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].kind != Input::Kind::kStream || !inputs[i].unusable.empty()) continue;
      if (streams_.empty()) PrepareVideo();
      try {
        streams_.push_back(std::make_unique<Stream>(inputs[i], i, options.vid_stride, board_));
      } catch (const std::system_error& error) {  // no more threads
        Stop();
        throw Error("cannot read more than " + std::to_string(streams_.size()) +
                    " streams at once: " + error.code().message());
      }
    }
  }

  ~Streams() { Stop(); }

  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  std::optional<Frame> Next(const std::function<bool()>& stopped) {
    constexpr std::chrono::milliseconds kAskStopped{100};
    std::unique_lock lock(board_.mutex);
    while (!stopped()) {
      TellWarnings(lock);
      bool all_finished = true;
      for (std::size_t i = 0; i < streams_.size(); ++i) {
        Stream& stream = *streams_[(turn_ + i) % streams_.size()];
        if (auto frame = stream.Take()) {
          turn_ = (turn_ + i + 1) % streams_.size();
          return frame;
        }
        all_finished = all_finished && stream.finished();
      }
      if (all_finished) return std::nullopt;
      board_.changed.wait_for(lock, kAskStopped);
    }
    return std::nullopt;
  }

 private:
  void Stop() {
    const std::lock_guard lock(board_.mutex);
    board_.stopping = true;
    board_.changed.notify_all();
  }

  void TellWarnings(std::unique_lock<std::mutex>& lock) {
    while (!board_.warnings.empty()) {
      const std::string text = std::move(board_.warnings.front());
      board_.warnings.pop_front();
      lock.unlock();
      if (warn_) warn_(text);
      lock.lock();
    }
  }

  std::function<void(const std::string&)> warn_;
  StreamBoard board_;
  std::size_t turn_ = 0;                          ///< whose frame comes next
  std::vector<std::unique_ptr<Stream>> streams_;  ///< behind the board, which they use
};

class Feed final : public FrameFeed {
 public:
  Feed(const std::vector<Input>& inputs, FeedOptions options)
      : inputs_(inputs), options_(std::move(options)) {}

  std::optional<Frame> Next(const std::function<bool()>& stopped) override {
    for (; !video_ && next_ < inputs_.size(); ++next_) {
      const Input& input = inputs_[next_];
      if (!input.unusable.empty()) return Failed(CannotUse(input.path.string(), input.unusable));
      if (input.kind == Input::Kind::kImage) return Frame{.input = next_++};
      if (input.kind == Input::Kind::kStream) continue;
      auto reader = OpenVideo(input.path);
      if (!reader) return Failed(reader.error());
      video_.emplace(std::move(*reader), next_, input.path.string(), options_.vid_stride);
      break;
    }
    if (video_) return NextOfVideo();
    if (!streams_) streams_ = std::make_unique<Streams>(inputs_, options_);
    return streams_->Next(stopped);
  }

 private:
  Frame Failed(Error why) { return Frame{.input = next_++, .error = std::move(why)}; }

  Frame NextOfVideo() {
    Frame frame = video_->Next();
    if (frame.last) {
      video_.reset();
      ++next_;
    }
    return frame;
  }

  const std::vector<Input>& inputs_;
  FeedOptions options_;
  std::size_t next_ = 0;              ///< the input that is being read, or is to be
  std::optional<VideoFrames> video_;  ///< of that input
  std::unique_ptr<Streams> streams_;  ///< once everything else has been handed out
};

}  // namespace

std::unique_ptr<FrameFeed> OpenFeed(const std::vector<Input>& inputs, const FeedOptions& options) {
  return std::make_unique<Feed>(inputs, options);
}

}  // namespace roost::yolo
