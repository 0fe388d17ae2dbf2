#pragma once

#include <cstdint>

#include "yolo/train/torch_headers.h"

namespace roost::yolo {

/// The processes that train one model together. Every process calls the same functions in the same order.
/// Throws Error where a peer is gone.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual std::int64_t rank() const = 0;
  virtual std::int64_t world() const = 0;
  /// `tensor` becomes its sum over the processes, in place.
  virtual void AllReduceSum(at::Tensor& tensor) = 0;
  /// `tensor` becomes that of process `root`, in place.
  virtual void Broadcast(at::Tensor& tensor, std::int64_t root) = 0;
  /// Returns when every process has called it.
  virtual void Barrier() = 0;
};

}  // namespace roost::yolo
