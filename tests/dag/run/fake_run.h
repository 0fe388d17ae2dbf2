#pragma once

#include <map>
#include <string>
#include <vector>

#include "dag/report/run_observer.h"
#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::dag {

/// A run without a scheduler: a test says what happens, and observers are told.
class FakeRun : public RunView {
 public:
  explicit FakeRun(Dag dag) : dag_(std::move(dag)), plan_(dag_, {}) {}

  const Plan& plan() const override { return plan_; }
  Plan& plan() { return plan_; }
  NodeFacts Facts(NodeIndex node) const override {
    const auto given = facts.find(node);
    NodeFacts known = given == facts.end() ? NodeFacts{} : given->second;
    known.state = plan_.state(node);
    known.attempt = plan_.attempt(node);
    return known;
  }
  int held_procs() const override { return held; }
  int idle_procs() const override { return idle; }
  int running_procs() const override { return 0; }
  int dag_status() const override { return status; }

  void Tell(RunObserver& observer, RunEvent event) {
    event.time = clock.WallNow();
    observer.On(event, *this);
    observer.Tick(*this);
  }
  void Tell(RunObserver& observer, RunEvent::Kind kind, NodeIndex node = -1, int cluster = -1,
            int value = 0) {
    Tell(observer, {.kind = kind, .node = node, .id = {cluster, 0, 0}, .value = value});
  }
  void TellJob(RunObserver& observer, EventType type, NodeIndex node, int cluster) {
    JobEvent job;
    job.type = type;
    job.id = {cluster, 0, 0};
    Tell(observer, {.kind = RunEvent::Kind::kJobEvent, .node = node, .id = job.id, .job = &job});
  }
  void TellScript(RunObserver& observer, RunEvent::Kind kind, Script::Kind script, NodeIndex node,
                  int cluster) {
    Tell(observer, {.kind = kind, .node = node, .script = script, .id = {cluster, 0, 0}});
  }

  test::FakeClock clock;
  std::map<NodeIndex, NodeFacts> facts;
  int held = 0;
  int idle = 0;
  int status = 0;

 private:
  Dag dag_;
  Plan plan_;
};

}  // namespace roost::dag
