#include "dag/run/subdag.h"

#include <csignal>

#include "dag/run/submit_context.h"

namespace roost::dag {
namespace {

/// A nested run has to remove its own jobs and to write its rescue file before it is killed.
constexpr std::chrono::seconds kTimeToEnd{60};

bool IsForce(const std::string& word) {
  const std::string name = ToLower(word.substr(word.find_first_not_of('-')));
  return name == "f" || name == "force";
}

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
  for (const std::string& word : options.inherited_words) {
    if (submission > 1 && word.starts_with('-') && IsForce(word)) continue;
    job.arguments.push_back(word);
  }
  if (const int priority = options.priority + node.priority; priority != 0) {
    job.arguments.insert(job.arguments.end(), {"-Priority", std::to_string(priority)});
  }
  job.arguments.push_back(file);
  job.environment = options.environment;
  job.environment.push_back("DAGRUN_PARENT_DAG_ID=" + std::to_string(options.dag_id));
  job.output = file + ".lib.out";
  job.error = file + ".lib.err";
  job.log = file + ".dagman.log";
  job.transfer = TransferFiles::kNo;
  job.request.cpus = 0;
  job.priority = options.priority + node.priority;
  job.remove_kill_signal = SIGUSR1;
  job.kill_signal = SIGUSR1;
  job.kill_timeout = kTimeToEnd;
  return job;
}

}  // namespace roost::dag
