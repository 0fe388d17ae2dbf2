#include "dag/run/status_files.h"

#include <optional>

#include "dag/run/node_status_file.h"

namespace roost::dag {
namespace {

class EndedRun : public RunView {
 public:
  EndedRun(const Plan& plan, const RunEnd& end) : plan_(plan), end_(end) {
    for (const NodeFailure& failure : end.failures) reasons_[failure.node] = failure.what;
  }
  const Plan& plan() const override { return plan_; }
  NodeFacts Facts(NodeIndex node) const override {
    NodeFacts facts;
    facts.state = plan_.state(node);
    facts.attempt = plan_.attempt(node);
    if (const auto reason = reasons_.find(plan_.dag().At(node).name); reason != reasons_.end()) {
      facts.failure = reason->second;
    }
    return facts;
  }
  int held_procs() const override { return 0; }
  int idle_procs() const override { return 0; }
  int running_procs() const override { return 0; }
  int dag_status() const override { return static_cast<int>(end_.status); }

 private:
  const Plan& plan_;
  const RunEnd& end_;
  std::map<std::string, std::string> reasons_;
};

}  // namespace

std::string FormatNodeStatus(const Plan& plan, const RunEnd& end, Clock::WallTime now) {
  std::string text;
  FormatNodeStatus(EndedRun(plan, end), now, std::nullopt, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace roost::dag
