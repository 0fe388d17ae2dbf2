#include "yolo/train/train_module.h"

#include "yolo/engine/torch_device.h"

namespace roost::yolo {
namespace {

int Run(const TrainOptions& options, const TrainRunContext& context) {
  return Guarded("while training", [&] { return RunTraining(options, context); });
}

}  // namespace
}  // namespace roost::yolo

extern "C" __attribute__((visibility("default")))
const roost::yolo::TrainModule roost_train_module = {ROOST_VERSION, roost::yolo::Run};
