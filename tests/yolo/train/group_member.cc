// One of several processes, for the tests: joins the group that its environment names and does as it is told.
//
//   group_member launch N MODE [ARG]   starts N of itself
//   group_member MODE [ARG]

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <unistd.h>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "roost/base/process.h"
#include "yolo/train/launch.h"
#include "yolo/train/process_group_gloo.h"

namespace roost::yolo {
namespace {

ProcessGroupOptions ShortTimeouts() {
  ProcessGroupOptions options;
  const char* seconds = std::getenv("JOIN_SECONDS");
  options.join_timeout = std::chrono::seconds(seconds == nullptr ? 60 : std::atoi(seconds));
  options.call_timeout = std::chrono::seconds(60);
  return options;
}

void Sum(const Rank& rank) {
  const auto group = JoinProcessGroup(rank, ShortTimeouts());
  const auto own = static_cast<float>(rank.rank + 1);
  at::Tensor odd = at::full({2, 3}, own).t();  // not contiguous
  group->AllReduceSum(odd);
  std::cout << "sum " << odd.sum().item<float>();
  at::Tensor given = at::full({1}, own * 10, at::kDouble);
  group->Broadcast(given, rank.world - 1);
  std::cout << " broadcast " << given.item<double>() << " gather";
  for (const std::string& text : AllGather(*group, std::string(static_cast<std::size_t>(rank.rank), 'x'))) {
    std::cout << " '" << text << "'";
  }
  std::vector<at::Tensor> many = {at::full({2, 2}, own), at::full({}, own * 2), at::full({3}, own * 3)};
  AllReduceSum(*group, many);
  std::cout << " many";
  for (const at::Tensor& tensor : many) std::cout << ' ' << tensor.sum().item<float>();
  std::cout << std::endl;
}

/// Waits to be stopped, and leaves a note in `folder` when it is.
int WaitForStop(const Rank& rank, const Path& folder) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const std::string name = std::to_string(rank.rank);
  std::ofstream(folder / ("ready-" + name)) << ::getpid() << '\n';
  int signal = 0;
  ::sigwait(&set, &signal);
  std::ofstream(folder / ("stopped-" + name)) << signal << '\n';
  return 0;
}

int Act(const std::string& mode, const std::string& argument) {
  EndWithLauncher();
  const Rank rank = RankFrom(CurrentEnvironment());
  const bool chosen = argument == std::to_string(rank.rank);
  if (mode == "sum") {
    Sum(rank);
  } else if (mode == "environment") {
    std::cout << rank.rank << '/' << rank.world << ' ' << rank.local_rank << '/' << rank.local_world << ' '
              << rank.master << ' ' << rank.store_is_there << ' ' << std::getenv("OMP_NUM_THREADS")
              << std::endl;
  } else if (mode == "die") {
    const auto group = JoinProcessGroup(rank, ShortTimeouts());
    if (chosen) {
      std::cout << "no memory left on rank " << rank.rank << std::endl;
      return 5;
    }
    group->Barrier();
  } else if (mode == "be-killed") {
    const auto group = JoinProcessGroup(rank, ShortTimeouts());
    if (chosen) std::raise(SIGKILL);
    group->Barrier();
  } else if (mode == "wait") {
    return WaitForStop(rank, argument);
  }
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.at(1) != "launch") return Act(arguments[1], arguments.size() > 2 ? arguments[2] : "");
  LaunchOptions options;
  options.processes = std::stoi(arguments.at(2));
  options.argv = {"/proc/self/exe"};
  options.argv[0] = std::filesystem::read_symlink("/proc/self/exe");
  options.argv.insert(options.argv.end(), arguments.begin() + 3, arguments.end());
  return Launch(options);
}

}  // namespace
}  // namespace roost::yolo

int main(int argc, char** argv) {
  return roost::RunMain("group_member",
                        [&] { return roost::yolo::Main(std::vector<std::string>(argv, argv + argc)); });
}
