#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "roost/base/shared_module.h"
#include "roost/yolo/engine.h"
#include "yolo/engine/engine_module.h"

namespace roost::yolo {
namespace {

constexpr std::array<std::string_view, 1> kEngines = {"torch"};

const EngineModule& OpenModule(const std::string& name) {
  return *static_cast<const EngineModule*>(OpenSharedModule({.file = "roost_engine_" + name + ".so",
                                                             .what = "the engine '" + name + "'",
                                                             .symbol = kEngineModuleSymbol}));
}

}  // namespace

std::shared_ptr<const Engine> OpenEngine(const std::string& name, const Graph& graph,
                                         const EngineOptions& options) {
  if (std::ranges::find(kEngines, name) == kEngines.end()) {
    throw Error("unknown engine '" + name + "'", ExitCode::kUsage, "the engines are: torch");
  }
  const EngineModule& module = OpenModule(name);
  return module.open(options.optimize ? Optimize(graph) : graph, options);
}

}  // namespace roost::yolo
