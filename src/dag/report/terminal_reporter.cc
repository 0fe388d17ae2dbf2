#include "dag/report/terminal_reporter.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "roost/base/clock.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// Failures explained one by one; of the rest only the names are given.
constexpr std::size_t kExplained = 10;
/// Running nodes that the status names.
constexpr std::size_t kNodesShown = 6;
/// On a narrower terminal the bar would leave no room for what it is about.
constexpr int kWidthForBar = 60;

std::string NodesWord(int count) { return std::to_string(count) + (count == 1 ? " node" : " nodes"); }

std::string AttemptText(const NodeFailure& failure) {
  if (failure.retries == 0) return "";
  return " (attempt " + std::to_string(failure.attempt + 1) + " of " + std::to_string(failure.retries + 1) +
         ")";
}

/// How many columns the character that begins here takes, and its bytes. Broken UTF-8 counts byte by byte.
struct Character {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

Character CharacterAt(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t bytes = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  if (bytes > text.size() || !IsUtf8(text.substr(0, bytes))) return {};
  unsigned code = bytes == 1 ? first : first & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
  // East Asian characters and pictographs take two columns.
  const bool wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                    (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                    (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                    (code >= 0x1F300 && code <= 0x1FAFF);
  const bool combining = code >= 0x0300 && code <= 0x036F;
  return {bytes, wide ? 2U : combining ? 0U : 1U};
}

std::size_t WidthOf(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character next = CharacterAt(text);
    width += next.columns;
    text.remove_prefix(next.bytes);
  }
  return width;
}

/// The beginning of `text` that fits; no character is cut in two.
std::string CutToWidth(std::string_view text, int width) {
  std::size_t left = static_cast<std::size_t>(width);
  std::size_t end = 0;
  while (end < text.size()) {
    const Character next = CharacterAt(text.substr(end));
    if (next.columns > left) break;
    left -= next.columns;
    end += next.bytes;
  }
  return std::string(text.substr(0, end));
}

std::string Bar(const NodeCounts& counts) {
  constexpr int kColumns = 20;
  const int over = counts[NodeState::kDone] + counts[NodeState::kFailed] + counts[NodeState::kFutile];
  const int filled =
      counts.total() == 0 ? kColumns : static_cast<int>(std::int64_t{over} * kColumns / counts.total());
  std::string bar(static_cast<std::size_t>(filled), '=');
  if (filled < kColumns) bar += '>';
  bar.resize(kColumns, ' ');
  return "[" + bar + "]";
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
  std::vector<std::string> lines = StatusLines(progress);
  if (lines == shown_) return;
  ClearStatus();
  std::fputs(Join(lines, "\n").c_str(), out_);
  std::fflush(out_);
  shown_ = std::move(lines);
}

/// "[=====>     ] 12/48 done, 3 running, 5 ready  1m05s" and a line for each of a few nodes.
std::vector<std::string> TerminalReporter::StatusLines(const Progress& progress) const {
  const NodeCounts& counts = progress.counts;
  const int width = std::max(20, options_.terminal.columns - 1);
  std::string line =
      std::to_string(counts[NodeState::kDone]) + "/" + std::to_string(counts.total()) + " done";
  if (const int failed = counts[NodeState::kFailed]; failed > 0)
    line += ", " + std::to_string(failed) + " failed";
  line += ", " + std::to_string(progress.running_jobs) + " running";
  if (const int ready = counts[NodeState::kReady]; ready > 0) line += ", " + std::to_string(ready) + " ready";
  line += "  " + FormatDuration(progress.elapsed);
  if (width >= kWidthForBar) line.insert(0, Bar(counts) + " ");
  std::vector<std::string> lines = {CutToWidth(line, width)};
  if (options_.clock == nullptr || busy_.empty()) {
    if (!progress.running_nodes.empty())
      lines.push_back(CutToWidth("  " + Join(progress.running_nodes, " "), width));
    return lines;
  }
  for (const std::string& busy : BusyLines()) lines.push_back(CutToWidth(busy, width));
  return lines;
}

/// Those that take longest first.
std::vector<std::string> TerminalReporter::BusyLines() const {
  std::vector<const Busy*> order;
  for (const auto& [index, busy] : busy_) order.push_back(&busy);
  std::ranges::stable_sort(order, {}, &Busy::since);
  const std::size_t shown = std::min(order.size(), kNodesShown);
  std::size_t name_width = 0;
  for (std::size_t i = 0; i < shown; ++i) name_width = std::max(name_width, WidthOf(order[i]->node));
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < shown; ++i) {
    const Busy& busy = *order[i];
    const auto for_how_long =
        std::max(options_.clock->WallNow() - busy.since, Clock::WallTime::duration::zero());
    lines.push_back("  " + busy.node + std::string(name_width - WidthOf(busy.node), ' ') + "  " + busy.what +
                    " " + FormatDuration(for_how_long));
  }
  if (shown < order.size()) lines.push_back("  and " + std::to_string(order.size() - shown) + " more");
  return lines;
}

void TerminalReporter::On(const RunEvent& event, const RunView& run) {
  if (!options_.terminal.interactive || event.node < 0) return;
  using Kind = RunEvent::Kind;
  switch (event.kind) {
    case Kind::kScriptStarted:
      if (event.script == Script::Kind::kPre) Note(event, run, "PRE script");
      if (event.script == Script::Kind::kPost) Note(event, run, "POST script");
      return;
    case Kind::kJobEvent:
      if (event.job == nullptr) return;
      if (event.job->type == EventType::kExecute) Note(event, run, "running");
      if (event.job->type == EventType::kHeld) Note(event, run, "held");
      return;
    case Kind::kScriptEnded:
    case Kind::kScriptDeferred:
    case Kind::kSubmitFailed:
    case Kind::kJobsSucceeded:
    case Kind::kJobsFailed:
    case Kind::kNodeRetried:
    case Kind::kNodeDone:
    case Kind::kNodeFailed:
      busy_.erase(event.node);
      return;
    case Kind::kRunStarted:
    case Kind::kRecoveryStarted:
    case Kind::kRecoveryFinished:
    case Kind::kWarning:
    case Kind::kHalted:
    case Kind::kResumed:
    case Kind::kStopping:
    case Kind::kRunEnded:
      return;
  }
}

/// The first job of a cluster that runs says since when the node does.
void TerminalReporter::Note(const RunEvent& event, const RunView& run, const char* what) {
  const auto [it, added] = busy_.try_emplace(event.node);
  if (!added && it->second.what == what) return;
  it->second = {Printable(run.plan().dag().At(event.node).name), what, event.time};
}

void TerminalReporter::Stopping(const std::string& why) {
  Say(Paint(Style::kYellow, "stopping: ") + why + "; running jobs are removed");
}

void TerminalReporter::Ended(const RunEnd& end) {
  ClearStatus();
  const NodeCounts& counts = end.counts;
  if (end.status == RunEnd::Status::kOk) {
    if (!options_.quiet) {
      const int done = counts[NodeState::kDone];
      const std::string what = done == counts.total()
                                   ? Paint(Style::kGreen, "all done: ") + NodesWord(done)
                                   : Paint(Style::kGreen, "ended with success: ") + std::to_string(done) +
                                         " of " + NodesWord(counts.total()) +
                                         " done, as ABORT-DAG-ON or the FINAL node says";
      Say(what + " in " + FormatDuration(end.duration));
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
  if (!end.diagnostics.empty()) Say("  log:     " + end.diagnostics.string());
  if (!end.rerun.empty())
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
  // Back to the beginning of the first status line, and nothing below.
  std::fputc('\r', out_);
  if (shown_.size() > 1) std::fprintf(out_, "\033[%zuA", shown_.size() - 1);
  std::fputs("\033[J", out_);
  shown_.clear();
}

}  // namespace roost::dag
