#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/base/terminal.h"
#include "roost/yolo/detection.h"
#include "yolo/detect/sources.h"

namespace roost::yolo {

using Milliseconds = std::chrono::duration<double, std::milli>;

/// Time spent on one picture.
struct StageTimes {
  Milliseconds pre_process{0};  ///< letterbox and conversion
  Milliseconds inference{0};
  Milliseconds nms{0};

  StageTimes& operator+=(const StageTimes& other);
};

/// What a run did.
struct RunSummary {
  std::size_t inputs = 0;
  std::size_t detected = 0;                ///< pictures that went all the way
  StageTimes times;                        ///< of all of them together
  std::vector<std::string> unusable;       ///< one sentence for each input that could not be used
  std::optional<Path> saved_to;            ///< the output folder, where anything was to be saved
  std::optional<std::size_t> label_files;  ///< in its folder of labels, where labels were to be saved
  int stopped_by_signal = 0;               ///< 0 = not stopped
};

/// "4 persons, 1 bus, ": how often each class was found, by class id, with detect.py's plural (an s).
std::string CountClasses(const std::vector<Detection>& detections, const std::vector<std::string>& names);

/// The name of a class; "class7" where the model names fewer classes than it has.
std::string ClassName(const std::vector<std::string>& names, std::int64_t class_id);

/// Tells a person what happens, in detect.py's words. `quiet` leaves only what went wrong.
class Reporter {
 public:
  Reporter(std::ostream& out, Terminal terminal, bool quiet)
      : out_(out), terminal_(terminal), quiet_(quiet) {}

  void Say(const std::string& line);
  void Warn(const std::string& line);

  /// "image 3/91 /path/x.jpg: 480x640 1 bowl, 58.1ms". `number` counts from 1.
  void Detected(std::size_t number, std::size_t total, const Path& path, Size network,
                const std::string& counts, Milliseconds inference);
  /// "image 3/91: cannot decode '/path/x.jpg': the file is empty": `why` is a sentence that names the file.
  void Unusable(std::size_t number, std::size_t total, Input::Kind kind, const std::string& why);

  /// Mean times per picture, where the results are, and again the inputs that could not be used.
  void Finished(const RunSummary& summary, Size network);

 private:
  void Write(const std::string& line);
  std::ostream& out_;
  Terminal terminal_;
  bool quiet_;
};

}  // namespace roost::yolo
