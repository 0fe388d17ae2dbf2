#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dag/executors/children.h"
#include "roost/dag/executor.h"

namespace roost::dag {

/// Runs nothing: jobs end as the test has said, in order of submission, one per Wait().
/// Waits for `children`, real scripts, only where it has nothing to report.
class FakeExecutor final : public Executor {
 public:
  /// Never waits.
  FakeExecutor() = default;
  explicit FakeExecutor(Children& children) : children_(&children) {}

  /// Ends of the next attempts at the jobs of `node`, in turn; afterwards, and for other nodes, exit code 0.
  void WillExit(const std::string& node, std::vector<int> codes) {
    ends_[node].assign(codes.begin(), codes.end());
  }
  void WillRefuse(const std::string& node, Refused refused) { refused_[node] = std::move(refused); }
  /// The jobs of this node run until they are removed, or End() is called.
  void WillHang(const std::string& node) { hanging_.push_back(node); }
  /// One job that hangs comes to its end.
  void End(AttemptId id, ExitStatus status, ResourceUsage usage = {}) {
    if (Take(id)) events_.push_back({id, {}, Exited{.status = status, .usage = usage}});
  }
  /// No job with more CPUs can run.
  int cpus = 1'000'000;
  /// Has room for so many jobs at once.
  int slots = 1'000'000;

  std::function<void(const Job&)> when_handed_over;
  Clock::TimePoint waited_until;  ///< as the last Wait() was asked to

  /// "A", "A", "B": a name for each job handed over.
  const std::vector<std::string>& submitted() const { return submitted_; }
  /// As they were handed over.
  const std::vector<Job>& jobs() const { return jobs_; }
  const std::vector<AttemptId>& removed() const { return removed_; }
  /// What for, in the order of removed().
  const std::vector<StopFor>& stopped_for() const { return stopped_for_; }
  int most_in_flight() const { return most_in_flight_; }

  Result<void> CanEverRun(const Job& job) const override {
    if (job.request.cpus > cpus) return Error("asks for too many CPUs");
    return {};
  }

  Ad Machine() const override { return MakeMachineAd(4, 1000, 0); }

  bool HasRoom(const Job& job) const override {
    return job.local || std::ranges::count_if(queue_, [](const Attempt& a) { return !a.job.local; }) < slots;
  }

  Result<void> Submit(JobAttempt attempt) override {
    submitted_.push_back(attempt.job.node);
    jobs_.push_back(attempt.job);
    if (when_handed_over) when_handed_over(attempt.job);
    queue_.push_back({std::move(attempt)});
    most_in_flight_ = std::max(most_in_flight_, InFlight());
    return {};
  }

  std::vector<ExecutorEvent> Wait(Clock::TimePoint deadline) override {
    waited_until = deadline;
    for (Attempt& attempt : queue_) {
      if (!Hangs(attempt) || attempt.running) continue;
      attempt.running = true;
      events_.push_back({attempt.id(), {}, Started{.host = "fake", .slot = "slot1"}});
    }
    std::vector<ExecutorEvent> events = std::exchange(events_, {});
    const auto it = std::ranges::find_if(queue_, [&](const Attempt& attempt) { return !Hangs(attempt); });
    if (it != queue_.end()) {
      const std::string& node = it->job.node;
      if (const auto refused = refused_.find(node); refused != refused_.end()) {
        events.push_back({it->id(), {}, refused->second});
      } else {
        events.push_back({it->id(), {}, Started{.host = "fake", .slot = "slot1"}});
        std::deque<int>& ends = ends_[node];
        const int code = ends.empty() ? 0 : ends.front();
        if (!ends.empty()) ends.pop_front();
        events.push_back({it->id(), {}, Exited{.status = {.signaled = false, .value = code}}});
      }
      queue_.erase(it);
    }
    if (events.empty() && children_ != nullptr) {
      children_->Wait(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    }
    return events;
  }

  void Remove(AttemptId id, const std::string& reason, StopFor stop) override {
    if (!Take(id)) return;
    removed_.push_back(id);
    stopped_for_.push_back(stop);
    events_.push_back({id, {}, Removed{.reason = reason}});
  }

  void KillAll() override {
    while (!queue_.empty()) Remove(queue_.front().id(), "stopped at once", StopFor::kRemove);
  }
  int InFlight() const override { return static_cast<int>(queue_.size() + events_.size()); }
  int Running() const override { return 0; }

 private:
  struct Attempt : JobAttempt {
    bool running = false;
    AttemptId id() const { return {job.cluster, job.proc}; }
  };

  bool Hangs(const Attempt& attempt) const {
    return std::ranges::find(hanging_, attempt.job.node) != hanging_.end();
  }
  /// False where it is not here.
  bool Take(AttemptId id) {
    return std::erase_if(queue_, [&](const Attempt& attempt) { return attempt.id() == id; }) > 0;
  }

  Children* children_ = nullptr;
  std::deque<Attempt> queue_;
  std::map<std::string, std::deque<int>> ends_;
  std::map<std::string, Refused> refused_;
  std::vector<std::string> hanging_;
  std::vector<std::string> submitted_;
  std::vector<Job> jobs_;
  std::vector<AttemptId> removed_;
  std::vector<StopFor> stopped_for_;
  std::vector<ExecutorEvent> events_;
  int most_in_flight_ = 0;
};

}  // namespace roost::dag
