#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dag/report/reporter.h"
#include "dag/report/run_observer.h"
#include "roost/base/clock.h"
#include "roost/base/files.h"
#include "roost/dag/dag.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// The DAGMAN_* settings that change what a run does (spec: DAG language 11), with DAGMan's defaults. Set,
/// from weak to strong, by _CONDOR_DAGMAN_* in the environment, the CONFIG file and the command line.
struct DagmanKnobs {
  int max_jobs = 0;     ///< nodes with jobs in the queue; 0 = no limit, as for all of these
  int max_idle = 1000;  ///< nothing more is submitted while this many procs are idle
  int max_pre = 20;
  int max_post = 20;
  int max_hold = 20;
  int max_job_holds = 100;  ///< a node with as many procs on hold at once is removed
  int max_rescue = 100;     ///< number of the last rescue file; 0 = none is written
  int max_submit_attempts = 6;
  int submit_delay_seconds = 0;
  int status_interval_seconds = 5;  ///< DAGMAN_USER_LOG_SCAN_INTERVAL: how often the table is logged
  int metrics_version = 1;          ///< 2: with the names of HTCondor's later releases
  int failure_tolerance = 0;        ///< DAGMAN_NODE_JOB_FAILURE_TOLERANCE
  int default_priority = 0;
  bool always_run_post = false;
  bool auto_rescue = true;
  bool submit_depth_first = false;
  bool retry_node_first = false;
  bool startup_cycle_detect = false;
  bool prohibit_multi_jobs = false;
  bool remove_jobs_on_failure = true;  ///< DAGMAN_REMOVE_JOB_LIST_ON_FAILURE
  bool reset_retries_upon_rescue = true;
  bool report_graph_metrics = false;
  bool suppress_job_logs = false;
  bool write_partial_rescue = true;
  SubmitMethod submit_method = SubmitMethod::kDirect;  ///< DAGMAN_USE_DIRECT_SUBMIT, -SubmitMethod
  std::string default_node_log;                        ///< empty = <dag>.nodes.log
  DagOptions parse;
};

/// What P.condor.sub says besides how the DAG is run: only HTCondor acts on it.
struct SubmitFileOptions {
  std::vector<std::string> append_lines;  ///< -append and -insert_sub_file
  std::string notification;
  std::optional<int> debug_level;
  Path dagman;  ///< the condor_dagman to run; empty = the one in PATH
  Path config;  ///< -config, or CONFIG of the DAG files
  bool import_env = false;
  std::vector<std::string> include_env;  ///< names, with wildcards
  std::vector<std::string> insert_env;   ///< "NAME=value"
  std::vector<std::string> arguments;    ///< more for condor_dagman, such as "-AllowVersionMismatch"
};

/// How a DAG is to be run: condor_submit_dag's options that mean something here, and our own.
struct RunOptions {
  std::vector<Path> dag_files;  ///< the first one, the primary, names all files of the run
  DagmanKnobs knobs;
  bool force = false;        ///< rescue files are put aside (.old), an interrupted run is forgotten
  int rescue_from = 0;       ///< -DoRescueFrom; 0 = not given
  Path rescue_file;          ///< -RescueFile
  Path load_save;            ///< -load_save
  bool do_recovery = false;  ///< go on from the nodes log although there is no lock
  int priority = 0;          ///< -Priority: added to that of every node
  Path node_status_file;     ///< beside the DAG's own NODE_STATUS_FILE; empty = not
  std::string batch_name;
  Path outfile_dir;  ///< of P.dagman.out
  bool verbose = false;
  bool dry_run = false;  ///< everything but the jobs and scripts: each counts as an instant success
  /// SET_JOB_ATTR and ENV of the DAG files, read with them.
  DagPreamble preamble;
  /// What a SUBDAG EXTERNAL hands on to the nested run: options in condor_submit_dag's spelling.
  std::vector<std::string> inherited_words;
  /// Play condor_submit_dag: write P.condor.sub and its kin, refuse to start where they exist already.
  bool as_condor_submit_dag = false;
  bool update_submit = false;
  bool no_submit = false;
  SubmitFileOptions submit_file;
  int dag_id = 0;         ///< the cluster number that stands for the run; 0 = the next free one
  int parent_dag_id = 0;  ///< of the run that this one is nested in; 0 = none

  std::string rerun_command;             ///< for the failure report
  std::vector<std::string> environment;  ///< dagrun's own, "NAME=value"
  Path program;                          ///< this dagrun, for nested runs

  std::vector<RunObserver*> observers;  ///< the caller's own; they outlive the run

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
