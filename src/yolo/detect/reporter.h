#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/base/terminal.h"
#include "roost/yolo/detector.h"
#include "yolo/detect/pipeline.h"
#include "yolo/detect/sources.h"
#include "yolo/detect/stage_times.h"

namespace roost::yolo {

/// What a run did.
struct RunSummary {
  std::size_t inputs = 0;           ///< all that were asked for
  std::size_t finished_before = 0;  ///< of them by an earlier process, where the run was resumed
  std::size_t finished = 0;         ///< by this process
  std::size_t left = 0;             ///< nobody has done them yet
  std::size_t detected = 0;         ///< pictures and frames that went all the way
  StageTimes times;                 ///< of all of them together
  Milliseconds wall{0};
  std::vector<std::string> unusable;       ///< one sentence for each input that could not be used
  std::optional<Path> saved_to;            ///< the output folder, where anything was to be saved
  std::optional<std::size_t> label_files;  ///< in its folder of labels, where labels were to be saved
  int stopped_by_signal = 0;               ///< 0 = not stopped
  bool out_of_time = false;                ///< --max-time

  bool stopped() const { return stopped_by_signal != 0 || out_of_time; }
};

/// "4 persons, 1 bus, ": how often each class was found, by class id, with detect.py's plural (an s).
std::string CountClasses(const std::vector<Detection>& detections, const std::vector<std::string>& names);

/// The name of a class; "class7" where the model names fewer classes than it has.
std::string ClassName(const std::vector<std::string>& names, std::int64_t class_id);

/// Which input a line is about.
struct InputPlace {
  const Input& input;
  std::size_t number = 0;  ///< counts from 1
  std::size_t total = 0;
};

struct ReporterOptions {
  bool quiet = false;    ///< say only what goes wrong
  bool profile = false;  ///< at the end, where the time went
};

/// Tells a person what happens, in detect.py's words; and a script, as JSON lines, where it is given a stream
/// for them.
class Reporter {
 public:
  Reporter(std::ostream& out, Terminal terminal, ReporterOptions options, std::ostream* json = nullptr)
      : out_(&out), terminal_(terminal), options_(options), json_(json) {}

  void Say(const std::string& line);
  void Warn(const std::string& line);

  /// "image 3/91 /path/x.jpg: 480x640 1 bowl, 58.1ms", "video 1/1 (3/12) /path/x.mp4: ...".
  void Detected(const InputPlace& place, const ProcessedFrame& item, const ModelTraits& traits);
  /// "image 3/91: cannot decode '/path/x.jpg': the file is empty": `why` is a sentence that names the file.
  void Unusable(const InputPlace& place, const std::string& why);

  /// Mean times per picture, where the results are, and again the inputs that could not be used.
  void Finished(const RunSummary& summary, Size network);
  /// The last line on the JSON stream: where the results are.
  void Folder(const Path& folder, int exit_code);

 private:
  void Write(const std::string& line);
  void Profile(const RunSummary& summary);
  std::ostream* out_;
  Terminal terminal_;
  ReporterOptions options_;
  std::ostream* json_;
};

}  // namespace roost::yolo
