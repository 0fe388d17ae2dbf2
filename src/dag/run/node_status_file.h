#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dag/report/run_observer.h"
#include "dag/run/write_allowance.h"
#include "roost/base/clock.h"
#include "roost/dag/dag.h"

namespace roost::dag {

/// Keeps a NODE_STATUS_FILE (spec: event-log.md section 2): the state of the DAG and of every node, as
/// ClassAds. Written when the run starts, then as often as `min_seconds` and what it costs allow, and once
/// more when the run has ended. The file is never seen half written.
class NodeStatusWriter : public RunObserver {
 public:
  /// `clock` outlives it. `warn` is told once when the file cannot be written.
  NodeStatusWriter(NodeStatusFile settings, const Clock& clock, std::function<void(const std::string&)> warn);

  void On(const RunEvent& event, const RunView& run) override;
  void Tick(const RunView& run) override;

 private:
  void Write(const RunView& run, bool last);

  NodeStatusFile settings_;
  const Clock& clock_;
  std::function<void(const std::string&)> warn_;
  WriteAllowance allowance_;
  Clock::TimePoint next_;
  bool started_ = false;
  bool changed_ = true;
  bool warned_ = false;
};

/// The content of a NODE_STATUS_FILE, given to `write` in pieces. `next_update` is nothing in the last
/// version, in which whatever is still under way counts as an error.
void FormatNodeStatus(const RunView& run, Clock::WallTime now, std::optional<Clock::WallTime> next_update,
                      const std::function<void(std::string_view)>& write);

/// `text` as a ClassAd string literal.
std::string ClassAdString(std::string_view text);

}  // namespace roost::dag
