#include "dag/run/dag_run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "dag/executors/local.h"
#include "dag/plan/cycle.h"
#include "dag/run/cluster_numbers.h"
#include "dag/run/dot_file.h"
#include "dag/run/job_queue.h"
#include "dag/run/jobstate_log.h"
#include "dag/run/journal.h"
#include "dag/run/lock.h"
#include "dag/run/metrics.h"
#include "dag/run/node_status_file.h"
#include "dag/run/recovery.h"
#include "dag/run/rescue_writer.h"
#include "dag/run/scheduler.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

Path WithSuffix(const Path& file, const char* suffix) { return file.string() + suffix; }

void PutAside(const Path& file) { fs::rename(file, WithSuffix(file, ".old")); }

void RefuseCycle(const Dag& dag) {
  const std::vector<NodeIndex> cycle = FindCycle(dag);
  if (cycle.empty()) return;
  std::string path;
  for (const NodeIndex node : cycle) path += dag.At(node).name + " -> ";
  throw Error("the DAG has a cycle: " + path + dag.At(cycle.front()).name, ExitCode::kFailed);
}

/// What the run starts from besides its DAG files.
struct StartingPoint {
  int rescue = 0;  ///< number of the rescue file; 0 = none, or one that was named
  Path file;       ///< empty = from the beginning
};

/// Puts aside the rescue files that `options` rules out, and says which one to apply.
StartingPoint ChooseStart(const RunOptions& options) {
  if (!options.rescue_file.empty()) return {.file = options.rescue_file};
  if (!options.load_save.empty()) {
    const Path& name = options.load_save;
    return {.file = name.has_parent_path() ? name
                                           : options.dag_files.front().parent_path() / "save_files" / name};
  }
  const Path base = RescueBase(options.dag_files);
  const int newest = NewestRescue(base);
  int keep = options.force ? 0 : options.rescue_from;
  if (keep > 0 && !fs::exists(RescuePath(base, keep))) {
    throw Error("-DoRescueFrom " + std::to_string(keep) + ": there is no '" +
                RescuePath(base, keep).string() + "'");
  }
  if (options.force || keep > 0) {
    for (int number = keep + 1; number <= newest; ++number) {
      if (const Path file = RescuePath(base, number); fs::exists(file) && !options.dry_run) PutAside(file);
    }
  } else if (options.knobs.auto_rescue) {
    keep = newest;
  }
  return {.rescue = keep, .file = keep > 0 ? RescuePath(base, keep) : Path()};
}

void ThrowIfErrors(const Faults& faults) {
  if (HasErrors(faults)) throw Error(FaultsError(faults).message(), ExitCode::kFailed);
}

Dag Load(const RunOptions& options, const Path& rescue_file) {
  DagParse parse = ReadDags(options.dag_files, options.knobs.parse);
  ThrowIfErrors(parse.faults);
  if (!rescue_file.empty()) {
    const std::string text = ReadFile(rescue_file).value();
    ThrowIfErrors(ApplyRescue(parse.dag, text, rescue_file.string(), options.knobs.parse));
  }
  if (options.knobs.startup_cycle_detect) RefuseCycle(parse.dag);
  return std::move(parse.dag);
}

/// Scripts get dagrun's environment, and the mark by which a later dagrun finds what this one left running.
std::vector<std::string> ScriptEnvironment(std::vector<std::string> environment, const std::string& run_id) {
  constexpr std::string_view kMark = "DAGRUN_RUN_ID=";
  std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(kMark); });
  environment.push_back(std::string(kMark) + run_id);
  return environment;
}

std::vector<int> ChosenGpus(const RunOptions& options) {
  std::vector<int> gpus = AvailableGpus();
  if (!options.gpus) return gpus;
  if (*options.gpus > static_cast<int>(gpus.size())) {
    throw Error("--gpus " + std::to_string(*options.gpus) + ": this host has " + std::to_string(gpus.size()),
                ExitCode::kUsage);
  }
  gpus.resize(static_cast<std::size_t>(*options.gpus));
  return gpus;
}

void Remove(const Path& file) {
  std::error_code error;
  fs::remove(file, error);
  if (error)
    throw Error("cannot remove '" + file.string() + "': " + error.message(), ExitCode::kCannotCreate);
}

/// Cuts off what a crash left of an event half written, so that the next one begins on a line of its own.
void CutTo(const Path& file, std::size_t bytes) {
  std::error_code error;
  if (fs::exists(file, error)) fs::resize_file(file, bytes, error);
  if (error) throw Error("cannot write '" + file.string() + "': " + error.message(), ExitCode::kCannotCreate);
}

std::string StartNote(bool recovering, const Path& rescue_file) {
  if (recovering) return "goes on where an earlier dagrun was interrupted";
  if (!rescue_file.empty()) return "goes on from " + rescue_file.string();
  return {};
}

Path ScratchFolder(const std::string& run_id) {
  std::error_code error;
  const Path folder = fs::temp_directory_path(error);
  if (error) {
    throw Error("there is no folder for temporary files: " + error.message(), ExitCode::kFailed,
                "Set TMPDIR to a folder that exists.");
  }
  return folder / ("dagrun-" + run_id);
}

/// DAGMAN_DEFAULT_NODE_LOG, or beside the DAG file.
Path NodesLogOf(const RunOptions& options) {
  const Path& dag_file = options.dag_files.front();
  std::string log = options.knobs.default_node_log;
  if (log.empty()) return WithSuffix(dag_file, ".nodes.log");
  const auto replace = [&](std::string_view macro, const std::string& value) {
    if (const auto at = log.find(macro); at != std::string::npos) log.replace(at, macro.size(), value);
  };
  replace("@(DAG_DIR)", dag_file.has_parent_path() ? dag_file.parent_path().string() : ".");
  replace("@(DAG_FILE)", dag_file.filename().string());
  return log;
}

Path DagmanOutOf(const RunOptions& options) {
  const Path file = WithSuffix(options.dag_files.front(), ".dagman.out");
  return options.outfile_dir.empty() ? file : options.outfile_dir / file.filename();
}

PlanLimits LimitsOf(const DagmanKnobs& knobs) {
  return {.max_jobs = knobs.max_jobs,
          .max_pre = knobs.max_pre,
          .max_post = knobs.max_post,
          .max_hold = knobs.max_hold,
          .always_run_post = knobs.always_run_post,
          .depth_first = knobs.submit_depth_first,
          .retry_first = knobs.retry_node_first};
}

SchedulerOptions SchedulerOptionsOf(const RunOptions& options, int dag_id) {
  const DagmanKnobs& knobs = options.knobs;
  const Path& dag_file = options.dag_files.front();
  return {.dag_file = dag_file,
          .rescue = {.dag_file = dag_file.string(),
                     .base = RescueBase(options.dag_files),
                     .max_number = knobs.max_rescue,
                     .reset_retries = knobs.reset_retries_upon_rescue},
          .nested = {.program = options.program,
                     .inherited_words = options.inherited_words,
                     .force = options.force,
                     .submitter_files = options.as_condor_submit_dag,
                     .environment = options.environment,
                     .priority = options.priority,
                     .dag_id = dag_id},
          .facts = {.dag_id = dag_id,
                    .environment = options.environment,
                    .priority = options.priority + knobs.default_priority,
                    .batch_name = options.batch_name.empty()
                                      ? dag_file.filename().string() + "+" + std::to_string(dag_id)
                                      : options.batch_name,
                    .method = knobs.submit_method,
                    .suppress_job_logs = knobs.suppress_job_logs},
          .max_idle = knobs.max_idle,
          .max_job_holds = knobs.max_job_holds,
          .failure_tolerance = knobs.failure_tolerance,
          .remove_jobs_on_failure = knobs.remove_jobs_on_failure,
          .prohibit_multi_jobs = knobs.prohibit_multi_jobs,
          .submit_delay = std::chrono::seconds(knobs.submit_delay_seconds),
          .status_interval = std::chrono::seconds(knobs.status_interval_seconds),
          .dry_run = options.dry_run};
}

LocalOptions ExecutorOptionsOf(const RunOptions& options, const LockRecord& record) {
  return {.cpus = options.cpus.value_or(AvailableCpus()),
          .memory_mb = options.memory_mb,
          .gpus = ChosenGpus(options),
          .scratch = record.scratch,
          .run_id = record.run_id,
          .environment = options.environment};
}

std::string ParentRun(const RunOptions& options) {
  constexpr std::string_view kMark = "DAGRUN_RUN_ID=";
  if (options.parent_dag_id == 0) return {};
  for (const std::string& entry : options.environment) {
    if (entry.starts_with(kMark)) return entry.substr(kMark.size());
  }
  return {};
}

/// The observers that keep the files which the DAG or the command line asks for.
class FileObservers {
 public:
  FileObservers(const Dag& dag, const RunOptions& options, const Clock& clock,
                const std::function<void(const std::string&)>& warn) {
    if (dag.node_status_file) Add<NodeStatusWriter>(*dag.node_status_file, clock, warn);
    if (const Path& file = options.node_status_file; !file.empty()) {
      Add<NodeStatusWriter>(NodeStatusFile{.file = file}, clock, warn);
    }
    if (!dag.jobstate_log.empty()) Add<JobstateLog>(dag.jobstate_log, warn);
    if (dag.dot) Add<DotWriter>(*dag.dot, clock, warn);
  }

  /// After the caller's own.
  std::vector<RunObserver*> all(std::vector<RunObserver*> observers) const {
    for (const auto& observer : observers_) observers.push_back(observer.get());
    return observers;
  }

 private:
  template <typename Observer, typename... Arguments>
  void Add(Arguments&&... arguments) {
    observers_.push_back(std::make_unique<Observer>(std::forward<Arguments>(arguments)...));
  }
  std::vector<std::unique_ptr<RunObserver>> observers_;
};

/// Nothing is executed, locked or left behind: the events go to a folder that is gone afterwards.
int DryRun(const RunOptions& options, Reporter& reporter, const std::function<int()>& pending_signal,
           const Clock& clock) {
  const StartingPoint start = ChooseStart(options);
  const Dag dag = Load(options, start.file);
  Plan plan(dag, LimitsOf(options.knobs));
  const TemporaryDirectory folder("dagrun-dry");
  Journal journal(folder.path() / "nodes.log");
  Children children;
  LocalExecutor executor(ExecutorOptionsOf(options, {.scratch = folder.path() / "scratch"}), children, clock);
  JobQueue queue(executor, clock, {.submit_host = "<dagrun:" + HostName() + ">"});
  ScriptRunner scripts(children, {});
  int last_cluster = 1;
  Scheduler scheduler({.plan = plan,
                       .queue = queue,
                       .scripts = scripts,
                       .journal = journal,
                       .reporter = reporter,
                       .clock = clock,
                       .log = MakeNullLogger(),
                       .pending_signal = pending_signal,
                       .next_cluster = [&last_cluster] { return ++last_cluster; },
                       .observers = options.observers},
                      SchedulerOptionsOf(options, 1));
  reporter.Started(options.dag_files.front().string(), plan.counts(), "dry run: no job and no script is run");
  const RunEnd end = scheduler.Run();
  reporter.Ended(end);
  return end.exit_code;
}

}  // namespace

int RunDag(const RunOptions& options, Reporter& reporter, const std::function<int()>& pending_signal,
           const Clock& clock) {
  const Clock::WallTime start = clock.WallNow();
  const Path& dag_file = options.dag_files.front();
  const Path nodes_log = NodesLogOf(options);
  for (const Path& file : options.dag_files) {
    if (!fs::exists(file)) throw Error("there is no DAG file '" + file.string() + "'", ExitCode::kFailed);
  }
  if (options.dry_run) return DryRun(options, reporter, pending_signal, clock);

  RunLock lock(WithSuffix(dag_file, ".lock"));
  const bool interrupted = lock.left_by().has_value();
  const bool recovering = (interrupted || options.do_recovery) && !options.force;
  LockRecord record = lock.left_by().value_or(LockRecord{});
  const Path dagman_out = DagmanOutOf(options);
  Logger log;
  LocalOptions executor_options;
  Dag dag;
  // From the lock on others take the run for one that listens; without it, the folder may be the next run's.
  std::optional<ControlBox> control;
  try {
    control.emplace(dag_file);
    log = MakeFileLogger(dagman_out);
    log->info("** dagrun {} STARTING UP, PID = {}", ROOST_VERSION, ::getpid());
    if (!interrupted) {
      record.run_id = NewRunId(ParentRun(options));
      record.scratch = ScratchFolder(record.run_id);
    }
    if (!interrupted || !recovering) {
      const StartingPoint from = ChooseStart(options);
      record.rescue = from.rescue;
      record.rescue_file = from.file;
    }
    executor_options = ExecutorOptionsOf(options, record);
    dag = Load(options, record.rescue_file);
  } catch (const Error& error) {
    if (log != nullptr) {
      log->error("ERROR: {}", error.message());
      log->info("**** dagrun pid {} EXITING WITH STATUS {}", ::getpid(), static_cast<int>(error.code()));
    }
    // Nothing was started: the file is ours to remove, unless there is still a run to recover.
    control.reset();
    if (!interrupted) lock.Release();
    throw;
  }
  ClusterNumbers clusters(dag_file.parent_path(), static_cast<int>(dag.nodes.size()) + 1);
  // Before our record is in the lock: a crash between the two must not make the log of an earlier run look
  // like ours.
  if (!recovering) {
    Remove(nodes_log);
    Remove(WithSuffix(dag_file, ".halt"));  // of an earlier run
  }
  lock.Claim(record);

  log->info("Dag contains {} total nodes", dag.nodes.size());
  Plan plan(dag, LimitsOf(options.knobs));
  log->info("Number of pre-completed nodes: {}", plan.counts()[NodeState::kDone]);

  Recovered recovered;
  if (interrupted) {
    if (const int killed = KillProcessesOfRun(record.run_id)) {
      log->info("killed {} processes that the interrupted run had left", killed);
    }
    std::error_code ignored;
    fs::remove_all(record.scratch, ignored);
  }
  if (recovering) {
    log->info("Running in RECOVERY mode... >>>>>>>>>>");
    if (fs::exists(nodes_log)) {
      recovered = Recover(ReadFile(nodes_log).value(), plan, options.knobs.failure_tolerance);
    }
    CutTo(nodes_log, recovered.bytes);
    log->info("...done with RECOVERY mode <<<<<<<<<<");
  }

  Journal journal(nodes_log);
  Children children;
  LocalExecutor executor(std::move(executor_options), children, clock);
  JobQueue queue(executor, clock, {.submit_host = "<dagrun:" + HostName() + ">"});
  ScriptRunner scripts(children, ScriptEnvironment(options.environment, record.run_id));

  const int dag_id = options.dag_id > 0 ? options.dag_id : clusters.Next();
  const FileObservers files(dag, options, clock, [&](const std::string& text) {
    log->warn("{}", text);
    reporter.Warning(text);
  });
  Scheduler scheduler({.plan = plan,
                       .queue = queue,
                       .scripts = scripts,
                       .journal = journal,
                       .reporter = reporter,
                       .clock = clock,
                       .log = log,
                       .pending_signal = pending_signal,
                       .next_cluster = [&clusters] { return clusters.Next(); },
                       .observers = files.all(options.observers),
                       .control = &*control},
                      SchedulerOptionsOf(options, dag_id));
  if (recovering) scheduler.Resume(recovered);
  reporter.Started(dag_file.string(), plan.counts(), StartNote(recovering, record.rescue_file));
  RunEnd end = scheduler.Run();
  end.diagnostics = dagman_out;
  end.rerun = options.rerun_command;

  const MetricsFacts facts{.start = start,
                           .end = clock.WallNow(),
                           .dag_id = dag_id,
                           .parent_dag_id = options.parent_dag_id,
                           .rescue_number = record.rescue,
                           .jobs = scheduler.totals(),
                           .version = options.knobs.metrics_version,
                           .graph = options.knobs.report_graph_metrics};
  const Path metrics = WithSuffix(dag_file, ".metrics");
  if (auto written = WriteFileAtomically(metrics, FormatMetrics(facts, plan, end)); !written) {
    reporter.Warning(written.error().message());
  } else {
    log->info("Wrote metrics file {}.", metrics.string());
  }
  // What was killed may have left something: a nested dagrun has no time then to end its own jobs.
  const bool all_went_well = end.status == RunEnd::Status::kOk && plan.AllDone();
  if (!all_went_well) KillProcessesOfRun(record.run_id);
  reporter.Ended(end);
  log->info("**** dagrun pid {} EXITING WITH STATUS {}", ::getpid(), end.exit_code);
  if (scheduler.orderly()) {
    control.reset();
    lock.Release();
  } else {
    // What is done stands in the nodes log alone. With the lock left behind the next start reads it.
    reporter.Warning("without a rescue file, the next run goes on from '" + nodes_log.string() +
                     "': keep it");
  }
  return end.exit_code;
}

}  // namespace roost::dag
