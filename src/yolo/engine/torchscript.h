#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/detection.h"
#include "roost/yolo/engine.h"

namespace roost::yolo {

/// The pictures that a program was recorded with.
struct TracedInput {
  std::int64_t batch = 1;
  Size size;
  bool operator==(const TracedInput&) const = default;
};

/// What a TorchScript export (export.py --include torchscript) says of itself.
struct ScriptInfo {
  Path file;
  Task task = Task::kDetect;       ///< by the classes of its program; OpenScript() looks at what it gives
  std::vector<std::string> names;  ///< by class id; empty where the file does not say
  std::int64_t stride = 32;
  std::optional<TracedInput> traced;  ///< from extra/config.txt
  bool dynamic = false;               ///< the program makes its grid itself, so it takes any size

  /// What it runs on and nothing else: the reference gives it whole rectangles of this size, never the
  /// smallest that a picture needs. Nothing: any multiple of the stride.
  std::optional<Size> fixed_input() const {
    return traced && !dynamic ? std::optional(traced->size) : std::nullopt;
  }
};

/// Whether `file` is a zip archive with a TorchScript program in it. False for what cannot be read: whoever
/// reads it next says why.
bool IsTorchScript(const Path& file);

/// Reads the container and extra/config.txt, checks every checksum. Executes nothing and needs no LibTorch.
/// Throws Error (bad data, no input).
ScriptInfo ReadScriptInfo(const Path& file);

/// A TorchScript export ready to run.
struct Script {
  std::shared_ptr<const Engine> engine;
  Task task = Task::kDetect;
  std::int64_t classes = 0;
  std::int64_t masks = 0;  ///< mask coefficients of a row; 0 unless segmentation
};

/// Opens an export with LibTorch's interpreter, and runs it once on a black picture to see what it gives.
///
/// Unlike a .pt file, which is only read, a TorchScript file IS a program: it can read and write files with
/// LibTorch's own operations, or never end. Open only what you would also run.
///
/// The engine takes batches of any number of pictures: where the export is for a fixed number they run in
/// pieces. Throws Error: a damaged file, a program that is no YOLOv5 model (bad data), and what OpenEngine
/// throws.
Script OpenScript(const ScriptInfo& info, const EngineOptions& options);

}  // namespace roost::yolo
