#pragma once

#include <chrono>
#include <memory>

#include "yolo/train/process_group.h"
#include "yolo/train/rank.h"

namespace roost::yolo {

struct ProcessGroupOptions {
  /// For the others to come.
  std::chrono::milliseconds join_timeout = std::chrono::minutes(5);
  /// For the others to make a call, too: rank 0 may be measuring or saving while they wait.
  std::chrono::milliseconds call_timeout = std::chrono::minutes(30);
  /// NCCL between CUDA devices, where this build has it. CPU tensors cannot be given then.
  bool nccl = false;
};

/// Meets the others: gloo, after a TCP store at `rank.master`. A group of one needs neither. Throws Error
/// (try again) that names the ranks that did not come in time, (failed) where this build lacks the library.
std::unique_ptr<ProcessGroup> JoinProcessGroup(const Rank& rank, const ProcessGroupOptions& options = {});

}  // namespace roost::yolo
