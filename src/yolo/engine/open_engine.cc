#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "roost/yolo/engine.h"
#include "yolo/engine/engine_module.h"

namespace roost::yolo {
namespace {

constexpr std::array<std::string_view, 1> kEngines = {"torch"};

}  // namespace

std::shared_ptr<const Engine> OpenEngine(const std::string& name, const Graph& graph,
                                         const EngineOptions& options) {
  if (std::ranges::find(kEngines, name) == kEngines.end()) {
    throw Error("unknown engine '" + name + "'", ExitCode::kUsage, "the engines are: torch");
  }
  const auto& module = LoadEngineModule<EngineModule>(name);
  return module.open(options.optimize ? Optimize(graph) : graph, options);
}

}  // namespace roost::yolo
