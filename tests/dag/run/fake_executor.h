#pragma once

#include <algorithm>
#include <deque>
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
  explicit FakeExecutor(Children& children) : children_(children) {}

  /// Ends of the next attempts at the jobs of `node`, in turn; afterwards, and for other nodes, exit code 0.
  void WillExit(const std::string& node, std::vector<int> codes) {
    ends_[node].assign(codes.begin(), codes.end());
  }
  void WillRefuse(const std::string& node, Refused refused) { refused_[node] = std::move(refused); }
  /// The jobs of this node run until they are removed.
  void WillHang(const std::string& node) { hanging_.push_back(node); }
  /// No job with more CPUs can run.
  int cpus = 1'000'000;

  /// "A", "A", "B": a name for each job handed over.
  const std::vector<std::string>& submitted() const { return submitted_; }
  const std::vector<AttemptId>& removed() const { return removed_; }
  int most_in_flight() const { return most_in_flight_; }

  Result<void> CanEverRun(const Job& job) const override {
    if (job.request.cpus > cpus) return Error("asks for too many CPUs");
    return {};
  }

  Result<void> Submit(JobAttempt attempt) override {
    submitted_.push_back(attempt.job.node);
    queue_.push_back(std::move(attempt));
    most_in_flight_ = std::max(most_in_flight_, InFlight());
    return {};
  }

  std::vector<ExecutorEvent> Wait(Clock::TimePoint) override {
    std::vector<ExecutorEvent> events = std::exchange(events_, {});
    for (auto it = queue_.begin(); it != queue_.end(); ++it) {
      const std::string& node = it->job.node;
      if (std::find(hanging_.begin(), hanging_.end(), node) != hanging_.end()) continue;
      const AttemptId id{it->job.cluster, it->job.proc};
      if (const auto refused = refused_.find(node); refused != refused_.end()) {
        events.push_back({id, {}, refused->second});
      } else {
        events.push_back({id, {}, Started{.host = "fake", .slot = "slot1"}});
        std::deque<int>& ends = ends_[node];
        const int code = ends.empty() ? 0 : ends.front();
        if (!ends.empty()) ends.pop_front();
        events.push_back({id, {}, Exited{.status = {.signaled = false, .value = code}}});
      }
      queue_.erase(it);
      break;
    }
    if (events.empty()) children_.Wait(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    return events;
  }

  void Remove(AttemptId id, const std::string& reason) override {
    const auto it = std::find_if(queue_.begin(), queue_.end(), [&](const JobAttempt& attempt) {
      return AttemptId{attempt.job.cluster, attempt.job.proc} == id;
    });
    if (it == queue_.end()) return;
    queue_.erase(it);
    removed_.push_back(id);
    events_.push_back({id, {}, Removed{reason}});
  }

  void KillAll() override {}
  int InFlight() const override { return static_cast<int>(queue_.size() + events_.size()); }
  int Running() const override { return 0; }

 private:
  Children& children_;
  std::deque<JobAttempt> queue_;
  std::map<std::string, std::deque<int>> ends_;
  std::map<std::string, Refused> refused_;
  std::vector<std::string> hanging_;
  std::vector<std::string> submitted_;
  std::vector<AttemptId> removed_;
  std::vector<ExecutorEvent> events_;
  int most_in_flight_ = 0;
};

}  // namespace roost::dag
