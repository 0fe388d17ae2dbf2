#pragma once

#include <functional>
#include <memory>
#include <string>

#include "roost/yolo/detector.h"
#include "roost/yolo/engine.h"

namespace roost::yolo {

/// A model that was read and checked; no engine is loaded yet.
struct Model {
  ModelTraits traits;
  /// "yolov5n.pt: 213 layers, 1867405 parameters, 80 classes"; a line for each file of weights.
  std::vector<std::string> summary;
  /// Opens the engine for it, once: takes the network with it.
  std::function<std::shared_ptr<const Engine>(const EngineOptions&)> open;
};

/// Reads what `options` name and makes sure that it can run on pictures of their size, so that whatever is
/// wrong with weights is found before an engine, which is slow to load, is opened. Throws Error.
Model ReadModel(const DetectorOptions& options);

}  // namespace roost::yolo
