#pragma once

#include <memory>
#include <string>

#include "roost/base/shared_module.h"
#include "roost/yolo/engine.h"
#include "yolo/engine/torchscript.h"

namespace roost::yolo {

/// What the shared module of an engine, roost_engine_<name>.so, offers under the name kSymbol. C++ values
/// pass through it, so program and module must come from one build: `version` is compared before anything
/// else is touched.
struct EngineModule {
  static constexpr const char* kSymbol = "roost_engine_module";
  const char* version;
  /// Throws Error only.
  std::shared_ptr<const Engine> (*open)(const Graph& graph, const EngineOptions& options);
};

/// What a module that runs TorchScript files offers.
struct ScriptModule {
  static constexpr const char* kSymbol = "roost_script_module";
  const char* version;
  /// Throws Error only.
  Script (*open)(const ScriptInfo& info, const EngineOptions& options);
};

/// Opens the module of the engine called `name`, for good. Throws Error where there is none, or one of
/// another version.
template <typename Module>
const Module& LoadEngineModule(const std::string& name) {
  return *static_cast<const Module*>(OpenSharedModule({.file = "roost_engine_" + name + ".so",
                                                       .what = "the engine '" + name + "'",
                                                       .symbol = Module::kSymbol}));
}

}  // namespace roost::yolo
