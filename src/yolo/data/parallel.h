#pragma once

#include <cstddef>
#include <functional>

namespace roost::yolo {

/// `asked`, or, where that is 0, a thread per CPU that this process may use, but not more than `most`.
int WorkerCount(int asked, int most = 16);

/// Calls `work` with 0, 1, ... count - 1, on `workers` threads, in about this order. Throws what the first
/// call to fail threw, after the threads have ended.
void ParallelFor(std::size_t count, int workers, const std::function<void(std::size_t)>& work);

}  // namespace roost::yolo
