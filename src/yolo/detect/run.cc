#include "yolo/detect/run.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "yolo/detect/render.h"
#include "yolo/detect/results.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

std::uint64_t SizeOfFile(const Input& input) {
  std::error_code error;  // a stream, or a file that is gone
  const std::uintmax_t size = fs::file_size(input.path, error);
  return error ? 0 : size;
}

/// Where each of `some` is in `all`, which holds them in the same order.
std::vector<std::size_t> PlacesIn(const std::vector<Input>& all, const std::vector<Input>& some) {
  std::vector<std::size_t> places;
  std::size_t place = 0;
  for (const Input& input : some) {
    while (all.at(place).key != input.key || all.at(place).path.filename() != input.path.filename()) ++place;
    places.push_back(place++);
  }
  return places;
}

/// One run: where frames come out of the pipeline.
class Run {
 public:
  Run(const std::vector<Input>& inputs, std::vector<std::optional<InputRecord>> finished,
      const std::vector<Input>& all, const Detector& detector, const OutputOptions& output,
      Manifest& manifest, Reporter& reporter)
      : inputs_(inputs),
        all_(all),
        keys_(InputKeys(inputs)),
        detector_(detector),
        output_(output),
        manifest_(manifest),
        reporter_(reporter) {
    result_.records = std::move(finished);
    result_.summary.inputs = inputs.size();
    const std::vector<std::size_t> places_in_all = PlacesIn(all, inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (result_.records[i]) {
        ++result_.summary.finished_before;
      } else {
        todo_.push_back(inputs[i]);
        place_.push_back(i);
        place_in_all_.push_back(places_in_all[i]);
      }
    }
    result_.summary.left = todo_.size();
  }

  RunResult Execute(const RunOptions& options, const std::function<int()>& stop_signal) {
    const auto start = std::chrono::steady_clock::now();
    RunSummary& summary = result_.summary;
    viewer_ = options.viewer;
    const auto stopped = [&] {
      summary.stopped_by_signal = user_quit_ ? SIGINT : stop_signal();
      summary.out_of_time = options.max_time && std::chrono::steady_clock::now() - start >= *options.max_time;
      return summary.stopped();
    };

    ResultWriter writer(todo_, place_in_all_, all_, detector_.traits(), output_, manifest_, result_.records);
    writer_ = &writer;
    const Renderer renderer(todo_, detector_.traits(), output_);
    if (std::ranges::any_of(todo_, [](const Input& input) { return input.kind != Input::Kind::kImage; })) {
      PrepareVideo();  // before there are threads
    }
    const auto feed = OpenFeed(todo_, options.feed);
    Pipeline pipeline(todo_, detector_, *feed, options.pipeline,
                      [&](ProcessedFrame& item) { return renderer.Render(item); });
    pipeline.Run([&](ProcessedFrame item) { Finish(std::move(item)); }, stopped);
    // Of a live stream there is no end to wait for: what was seen of it is its result.
    const bool interrupted = !live_.empty();
    for (const std::size_t input : live_) Close(input);

    summary.wall = std::chrono::steady_clock::now() - start;
    if (summary.left == 0 && !interrupted) summary.stopped_by_signal = 0, summary.out_of_time = false;
    if (output_.save_pictures || output_.save_labels) summary.saved_to = output_.folder;
    if (output_.save_labels) summary.label_files = writer.labels().CountFiles();
    reporter_.Finished(summary, detector_.traits().input);
    return std::move(result_);
  }

 private:
  void Finish(ProcessedFrame item) {
    const std::size_t input = item.frame.input;
    if (given_up_.contains(input)) return;  // later frames of a video
    const InputPlace place{todo_[input], place_[input] + 1, inputs_.size()};
    if (item.findings) Write(item, place.input.path);
    if (item.findings && !item.frame.error) {
      reporter_.Detected(place, item, detector_.traits());
      if (viewer_ != nullptr && !viewer_->Show(place.input.path, *item.frame.image)) user_quit_ = true;
      result_.summary.times += item.times;
      ++result_.summary.detected;
      // A recording that is played as a stream has an end, and is done when it is reached.
      if (place.input.kind == Input::Kind::kStream && item.frame.video.frames == 0) live_.insert(input);
    }
    if (item.frame.error) {
      GiveUp(place, input, *item.frame.error);
    } else if (item.frame.last) {
      Close(input);
    }
    if (item.frame.last || item.frame.error) live_.erase(input);
  }

  /// Output that cannot be written ends the run, unless it is for a fault of this one input.
  void Write(ProcessedFrame& item, const Path& path) {
    try {
      Timed(item.times.write, [&] { writer_->Write(item); });
    } catch (const Error& error) {
      if (error.code() != ExitCode::kBadData) throw;
      item.frame.error = Error("cannot use '" + path.string() + "': " + error.message(), error.code());
    }
  }

  void Close(std::size_t input) {
    Note(input, writer_->Close(input));
    ++result_.summary.finished;
  }

  void GiveUp(const InputPlace& place, std::size_t input, const Error& why) {
    given_up_.insert(input);
    reporter_.Unusable(place, why.message());
    result_.summary.unusable.push_back(why.message());
    writer_->GiveUp(input);
    Note(input, {.unusable = why.message()});
  }

  void Note(std::size_t input, InputRecord record) {
    record.input = keys_[place_[input]];
    record.size = SizeOfFile(todo_[input]);
    manifest_.Add(record);
    if (!result_.records[place_[input]]) --result_.summary.left;
    result_.records[place_[input]] = std::move(record);
  }

  const std::vector<Input>& inputs_;
  const std::vector<Input>& all_;
  const std::vector<std::string> keys_;
  const Detector& detector_;
  const OutputOptions& output_;
  Manifest& manifest_;
  Reporter& reporter_;

  std::vector<Input> todo_;
  std::vector<std::size_t> place_;         ///< of each of `todo_` in `inputs_`
  std::vector<std::size_t> place_in_all_;  ///< ... and in `all_`
  ResultWriter* writer_ = nullptr;
  Viewer* viewer_ = nullptr;
  bool user_quit_ = false;          ///< pressed q in a window
  std::set<std::size_t> live_;      ///< streams under way that have no end
  std::set<std::size_t> given_up_;  ///< inputs that could not be used
  RunResult result_;
};

}  // namespace

std::vector<std::string> InputKeys(const std::vector<Input>& inputs) {
  const Path here = fs::current_path();
  std::vector<std::string> keys;
  keys.reserve(inputs.size());
  for (const Input& input : inputs) {
    // Addresses may differ in what is not shown of them; their keys do, too.
    keys.push_back(input.origin.empty() ? InputKey(input.path, here) : input.key);
  }
  return keys;
}

std::vector<std::optional<InputRecord>> FinishedBefore(const std::vector<Input>& inputs,
                                                       const OutputOptions& output,
                                                       const Manifest& manifest) {
  std::map<std::string, const InputRecord*> by_key;
  for (const InputRecord& record : manifest.finished()) by_key[record.input] = &record;

  const std::vector<std::string> keys = InputKeys(inputs);
  std::vector<std::optional<InputRecord>> records(inputs.size());
  std::set<Path> unfinished;  // stems of label files
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto found = by_key.find(keys[i]);
    // A stream goes on when it is looked at again.
    const bool finished = inputs[i].kind != Input::Kind::kStream && found != by_key.end() &&
                          found->second->unusable.empty() && found->second->size == SizeOfFile(inputs[i]);
    if (finished) {
      records[i] = *found->second;
    } else {
      unfinished.insert(LabelStem(inputs[i], 0));
    }
  }
  for (std::size_t i = 0; output.save_labels && i < inputs.size(); ++i) {
    if (unfinished.contains(LabelStem(inputs[i], 0))) records[i].reset();
  }
  return records;
}

RunResult RunDetection(const std::vector<Input>& inputs, std::vector<std::optional<InputRecord>> finished,
                       const Detector& detector, const OutputOptions& output, const RunOptions& options,
                       Manifest& manifest, Reporter& reporter, const std::function<int()>& stop_signal) {
  const std::vector<Input>& all = options.all_shards != nullptr ? *options.all_shards : inputs;
  return Run(inputs, std::move(finished), all, detector, output, manifest, reporter)
      .Execute(options, stop_signal);
}

}  // namespace roost::yolo
