#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dag/report/reporter.h"
#include "roost/base/clock.h"
#include "roost/base/files.h"

namespace roost::dag {

/// How a DAG is to be run: condor_submit_dag's options that mean something here, and our own.
struct RunOptions {
  Path dag_file;
  int max_jobs = 0;
  int max_idle = 1000;
  int max_pre = 20;
  int max_post = 20;
  bool always_run_post = false;
  bool force = false;         ///< rescue files are put aside (.old), an interrupted run is forgotten
  bool auto_rescue = true;    ///< the newest rescue file is applied
  int rescue_from = 0;        ///< -DoRescueFrom; 0 = not given
  bool do_recovery = false;   ///< go on from the nodes log although there is no lock
  Path node_status_file;      ///< written at the end; empty = not
  std::string rerun_command;  ///< for the failure report
  std::vector<std::string> environment;  ///< dagrun's own, "NAME=value"

  std::optional<int> cpus;  ///< nothing: those of this process
  std::optional<std::int64_t> memory_mb;
  std::optional<int> gpus;  ///< the first so many of this host's; nothing: all
};

/// Runs one DAG in the current folder, from taking its lock to its metrics file, and returns DAGMan's exit
/// status. Throws Error where the run cannot begin: a DAG that does not parse (every fault in the message),
/// another dagrun that runs it, files that cannot be written.
int RunDag(const RunOptions& options, Reporter& reporter, const std::function<int()>& pending_signal,
           const Clock& clock);

}  // namespace roost::dag
