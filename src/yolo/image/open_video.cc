#include "roost/base/shared_module.h"
#include "roost/yolo/video.h"
#include "yolo/image/video_module.h"

namespace roost::yolo {
namespace {

const VideoModule& OpenModule() {
  const auto* const module = static_cast<const VideoModule*>(OpenSharedModule(
      {.file = "roost_video.so", .what = "the module for videos", .symbol = kVideoModuleSymbol}));
  module->prepare();
  return *module;
}

}  // namespace

void PrepareVideo() { OpenModule(); }

Result<std::unique_ptr<VideoReader>> OpenVideo(const std::string& source) {
  return OpenModule().open(source);
}

std::unique_ptr<VideoWriter> CreateVideo(const Path& path, double fps, Size size) {
  return OpenModule().create(path, fps, size);
}

}  // namespace roost::yolo
