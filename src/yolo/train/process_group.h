#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "yolo/train/rank.h"

namespace at {
class Tensor;
}  // namespace at

namespace roost::yolo {

/// The processes that train together. All of them make the same calls in the same order; each call returns when
/// all have made it. Used from one thread. All throw Error (try again) where another process is gone or does
/// not come: none waits for ever.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;

  virtual int rank() const = 0;
  virtual int world() const = 0;
  bool IsFirst() const { return rank() == 0; }

  /// In place: the sum of the tensors that all of them gave, which have one shape and type.
  virtual void AllReduceSum(at::Tensor& tensor) = 0;
  /// In place: the tensor of process `root`.
  virtual void Broadcast(at::Tensor& tensor, int root) = 0;
  virtual void Barrier() = 0;
  /// The texts of all, by rank.
  virtual std::vector<std::string> AllGather(const std::string& text) = 0;
};

/// Of a process alone: what it gives is what it gets.
std::unique_ptr<ProcessGroup> SingleProcess();

struct ProcessGroupOptions {
  /// For the others to come.
  std::chrono::milliseconds join_timeout = std::chrono::minutes(5);
  /// For the others to make a call, too: rank 0 may be measuring or saving while they wait.
  std::chrono::milliseconds call_timeout = std::chrono::minutes(30);
  /// NCCL between CUDA devices, where this build has it. CPU tensors cannot be given then.
  bool nccl = false;
};

/// Meets the others: gloo, after a TCP store at `rank.master`. A group of one needs neither. Throws Error (try
/// again) that names the ranks that did not come in time, (failed) where this build lacks the library.
std::unique_ptr<ProcessGroup> JoinProcessGroup(const Rank& rank, const ProcessGroupOptions& options = {});

/// AllReduceSum() of many tensors of one type and device at once: far fewer messages.
void AllReduceSum(ProcessGroup& group, std::span<at::Tensor> tensors);

/// The store through which processes find each other, served by whoever starts them: they cannot race for a
/// port. It lives as long as this object.
class RendezvousServer {
 public:
  /// `port` 0: any that is free. Throws Error (cannot create).
  explicit RendezvousServer(int port = 0);
  ~RendezvousServer();
  RendezvousServer(const RendezvousServer&) = delete;
  RendezvousServer& operator=(const RendezvousServer&) = delete;

  int port() const;

 private:
  struct Store;
  std::unique_ptr<Store> store_;
};

}  // namespace roost::yolo
