#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>

#include "roost/base/files.h"
#include "roost/yolo/engine.h"
#include "yolo/engine/engine_module.h"

namespace roost::yolo {
namespace {

constexpr std::array<std::string_view, 1> kEngines = {"torch"};

std::vector<Path> ModuleFolders() {
  if (const char* folder = std::getenv("ROOST_ENGINE_DIR"); folder != nullptr && *folder != '\0')
    return {folder};
  const Path prefix = ExecutableDirectory() / "..";
  return {(prefix / "lib" / "roost").lexically_normal(),
          (prefix / ROOST_INSTALL_LIBDIR / "roost").lexically_normal()};
}

Path FindModule(const std::string& name) {
  const std::vector<Path> folders = ModuleFolders();
  const std::string file = "roost_engine_" + name + ".so";
  for (const Path& folder : folders) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / file, ignored)) return folder / file;
  }
  throw Error("cannot find the engine '" + name + "': no " + file + " in " + folders.front().string(),
              ExitCode::kFailed,
              "install Roost completely, or set ROOST_ENGINE_DIR to the folder of that file");
}

/// Opens the module, for good: what it leaves behind in the process (threads, registries) needs its code.
const EngineModule& OpenModule(const Path& path) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* why = ::dlerror();
    throw Error("cannot open the engine '" + path.string() +
                "': " + (why != nullptr ? why : "unknown reason"));
  }
  const auto* module = static_cast<const EngineModule*>(::dlsym(library, kEngineModuleSymbol));
  if (module == nullptr || std::strcmp(module->version, ROOST_VERSION) != 0) {
    throw Error("the engine '" + path.string() + "' is not of this version of Roost (" ROOST_VERSION ")",
                ExitCode::kFailed, "install program and engine from one build");
  }
  return *module;
}

}  // namespace

std::shared_ptr<const Engine> OpenEngine(const std::string& name, const Graph& graph,
                                         const EngineOptions& options) {
  if (std::ranges::find(kEngines, name) == kEngines.end()) {
    throw Error("unknown engine '" + name + "'", ExitCode::kUsage, "the engines are: torch");
  }
  const EngineModule& module = OpenModule(FindModule(name));
  return module.open(options.optimize ? Optimize(graph) : graph, options);
}

}  // namespace roost::yolo
