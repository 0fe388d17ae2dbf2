#include "yolo/train/train_module.h"

#include <chrono>
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
    const bool alone = rank.world == 1 && rank.start_here == 1;
    const auto to_start = alone ? static_cast<int>(request.nproc) : rank.start_here;
    if (to_start > 1) {
      return Launch({.argv = request.argv, .processes = to_start, .first = alone ? Rank() : rank});
    }

    // The others wait while the first one measures, which may take hours. Of one that dies they hear at once.
    constexpr std::chrono::hours kPatience{24};
    const std::unique_ptr<ProcessGroup> group =
        rank.world > 1 ? JoinProcessGroup(rank, {.call_timeout = kPatience}) : nullptr;
    TrainOptions options = request.options;
    if (group != nullptr && options.device.empty() && at::hasCUDA()) {
      options.device = std::to_string(rank.local_rank % at::getNumGPUs());
    }
    StopSignals signals;
    bool stop = false;
    return RunTraining(std::move(options),
                       {.terminal = request.terminal,
                        .json = request.json,
                        .given = request.given,
                        .stop_requested = [&] { return stop = stop || signals.Next() != 0; },
                        .group = group.get()});
  });
}

}  // namespace
}  // namespace roost::yolo

extern "C" __attribute__((visibility("default")))
const roost::yolo::TrainModule roost_train_module = {ROOST_VERSION, roost::yolo::Run};
