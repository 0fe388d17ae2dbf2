#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dag/executors/children.h"
#include "dag/executors/container.h"
#include "dag/executors/sandbox.h"
#include "roost/dag/executor.h"

namespace roost::dag {

struct LocalOptions {
  int cpus = 1;
  std::optional<std::int64_t> memory_mb;  ///< nothing: memory is not counted
  std::vector<int> gpus;                  ///< device numbers that jobs may be given
  Path scratch;  ///< a sandbox for each slot is made here; made when needed, removed at the end
  std::string run_id;
  std::vector<std::string> environment;  ///< dagrun's own, "NAME=value"
  std::chrono::seconds grace{10};        ///< between SIGTERM and SIGKILL
};

/// CPUs that this process may run on.
int AvailableCpus();
/// GPUs of this host: those CUDA_VISIBLE_DEVICES names by number, or every /dev/nvidia<n> where it is unset.
std::vector<int> AvailableGpus();

/// Runs jobs as processes of this host. They start strictly in order of submission, so that a job that needs
/// many CPUs is not overtaken for ever by small ones.
class LocalExecutor final : public Executor {
 public:
  /// `children` and `clock` must outlive the executor.
  LocalExecutor(LocalOptions options, Children& children, const Clock& clock);
  ~LocalExecutor() override;
  LocalExecutor(const LocalExecutor&) = delete;
  LocalExecutor& operator=(const LocalExecutor&) = delete;

  Result<void> CanEverRun(const Job& job) const override;
  Ad Machine() const override;
  bool HasRoom(const Job& job) const override;
  Result<void> Submit(JobAttempt attempt) override;
  std::vector<ExecutorEvent> Wait(Clock::TimePoint deadline) override;
  void Remove(AttemptId id, const std::string& reason, StopFor stop) override;
  void KillAll() override;
  int InFlight() const override { return in_flight_; }
  int Running() const override { return static_cast<int>(running_.size()); }

 private:
  /// What one attempt at a time runs in.
  struct Slot {
    Slot(std::string called, const Path& scratch) : name(std::move(called)), sandbox(scratch / name) {}
    std::string name;  ///< "slot1"; beside the slots "local1"
    Sandbox sandbox;
    bool taken = false;
  };
  struct Run {
    JobAttempt attempt;
    Slot* slot = nullptr;
    std::vector<int> gpus;
    pid_t pid = 0;
    std::string removed_because;  ///< not empty: Remove() was called
    Clock::TimePoint kill_at = Clock::TimePoint::max();
  };

  bool Fits(const Resources& request) const;
  void StartQueued();
  /// Takes what the job needs, makes its folder, brings files in, starts the process.
  std::optional<Refused> Start(Run& run);
  Refused WhyNotStarted(const Job& job, const Error& error) const;
  Result<pid_t> Launch(Run& run);
  static decltype(ExecutorEvent::what) WhatBecameOf(const Run& run, const ProcessSet::Finished& finished);
  void OnExit(AttemptId id, const ProcessSet::Finished& finished);
  void KillOverdue();
  void Take(Run& run);
  void GiveBack(const Run& run);
  Slot& FreeSlot(bool local);
  void Report(AttemptId id, decltype(ExecutorEvent::what) what);

  LocalOptions options_;
  Children& children_;
  const Clock& clock_;
  std::string host_;
  std::optional<ContainerRuntime> runtime_;
  std::deque<JobAttempt> queue_;
  std::map<AttemptId, Run> running_;
  std::vector<ExecutorEvent> events_;
  int in_flight_ = 0;
  int free_cpus_;
  std::int64_t free_memory_mb_;
  std::set<int> free_gpus_;
  std::deque<Slot> slots_;  ///< made when needed
  std::deque<Slot> local_;
};

}  // namespace roost::dag
