#include "yolo/train/train_module.h"

#include <memory>
#include <string>
#include <utility>

#include "roost/base/process.h"
#include "yolo/engine/torch_device.h"
#include "yolo/train/launch.h"
#include "yolo/train/process_group_gloo.h"
#include "yolo/train/rank.h"
#include "yolo/train/train_run.h"

namespace roost::yolo {
namespace {

/// Either starts the processes that are to train, or is one of them.
int Run(const TrainRequest& request) {
  return Guarded("while training", [&] {
    EndWithLauncher();
    const Rank rank = RankFrom(CurrentEnvironment());
    const bool alone = rank.told_by.empty();
    const auto to_start = alone ? static_cast<int>(request.nproc) : rank.start_here;
    if (to_start > 1) return Launch({.argv = request.argv, .processes = to_start, .first = rank});

    const std::unique_ptr<ProcessGroup> group = rank.world > 1 ? JoinProcessGroup(rank) : nullptr;
    TrainOptions options = request.options;
    if (group != nullptr && options.device.empty() && at::hasCUDA()) {
      options.device = std::to_string(rank.local_rank % at::getNumGPUs());
    }
    StopSignals signals;
    return RunTraining(std::move(options), {.terminal = request.terminal,
                                            .json = request.json,
                                            .stop_requested = [&] { return signals.Next() != 0; },
                                            .group = group.get()});
  });
}

}  // namespace
}  // namespace roost::yolo

extern "C" __attribute__((visibility("default")))
const roost::yolo::TrainModule roost_train_module = {ROOST_VERSION, roost::yolo::Run};
