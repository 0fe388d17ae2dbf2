#pragma once

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "dag/report/reporter.h"
#include "dag/report/run_observer.h"
#include "roost/base/clock.h"
#include "roost/base/terminal.h"

namespace roost::dag {

/// Writes for people: on a terminal a few status lines that are redrawn in place, in a pipe a line when
/// something ends. The failure report at the end is the same for both. As an observer of the run it knows
/// since when each node runs; without that the status shows names only.
class TerminalReporter final : public Reporter, public RunObserver {
 public:
  struct Options {
    Terminal terminal;
    bool quiet = false;            ///< only what went wrong, and the end
    const Clock* clock = nullptr;  ///< for the times of running nodes; outlives the reporter
  };
  /// `out` (stderr) must outlive the reporter.
  TerminalReporter(std::FILE* out, Options options) : out_(out), options_(options) {}

  void Started(const std::string& dag_file, const NodeCounts& counts, const std::string& note) override;
  void Warning(const std::string& text) override;
  void NodeDone(const std::string& node, const Progress& progress) override;
  void NodeRetried(const NodeFailure& failure, const Progress& progress) override;
  void NodeFailed(const NodeFailure& failure, const Progress& progress) override;
  void Status(const Progress& progress) override;
  void Stopping(const std::string& why) override;
  void Ended(const RunEnd& end) override;

  void On(const RunEvent& event, const RunView& run) override;

 private:
  /// What a node does now.
  struct Busy {
    std::string node;
    std::string what;  ///< "PRE script", "running", ...
    Clock::WallTime since;
  };

  std::string Paint(Style style, const std::string& text) const {
    return Styled(options_.terminal, style, text);
  }
  std::string Count(const Progress& progress) const;
  /// A line that stays, above the status lines.
  void Say(const std::string& line);
  void ClearStatus();
  void Explain(const NodeFailure& failure);
  std::vector<std::string> StatusLines(const Progress& progress) const;
  std::vector<std::string> BusyLines() const;
  void Note(const RunEvent& event, const RunView& run, const char* what);

  std::FILE* out_;
  Options options_;
  std::vector<std::string> shown_;  ///< the status lines on the screen
  std::map<NodeIndex, Busy> busy_;
};

}  // namespace roost::dag
