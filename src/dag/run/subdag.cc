#include "dag/run/subdag.h"

#include <csignal>

#include "dag/run/lock.h"
#include "dag/run/submit_context.h"

namespace roost::dag {
namespace {

/// A nested run has to remove its own jobs and to write its rescue file before it is killed.
constexpr std::chrono::seconds kTimeToEnd{60};

}  // namespace

Result<Job> NestedRunJob(const Dag& dag, const Node& node, int cluster, int submission,
                         const NestedRunOptions& options) {
  const std::string& file = dag.Submit(node).file;
  Job job;
  job.cluster = cluster;
  job.node = node.name;
  job.initial_dir = DirectoryOf(dag, node);
  if (!std::filesystem::exists(job.initial_dir / file)) {
    return Error("there is no DAG file '" + (job.initial_dir / file).string() + "'", ExitCode::kNoInput);
  }
  job.local = true;
  job.executable = options.program;
  job.arguments = options.inherited_words;
  const auto add = [&job](const std::vector<std::string>& words) {
    job.arguments.insert(job.arguments.end(), words.begin(), words.end());
  };
  if (options.force && submission == 1) add({"-force"});
  const int priority = options.priority + node.priority;
  if (priority != 0) add({"-Priority", std::to_string(priority)});
  add({"--dag-id", std::to_string(cluster), "--parent-dag-id", std::to_string(options.dag_id), file});
  job.environment = options.environment;
  job.output = file + ".lib.out";
  job.error = file + ".lib.err";
  if (options.submitter_files) job.log = file + ".dagman.log";
  job.transfer = TransferFiles::kNo;
  job.request.cpus = 0;
  job.priority = priority;
  job.remove_kill_signal = SIGUSR1;
  job.kill_signal = SIGUSR1;
  job.kill_timeout = kTimeToEnd;
  return job;
}

void EndLeftoversOfNestedRun(const Dag& dag, const Node& node) {
  const Path file = DirectoryOf(dag, node) / dag.Submit(node).file;
  const auto left_by = ReadLock(file.string() + ".lock");
  if (left_by && !OwnerAlive(*left_by)) KillProcessesOfRun(left_by->run_id);
}

}  // namespace roost::dag
