#pragma once

#include <memory>

#include "yolo/image/viewer.h"

namespace roost::yolo {

/// What the shared module roost_viewer.so offers under the name "roost_viewer_module"
/// (roost/base/shared_module.h).
struct ViewerModule {
  const char* version;
  /// Opens a window and closes it again. Throws Error, or ends the process, where there can be none.
  void (*probe)();
  std::unique_ptr<Viewer> (*open)();
};

inline constexpr const char* kViewerModuleSymbol = "roost_viewer_module";

}  // namespace roost::yolo
