#include "dag/report/run_status.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "dag/report/json.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

using State = NodeHistory::State;
constexpr Clock::WallTime kNever{};
/// Up to so many nodes all are shown; of more, those of which there is something to tell.
constexpr int kShowAll = 60;

Style StyleOf(State state) {
  switch (state) {
    case State::kDone:
      return Style::kGreen;
    case State::kFailed:
      return Style::kRed;
    case State::kHeld:
      return Style::kYellow;
    case State::kRunning:
    case State::kPost:
    case State::kQueued:
      return Style::kCyan;
    case State::kWaiting:
    case State::kReady:
    case State::kFutile:
      return Style::kDim;
  }
  return Style::kPlain;
}

Style StyleOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSucceeded:
      return Style::kGreen;
    case Verdict::kRunning:
      return Style::kCyan;
    case Verdict::kNeverRan:
      return Style::kDim;
    case Verdict::kFailed:
    case Verdict::kStopped:
    case Verdict::kInterrupted:
      return Style::kRed;
  }
  return Style::kPlain;
}

/// The proc that stands for the attempt: the first that is not over, else the first that failed, else the
/// first.
const ProcHistory* Telling(const AttemptHistory& attempt) {
  const auto& procs = attempt.procs;
  for (const ProcHistory& proc : procs) {
    if (!proc.over()) return &proc;
  }
  for (const ProcHistory& proc : procs) {
    if (!proc.ok()) return &proc;
  }
  return procs.empty() ? nullptr : &procs.front();
}

struct Row {
  std::array<std::string, 6> cells;  ///< node, state, try, time, where, what
  Style style = Style::kPlain;       ///< of the state
};

std::string TimeOf(const NodeHistory& node, Clock::WallTime now, bool running) {
  const Clock::WallTime begun = node.begun();
  if (begun == kNever) return {};
  Clock::WallTime end = node.ended();
  if (end == kNever && !running) return {};
  if (end == kNever) end = now;
  return FormatDuration(std::chrono::duration<double>(std::max(end, begun) - begun));
}

std::string WhatOf(const NodeHistory& node) {
  if (std::string why = node.Why(); !why.empty()) return Printable(why);
  if (node.skipped) return "skipped by PRE_SKIP";
  if (node.done_before && node.attempts.empty()) return "done before this run";
  if (node.attempts.empty()) return {};
  const auto& procs = node.attempts.back().procs;
  if (procs.size() < 2) return {};
  const auto over = std::ranges::count_if(procs, &ProcHistory::over);
  return std::to_string(over) + " of " + std::to_string(procs.size()) + " jobs over";
}

Row RowOf(const RunRecord& record, NodeIndex index, Clock::WallTime now) {
  const NodeHistory& node = record.history->At(index);
  Row row{.style = StyleOf(node.state)};
  row.cells[0] = Printable(record.dag.At(index).name);
  row.cells[1] = NameOf(node.state);
  if (!node.attempts.empty()) {
    row.cells[2] = std::to_string(node.attempts.size());
    if (const int retries = record.dag.At(index).retries; retries > 0) {
      row.cells[2] += "/" + std::to_string(retries + 1);
    }
    if (const ProcHistory* proc = Telling(node.attempts.back())) row.cells[4] = Printable(proc->slot);
  }
  row.cells[3] = TimeOf(node, now, record.running);
  row.cells[5] = WhatOf(node);
  return row;
}

bool WorthTelling(const NodeHistory& node) {
  switch (node.state) {
    case State::kQueued:
    case State::kRunning:
    case State::kHeld:
    case State::kPost:
    case State::kFailed:
      return true;
    case State::kWaiting:
    case State::kReady:
    case State::kDone:
    case State::kFutile:
      return false;
  }
  return true;
}

std::string Table(const std::vector<Row>& rows, const Terminal& terminal) {
  const Row head{{"NODE", "STATE", "TRY", "TIME", "SLOT", ""}, Style::kPlain};
  std::array<std::size_t, 6> widths{};
  for (std::size_t column = 0; column < widths.size(); ++column) {
    widths[column] = head.cells[column].size();
    for (const Row& row : rows) widths[column] = std::max(widths[column], row.cells[column].size());
  }
  const auto line = [&](const Row& row) {
    std::string text;
    for (std::size_t column = 0; column < widths.size(); ++column) {
      const std::string& cell = row.cells[column];
      text += column == 1 ? Styled(terminal, row.style, cell) : cell;
      if (column + 1 < widths.size()) text.append(widths[column] - cell.size() + 2, ' ');
    }
    while (text.ends_with(' ')) text.pop_back();
    return text + "\n";
  };
  std::string text = line(head);
  for (const Row& row : rows) text += line(row);
  return text;
}

std::string CountsOf(const RunHistory& history) {
  std::string text = std::to_string(history.total()) + (history.total() == 1 ? " node" : " nodes");
  const char* before = ": ";
  for (const State state : {State::kDone, State::kFailed, State::kRunning, State::kHeld, State::kPost,
                            State::kQueued, State::kReady, State::kWaiting, State::kFutile}) {
    if (const int count = history.Count(state); count > 0) {
      text.append(std::exchange(before, ", ")).append(std::to_string(count) + " ").append(NameOf(state));
    }
  }
  return text;
}

void AddTime(JsonText& json, const char* key, Clock::WallTime time) {
  json.Key(key);
  if (time == kNever) {
    json.Null();
  } else {
    json.String(UtcTime(time));
  }
}

void AddProc(JsonText& json, const ProcHistory& proc) {
  static constexpr std::array kNames = {"idle", "running", "held", "exited", "removed"};
  json.Begin('{').Key("proc").Number(proc.id.proc);
  json.Key("state").String(kNames[static_cast<std::size_t>(proc.state)]);
  AddTime(json, "submitted", proc.submitted);
  AddTime(json, "started", proc.started);
  AddTime(json, "ended", proc.ended);
  json.Key("starts").Number(proc.starts).Key("host").String(proc.host).Key("slot").String(proc.slot);
  if (proc.state == ProcHistory::State::kExited) {
    json.Key(proc.status.signaled ? "signal" : "exit_code").Number(proc.status.value);
    json.Key("cpu_seconds")
        .Number(std::chrono::duration<double>(proc.usage.user + proc.usage.system).count());
  }
  if (!proc.reason.empty()) json.Key("reason").String(proc.reason);
  json.End('}');
}

void AddNode(JsonText& json, const Node& definition, const NodeHistory& node) {
  json.Begin('{').Key("node").String(definition.name).Key("state").String(NameOf(node.state));
  if (const std::string why = node.Why(); !why.empty()) json.Key("why").String(why);
  json.Key("done_before").Bool(node.done_before && node.attempts.empty());
  json.Key("retries").Number(definition.retries).Key("attempts").Begin('[');
  for (const AttemptHistory& attempt : node.attempts) {
    json.Begin('{').Key("cluster").Number(attempt.cluster).Key("procs").Begin('[');
    for (const ProcHistory& proc : attempt.procs) AddProc(json, proc);
    json.End(']');
    if (attempt.post) {
      json.Key("post").Number(attempt.post->signaled ? -attempt.post->value : attempt.post->value);
    }
    json.End('}');
  }
  json.End(']').End('}');
}

}  // namespace

Verdict VerdictOf(const RunRecord& record) {
  if (record.running) return Verdict::kRunning;
  if (!record.ran) return Verdict::kNeverRan;
  if (record.interrupted || !record.exit_code) return Verdict::kInterrupted;
  if (*record.exit_code == 0) return Verdict::kSucceeded;
  return *record.exit_code == 2 ? Verdict::kStopped : Verdict::kFailed;
}

std::string_view NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNeverRan:
      return "never run";
    case Verdict::kRunning:
      return "running";
    case Verdict::kSucceeded:
      return "succeeded";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kStopped:
      return "stopped";
    case Verdict::kInterrupted:
      return "interrupted";
  }
  return "";
}

std::string FormatStatus(const RunRecord& record, const StatusStyle& style, Clock::WallTime now) {
  const RunHistory& history = *record.history;
  const Verdict verdict = VerdictOf(record);
  std::string text = Styled(style.terminal, Style::kBold, record.files.front().string()) + ": " +
                     Styled(style.terminal, StyleOf(verdict), NameOf(verdict));
  if (record.running && record.pid > 0) {
    text += " (pid " + std::to_string(record.pid) + " on " + Printable(record.host) + ")";
  } else if (record.exit_code.value_or(0) != 0) {
    text += " (exit status " + std::to_string(*record.exit_code) + ")";
  }
  text += ", " + CountsOf(history) + "\n";
  if (history.first_event() != kNever) {
    const Clock::WallTime end = record.running ? now : history.last_event();
    text += "began " + FormatTime(history.first_event(), "%Y-%m-%d %H:%M:%S") +
            (record.running ? ", for " : ", took ") +
            FormatDuration(std::chrono::duration<double>(end - history.first_event())) + "\n";
  }
  if (verdict == Verdict::kInterrupted) text += "its dagrun died; the same command goes on from there\n";
  if (!record.rescue.empty()) text += "rescue file: " + record.rescue.string() + "\n";

  const bool all = style.all || history.total() <= kShowAll;
  std::vector<Row> rows;
  for (NodeIndex node = 0; node < record.dag.end(); ++node) {
    if (all || WorthTelling(history.At(node))) rows.push_back(RowOf(record, node, now));
  }
  if (!rows.empty()) text += "\n" + Table(rows, style.terminal);
  return text;
}

std::string FormatStatusJson(const RunRecord& record) {
  const RunHistory& history = *record.history;
  JsonText json;
  json.Begin('{').Key("dag").String(record.files.front().string());
  json.Key("verdict").String(NameOf(VerdictOf(record)));
  json.Key("exit_code");
  if (record.exit_code) {
    json.Number(*record.exit_code);
  } else {
    json.Null();
  }
  json.Key("pid");
  if (record.running) {
    json.Number(std::int64_t{record.pid});
  } else {
    json.Null();
  }
  json.Key("rescue_file").String(record.rescue.string());
  AddTime(json, "first_event", history.first_event());
  AddTime(json, "last_event", history.last_event());
  json.Key("counts").Begin('{');
  for (int state = 0; state < kNodeStates; ++state) {
    json.Key(NameOf(static_cast<State>(state))).Number(history.Count(static_cast<State>(state)));
  }
  json.End('}').Key("nodes").Begin('[');
  for (NodeIndex node = 0; node < record.dag.end(); ++node)
    AddNode(json, record.dag.At(node), history.At(node));
  json.End(']').End('}');
  return json.Take();
}

std::string UtcTime(Clock::WallTime time, bool milliseconds) {
  std::string text = FormatTime(time, "%Y-%m-%dT%H:%M:%S", /*utc=*/true);
  if (milliseconds) {
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    char fraction[8];
    std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(((whole % 1000) + 1000) % 1000));
    text += fraction;
  }
  return text + "Z";
}

}  // namespace roost::dag
