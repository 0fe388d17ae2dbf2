#pragma once

#include <memory>
#include <string>

#include "roost/yolo/video.h"

namespace roost::yolo {

/// What the shared module roost_video.so offers under the name "roost_video_module"
/// (roost/base/shared_module.h).
struct VideoModule {
  const char* version;
  /// Once before the others; again does no harm.
  void (*prepare)();
  Result<std::unique_ptr<VideoReader>> (*open)(const std::string& source);
  /// Throws Error only.
  std::unique_ptr<VideoWriter> (*create)(const Path& path, double fps, Size size);
};

inline constexpr const char* kVideoModuleSymbol = "roost_video_module";

}  // namespace roost::yolo
