#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "dag/plan/plan.h"
#include "roost/base/files.h"

namespace roost::dag {

/// One job of a failed attempt.
struct ProcFailure {
  std::string id;    ///< "12.0"
  std::string what;  ///< "exit code 3", "signal 9 (Killed)", or why it could not be run
  Path output, error, log;
  std::string error_tail;  ///< last lines of `error`
};

/// An attempt at a node that failed.
struct NodeFailure {
  std::string node;
  int attempt = 0;  ///< from 0
  int retries = 0;  ///< attempts allowed - 1
  std::string what;
  std::string submit_file;
  std::vector<ProcFailure> procs;
};

/// What is going on, for a status line.
struct Progress {
  NodeCounts counts;
  int running_jobs = 0;
  std::vector<std::string> running_nodes;  ///< a few of them
  std::chrono::duration<double> elapsed{0};
};

/// How it all ended.
struct RunEnd {
  enum class Status {
    kOk = 0,
    kError = 1,
    kNodeFailed = 2,
    kAborted = 3,
    kRemoved = 4,
    kCycle = 5,
    kHalted = 6
  };
  Status status = Status::kOk;  ///< DAGMan's numbers: $DAG_STATUS, and DagStatus in the metrics file
  int exit_code = 0;
  std::string reason;  ///< where it is none of the nodes' fault
  NodeCounts counts;
  std::vector<NodeFailure> failures;
  std::chrono::duration<double> duration{0};
  Path rescue_file;   ///< written by this run; empty = none
  Path diagnostics;   ///< P.dagman.out
  std::string rerun;  ///< the command that goes on from here
};

/// Tells people how the run goes. Decides about form and colour, never about the run.
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// `note` says what the run starts from ("continues from x.dag.rescue001"); empty = from the beginning.
  virtual void Started(const std::string& dag_file, const NodeCounts& counts, const std::string& note) = 0;
  virtual void Warning(const std::string& text) = 0;
  virtual void NodeDone(const std::string& node, const Progress& progress) = 0;
  virtual void NodeRetried(const NodeFailure& failure, const Progress& progress) = 0;
  virtual void NodeFailed(const NodeFailure& failure, const Progress& progress) = 0;
  /// Called whenever something may have changed.
  virtual void Status(const Progress& progress) = 0;
  virtual void Stopping(const std::string& why) = 0;
  virtual void Ended(const RunEnd& end) = 0;
};

}  // namespace roost::dag
