#pragma once

#include <string>

namespace roost {

/// A part of Roost that programs open only when they need it, because the libraries behind it are slow to
/// load: a shared object in lib/roost.
struct SharedModule {
  std::string file;    ///< "roost_engine_torch.so"
  std::string what;    ///< for messages: "the engine 'torch'"
  const char* symbol;  ///< of a struct whose first member is `const char* version`, the ROOST_VERSION
};

/// Opens it, for good, and returns the address of its symbol. It is searched in $ROOST_ENGINE_DIR where that
/// is set, else in lib/roost beside the running program's bin, else in the run path of the program. C++
/// values pass through such a struct, so program and module must come from one build. Throws Error where
/// there is no module of this version.
const void* OpenSharedModule(const SharedModule& module);

}  // namespace roost
