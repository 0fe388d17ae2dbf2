#include "roost/base/shared_module.h"

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include <dlfcn.h>

#include "roost/base/error.h"
#include "roost/base/files.h"

namespace roost {
namespace {

/// Where to look, in this order. No folder at the end: dlopen() searches the run path of the program, which
/// is where programs of others that use the library have it.
std::vector<Path> ModuleFolders() {
  if (const char* folder = std::getenv("ROOST_ENGINE_DIR"); folder != nullptr && *folder != '\0')
    return {folder};
  const Path prefix = ExecutableDirectory() / "..";
  return {(prefix / "lib" / "roost").lexically_normal(),
          (prefix / ROOST_INSTALL_LIBDIR / "roost").lexically_normal(), ""};
}

Error NotFound(const SharedModule& module) {
  return Error(
      "cannot find " + module.what + ": no " + module.file + " in " + ModuleFolders().front().string(),
      ExitCode::kFailed, "install Roost completely, or set ROOST_ENGINE_DIR to the folder of that file");
}

Path Find(const SharedModule& module) {
  for (const Path& folder : ModuleFolders()) {
    std::error_code ignored;
    if (folder.empty() || std::filesystem::exists(folder / module.file, ignored)) return folder / module.file;
  }
  throw NotFound(module);
}

}  // namespace

const void* OpenSharedModule(const SharedModule& module) {
  const Path path = Find(module);
  // For good: what it leaves behind in the process (threads, registries) needs its code.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* error = ::dlerror();
    const std::string_view why = error != nullptr ? error : "unknown reason";
    if (why.starts_with(module.file + ": cannot open shared object")) throw NotFound(module);
    throw Error("cannot open " + module.what + " ('" + path.string() + "'): " + std::string(why));
  }
  const void* symbol = ::dlsym(library, module.symbol);
  if (symbol == nullptr || std::strcmp(*static_cast<const char* const*>(symbol), ROOST_VERSION) != 0) {
    throw Error("'" + path.string() + "' is not of this version of Roost (" ROOST_VERSION ")",
                ExitCode::kFailed, "install program and modules from one build");
  }
  return symbol;
}

}  // namespace roost
