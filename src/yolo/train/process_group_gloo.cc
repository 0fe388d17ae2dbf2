#include "yolo/train/process_group_gloo.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>

#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

#ifdef USE_C10D_GLOO

using Milliseconds = std::chrono::milliseconds;

/// The first line of what a library says: the rest is its stack.
std::string FirstLine(const std::exception& error) {
  const std::string what = error.what();
  return Printable(what.substr(0, std::min(what.find('\n'), std::size_t{300})));
}

std::string Address(const Rank& rank) { return rank.master + ":" + std::to_string(rank.port); }

using StorePointer = c10::intrusive_ptr<c10d::Store>;

StorePointer OpenStore(const Rank& rank, Milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(rank.port);
  options.isServer = rank.rank == 0 && !rank.store_is_there;
  options.waitWorkers = false;
  options.timeout = timeout;
  try {
    return c10::make_intrusive<c10d::PrefixStore>("roost/" + rank.attempt,
                                                  c10::make_intrusive<c10d::TCPStore>(rank.master, options));
  } catch (const std::exception& error) {
    if (options.isServer) {
      throw Error("rank 0 cannot serve the others at " + Address(rank) + ": " + FirstLine(error),
                  ExitCode::kTryAgain,
                  "Is the port taken? Set MASTER_PORT to another one for all processes.");
    }
    throw Error("rank " + std::to_string(rank.rank) + " of " + std::to_string(rank.world) +
                    " finds nobody at " + Address(rank) + ": " + FirstLine(error),
                ExitCode::kTryAgain, "Was rank 0 started, and can its host be reached from here?");
  }
}

/// Tells the others that this process is there and waits for all of them.
void WaitForAll(c10d::Store& store, const Rank& rank, Milliseconds timeout) {
  const auto key = [](int i) { return "here/" + std::to_string(i); };
  std::vector<int> missing;
  for (int i = 0; i < rank.world; ++i) missing.push_back(i);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  constexpr Milliseconds kLongestPause{200};
  try {
    store.set(key(rank.rank), std::vector<std::uint8_t>{1});
    for (Milliseconds pause{5}; true; pause = std::min(pause * 2, kLongestPause)) {
      std::erase_if(missing, [&](int i) { return store.check({key(i)}); });
      if (missing.empty()) return;
      if (std::chrono::steady_clock::now() >= deadline) break;
      std::this_thread::sleep_for(pause);
    }
  } catch (const std::exception& error) {
    throw Error("rank " + std::to_string(rank.rank) + " of " + std::to_string(rank.world) + " lost " +
                    Address(rank) + " while the processes were gathering: " + FirstLine(error),
                ExitCode::kTryAgain, "Did rank 0, or what started the processes, end?");
  }
  std::vector<std::string> names;
  constexpr std::size_t kNamed = 8;
  for (std::size_t i = 0; i < std::min(missing.size(), kNamed); ++i)
    names.push_back(std::to_string(missing[i]));
  throw Error(std::to_string(missing.size()) + " of " + std::to_string(rank.world) +
                  " processes did not come to " + Address(rank) + " within " +
                  std::to_string(std::chrono::duration_cast<std::chrono::seconds>(timeout).count()) +
                  " s: rank " + Join(names, ", ") + (missing.size() > kNamed ? ", ..." : ""),
              ExitCode::kTryAgain, "Look at their logs: were they started, and did they end?");
}

/// Over which interface the processes talk: the one that GLOO_SOCKET_IFNAME names, the loopback where all are
/// on this host, or else the one that the host's name stands for.
std::shared_ptr<gloo::transport::Device> Interface(const Rank& rank) {
  if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); name != nullptr && *name != '\0') {
    return c10d::ProcessGroupGloo::createDeviceForInterface(name);
  }
  const bool one_host =
      rank.local_world == rank.world || rank.master == "127.0.0.1" || rank.master == "localhost";
  return one_host ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                  : c10d::ProcessGroupGloo::createDefaultDevice();
}

class Group final : public ProcessGroup {
 public:
  Group(const Rank& rank, const ProcessGroupOptions& options)
      : rank_(rank), nccl_(options.nccl), store_(OpenStore(rank, options.join_timeout)) {
    WaitForAll(*store_, rank, options.join_timeout);
    Guarded("meeting", [&] { Connect(options); });
    Barrier();  // the store must not go before everybody is connected
  }

  std::int64_t rank() const override { return rank_.rank; }
  std::int64_t world() const override { return rank_.world; }

  void AllReduceSum(at::Tensor& tensor) override {
    InBackend(tensor, "adding up numbers",
              [&](std::vector<at::Tensor>& one) { return group_->allreduce(one); });
  }

  void Broadcast(at::Tensor& tensor, std::int64_t root) override {
    c10d::BroadcastOptions options;
    options.rootRank = static_cast<int>(root);
    InBackend(tensor, "handing out numbers",
              [&](std::vector<at::Tensor>& one) { return group_->broadcast(one, options); });
  }

  void Barrier() override {
    Guarded("waiting for each other", [&] { group_->barrier()->wait(); });
  }

 private:
  void Connect(const ProcessGroupOptions& options) {
#ifdef USE_C10D_NCCL
    if (nccl_) {
      auto settings = c10d::ProcessGroupNCCL::Options::create();
      settings->timeout = options.call_timeout;
      group_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(store_, rank_.rank, rank_.world, settings);
      return;
    }
#endif
    auto settings = c10d::ProcessGroupGloo::Options::create(options.call_timeout);
    settings->devices.push_back(Interface(rank_));
    settings->threads = 2;
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank_.rank, rank_.world, settings);
  }

  /// Gloo wants contiguous numbers in host memory, NCCL in that of the device.
  template <typename Start>
  void InBackend(at::Tensor& tensor, const char* doing, const Start& start) {
    at::Tensor data = tensor.detach();
    at::Tensor sent = (nccl_ ? data.cuda() : data.cpu()).contiguous();
    Guarded(doing, [&] {
      std::vector<at::Tensor> one = {sent};
      start(one)->wait();
    });
    if (!sent.is_same(data)) data.copy_(sent);
  }

  template <typename Do>
  void Guarded(const char* doing, const Do& act) const {
    try {
      act();
    } catch (const std::exception& error) {
      throw Error("rank " + std::to_string(rank_.rank) + " of " + std::to_string(rank_.world) +
                      " lost the others while " + doing + ": " + FirstLine(error),
                  ExitCode::kTryAgain,
                  "Another process ended or hangs: the reason is in its log. Go on with --resume.");
    }
  }

  Rank rank_;
  bool nccl_;
  StorePointer store_;
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
};

#endif  // USE_C10D_GLOO

}  // namespace

std::unique_ptr<ProcessGroup> JoinProcessGroup(const Rank& rank, const ProcessGroupOptions& options) {
  if (rank.world == 1) return SingleProcess();
#ifdef USE_C10D_GLOO
#ifndef USE_C10D_NCCL
  if (options.nccl) {
    throw Error("this build has no NCCL", ExitCode::kFailed, "Build with a LibTorch for CUDA, or use gloo.");
  }
#endif
  return std::make_unique<Group>(rank, options);
#else
  static_cast<void>(options);
  throw Error("this build cannot train in several processes: it was made without gloo", ExitCode::kFailed,
              "Install libgloo-dev and build again.");
#endif
}

}  // namespace roost::yolo
