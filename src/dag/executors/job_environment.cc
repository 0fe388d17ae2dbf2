#include "dag/executors/job_environment.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace roost::dag {
namespace {

constexpr std::array<std::string_view, 4> kInherited = {"PATH", "HOME", "USER", "LOGNAME"};

/// Variables by which libraries learn how many threads to start (HTCondor's list). Without them every job
/// would take all cores of the machine.
constexpr std::array<std::string_view, 12> kThreadCounts = {"CUBACORES",
                                                            "GOMAXPROCS",
                                                            "JULIA_NUM_THREADS",
                                                            "MKL_NUM_THREADS",
                                                            "NUMEXPR_NUM_THREADS",
                                                            "OMP_NUM_THREADS",
                                                            "OMP_THREAD_LIMIT",
                                                            "OPENBLAS_NUM_THREADS",
                                                            "PYTHON_CPU_COUNT",
                                                            "ROOT_MAX_THREADS",
                                                            "TF_LOOP_PARALLEL_ITERATIONS",
                                                            "TF_NUM_THREADS"};

using Variables = std::map<std::string, std::string, std::less<>>;

void Set(Variables& variables, std::string_view entry) {
  const auto equals = entry.find('=');
  if (equals == std::string_view::npos) return;
  variables.insert_or_assign(std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1)));
}

std::string NumberList(const std::vector<int>& numbers) {
  std::vector<std::string> texts;
  texts.reserve(numbers.size());
  for (const int number : numbers) texts.push_back(std::to_string(number));
  return Join(texts, ",");
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + '"';
}

}  // namespace

std::vector<std::string> JobEnvironment(const JobAttempt& attempt, const JobPlace& place,
                                        const std::vector<std::string>& own) {
  const Job& job = attempt.job;
  Variables variables;
  for (const std::string& entry : own) {
    const auto name = std::string_view(entry).substr(0, entry.find('='));
    if (std::find(kInherited.begin(), kInherited.end(), name) != kInherited.end()) Set(variables, entry);
  }
  for (const std::string_view name : kThreadCounts) {
    variables.insert_or_assign(std::string(name), std::to_string(job.request.cpus));
  }

  for (const std::string& entry : job.environment) Set(variables, entry);

  const std::string scratch = place.scratch.string();
  for (const char* name : {"TMPDIR", "TEMP", "TMP", "_CONDOR_SCRATCH_DIR"}) variables[name] = scratch;
  variables["_CONDOR_SLOT"] = place.slot;
  variables["_CONDOR_JOB_IWD"] = job.initial_dir.string();
  variables["_CONDOR_JOB_AD"] = scratch + "/.job.ad";
  variables["BATCH_SYSTEM"] = "HTCondor";
  // Set also where no GPU was asked for, and then empty: a job must not see devices that it was not given.
  variables["CUDA_VISIBLE_DEVICES"] = NumberList(place.gpus);
  variables["DAGRUN_RUN_ID"] = place.run_id;
  variables["DAGRUN_JOB_KEY"] = attempt.Key();

  std::vector<std::string> environment;
  environment.reserve(variables.size());
  for (const auto& [name, value] : variables) {
    environment.emplace_back(name).append("=").append(value);
  }
  return environment;
}

std::string JobAd(const JobAttempt& attempt) {
  const Job& job = attempt.job;
  std::map<std::string, std::string, LessIgnoreCase> ad = job.attributes;
  ad["ClusterId"] = std::to_string(job.cluster);
  ad["ProcId"] = std::to_string(job.proc);
  ad["Cmd"] = Quoted(job.executable.string());
  ad["Iwd"] = Quoted(job.initial_dir.string());
  ad["DAGNodeName"] = Quoted(job.node);
  ad["DAGManNodeRetry"] = std::to_string(attempt.attempt);
  ad["RequestCpus"] = std::to_string(job.request.cpus);
  if (job.request.memory_mb) ad["RequestMemory"] = std::to_string(*job.request.memory_mb);
  if (job.request.disk_kb) ad["RequestDisk"] = std::to_string(*job.request.disk_kb);
  if (job.request.gpus > 0) ad["RequestGPUs"] = std::to_string(job.request.gpus);

  std::string text;
  for (const auto& [name, value] : ad) text.append(name).append(" = ").append(value).push_back('\n');
  return text;
}

}  // namespace roost::dag
