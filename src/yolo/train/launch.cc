#include "yolo/train/launch.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/prctl.h>
#include <unistd.h>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "roost/base/process.h"
#include "roost/base/text.h"
#include "yolo/train/process_group_server.h"

namespace roost::yolo {
namespace {

using SteadyTime = Clock::TimePoint;

// How long to wait for one that failed by itself, after others lost it.
constexpr std::chrono::seconds kPatience{5};
constexpr const char* kLauncher = "ROOST_LAUNCHER_PID";

int StatusOf(const ExitStatus& status) { return status.signaled ? 128 + status.value : status.value; }

/// The last lines of a log.
std::string LastWords(const Path& log) {
  constexpr std::size_t kLines = 15;
  const Result<std::string> text = ReadFile(log);
  if (!text) return {};
  std::vector<std::string> lines = Split(*text, '\n');
  while (!lines.empty() && Trim(lines.back()).empty()) lines.pop_back();
  std::string last;
  for (std::size_t i = lines.size() > kLines ? lines.size() - kLines : 0; i < lines.size(); ++i) {
    ((last += "  ") += Printable(lines[i])) += '\n';
  }
  return last;
}

class Launcher {
 public:
  explicit Launcher(const LaunchOptions& options) : options_(options), own_(options.first.told_by.empty()) {
    if (options.first.rank == 0) server_.emplace(own_ ? 0 : options.first.port);
  }

  int Run() {
    for (int i = 0; i < options_.processes; ++i) Start(i);
    while (processes_.size() > 0) {
      for (const ProcessSet::Finished& one : processes_.Wait(deadline_)) Settle(one);
      ForwardSignals();
      const bool late = std::chrono::steady_clock::now() >= deadline_;
      if (failure_ && !told_ && (late || !LostOthers(*failure_) || processes_.size() == 0)) {
        Conclude();
      } else if (late) {
        SignalAll(SIGKILL);
        deadline_ = SteadyTime::max();
      }
    }
    return failure_ ? StatusOf(failure_->status) : 0;
  }

 private:
  int RankOf(int local) const { return options_.first.rank + local; }
  int World() const { return own_ ? options_.processes : options_.first.world; }
  Path LogOf(int rank) const { return logs_.path() / ("rank-" + std::to_string(rank) + ".log"); }

  void Start(int local) {
    const int rank = RankOf(local);
    ProcessOptions process;
    process.argv = options_.argv;
    process.environment = EnvironmentOf(local);
    const bool shown = rank == 0;
    process.output = shown ? Path() : LogOf(rank);
    process.error = process.output;
    const Result<pid_t> pid = processes_.Start(process);
    if (!pid) {
      SignalAll(SIGKILL);
      throw pid.error();
    }
    ranks_[*pid] = rank;
  }

  std::vector<std::string> EnvironmentOf(int local) const {
    Environment variables = CurrentEnvironment();
    const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    variables.emplace("OMP_NUM_THREADS", std::to_string(std::max(1, cores / options_.processes)));
    variables["RANK"] = std::to_string(RankOf(local));
    variables["WORLD_SIZE"] = std::to_string(World());
    variables["LOCAL_RANK"] = std::to_string(local);
    variables["LOCAL_WORLD_SIZE"] = std::to_string(options_.processes);
    variables["MASTER_ADDR"] = own_ ? "127.0.0.1" : options_.first.master;
    variables["MASTER_PORT"] = std::to_string(server_ ? server_->port() : options_.first.port);
    variables["TORCHELASTIC_USE_AGENT_STORE"] = "True";
    variables[kLauncher] = std::to_string(::getpid());
    std::vector<std::string> entries;
    entries.reserve(variables.size());
    for (const auto& [name, value] : variables) entries.push_back((name + "=").append(value));
    return entries;
  }

  /// It ended because another one did, which may take a moment longer to end.
  static bool LostOthers(const ProcessSet::Finished& one) {
    return !one.status.signaled && one.status.value == static_cast<int>(ExitCode::kTryAgain);
  }

  /// Keeps the one that is to blame: the first that failed by itself.
  void Settle(const ProcessSet::Finished& one) {
    if (one.status.ok() || told_) return;
    if (failure_ && (!LostOthers(*failure_) || LostOthers(one))) return;
    failure_ = one;
    deadline_ = std::chrono::steady_clock::now() + kPatience;
  }

  /// Says who failed and ends the others.
  void Conclude() {
    told_ = true;
    if (told_to_stop_) {  // then it is no surprise, and they are ending
      deadline_ = SteadyTime::max();
      return;
    }
    Report(ranks_.at(failure_->pid), failure_->status);
    SignalAll(SIGTERM);
    deadline_ = std::chrono::steady_clock::now() + options_.grace;
  }

  void Report(int rank, const ExitStatus& status) const {
    std::string message = "rank " + std::to_string(rank) + " of " + std::to_string(World()) + " ended with " +
                          status.Describe() + "; the others end, too";
    const std::string words = rank == 0 ? "" : LastWords(LogOf(rank));
    if (!words.empty()) message += ". Its last words:\n" + words;
    std::cerr << "yolo-train: " << message << (message.ends_with('\n') ? "" : "\n") << std::flush;
  }

  void ForwardSignals() {
    for (int signal = signals_.Next(); signal != 0; signal = signals_.Next()) {
      told_to_stop_ = true;
      SignalAll(signal);
    }
  }

  void SignalAll(int signal) {
    for (const auto& [pid, rank] : ranks_) processes_.Signal(pid, signal);
  }

  const LaunchOptions& options_;
  bool own_;  ///< these processes are all there are
  std::optional<RendezvousServer> server_;
  TemporaryDirectory logs_;
  StopSignals signals_;
  ProcessSet processes_;
  std::map<pid_t, int> ranks_;
  std::optional<ProcessSet::Finished> failure_;
  bool told_ = false;  ///< about the failure
  bool told_to_stop_ = false;
  SteadyTime deadline_ = SteadyTime::max();
};

}  // namespace

int Launch(const LaunchOptions& options) { return Launcher(options).Run(); }

void EndWithLauncher() {
  const char* launcher = std::getenv(kLauncher);
  if (launcher == nullptr) return;
  const auto pid = ParseInt(launcher);
  if (!pid) return;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != *pid) std::raise(SIGTERM);  // it was gone already
}

}  // namespace roost::yolo
