#pragma once

#include <cstdlib>

#include <ATen/Parallel.h>
#include <sched.h>

namespace roost::yolo {

/// EngineOptions::threads. LibTorch's own default counts cores by a library of its own, which sees one where
/// a virtual machine has two.
inline void SetTorchThreads(int threads) {
  if (threads == 0 && std::getenv("OMP_NUM_THREADS") != nullptr) return;  // LibTorch follows it
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (threads == 0 && ::sched_getaffinity(0, sizeof cpus, &cpus) == 0) threads = CPU_COUNT(&cpus);
  if (threads > 0) at::set_num_threads(threads);
}

}  // namespace roost::yolo
