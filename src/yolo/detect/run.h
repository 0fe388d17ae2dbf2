#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "roost/yolo/detector.h"
#include "yolo/detect/frames.h"
#include "yolo/detect/manifest.h"
#include "yolo/detect/output.h"
#include "yolo/detect/pipeline.h"
#include "yolo/detect/reporter.h"
#include "yolo/detect/sources.h"
#include "yolo/image/viewer.h"

namespace roost::yolo {

struct RunOptions {
  PipelineOptions pipeline;
  FeedOptions feed;
  /// The inputs of all shards, in order, where `inputs` are those of one: names of cut-outs follow from them.
  const std::vector<Input>* all_shards = nullptr;
  Viewer* viewer = nullptr;                               ///< --view-img
  std::optional<std::chrono::duration<double>> max_time;  ///< from when the run begins
};

/// What a run did, input by input.
struct RunResult {
  RunSummary summary;
  /// Of each input, in their order, also those that an earlier process finished; nothing of one that is left.
  std::vector<std::optional<InputRecord>> records;
};

/// The keys of inputs in a manifest: see InputKey().
std::vector<std::string> InputKeys(const std::vector<Input>& inputs);

/// For each input the record of the process that finished it, if any. Inputs that share a label file are done
/// together or not at all: of a file that is half there nobody knows whose lines it holds.
std::vector<std::optional<InputRecord>> FinishedBefore(const std::vector<Input>& inputs,
                                                       const OutputOptions& output, const Manifest& manifest);

/// Detects on every input that is not `finished` (see FinishedBefore()), writes what `output` asks for, and
/// notes each input in the manifest when all its files are there. An input that cannot be used is told,
/// counted and passed over, and results that an earlier run left for it are removed; output that cannot be
/// written ends the run (Error). Asks `stop_signal` between inputs and ends early when it answers a signal
/// number.
RunResult RunDetection(const std::vector<Input>& inputs, std::vector<std::optional<InputRecord>> finished,
                       const Detector& detector, const OutputOptions& output, const RunOptions& options,
                       Manifest& manifest, Reporter& reporter, const std::function<int()>& stop_signal);

}  // namespace roost::yolo
