#pragma once

#include <memory>

#include "roost/yolo/engine.h"
#include "yolo/engine/torchscript.h"

namespace roost::yolo {

/// What the shared module of an engine, roost_engine_<name>.so, offers under the name "roost_engine_module".
struct EngineModule {
  const char* version;
  /// Throws Error only.
  std::shared_ptr<const Engine> (*open)(const Graph& graph, const EngineOptions& options);
};

inline constexpr const char* kEngineModuleSymbol = "roost_engine_module";

/// What roost_engine_torchscript.so, which runs programs instead of graphs, offers.
struct ScriptModule {
  const char* version;
  /// Throws Error only.
  Script (*open)(const ScriptInfo& info, const EngineOptions& options);
};

inline constexpr const char* kScriptModuleSymbol = "roost_script_module";

}  // namespace roost::yolo
