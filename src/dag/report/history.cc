#include "dag/report/history.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>

#include "dag/run/lock.h"
#include "dag/run/recovery.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

using Standing = NodeHistory::State;

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

bool ProcHistory::lost() const {
  return state == State::kRemoved && (reason == kLostReason || reason.starts_with(kStoppedReason));
}

bool AttemptHistory::over() const { return !has_factory && std::ranges::all_of(procs, &ProcHistory::over); }

bool AttemptHistory::jobs_ok(int tolerated) const {
  const auto failed = std::ranges::count_if(procs, [](const ProcHistory& proc) { return !proc.ok(); });
  return !procs.empty() && failed <= tolerated && std::ranges::none_of(procs, &ProcHistory::lost);
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
    case Standing::kWaiting:
      return "waiting";
    case Standing::kReady:
      return "ready";
    case Standing::kQueued:
      return "queued";
    case Standing::kRunning:
      return "running";
    case Standing::kHeld:
      return "held";
    case Standing::kPost:
      return "post";
    case Standing::kDone:
      return "done";
    case Standing::kFailed:
      return "failed";
    case Standing::kFutile:
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
  if (event.type == EventType::kClusterSubmit) return FactoryBegan(event);
  if (event.type == EventType::kClusterRemove) return FactoryEnded(event);
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

AttemptHistory* RunHistory::AttemptOf(const JobEvent& submission) {
  const NodeIndex index = dag_.Find(submission.node);
  if (index < 0) return nullptr;
  NodeHistory& node = nodes_[static_cast<std::size_t>(index)];
  const auto [it, added] = clusters_.try_emplace(KeyOf(submission.id), Place{index, node.attempts.size()});
  if (added) node.attempts.push_back({.cluster = submission.id.cluster});
  return it->second.node == index ? &node.attempts[it->second.attempt] : nullptr;
}

void RunHistory::Submitted(const JobEvent& event) {
  if (event.id.proc < 0) return;
  if (AttemptHistory* attempt = AttemptOf(event)) {
    attempt->procs.push_back({.id = event.id, .submitted = event.time});
  }
}

void RunHistory::FactoryBegan(const JobEvent& event) {
  if (AttemptHistory* attempt = AttemptOf(event)) attempt->has_factory = true;
}

void RunHistory::FactoryEnded(const JobEvent& event) {
  const auto it = clusters_.find(KeyOf(event.id));
  if (it == clusters_.end()) return;
  const auto [node, attempt] = it->second;
  nodes_[static_cast<std::size_t>(node)].attempts[attempt].has_factory = false;
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
  if (node.skipped) return Standing::kDone;
  if (node.attempts.empty()) return node.done_before ? Standing::kDone : Standing::kReady;
  const AttemptHistory& last = node.attempts.back();
  if (last.post) return last.post->ok() ? Standing::kDone : Standing::kFailed;
  if (last.over()) {
    if (definition.post >= 0) return Standing::kPost;
    const int tolerated = ToleratedFailures(dag_, definition, static_cast<int>(last.procs.size()), 0);
    return last.jobs_ok(tolerated) ? Standing::kDone : Standing::kFailed;
  }
  using State = ProcHistory::State;
  const auto any = [&](State state) {
    return std::ranges::any_of(last.procs, [&](const ProcHistory& proc) { return proc.state == state; });
  };
  if (any(State::kRunning)) return Standing::kRunning;
  return any(State::kHeld) && !any(State::kIdle) ? Standing::kHeld : Standing::kQueued;
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
    if (history.state != Standing::kDone || history.attempts.empty()) history.state = Standing::kFailed;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const Edge& child : dag_.children.Of(order[i])) {
      if (--waits_for[child.node] == 0) order.push_back(child.index());
    }
  }
  const auto is_over = [](Standing state) { return state == Standing::kDone || state == Standing::kFailed; };
  for (const NodeIndex index : order) {
    NodeHistory& node = nodes_[static_cast<std::size_t>(index)];
    // A failed attempt may be followed by another.
    const auto& definition = dag_.At(index);
    if (running && node.state == Standing::kFailed &&
        static_cast<int>(node.attempts.size()) <= definition.retries) {
      node.state = Standing::kReady;
    }
    if (node.state != Standing::kReady || !node.attempts.empty()) continue;
    for (const Edge& parent : dag_.parents.Of(index)) {
      const Standing before = At(parent.index()).state;
      const bool never = before == Standing::kFutile || (before == Standing::kFailed && parent.weak == 0);
      if (never) {
        node.state = Standing::kFutile;
        break;
      }
      if (!is_over(before)) node.state = Standing::kWaiting;
    }
  }
  std::ranges::fill(counts_, 0);
  std::vector<bool> ordered(nodes_.size());
  for (const NodeIndex node : order) ordered[static_cast<std::size_t>(node)] = true;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!ordered[i] && nodes_[i].state == Standing::kReady) nodes_[i].state = Standing::kWaiting;  // a cycle
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
  const Path file = dag_file.string() + ".lock";
  // A dagrun that begins holds its lock before its record is in it.
  const FileDescriptor lock(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (lock.valid() && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) return true;
  const auto owner = ReadLock(file);
  return owner && OwnerAlive(*owner);
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
  if (const auto owner = ReadLock(RunFile(record, ".lock"))) {
    record.running = OwnerAlive(*owner);
    record.interrupted = !record.running;
    record.pid = owner->pid;
    record.host = owner->host;
    applied = owner->rescue_file;
  }
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
