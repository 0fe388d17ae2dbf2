#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "roost/base/clock.h"
#include "roost/dag/dag.h"
#include "roost/dag/event_log.h"

namespace roost::dag {

/// What became of one proc of an attempt.
struct ProcHistory {
  enum class State : std::uint8_t { kIdle, kRunning, kHeld, kExited, kRemoved };
  JobId id;
  State state = State::kIdle;
  int starts = 0;
  Clock::WallTime submitted, started, ended;  ///< zero: not yet; `started` is that of the last start
  ExitStatus status;                          ///< kExited
  ResourceUsage usage;                        ///< kExited
  std::string host, slot;                     ///< of the last start
  std::string reason;                         ///< why it was held or removed

  bool over() const { return state == State::kExited || state == State::kRemoved; }
  bool ok() const { return state == State::kExited && status.ok(); }
  /// Removed because its dagrun ended: that says nothing about the job.
  bool lost() const;
  /// "exit code 3", "removed: ...", "running", ...
  std::string Describe() const;
};

/// One submission of a node.
struct AttemptHistory {
  int cluster = -1;  ///< -1: nothing was submitted, only POST ran; 0: NOOP
  std::vector<ProcHistory> procs;
  std::optional<ExitStatus> post;
  Clock::WallTime post_ended;
  bool has_factory = false;  ///< late materialization: procs may still be to come

  bool over() const;
  /// `tolerated`: how many of its procs may fail.
  bool jobs_ok(int tolerated) const;
  Clock::WallTime begun() const;  ///< submission of its first proc; zero where there is none
  Clock::WallTime ended() const;  ///< of what ended last; zero while it goes on
};

struct NodeHistory {
  enum class State : std::uint8_t {
    kWaiting,  ///< for a parent
    kReady,    ///< may start, or its PRE script runs
    kQueued,   ///< its jobs wait for a slot
    kRunning,
    kHeld,  ///< all that is left of it is on hold
    kPost,  ///< its jobs are over, its POST script is not
    kDone,
    kFailed,
    kFutile,  ///< never to run: an ancestor failed
  };
  State state = State::kWaiting;
  bool done_before = false;  ///< DONE in the DAG or its rescue file: this run had nothing to do
  bool skipped = false;      ///< PRE_SKIP
  std::vector<AttemptHistory> attempts;

  Clock::WallTime begun() const;  ///< of its first attempt; zero where there is none
  Clock::WallTime ended() const;  ///< of its last attempt; zero while it goes on
  /// What went wrong, or nothing.
  std::string Why() const;
};

inline constexpr int kNodeStates = 9;
/// "waiting", "done", ...
std::string_view NameOf(NodeHistory::State state);

/// What happened in a run so far, node by node, gathered from the events of its nodes log.
class RunHistory {
 public:
  explicit RunHistory(const Dag& dag);  ///< outlives the history

  void Take(const JobEvent& event);

  /// What a rescue file says in its comments of how a run ended: nodes that failed without any event.
  void MarkFailed(std::string_view node);

  /// Settles the states, when all is taken. `running`: a dagrun works on it, else what is not over never
  /// will be.
  void Settle(bool running);

  const Dag& dag() const { return dag_; }
  const NodeHistory& At(NodeIndex node) const { return nodes_[static_cast<std::size_t>(node)]; }
  int Count(NodeHistory::State state) const { return counts_[static_cast<std::size_t>(state)]; }
  int total() const { return static_cast<int>(nodes_.size()); }
  Clock::WallTime first_event() const { return first_; }
  Clock::WallTime last_event() const { return last_; }

 private:
  struct Place {
    NodeIndex node = -1;
    std::size_t attempt = 0;
  };
  AttemptHistory* AttemptOf(const JobEvent& submission);
  void Submitted(const JobEvent& event);
  void FactoryBegan(const JobEvent& event);
  void FactoryEnded(const JobEvent& event);
  void PostEnded(const JobEvent& event);
  ProcHistory* Find(const JobId& id);
  NodeHistory::State StateOf(NodeIndex index) const;

  const Dag& dag_;
  std::vector<NodeHistory> nodes_;
  std::unordered_map<std::int64_t, Place> clusters_;
  std::vector<NodeIndex> failed_;
  std::vector<int> counts_;
  Clock::WallTime first_, last_;
};

/// What the files beside a DAG tell of its current or last run.
struct RunRecord {
  std::vector<Path> files;  ///< the first names all others
  Dag dag;
  Faults faults;     ///< of the DAG as it is now
  bool ran = false;  ///< there is a nodes log
  bool running = false;
  bool interrupted = false;        ///< its dagrun died and left the lock behind
  long pid = 0;                    ///< of the dagrun that works on it
  std::string host;                ///< where that is
  std::optional<int> exit_code;    ///< of the last run, from P.metrics; nothing where it is not over
  std::optional<double> duration;  ///< of the last run in seconds, from P.metrics
  Path rescue;                     ///< the newest one, or empty
  std::optional<RunHistory> history;

  RunRecord() = default;
  RunRecord(const RunRecord&) = delete;  // the history looks at the dag
  RunRecord& operator=(const RunRecord&) = delete;
};

/// Reads them into `record`. Throws Error where the DAG files cannot be read.
void ReadRun(const std::vector<Path>& files, const DagOptions& options, RunRecord& record);

/// Whether a dagrun, here or on another host, works on the run that this DAG file names.
bool IsRunning(const Path& dag_file);

/// The file of this run that ends in `suffix` (".nodes.log").
Path RunFile(const RunRecord& record, std::string_view suffix);

}  // namespace roost::dag
