#include "dag/executors/local.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <utility>

#include <sched.h>
#include <unistd.h>

#include "dag/executors/job_environment.h"

namespace roost::dag {
namespace {

constexpr int kCannotStart = 6;  // HTCondor's hold reason codes
constexpr int kCannotOpenOutput = 7;
constexpr int kCannotOpenInput = 8;

AttemptId IdOf(const JobAttempt& attempt) { return {attempt.job.cluster, attempt.job.proc}; }

/// Where the file of a job is seen from here; empty = /dev/null.
Path InPlace(const Job& job, const Path& file) { return file.empty() ? "/dev/null" : job.initial_dir / file; }

/// The job's program is copied into its sandbox and run there.
bool RunsCopy(const Job& job) {
  return job.transfer == TransferFiles::kYes && job.transfer_executable && !job.executable.empty();
}

/// The program is a file of the container's image.
bool WithinImage(const Job& job) {
  return job.container && (job.executable.empty() || !job.transfer_executable);
}

/// What the container must be shown for the job's program to run in it.
Path MountedProgram(const Job& job) { return WithinImage(job) || RunsCopy(job) ? Path() : job.executable; }

/// What is wrong with a program that is to be run, in terms of errno, or 0. A copy is made executable.
int CheckProgram(const Job& job) {
  if (WithinImage(job)) return 0;
  return ::access(job.executable.c_str(), RunsCopy(job) ? F_OK : X_OK) == 0 ? 0 : errno;
}

int SignalFor(const Job& job, StopFor stop) {
  if (stop == StopFor::kRemove) return job.remove_kill_signal.value_or(job.kill_signal);
  if (stop == StopFor::kHold) return job.hold_kill_signal.value_or(job.kill_signal);
  return job.kill_signal;
}

std::string AdviceFor(int error_number) {
  if (error_number == EACCES) return " (is it executable? chmod +x)";
  if (error_number == ENOEXEC) return " (a script must begin with a line like #!/bin/sh)";
  return "";
}

Refused CannotRun(const Path& program, int error_number) {
  return {ErrnoError(error_number, "run", program).message() + AdviceFor(error_number), kCannotStart,
          error_number};
}

}  // namespace

int AvailableCpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return std::max(1, CPU_COUNT(&cpus));
}

std::vector<int> AvailableGpus() {
  std::vector<int> gpus;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"); visible != nullptr) {
    for (const std::string& part : SplitAny(visible, ", ")) {
      if (const auto number = ParseInt(part)) gpus.push_back(static_cast<int>(*number));
    }
    return gpus;
  }
  for (int number = 0; ::access(("/dev/nvidia" + std::to_string(number)).c_str(), F_OK) == 0; ++number) {
    gpus.push_back(number);
  }
  return gpus;
}

LocalExecutor::LocalExecutor(LocalOptions options, Children& children, const Clock& clock)
    : options_(std::move(options)),
      children_(children),
      clock_(clock),
      host_(HostName()),
      runtime_(ContainerRuntime::Find(options_.environment)),
      free_cpus_(options_.cpus),
      free_memory_mb_(options_.memory_mb.value_or(std::numeric_limits<std::int64_t>::max())),
      free_gpus_(options_.gpus.begin(), options_.gpus.end()) {}

LocalExecutor::~LocalExecutor() {
  running_.clear();
  slots_.clear();
  local_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(options_.scratch, ignored);
}

Result<void> LocalExecutor::CanEverRun(const Job& job) const {
  if (job.container && !runtime_) {
    return Error(
        "runs in a container (" + job.container->image + "), but no program that runs containers is here",
        ExitCode::kFailed, "Install apptainer, singularity, docker or podman so that it is on PATH.");
  }
  if (job.local) return {};
  const Resources& request = job.request;
  if (request.cpus > options_.cpus) {
    return Error("asks for " + std::to_string(request.cpus) + " CPUs, but this run has " +
                     std::to_string(options_.cpus),
                 ExitCode::kFailed, "Lower request_cpus, or give dagrun more with --cpus.");
  }
  if (options_.memory_mb && request.memory_mb.value_or(0) > *options_.memory_mb) {
    return Error("asks for " + std::to_string(*request.memory_mb) + " MB of memory, but this run has " +
                     std::to_string(*options_.memory_mb),
                 ExitCode::kFailed, "Lower request_memory, or give dagrun more with --memory.");
  }
  if (request.gpus > static_cast<int>(options_.gpus.size())) {
    return Error("asks for " + std::to_string(request.gpus) + " GPUs, but this run has " +
                     std::to_string(options_.gpus.size()),
                 ExitCode::kFailed, "Lower request_gpus, or give dagrun more with --gpus.");
  }
  return {};
}

Ad LocalExecutor::Machine() const {
  return MakeMachineAd(options_.cpus, options_.memory_mb, static_cast<int>(options_.gpus.size()));
}

Result<void> LocalExecutor::Submit(JobAttempt attempt) {
  if (auto possible = CanEverRun(attempt.job); !possible) return possible;
  // Jobs beside the slots wait for nobody.
  attempt.job.local ? queue_.push_front(std::move(attempt)) : queue_.push_back(std::move(attempt));
  ++in_flight_;
  StartQueued();
  return {};
}

std::vector<ExecutorEvent> LocalExecutor::Wait(Clock::TimePoint deadline) {
  if (!events_.empty()) deadline = clock_.Now();
  for (const auto& [id, run] : running_) deadline = std::min(deadline, run.kill_at);
  children_.Wait(deadline);
  KillOverdue();
  StartQueued();
  in_flight_ -= static_cast<int>(std::ranges::count_if(events_, &ExecutorEvent::final));
  return std::exchange(events_, {});
}

void LocalExecutor::Remove(AttemptId id, const std::string& reason, StopFor stop) {
  const auto waiting = std::find_if(queue_.begin(), queue_.end(),
                                    [&](const JobAttempt& attempt) { return IdOf(attempt) == id; });
  if (waiting != queue_.end()) {
    queue_.erase(waiting);
    Report(id, Removed{.reason = reason});
    return;
  }
  const auto it = running_.find(id);
  if (it == running_.end() || !it->second.removed_because.empty()) return;
  const Job& job = it->second.attempt.job;
  it->second.removed_because = reason;
  it->second.kill_at = clock_.Now() + job.kill_timeout.value_or(options_.grace);
  children_.Signal(it->second.pid, SignalFor(job, stop));
  children_.Signal(it->second.pid, SIGCONT);  // a stopped process could not obey
}

void LocalExecutor::KillAll() {
  while (!queue_.empty()) Remove(IdOf(queue_.front()), "stopped at once", StopFor::kRemove);
  for (auto& [id, run] : running_) {
    if (run.removed_because.empty()) run.removed_because = "stopped at once";
    run.kill_at = Clock::TimePoint::max();
    children_.Signal(run.pid, SIGKILL);
  }
}

bool LocalExecutor::HasRoom(const Job& job) const {
  return job.local || (queue_.empty() && Fits(job.request));
}

bool LocalExecutor::Fits(const Resources& request) const {
  return request.cpus <= free_cpus_ && request.memory_mb.value_or(0) <= free_memory_mb_ &&
         request.gpus <= static_cast<int>(free_gpus_.size());
}

void LocalExecutor::StartQueued() {
  while (!queue_.empty() && (queue_.front().job.local || Fits(queue_.front().job.request))) {
    Run run{.attempt = std::move(queue_.front())};
    queue_.pop_front();
    const AttemptId id = IdOf(run.attempt);
    Take(run);
    if (const auto refused = Start(run)) {
      GiveBack(run);
      Report(id, *refused);
      continue;
    }
    Report(id, Started{.host = host_, .slot = run.slot->name, .scratch = run.slot->sandbox.folder()});
    running_.emplace(id, std::move(run));
  }
}

std::optional<Refused> LocalExecutor::Start(Run& run) {
  const Job& job = run.attempt.job;
  if (const int wrong = CheckProgram(job)) return CannotRun(job.executable, wrong);
  Sandbox& sandbox = run.slot->sandbox;
  try {
    sandbox.Open(JobAd(run.attempt));
  } catch (const Error& error) {
    return Refused{error.message(), kCannotStart, 0};
  }
  if (job.transfer == TransferFiles::kYes) {
    if (auto refused = sandbox.BringIn(job)) return refused;
  }
  if (!job.input.empty()) {
    const Path input = InPlace(job, job.input);
    if (::access(input.c_str(), R_OK) != 0) {
      return Refused{ErrnoError(errno, "open the input", input).message(), kCannotOpenInput, errno};
    }
  }
  const auto pid = Launch(run);
  if (!pid) return WhyNotStarted(job, pid.error());
  run.pid = *pid;
  return std::nullopt;
}

/// The program was looked at before: what is left is the output files, or the kernel's opinion of the
/// program.
Refused LocalExecutor::WhyNotStarted(const Job& job, const Error& error) const {
  if (error.code() == ExitCode::kCannotCreate) return {error.message(), kCannotOpenOutput, 0};
  if (std::filesystem::is_directory(job.executable)) return CannotRun(job.executable, EISDIR);
  const bool no_interpreter = !error.hint().empty();
  return {error.message() + (no_interpreter ? AdviceFor(ENOEXEC) : ""), kCannotStart,
          no_interpreter ? ENOEXEC : 0};
}

Result<pid_t> LocalExecutor::Launch(Run& run) {
  const Job& job = run.attempt.job;
  const bool in_sandbox = job.transfer == TransferFiles::kYes;
  const Path& scratch = run.slot->sandbox.folder();
  const Path program = RunsCopy(job) ? scratch / job.executable.filename() : job.executable;
  const JobPlace place{
      .scratch = scratch, .slot = run.slot->name, .run_id = options_.run_id, .gpus = run.gpus};
  ProcessOptions process;
  process.argv = {program.string()};
  process.argv.insert(process.argv.end(), job.arguments.begin(), job.arguments.end());
  process.core_bytes = job.core_size_bytes;
  process.stack_bytes = job.stack_size_bytes;
  process.environment = JobEnvironment(run.attempt, place, options_.environment);
  process.working_directory = in_sandbox ? scratch : job.initial_dir;
  process.input = InPlace(job, job.input);
  process.output = InPlace(job, job.output);
  process.error = InPlace(job, job.error);
  if (job.container) {
    process.argv =
        runtime_->Command(*job.container, job.executable.empty(), process,
                          {.scratch = scratch, .program = MountedProgram(job), .gpus = !run.gpus.empty()});
  }
  const AttemptId id = IdOf(run.attempt);
  return children_.Start(process, [this, id](const ProcessSet::Finished& finished) { OnExit(id, finished); });
}

void LocalExecutor::OnExit(AttemptId id, const ProcessSet::Finished& finished) {
  const auto node = running_.extract(id);
  const Run& run = node.mapped();
  Report(id, WhatBecameOf(run, finished));
  GiveBack(run);
}

decltype(ExecutorEvent::what) LocalExecutor::WhatBecameOf(const Run& run,
                                                          const ProcessSet::Finished& finished) {
  const Job& job = run.attempt.job;
  if (!run.removed_because.empty()) return Removed{run.removed_because, finished.usage};
  if (job.transfer == TransferFiles::kYes) {
    // A job that failed has often not made its outputs: then its own failure is the news.
    const auto refused = run.slot->sandbox.BringOut(job, finished.status);
    if (refused && finished.status.ok()) return *refused;
  }
  return Exited{.status = finished.status, .usage = finished.usage};
}

void LocalExecutor::KillOverdue() {
  const Clock::TimePoint now = clock_.Now();
  for (auto& [id, run] : running_) {
    if (run.kill_at > now) continue;
    run.kill_at = Clock::TimePoint::max();
    children_.Signal(run.pid, SIGKILL);
  }
}

void LocalExecutor::Take(Run& run) {
  const Job& job = run.attempt.job;
  if (!job.local) {
    free_cpus_ -= job.request.cpus;
    free_memory_mb_ -= job.request.memory_mb.value_or(0);
    for (int i = 0; i < job.request.gpus; ++i) {
      run.gpus.push_back(free_gpus_.extract(free_gpus_.begin()).value());
    }
  }
  run.slot = &FreeSlot(job.local);
  run.slot->taken = true;
}

void LocalExecutor::GiveBack(const Run& run) {
  run.slot->sandbox.Empty();
  run.slot->taken = false;
  const Job& job = run.attempt.job;
  if (job.local) return;
  free_cpus_ += job.request.cpus;
  free_memory_mb_ += job.request.memory_mb.value_or(0);
  free_gpus_.insert(run.gpus.begin(), run.gpus.end());
}

/// The first one that is free; another one where there is none.
LocalExecutor::Slot& LocalExecutor::FreeSlot(bool local) {
  std::deque<Slot>& slots = local ? local_ : slots_;
  const auto it = std::ranges::find(slots, false, &Slot::taken);
  if (it != slots.end()) return *it;
  return slots.emplace_back((local ? "local" : "slot") + std::to_string(slots.size() + 1), options_.scratch);
}

void LocalExecutor::Report(AttemptId id, decltype(ExecutorEvent::what) what) {
  events_.push_back({.id = id, .time = clock_.WallNow(), .what = std::move(what)});
}

}  // namespace roost::dag
