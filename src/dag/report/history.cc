#include "dag/report/history.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

using NodeState = NodeHistory::State;

constexpr Clock::WallTime kNever{};

/// NOOP jobs share cluster 0 and are told by subproc.
std::int64_t KeyOf(const JobId& id) {
  return id.cluster == 0 ? -std::int64_t{id.subproc} - 1 : std::int64_t{id.cluster};
}

/// The slot of "SlotName: slot1@host".
std::string SlotIn(const std::vector<std::string>& details) {
  constexpr std::string_view kSlot = "SlotName:";
  for (const std::string& line : details) {
    if (line.starts_with(kSlot)) return std::string(Trim(std::string_view(line).substr(kSlot.size())));
  }
  return {};
}

/// "host" of "<dagrun:host>" or "<10.0.0.1:9618?addrs=...>".
std::string HostIn(std::string_view text) {
  if (text.starts_with('<')) text.remove_prefix(1);
  if (text.ends_with('>')) text.remove_suffix(1);
  text = text.substr(0, text.find('?'));
  constexpr std::string_view kOurs = "dagrun:";
  if (text.starts_with(kOurs)) text.remove_prefix(kOurs.size());
  return std::string(text);
}

}  // namespace

std::string ProcHistory::Describe() const {
  switch (state) {
    case State::kIdle:
      return "waits for a slot";
    case State::kRunning:
      return "running";
    case State::kHeld:
      return "held: " + reason;
    case State::kExited:
      return status.Describe();
    case State::kRemoved:
      return "removed: " + reason;
  }
  return {};
}

bool AttemptHistory::over() const { return std::ranges::all_of(procs, &ProcHistory::over); }

bool AttemptHistory::jobs_ok() const {
  return !procs.empty() && std::ranges::all_of(procs, &ProcHistory::ok);
}

Clock::WallTime AttemptHistory::begun() const {
  Clock::WallTime first = kNever;
  for (const ProcHistory& proc : procs) {
    if (proc.submitted != kNever && (first == kNever || proc.submitted < first)) first = proc.submitted;
  }
  return first == kNever ? post_ended : first;
}

Clock::WallTime AttemptHistory::ended() const {
  if (!over()) return kNever;
  Clock::WallTime last = post_ended;
  for (const ProcHistory& proc : procs) last = std::max(last, proc.ended);
  return last;
}

Clock::WallTime NodeHistory::begun() const { return attempts.empty() ? kNever : attempts.front().begun(); }

Clock::WallTime NodeHistory::ended() const { return attempts.empty() ? kNever : attempts.back().ended(); }

std::string NodeHistory::Why() const {
  if (state != State::kFailed && state != State::kHeld) return {};
  if (attempts.empty()) return "failed before anything was submitted";
  const AttemptHistory& last = attempts.back();
  if (last.post && !last.post->ok()) return "POST script: " + last.post->Describe();
  for (const ProcHistory& proc : last.procs) {
    if (!proc.ok() && (proc.over() || proc.state == ProcHistory::State::kHeld)) {
      return "job " + std::to_string(proc.id.cluster) + "." + std::to_string(proc.id.proc) + ": " +
             proc.Describe();
    }
  }
  return {};
}

std::string_view NameOf(NodeHistory::State state) {
  switch (state) {
    case NodeState::kWaiting:
      return "waiting";
    case NodeState::kReady:
      return "ready";
    case NodeState::kQueued:
      return "queued";
    case NodeState::kRunning:
      return "running";
    case NodeState::kHeld:
      return "held";
    case NodeState::kPost:
      return "post";
    case NodeState::kDone:
      return "done";
    case NodeState::kFailed:
      return "failed";
    case NodeState::kFutile:
      return "futile";
  }
  return "";
}

RunHistory::RunHistory(const Dag& dag) : dag_(dag), nodes_(dag.nodes.size()), counts_(kNodeStates, 0) {
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    nodes_[static_cast<std::size_t>(node)].done_before = dag.At(node).done;
  }
}

void RunHistory::Take(const JobEvent& event) {
  if (first_ == kNever) first_ = event.time;
  last_ = std::max(last_, event.time);
  if (event.type == EventType::kSubmit) return Submitted(event);
  if (event.type == EventType::kPostScriptTerminated) return PostEnded(event);
  if (event.type == EventType::kPreSkip) {
    if (const NodeIndex node = dag_.Find(event.node); node >= 0) {
      nodes_[static_cast<std::size_t>(node)].skipped = true;
    }
    return;
  }
  ProcHistory* proc = Find(event.id);
  if (proc == nullptr) return;
  using State = ProcHistory::State;
  switch (event.type) {
    case EventType::kExecute:
      proc->state = State::kRunning;
      proc->started = event.time;
      ++proc->starts;
      proc->host = HostIn(event.text);
      proc->slot = SlotIn(event.details);
      return;
    case EventType::kEvicted:
    case EventType::kShadowException:
    case EventType::kReleased:
      proc->state = State::kIdle;
      return;
    case EventType::kHeld:
      proc->state = State::kHeld;
      proc->reason = event.text;
      return;
    case EventType::kTerminated:
      proc->state = State::kExited;
      proc->status = event.status;
      proc->usage = event.usage;
      proc->ended = event.time;
      return;
    case EventType::kAborted:
      proc->state = State::kRemoved;
      proc->reason = event.text;
      proc->ended = event.time;
      return;
    default:
      return;  // says nothing about where it stands
  }
}

void RunHistory::Submitted(const JobEvent& event) {
  const NodeIndex index = dag_.Find(event.node);
  if (index < 0 || event.id.proc < 0) return;
  NodeHistory& node = nodes_[static_cast<std::size_t>(index)];
  const auto [it, added] = clusters_.try_emplace(KeyOf(event.id), Place{index, node.attempts.size()});
  if (added) node.attempts.push_back({.cluster = event.id.cluster});
  if (it->second.node != index) return;
  node.attempts[it->second.attempt].procs.push_back({.id = event.id, .submitted = event.time});
}

void RunHistory::PostEnded(const JobEvent& event) {
  const NodeIndex index = dag_.Find(event.node);
  if (index < 0) return;
  NodeHistory& node = nodes_[static_cast<std::size_t>(index)];
  if (event.id.cluster < 0 || node.attempts.empty()) node.attempts.push_back({});
  node.attempts.back().post = event.status;
  node.attempts.back().post_ended = event.time;
}

ProcHistory* RunHistory::Find(const JobId& id) {
  const auto it = clusters_.find(KeyOf(id));
  if (it == clusters_.end()) return nullptr;
  auto& procs = nodes_[static_cast<std::size_t>(it->second.node)].attempts[it->second.attempt].procs;
  const auto guess = static_cast<std::size_t>(id.cluster == 0 ? 0 : std::max(id.proc, 0));
  if (guess < procs.size() && procs[guess].id == id) return &procs[guess];
  const auto found = std::ranges::find(procs, id, &ProcHistory::id);
  return found == procs.end() ? nullptr : &*found;
}

void RunHistory::MarkFailed(std::string_view node) {
  if (const NodeIndex index = dag_.Find(node); index >= 0) failed_.push_back(index);
}

NodeHistory::State RunHistory::StateOf(NodeIndex index) const {
  const NodeHistory& node = At(index);
  const Node& definition = dag_.At(index);
  if (node.skipped) return NodeState::kDone;
  if (node.attempts.empty()) return node.done_before ? NodeState::kDone : NodeState::kReady;
  const AttemptHistory& last = node.attempts.back();
  if (last.post) return last.post->ok() ? NodeState::kDone : NodeState::kFailed;
  if (last.over()) {
    if (definition.post >= 0) return NodeState::kPost;
    return last.jobs_ok() ? NodeState::kDone : NodeState::kFailed;
  }
  using State = ProcHistory::State;
  const auto any = [&](State state) {
    return std::ranges::any_of(last.procs, [&](const ProcHistory& proc) { return proc.state == state; });
  };
  if (any(State::kRunning)) return NodeState::kRunning;
  return any(State::kIdle) ? NodeState::kQueued : NodeState::kHeld;
}

/// Parents before children where the graph allows it; states follow from what was recorded, and for nodes of
/// which nothing was recorded from their parents.
void RunHistory::Settle(bool running) {
  std::vector<int> waits_for(nodes_.size());
  std::vector<NodeIndex> order;
  order.reserve(nodes_.size());
  for (NodeIndex node = 0; node < dag_.end(); ++node) {
    waits_for[static_cast<std::size_t>(node)] = static_cast<int>(dag_.parents.Of(node).size());
    nodes_[static_cast<std::size_t>(node)].state = StateOf(node);
    if (dag_.parents.Of(node).empty()) order.push_back(node);
  }
  for (const NodeIndex node : failed_) {
    NodeHistory& history = nodes_[static_cast<std::size_t>(node)];
    if (history.state != NodeState::kDone || history.attempts.empty()) history.state = NodeState::kFailed;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const Edge& child : dag_.children.Of(order[i])) {
      if (--waits_for[child.node] == 0) order.push_back(child.index());
    }
  }
  const auto is_over = [](NodeState state) {
    return state == NodeState::kDone || state == NodeState::kFailed;
  };
  for (const NodeIndex index : order) {
    NodeHistory& node = nodes_[static_cast<std::size_t>(index)];
    // A failed attempt may be followed by another.
    const auto& definition = dag_.At(index);
    if (running && node.state == NodeState::kFailed &&
        static_cast<int>(node.attempts.size()) <= definition.retries) {
      node.state = NodeState::kReady;
    }
    if (node.state != NodeState::kReady || !node.attempts.empty()) continue;
    for (const Edge& parent : dag_.parents.Of(index)) {
      const NodeState before = At(parent.index()).state;
      const bool never = before == NodeState::kFutile || (before == NodeState::kFailed && parent.weak == 0);
      if (never) {
        node.state = NodeState::kFutile;
        break;
      }
      if (!is_over(before)) node.state = NodeState::kWaiting;
    }
  }
  std::ranges::fill(counts_, 0);
  std::vector<bool> ordered(nodes_.size());
  for (const NodeIndex node : order) ordered[static_cast<std::size_t>(node)] = true;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!ordered[i] && nodes_[i].state == NodeState::kReady)
      nodes_[i].state = NodeState::kWaiting;  // a cycle
    ++counts_[static_cast<std::size_t>(nodes_[i].state)];
  }
}

Path RunFile(const RunRecord& record, std::string_view suffix) {
  return record.files.front().string() + std::string(suffix);
}

namespace {

/// The number behind `"key":` in a small JSON document that a run wrote.
std::optional<double> NumberIn(std::string_view json, std::string_view key) {
  const auto at = json.find("\"" + std::string(key) + "\":");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = json.substr(at + key.size() + 3);
  rest = Trim(rest.substr(0, rest.find_first_of(",}\n")));
  return ParseDouble(rest);
}

/// What stands in the lock file tells who has the run.
void ReadOwner(const Path& lock, RunRecord& record, std::optional<Path>& applied) {
  const auto text = ReadRegularFile(lock);
  if (!text) return;
  record.running = IsRunning(record.files.front());
  record.interrupted = !record.running;
  for (const std::string& line : SplitAny(*text, "\n")) {
    const auto space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string value = space == std::string::npos ? std::string() : line.substr(space + 1);
    if (name == "pid") record.pid = static_cast<long>(ParseInt(value).value_or(0));
    if (name == "host") record.host = value;
    if (name == "rescue_file") applied = value;
  }
}

/// "# Nodes that failed: 2" and, in the next line, "#   A,B,<ENDLIST>".
std::vector<std::string> FailedIn(const std::string& rescue) {
  const auto at = rescue.find("# Nodes that failed:");
  if (at == std::string::npos) return {};
  const auto begin = rescue.find('\n', at);
  if (begin == std::string::npos) return {};
  std::vector<std::string> names =
      SplitAny(rescue.substr(begin, rescue.find('\n', begin + 1) - begin), "#,\n ");
  std::erase(names, "<ENDLIST>");
  return names;
}

}  // namespace

bool IsRunning(const Path& dag_file) {
  const Path lock = dag_file.string() + ".lock";
  const FileDescriptor file(::open(lock.c_str(), O_RDONLY | O_CLOEXEC));
  // A dagrun holds the lock while it lives.
  return file.valid() && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void ReadRun(const std::vector<Path>& files, const DagOptions& options, RunRecord& record) {
  record.files = files;
  DagParse parse = ReadDags(files, options);
  record.dag = std::move(parse.dag);
  record.faults = std::move(parse.faults);
  if (HasErrors(record.faults)) throw FaultsError(record.faults);

  const Path rescue_base = RescueBase(files);
  const int newest = NewestRescue(rescue_base);
  if (newest > 0) record.rescue = RescuePath(rescue_base, newest);
  std::optional<Path> applied;  // what the run that has the lock began with; empty = from the beginning
  ReadOwner(RunFile(record, ".lock"), record, applied);
  const Path rescue = applied.value_or(record.rescue);
  std::vector<std::string> failed;
  if (!rescue.empty()) {
    if (const auto text = ReadRegularFile(rescue)) {
      ApplyRescue(record.dag, *text, rescue.string(), options);
      if (!record.running) failed = FailedIn(*text);
    }
  }

  RunHistory& history = record.history.emplace(record.dag);
  if (const auto text = ReadRegularFile(RunFile(record, ".nodes.log"))) {
    record.ran = true;
    ParseEvents(*text, [&](const JobEvent& event) { history.Take(event); });
  }
  if (!record.running) {
    if (const auto metrics = ReadRegularFile(RunFile(record, ".metrics"))) {
      if (const auto code = NumberIn(*metrics, "exitcode")) record.exit_code = static_cast<int>(*code);
      record.duration = NumberIn(*metrics, "duration");
    }
  }
  // A later run that succeeded leaves the rescue file of an earlier one where it is.
  if (record.exit_code != 0) {
    for (const std::string& name : failed) history.MarkFailed(name);
  }
  history.Settle(record.running);
}

}  // namespace roost::dag
