#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/ATen.h>

namespace roost::yolo {

/// The processes that train one model together. All of them make the same calls in the same order; each call
/// returns when all have made it. Used from one thread. All throw Error (try again) where another process is
/// gone or does not come: none waits for ever.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual std::int64_t rank() const = 0;
  virtual std::int64_t world() const = 0;
  /// `tensor` becomes its sum over the processes, in place. They give one shape and type.
  virtual void AllReduceSum(at::Tensor& tensor) = 0;
  /// `tensor` becomes that of process `root`, in place.
  virtual void Broadcast(at::Tensor& tensor, std::int64_t root) = 0;
  /// Returns when every process has called it.
  virtual void Barrier() = 0;
};

/// Of a process alone: what it gives is what it gets.
std::unique_ptr<ProcessGroup> SingleProcess();

/// AllReduceSum() of many tensors of one type and device at once: far fewer messages.
void AllReduceSum(ProcessGroup& group, std::span<at::Tensor> tensors);

/// The texts of all processes, by rank.
std::vector<std::string> AllGather(ProcessGroup& group, const std::string& text);

}  // namespace roost::yolo
