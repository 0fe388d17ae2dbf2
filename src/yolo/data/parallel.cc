#include "yolo/data/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <sched.h>

namespace roost::yolo {

int WorkerCount(int asked, int most) {
  if (asked > 0) return asked;
  cpu_set_t cpus;  // those that this process may use: a slot of a batch system has some of the machine's
  CPU_ZERO(&cpus);
  return ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? std::clamp(CPU_COUNT(&cpus), 1, most) : 1;
}

void ParallelFor(std::size_t count, int workers, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t others = std::min(count, static_cast<std::size_t>(std::max(workers, 1)));
    for (std::size_t i = 1; i < others; ++i) threads.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace roost::yolo
