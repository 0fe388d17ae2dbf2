#pragma once

#include <cstdio>
#include <string>

#include "dag/report/reporter.h"
#include "roost/base/terminal.h"

namespace roost::dag {

/// Writes for people: on a terminal a status line that is redrawn in place, in a pipe a line when something
/// ends. The failure report at the end is the same for both.
class TerminalReporter final : public Reporter {
 public:
  struct Options {
    Terminal terminal;
    bool quiet = false;  ///< only what went wrong, and the end
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

 private:
  std::string Paint(Style style, const std::string& text) const {
    return Styled(options_.terminal, style, text);
  }
  std::string Count(const Progress& progress) const;
  /// A line that stays, above the status line.
  void Say(const std::string& line);
  void ClearStatus();
  void Explain(const NodeFailure& failure);

  std::FILE* out_;
  Options options_;
  std::string shown_;  ///< the status line on the screen; empty = none
};

}  // namespace roost::dag
