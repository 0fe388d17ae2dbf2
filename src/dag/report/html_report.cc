#include "dag/report/html_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "dag/report/html.h"
#include "dag/report/run_status.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

using State = NodeHistory::State;
constexpr Clock::WallTime kNever{};
/// Rows of the table of nodes; of a larger DAG those come first that ran into something.
constexpr std::size_t kMostRows = 20'000;

constexpr std::array kStateOrder = {State::kDone,    State::kFailed,  State::kHeld,
                                    State::kRunning, State::kPost,    State::kQueued,
                                    State::kReady,   State::kWaiting, State::kFutile};

std::string Tile(const std::string& value, const std::string& name) {
  return "<div class=\"tile\"><b>" + Escaped(value) + "</b><span>" + Escaped(name) + "</span></div>\n";
}

std::string Badge(std::string_view name, std::string_view style) {
  return "<span class=\"badge " + std::string(style) + "\">" + Escaped(name) + "</span>";
}

std::string Header(const PageFacts& facts) {
  const RunRecord& record = facts.record;
  const Verdict verdict = VerdictOf(record);
  const std::string style(verdict == Verdict::kNeverRan ? "" : NameOf(verdict));
  std::string html = "<header><h1>" + Escaped(record.files.front().string()) + "</h1> " +
                     Badge(NameOf(verdict), style) + "\n<p class=\"sub\">";
  if (facts.numbers.begun != kNever) {
    html += FormatTime(facts.numbers.begun, "%Y-%m-%d %H:%M:%S") + " to " +
            (record.running ? "now" : FormatTime(facts.numbers.ended, "%Y-%m-%d %H:%M:%S"));
    if (record.exit_code && !record.running) html += ", exit status " + std::to_string(*record.exit_code);
  } else {
    html += "Nothing was recorded of a run.";
  }
  if (!record.rescue.empty()) html += ", rescue file <code>" + Escaped(record.rescue.string()) + "</code>";
  return html + "</p></header>\n";
}

std::string Summary(const PageFacts& facts) {
  const RunHistory& history = *facts.record.history;
  const RunNumbers& numbers = facts.numbers;
  char speedup[32];
  std::snprintf(speedup, sizeof speedup, "%.1f\xC3\x97", numbers.speedup());
  std::string html =
      "<div class=\"tiles\">\n" +
      Tile(std::to_string(history.Count(State::kDone)) + " / " + std::to_string(history.total()),
           "nodes done") +
      Tile(std::to_string(history.Count(State::kFailed)), "nodes failed") +
      Tile(std::to_string(numbers.jobs), "jobs run") + Tile(std::to_string(numbers.retries), "retries") +
      Tile(FormatDuration(numbers.wall), "wall time") + Tile(FormatDuration(numbers.cpu), "CPU time") +
      Tile(speedup, "speedup") + Tile(std::to_string(numbers.slots), "slots used") +
      "</div>\n<div class=\"share\">";
  std::string legend = "<p class=\"legend\">";
  for (const State state : kStateOrder) {
    const int count = history.Count(state);
    if (count == 0) continue;
    const std::string name(NameOf(state));
    const std::string share = Decimal(100.0 * count / std::max(1, history.total()));
    html.append("<i class=\"").append(name).append("\" style=\"width:").append(share).append("%\"></i>");
    legend.append("<span><i class=\"").append(name).append("\"></i>");
    legend.append(std::to_string(count)).append(" ").append(name).append("</span>");
  }
  return html + "</div>\n" + legend + "</p>\n";
}

std::string Timeline(const PageFacts& facts) {
  const std::string svg = TimelineSvg(facts);
  if (svg.empty()) return {};
  return "<h2>Timeline</h2>\n<div class=\"scroll\">" + svg +
         "</div>\n<p class=\"legend\"><span><i class=\"l-ok\"></i>succeeded</span><span><i "
         "class=\"failed\"></i>failed"
         "</span><span><i class=\"held\"></i>removed or held</span><span><i "
         "class=\"running\"></i>running</span>"
         "<span><i class=\"l-critical\"></i>on the critical path</span></p>\n";
}

std::string Failures(const PageFacts& facts, const std::vector<FailedNode>& failures) {
  if (failures.empty()) return {};
  std::string html = "<h2>Failures</h2>\n";
  for (const FailedNode& failed : failures) {
    const NodeHistory& node = facts.record.history->At(failed.node);
    html += "<section class=\"fault\"><h3>" + Escaped(facts.record.dag.At(failed.node).name) + "</h3>";
    const std::size_t tries = node.attempts.size();
    html += "<p>" + Escaped(node.Why()) + (tries > 1 ? ", after " + std::to_string(tries) + " tries" : "") +
            "</p>";
    for (const FailedJob& job : failed.jobs) {
      if (failed.jobs.size() > 1) html += "<p>job " + Escaped(job.id) + ": " + Escaped(job.what) + "</p>";
      if (!job.error_tail.empty()) html += "<pre>" + Escaped(job.error_tail) + "</pre>";
      if (!job.error.empty())
        html += "<p class=\"note\">stderr: <code>" + Escaped(job.error.string()) + "</code></p>";
      if (!job.output.empty()) {
        html += "<p class=\"note\">stdout: <code>" + Escaped(job.output.string()) + "</code></p>";
      }
    }
    html += "</section>\n";
  }
  const auto more = static_cast<std::size_t>(facts.record.history->Count(State::kFailed));
  if (more > failures.size()) {
    html += "<p class=\"note\">" + std::to_string(more - failures.size()) +
            " more are in the table of nodes.</p>\n";
  }
  return html;
}

std::string Critical(const PageFacts& facts) {
  if (facts.critical.size() < 2) return {};
  constexpr std::size_t kMost = 60;
  std::string html =
      "<h2>Critical path</h2>\n<p class=\"note\">The chain of nodes that the end of the run waited for. "
      "Making one of "
      "them faster makes the run faster.</p>\n<div class=\"table\"><table><thead><tr><th>Node</th><th "
      "class=\"n\">Began"
      "</th><th class=\"n\">Time</th><th>Share of the run</th></tr></thead><tbody>\n";
  const double wall = std::max(facts.numbers.wall.count(), 1.0);
  const std::size_t shown = std::min(facts.critical.size(), kMost);
  for (std::size_t i = 0; i < shown; ++i) {
    const NodeHistory& node = facts.record.history->At(facts.critical[i]);
    const Seconds time = node.ended() - node.begun();
    html += "<tr><td class=\"name\">" + Escaped(facts.record.dag.At(facts.critical[i]).name) +
            "</td><td class=\"n\">" + ClockTime(node.begun() - facts.numbers.begun) +
            "</td><td class=\"n\">" + FormatDuration(time) +
            "</td><td><div class=\"part\"><i style=\"width:" +
            Decimal(std::clamp(100.0 * time.count() / wall, 0.0, 100.0)) + "%\"></i></div></td></tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (shown < facts.critical.size()) {
    html += "<p class=\"note\">and " + std::to_string(facts.critical.size() - shown) + " more</p>\n";
  }
  return html;
}

/// A cell that is sorted by `value`.
std::string Number(double value, const std::string& text) {
  return "<td class=\"n\" data-v=\"" + Decimal(value) + "\">" + text + "</td>";
}

std::string Row(const PageFacts& facts, NodeIndex index) {
  const NodeHistory& node = facts.record.history->At(index);
  const std::string state(NameOf(node.state));
  const Clock::WallTime begun = node.begun();
  const Clock::WallTime ended = node.ended() == kNever ? facts.numbers.ended : node.ended();
  Seconds cpu{0};
  std::size_t jobs = 0;
  std::string slot;
  for (const AttemptHistory& attempt : node.attempts) {
    for (const ProcHistory& proc : attempt.procs) {
      cpu += proc.usage.user + proc.usage.system;
      ++jobs;
      if (!proc.slot.empty()) slot = proc.slot;
    }
  }
  std::string html = "<tr data-state=\"" + state + "\"><td class=\"name\">" +
                     Escaped(facts.record.dag.At(index).name) + "</td><td>" + Badge(state, state) + "</td>";
  html += Number(static_cast<double>(node.attempts.size()),
                 node.attempts.empty() ? "" : std::to_string(node.attempts.size()));
  html += Number(static_cast<double>(jobs), jobs == 0 ? "" : std::to_string(jobs));
  if (begun == kNever) {
    html += Number(-1, "") + Number(-1, "") + Number(-1, "");
  } else {
    const Seconds since = begun - facts.numbers.begun;
    html += Number(since.count(), ClockTime(since));
    html += Number(Seconds(ended - begun).count(), FormatDuration(Seconds(ended - begun)));
    html += Number(cpu.count(), FormatDuration(cpu));
  }
  std::string what = node.Why();
  if (node.done_before && node.attempts.empty()) what = "done before this run";
  return html + "<td>" + Escaped(slot) + "</td><td class=\"what\">" + Escaped(what) + "</td></tr>\n";
}

std::string Nodes(const PageFacts& facts) {
  const RunHistory& history = *facts.record.history;
  std::vector<NodeIndex> order(static_cast<std::size_t>(history.total()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<NodeIndex>(i);
  const bool all = order.size() <= kMostRows;
  if (!all) {
    const auto plain = [&](NodeIndex node) {
      const State state = history.At(node).state;
      return state == State::kDone || state == State::kWaiting || state == State::kFutile;
    };
    std::stable_partition(order.begin(), order.end(), [&](NodeIndex node) { return !plain(node); });
    order.resize(kMostRows);
  }
  std::string html =
      "<h2>Nodes</h2>\n<div class=\"tools\"><input id=\"filter\" type=\"search\" placeholder=\"Filter by "
      "name, slot, "
      "reason\" aria-label=\"Filter\"><select id=\"state\" aria-label=\"State\"><option value=\"\">every "
      "state</option>";
  for (const State state : kStateOrder) {
    if (history.Count(state) == 0) continue;
    html +=
        "<option value=\"" + std::string(NameOf(state)) + "\">" + std::string(NameOf(state)) + "</option>";
  }
  html +=
      "</select><span id=\"shown\"></span></div>\n<div class=\"table\"><table id=\"nodes\" "
      "class=\"sortable\"><thead><tr>"
      "<th>Node</th><th>State</th><th class=\"n\">Tries</th><th class=\"n\">Jobs</th><th "
      "class=\"n\">Began</th>"
      "<th class=\"n\">Time</th><th class=\"n\">CPU</th><th>Slot</th><th>What</th></tr></thead><tbody>\n";
  for (const NodeIndex node : order) html += Row(facts, node);
  html += "</tbody></table></div>\n";
  if (!all) {
    html += "<p class=\"note\">The first " + std::to_string(kMostRows) + " of " +
            std::to_string(history.total()) + " nodes; dagrun status --json has all.</p>\n";
  }
  return html;
}

}  // namespace

std::string FormatHtmlReport(const RunRecord& record, const std::vector<FailedNode>& failures,
                             Clock::WallTime now) {
  const PageFacts facts{
      .record = record, .numbers = NumbersOf(record, now), .critical = CriticalPath(record), .now = now};
  const std::string graph = GraphSvg(facts);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n"
      "<title>" +
      Escaped(record.files.front().string()) + ": " + std::string(NameOf(VerdictOf(record))) +
      "</title>\n<style>" + std::string(PageStyle()) + "</style>\n</head>\n<body>\n<main>\n";
  html += Header(facts) + Summary(facts) + Failures(facts, failures) + Timeline(facts);
  if (!graph.empty()) html += "<h2>Graph</h2>\n<div class=\"scroll\">" + graph + "</div>\n";
  html += Critical(facts) + Nodes(facts);
  html += "<footer>Written by dagrun " + std::string(ROOST_VERSION) + ", " +
          FormatTime(now, "%Y-%m-%d %H:%M:%S") +
          ". Times are those of the nodes log, in whole seconds.</footer>\n</main>\n<script>" +
          std::string(PageScript()) + "</script>\n</body>\n</html>\n";
  return html;
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (c >= 0x80) {
      while (length <= 4 && length <= text.size() && !IsUtf8(text.substr(0, length))) ++length;
      const bool whole = length <= 4 && length <= text.size();
      if (whole) escaped += text.substr(0, length);
      if (!whole) escaped += "\xEF\xBF\xBD";
      text.remove_prefix(whole ? length : 1);
      continue;
    }
    text.remove_prefix(1);
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        if (c >= 0x20 ? c != 0x7F : c == '\n' || c == '\t') {
          escaped += static_cast<char>(c);
        } else {
          escaped += "\xEF\xBF\xBD";
        }
    }
  }
  return escaped;
}

std::string Decimal(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f", value);
  std::string number = text;
  if (number.ends_with(".0")) number.resize(number.size() - 2);
  return number;
}

std::string ClockTime(Seconds since) {
  const auto seconds = std::lround(since.count());
  char text[64];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", seconds / 60, seconds % 60);
  }
  return text;
}

}  // namespace roost::dag
