#include "dag/run/dag_run.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "dag/executors/local.h"
#include "dag/run/cluster_numbers.h"
#include "dag/run/journal.h"
#include "dag/run/lock.h"
#include "dag/run/recovery.h"
#include "dag/run/scheduler.h"
#include "dag/run/status_files.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

Path WithSuffix(const Path& file, const char* suffix) { return file.string() + suffix; }

void PutAside(const Path& file) { fs::rename(file, WithSuffix(file, ".old")); }

/// Puts aside the rescue files that `options` rules out and returns the number of the one to apply, or 0.
int ChooseRescue(const RunOptions& options) {
  const int newest = NewestRescue(options.dag_files.front());
  const int keep = options.force ? 0 : options.rescue_from;
  if (keep > 0 && !fs::exists(RescuePath(options.dag_files.front(), keep))) {
    throw Error("-DoRescueFrom " + std::to_string(keep) + ": there is no '" +
                RescuePath(options.dag_files.front(), keep).string() + "'");
  }
  if (options.force || keep > 0) {
    for (int number = keep + 1; number <= newest; ++number) {
      if (const Path file = RescuePath(options.dag_files.front(), number); fs::exists(file)) PutAside(file);
    }
    return keep;
  }
  return options.knobs.auto_rescue ? newest : 0;
}

Dag Load(const Path& file, int rescue) {
  DagParse parse = ReadDag(file);
  if (HasErrors(parse.faults)) throw Error(FaultsError(parse.faults).message(), ExitCode::kFailed);
  if (rescue > 0) {
    const Path rescue_file = RescuePath(file, rescue);
    const Faults faults = ApplyRescue(parse.dag, ReadFile(rescue_file).value(), rescue_file.string());
    if (HasErrors(faults)) throw Error(FaultsError(faults).message(), ExitCode::kFailed);
  }
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

std::string StartNote(bool recovering, int rescue, const Path& dag_file) {
  if (recovering) return "goes on where an earlier dagrun was interrupted";
  if (rescue > 0) return "goes on from " + RescuePath(dag_file, rescue).string();
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

}  // namespace

int RunDag(const RunOptions& options, Reporter& reporter, const std::function<int()>& pending_signal,
           const Clock& clock) {
  const Clock::WallTime start = clock.WallNow();
  const Path nodes_log = WithSuffix(options.dag_files.front(), ".nodes.log");
  if (!fs::exists(options.dag_files.front())) {
    throw Error("there is no DAG file '" + options.dag_files.front().string() + "'", ExitCode::kFailed);
  }

  const std::vector<int> gpus = ChosenGpus(options);
  RunLock lock(WithSuffix(options.dag_files.front(), ".lock"));
  const bool interrupted = lock.left_by().has_value();
  const bool recovering = (interrupted || options.do_recovery) && !options.force;
  LockRecord record = lock.left_by().value_or(LockRecord{});
  if (!interrupted) {
    record.run_id = NewRunId();
    record.scratch = ScratchFolder(record.run_id);
  }
  Dag dag;
  try {
    if (!interrupted || !recovering) record.rescue = ChooseRescue(options);
    dag = Load(options.dag_files.front(), record.rescue);
  } catch (...) {
    // Nothing was started: the file is ours to remove, unless there is still a run to recover.
    if (!interrupted) lock.Release();
    throw;
  }
  ClusterNumbers clusters(options.dag_files.front().parent_path(), static_cast<int>(dag.nodes.size()) + 1);
  // Before our record is in the lock: a crash between the two must not make the log of an earlier run look
  // like ours.
  if (!recovering) Remove(nodes_log);
  lock.Claim(record);

  const Logger log = MakeFileLogger(WithSuffix(options.dag_files.front(), ".dagman.out"));
  log->info("** dagrun {} STARTING UP, PID = {}", ROOST_VERSION, ::getpid());
  log->info("Dag contains {} total nodes", dag.nodes.size());
  Plan plan(dag, {.max_jobs = options.knobs.max_jobs,
                  .max_pre = options.knobs.max_pre,
                  .max_post = options.knobs.max_post,
                  .always_run_post = options.knobs.always_run_post});
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
    if (fs::exists(nodes_log)) recovered = Recover(ReadFile(nodes_log).value(), plan);
    CutTo(nodes_log, recovered.bytes);
    log->info("...done with RECOVERY mode <<<<<<<<<<");
  }

  Journal journal(nodes_log);
  Children children;
  LocalExecutor executor({.cpus = options.cpus.value_or(AvailableCpus()),
                          .memory_mb = options.memory_mb,
                          .gpus = gpus,
                          .scratch = record.scratch,
                          .run_id = record.run_id,
                          .environment = options.environment},
                         children, clock);
  ScriptRunner scripts(children, ScriptEnvironment(options.environment, record.run_id));

  const int dag_id = clusters.Next();
  Scheduler scheduler({.plan = plan,
                       .executor = executor,
                       .scripts = scripts,
                       .journal = journal,
                       .reporter = reporter,
                       .clock = clock,
                       .log = log,
                       .pending_signal = pending_signal,
                       .next_cluster = [&clusters] { return clusters.Next(); }},
                      {.dag_file = options.dag_files.front(),
                       .max_idle = options.knobs.max_idle,
                       .dag_id = dag_id,
                       .environment = options.environment});
  if (recovering) scheduler.Resume(recovered);
  reporter.Started(options.dag_files.front().string(), plan.counts(),
                   StartNote(recovering, record.rescue, options.dag_files.front()));
  RunEnd end = scheduler.Run();
  end.diagnostics = WithSuffix(options.dag_files.front(), ".dagman.out");
  end.rerun = options.rerun_command;

  const Clock::WallTime now = clock.WallNow();
  const MetricsFacts facts{.start = start,
                           .end = now,
                           .dag_id = dag_id,
                           .rescue_number = record.rescue,
                           .jobs = scheduler.totals()};
  const Path metrics = WithSuffix(options.dag_files.front(), ".metrics");
  if (auto written = WriteFileAtomically(metrics, FormatMetrics(facts, end)); !written) {
    reporter.Warning(written.error().message());
  } else {
    log->info("Wrote metrics file {}.", metrics.string());
  }
  if (!options.node_status_file.empty()) {
    const std::string text = FormatNodeStatus(plan, end, options.dag_files.front().string(), now);
    if (auto written = WriteFileAtomically(options.node_status_file, text); !written) {
      reporter.Warning(written.error().message());
    }
  }
  reporter.Ended(end);
  log->info("**** dagrun pid {} EXITING WITH STATUS {}", ::getpid(), end.exit_code);
  if (end.exit_code == 0 || !end.rescue_file.empty()) {
    lock.Release();
  } else {
    // What is done stands in the nodes log alone. With the lock left behind the next start reads it.
    reporter.Warning("without a rescue file, the next run goes on from '" + nodes_log.string() +
                     "': keep it");
  }
  return end.exit_code;
}

}  // namespace roost::dag
