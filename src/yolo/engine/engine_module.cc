#include "yolo/engine/engine_module.h"

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <dlfcn.h>

#include "roost/base/files.h"

namespace roost::yolo {
namespace {

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

}  // namespace

const void* LoadEngineModule(const std::string& name, const char* symbol) {
  const Path path = FindModule(name);
  // For good: what a module leaves behind in the process (threads, registries) needs its code.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* why = ::dlerror();
    throw Error("cannot open the engine '" + path.string() +
                "': " + (why != nullptr ? why : "unknown reason"));
  }
  const void* table = ::dlsym(library, symbol);
  // Every table begins with its version.
  if (table == nullptr || std::strcmp(*static_cast<const char* const*>(table), ROOST_VERSION) != 0) {
    throw Error("the engine '" + path.string() + "' is not of this version of Roost (" ROOST_VERSION ")",
                ExitCode::kFailed, "install program and engine from one build");
  }
  return table;
}

}  // namespace roost::yolo
