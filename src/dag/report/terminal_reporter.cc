#include "dag/report/terminal_reporter.h"

#include <algorithm>

#include "roost/base/clock.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// Failures explained one by one; of the rest only the names are given.
constexpr std::size_t kExplained = 10;

std::string NodesWord(int count) { return std::to_string(count) + (count == 1 ? " node" : " nodes"); }

std::string AttemptText(const NodeFailure& failure) {
  if (failure.retries == 0) return "";
  return " (attempt " + std::to_string(failure.attempt + 1) + " of " + std::to_string(failure.retries + 1) +
         ")";
}

std::string Indented(const std::string& text, const std::string& indent) {
  std::string indented;
  for (const std::string& line : Split(text, '\n')) indented += indent + line + "\n";
  return indented;
}

}  // namespace

void TerminalReporter::Started(const std::string& dag_file, const NodeCounts& counts,
                               const std::string& note) {
  if (options_.quiet) return;
  const int done = counts[NodeState::kDone];
  Say(Paint(Style::kBold, dag_file) + ": " + NodesWord(counts.total()) +
      (done > 0 ? ", " + std::to_string(done) + " already done" : "") + (note.empty() ? "" : ", " + note));
}

void TerminalReporter::Warning(const std::string& text) { Say(Paint(Style::kYellow, "warning: ") + text); }

void TerminalReporter::NodeDone(const std::string& node, const Progress& progress) {
  if (options_.quiet || options_.terminal.interactive) return;
  Say(Count(progress) + " " + node + " done");
}

void TerminalReporter::NodeRetried(const NodeFailure& failure, const Progress& progress) {
  if (options_.quiet) return;
  Say(Count(progress) + " " + failure.node + " " + Paint(Style::kYellow, "failed, trying again") +
      AttemptText(failure) + ": " + Printable(failure.what));
}

void TerminalReporter::NodeFailed(const NodeFailure& failure, const Progress& progress) {
  Say(Count(progress) + " " + failure.node + " " + Paint(Style::kRed, "failed") + AttemptText(failure) +
      ": " + Printable(failure.what.substr(0, failure.what.find('\n'))));
}

void TerminalReporter::Status(const Progress& progress) {
  if (options_.quiet || !options_.terminal.interactive) return;
  const NodeCounts& counts = progress.counts;
  std::string line = "[" + FormatDuration(progress.elapsed) + "] " +
                     std::to_string(counts[NodeState::kDone]) + "/" + std::to_string(counts.total()) +
                     " done, " + std::to_string(progress.running_jobs) + " running, " +
                     std::to_string(counts[NodeState::kReady]) + " ready";
  if (const int failed = counts[NodeState::kFailed]; failed > 0)
    line += ", " + std::to_string(failed) + " failed";
  if (!progress.running_nodes.empty()) line += ": " + Join(progress.running_nodes, " ");
  const auto width = static_cast<std::size_t>(std::max(20, options_.terminal.columns - 1));
  if (line.size() > width)
    line.resize(width);  // node names are ASCII in practice; a cut character is redrawn soon
  if (line == shown_) return;
  ClearStatus();
  std::fputs(line.c_str(), out_);
  std::fflush(out_);
  shown_ = line;
}

void TerminalReporter::Stopping(const std::string& why) {
  Say(Paint(Style::kYellow, "stopping: ") + why + "; running jobs are removed");
}

void TerminalReporter::Ended(const RunEnd& end) {
  ClearStatus();
  const NodeCounts& counts = end.counts;
  if (end.status == RunEnd::Status::kOk) {
    if (!options_.quiet) {
      Say(Paint(Style::kGreen, "all done: ") + NodesWord(counts.total()) + " in " +
          FormatDuration(end.duration));
    }
    return;
  }

  const std::size_t explained = std::min(end.failures.size(), kExplained);
  for (std::size_t i = 0; i < explained; ++i) Explain(end.failures[i]);
  if (explained < end.failures.size()) {
    std::vector<std::string> names;
    for (std::size_t i = explained; i < end.failures.size(); ++i) names.push_back(end.failures[i].node);
    Say("\nfailed too: " + Join(names, " "));
  }

  std::string summary = "\n" + Paint(Style::kRed, "not finished: ") +
                        std::to_string(counts[NodeState::kDone]) + " of " + NodesWord(counts.total()) +
                        " done, " + std::to_string(counts[NodeState::kFailed]) + " failed";
  const int not_run = counts.total() - counts[NodeState::kDone] - counts[NodeState::kFailed];
  if (not_run > 0) summary += ", " + std::to_string(not_run) + " not run";
  Say(summary + ", after " + FormatDuration(end.duration));
  if (!end.reason.empty()) Say("  reason:  " + Printable(end.reason));
  if (!end.rescue_file.empty()) Say("  rescue:  " + end.rescue_file.string() + " lists what is done");
  Say("  log:     " + end.diagnostics.string());
  Say("  next:    remove the cause, then run again: " + Paint(Style::kBold, end.rerun));
  if (!end.rescue_file.empty()) Say("           only what is left is run");
}

void TerminalReporter::Explain(const NodeFailure& failure) {
  Say("\n" + Paint(Style::kRed, "node " + failure.node + " failed") + AttemptText(failure));
  if (failure.procs.empty()) {
    Say(Indented(failure.what, "  ") + "  submit file: " + failure.submit_file);
    return;
  }
  for (const ProcFailure& proc : failure.procs) {
    Say("  job " + proc.id + ": " + proc.what);
    if (const auto then = failure.what.find("; then "); then != std::string::npos)
      Say("  " + failure.what.substr(then + 2));
    if (!proc.error_tail.empty()) {
      Say("  last lines of its stderr:");
      Say(Indented(proc.error_tail, "    | "));
    }
    if (!proc.error.empty()) Say("  stderr: " + proc.error.string());
    if (!proc.output.empty()) Say("  stdout: " + proc.output.string());
    if (!proc.log.empty()) Say("  log:    " + proc.log.string());
  }
}

std::string TerminalReporter::Count(const Progress& progress) const {
  const std::string total = std::to_string(progress.counts.total());
  const std::string ended =
      std::to_string(progress.counts[NodeState::kDone] + progress.counts[NodeState::kFailed]);
  return Paint(Style::kDim, "[" + std::string(total.size() - std::min(total.size(), ended.size()), ' ') +
                                ended + "/" + total + "]");
}

void TerminalReporter::Say(const std::string& line) {
  ClearStatus();
  std::fputs(line.c_str(), out_);
  if (!line.ends_with('\n')) std::fputc('\n', out_);
  std::fflush(out_);
}

void TerminalReporter::ClearStatus() {
  if (shown_.empty()) return;
  std::fputs("\r\033[K", out_);
  shown_.clear();
}

}  // namespace roost::dag
