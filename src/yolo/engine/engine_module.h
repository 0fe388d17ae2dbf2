#pragma once

#include <memory>

#include "roost/yolo/engine.h"

namespace roost::yolo {

/// What the shared module of an engine, roost_engine_<name>.so, offers under the name "roost_engine_module".
/// C++ values pass through it, so program and module must come from one build: `version` is compared before
/// anything else is touched.
struct EngineModule {
  const char* version;
  /// Throws Error only.
  std::shared_ptr<const Engine> (*open)(const Graph& graph, const EngineOptions& options);
};

inline constexpr const char* kEngineModuleSymbol = "roost_engine_module";

}  // namespace roost::yolo
