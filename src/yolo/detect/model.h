#pragma once

#include <functional>
#include <memory>
#include <string>

#include "roost/yolo/detector.h"
#include "roost/yolo/engine.h"

namespace roost::yolo {

/// A model that can look at pictures.
struct OpenModel {
  std::shared_ptr<const Engine> engine;
  ModelTraits traits;
};

/// A model that was read and checked; no engine is loaded yet.
struct Model {
  /// Of TorchScript files task, classes and masks are a guess: what they are is seen when they run.
  ModelTraits traits;
  /// "yolov5n.pt: 213 layers, 1867405 parameters, 80 classes"; a line for each file of weights.
  std::vector<std::string> summary;
  std::function<OpenModel(const EngineOptions&)> open;
};

/// Reads what `options` name and makes sure that it can run on pictures of their size, so that whatever is
/// wrong with weights is found before an engine, which is slow to load, is opened. Throws Error.
Model ReadModel(const DetectorOptions& options);

}  // namespace roost::yolo
