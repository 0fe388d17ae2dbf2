#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "yolo/train/rank.h"

namespace roost::yolo {

/// A program that is to run in several processes on this host.
struct LaunchOptions {
  std::vector<std::string> argv;
  int processes = 1;
  /// The first one is `first.rank` of `first.world`, where they are part of more; else leave it as it is.
  Rank first;
  /// How long processes may take to end after another one failed, before they are killed.
  std::chrono::milliseconds grace = std::chrono::seconds(10);
};

/// Runs the processes to their end, each with RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and
/// MASTER_PORT in its environment, as torchrun would start them, and its share of the cores in
/// OMP_NUM_THREADS (unless that is set). What the first one prints is seen. If one fails the others are
/// ended, and it is told which one it was, how it ended, and the last it said. SIGINT, SIGTERM and the like
/// go on to all of them.
///
/// Returns the exit status of the one that failed first (128 + signal where it was killed); 0 where none did.
/// Holds StopSignals: once in a program's life. Throws Error (failed, cannot create) where nothing was
/// started.
int Launch(const LaunchOptions& options);

/// Called first in a program that Launch() may have started: if its parent is gone, be it killed, it gets a
/// SIGTERM.
void EndWithLauncher();

}  // namespace roost::yolo
