#pragma once

#include <cstdio>

#include "dag/report/run_observer.h"

namespace roost::dag {

/// Writes a JSON object a line for each step of a run, for programs that follow it. Keys that say nothing are
/// left out; those that are there keep their names and meanings:
///
///   time       UTC, as in 2026-11-21T14:08:56.120Z
///   event      run_started recovery_started recovery_finished script_started script_ended script_deferred
///              submit_failed job_submitted job_started job_ended job_removed job_held job_released
///              job_evicted job_event jobs_succeeded jobs_failed node_retried node_done node_failed warning
///              halted resumed stopping run_ended
///   node       its full name
///   attempt    of the node, from 0
///   script     pre, post or hold
///   cluster, proc
///   exit_code  of a job, a script, the jobs of a node, or the run
///   signal     in place of exit_code where one ended it
///   type       of job_event: HTCondor's name of the record
///   host, slot where the job runs
///   text       why, or the warning
///   done, failed, total   counts of nodes, in events of nodes and of the run
class JsonReporter final : public RunObserver {
 public:
  /// `out` (stdout) outlives it.
  explicit JsonReporter(std::FILE* out) : out_(out) {}

  void On(const RunEvent& event, const RunView& run) override;
  void Tick(const RunView& run) override;

 private:
  std::FILE* out_;
};

}  // namespace roost::dag
