#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "dag/report/html.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr Clock::WallTime kNever{};
constexpr double kWidth = 1100;
constexpr double kLabels = 110;  // left of the bars
constexpr double kTop = 22;      // for the scale
constexpr std::size_t kMostBars = 20'000;
constexpr std::size_t kMostLanes = 400;

/// One run of one job.
struct Bar {
  NodeIndex node;
  std::size_t attempt;
  const ProcHistory* proc;
  double begin, end;  ///< seconds since the run began
};

/// Orders "slot2" before "slot10".
struct NaturalLess {
  bool operator()(const std::string& a, const std::string& b) const {
    const auto digits = [](const std::string& text, std::size_t at) {
      return text.find_first_not_of("0123456789", at) - at;
    };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() && j < b.size()) {
      const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
      if (is_digit(a[i]) && is_digit(b[j])) {
        const std::string x = a.substr(i, digits(a, i));
        const std::string y = b.substr(j, digits(b, j));
        if (x.size() != y.size()) return x.size() < y.size();
        if (x != y) return x < y;
        i += x.size();
        j += y.size();
      } else if (a[i] != b[j]) {
        return a[i] < b[j];
      } else {
        ++i;
        ++j;
      }
    }
    return a.size() - i < b.size() - j;
  }
};

using Lanes = std::map<std::string, std::vector<Bar>, NaturalLess>;

Lanes LanesOf(const PageFacts& facts, std::size_t& left_out) {
  Lanes lanes;
  std::size_t bars = 0;
  const auto since = [&](Clock::WallTime time) { return Seconds(time - facts.numbers.begun).count(); };
  for (NodeIndex node = 0; node < facts.record.dag.end(); ++node) {
    const auto& attempts = facts.record.history->At(node).attempts;
    for (std::size_t attempt = 0; attempt < attempts.size(); ++attempt) {
      for (const ProcHistory& proc : attempts[attempt].procs) {
        if (proc.started == kNever) continue;
        const std::string lane = proc.slot.empty() ? "somewhere" : proc.slot;
        if (bars >= kMostBars || (lanes.size() >= kMostLanes && !lanes.contains(lane))) {
          ++left_out;
          continue;
        }
        ++bars;
        lanes[lane].push_back({node, attempt, &proc, since(proc.started),
                               since(proc.over() ? proc.ended : facts.numbers.ended)});
      }
    }
  }
  return lanes;
}

const char* ClassOf(const ProcHistory& proc) {
  switch (proc.state) {
    case ProcHistory::State::kExited:
      return proc.ok() ? "ok" : "bad";
    case ProcHistory::State::kRemoved:
      return "removed";
    case ProcHistory::State::kHeld:
      return "held";
    case ProcHistory::State::kIdle:
    case ProcHistory::State::kRunning:
      return "now";
  }
  return "";
}

/// A step of the scale that gives some ten marks.
double StepFor(double seconds) {
  static constexpr std::array kSteps = {1.0,    2.0,    5.0,     10.0,    15.0,    30.0,
                                        60.0,   120.0,  300.0,   600.0,   900.0,   1800.0,
                                        3600.0, 7200.0, 14400.0, 28800.0, 43200.0, 86400.0};
  for (const double step : kSteps) {
    if (seconds / step <= 12) return step;
  }
  return std::ceil(seconds / 12 / 86400.0) * 86400.0;
}

std::string TitleOf(const PageFacts& facts, const Bar& bar) {
  const Node& node = facts.record.dag.At(bar.node);
  std::string title = Printable(node.name);
  if (bar.proc->id.cluster > 0) {
    title += "  job " + std::to_string(bar.proc->id.cluster) + "." + std::to_string(bar.proc->id.proc);
  }
  if (bar.attempt > 0) title += ", try " + std::to_string(bar.attempt + 1);
  title += "\n" + ClockTime(Seconds(bar.begin)) + " to " + ClockTime(Seconds(bar.end)) + ", " +
           FormatDuration(Seconds(bar.end - bar.begin)) + "\n" + Printable(bar.proc->Describe());
  return title;
}

}  // namespace

std::string TimelineSvg(const PageFacts& facts) {
  std::size_t left_out = 0;
  const Lanes lanes = LanesOf(facts, left_out);
  if (lanes.empty()) return {};
  double length = 1;
  for (const auto& [slot, bars] : lanes) {
    for (const Bar& bar : bars) length = std::max(length, bar.end);
  }
  const double lane_height = lanes.size() > 40 ? 12 : 24;
  const double height = kTop + lane_height * static_cast<double>(lanes.size()) + 6;
  const double per_second = (kWidth - kLabels - 10) / length;
  const std::set<NodeIndex> critical(facts.critical.begin(), facts.critical.end());

  std::string svg =
      "<svg class=\"timeline\" role=\"img\" aria-label=\"Jobs by slot over time\" viewBox=\"0 0 " +
      Decimal(kWidth) + " " + Decimal(height) + "\">\n";
  const double step = StepFor(length);
  const int marks = static_cast<int>((length + 0.001) / step);
  for (int i = 0; i <= marks; ++i) {
    const double mark = i * step;
    const std::string x = Decimal(kLabels + mark * per_second);
    svg.append("<line class=\"grid\" x1=\"").append(x).append("\" x2=\"").append(x).append("\" y1=\"");
    svg.append(Decimal(kTop - 4))
        .append("\" y2=\"")
        .append(Decimal(height))
        .append("\"/><text class=\"mark\" x=\"");
    svg.append(x).append("\" y=\"").append(Decimal(kTop - 9)).append("\">");
    svg.append(ClockTime(Seconds(mark))).append("</text>\n");
  }
  double y = kTop;
  for (const auto& [slot, bars] : lanes) {
    svg += "<text class=\"lane\" x=\"" + Decimal(kLabels - 10) + "\" y=\"" +
           Decimal(y + lane_height / 2 + 4) + "\">" +
           Escaped(slot.size() > 16 ? slot.substr(0, slot.find('@')) : slot) + "</text>\n";
    for (const Bar& bar : bars) {
      const double width = std::max(1.5, (bar.end - bar.begin) * per_second - 0.6);
      svg += std::string("<rect class=\"") + ClassOf(*bar.proc) +
             (critical.contains(bar.node) ? " critical" : "") + "\" x=\"" +
             Decimal(kLabels + bar.begin * per_second) + "\" y=\"" + Decimal(y + 2) + "\" width=\"" +
             Decimal(width) + "\" height=\"" + Decimal(lane_height - 4) + "\" rx=\"2\"><title>" +
             Escaped(TitleOf(facts, bar)) + "</title></rect>\n";
    }
    y += lane_height;
  }
  svg += "</svg>\n";
  if (left_out > 0)
    svg += "<p class=\"note\">" + std::to_string(left_out) + " more jobs are not drawn.</p>\n";
  return svg;
}

}  // namespace roost::dag
