#include "yolo/train/rank.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

constexpr int kPort = 29500;          // torch's own
constexpr int kSageMakerPort = 7777;  // its containers let it through
constexpr int kMaxWorld = 100'000;

[[noreturn]] void Fail(const std::string& what, const std::string& hint = {}) {
  throw Error(what, ExitCode::kUsage, hint);
}

/// What one launcher says. Variables that it always sets together must be there together.
class Variables {
 public:
  Variables(const Environment& environment, std::string launcher)
      : environment_(environment), launcher_(std::move(launcher)) {}

  /// Null where it is not set, or to nothing.
  const std::string* Find(const std::string& name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() || Trim(found->second).empty() ? nullptr : &found->second;
  }

  const std::string& Text(const std::string& name) const {
    const std::string* text = Find(name);
    if (text == nullptr) {
      Fail("the environment looks like one of " + launcher_ + ", but " + name + " is not set",
           "Start all processes with " + launcher_ + ", or take its other variables out of the environment.");
    }
    return *text;
  }

  int Number(const std::string& name, int least, int most = kMaxWorld) const {
    const std::string& text = Text(name);
    const auto number = ParseInt(Trim(text));
    if (!number || *number < least || *number > most) {
      Fail(name + "='" + Printable(text.substr(0, 60)) + "' is no number from " + std::to_string(least) +
           " to " + std::to_string(most));
    }
    return static_cast<int>(*number);
  }

  int Number(const std::string& name, int least, std::optional<int> fallback) const {
    return Find(name) == nullptr && fallback ? *fallback : Number(name, least);
  }

  /// `rank_name` and `world_name`, which agree.
  Rank RankOf(const std::string& rank_name, const std::string& world_name) const {
    Rank rank;
    rank.told_by = launcher_;
    rank.world = Number(world_name, 1);
    rank.rank = Number(rank_name, 0);
    if (rank.rank >= rank.world) {
      Fail(rank_name + "=" + std::to_string(rank.rank) + " is no rank of " + world_name + "=" +
           std::to_string(rank.world) + " processes, which count from 0");
    }
    return rank;
  }

 private:
  const Environment& environment_;
  std::string launcher_;
};

bool IsSet(const Environment& environment, const char* name) { return environment.contains(name); }

/// Where rank 0 is: what MASTER_ADDR says, or else `known`, which may be empty.
void FindMaster(const Variables& variables, const std::string& known, int port, Rank& rank) {
  if (rank.world == 1 && rank.start_here == 1) return;
  const std::string* address = variables.Find("MASTER_ADDR");
  rank.master = address != nullptr ? std::string(Trim(*address)) : known;
  if (rank.master.empty() && rank.local_world == rank.world) rank.master = "127.0.0.1";
  if (rank.master.empty()) {
    Fail(rank.told_by + " starts " + std::to_string(rank.world) +
             " processes, but does not say on which host rank 0 is: MASTER_ADDR is not set",
         "Set MASTER_ADDR to the host of rank 0 (and MASTER_PORT to a port that is free there) for all of "
         "them.");
  }
  constexpr int kMaxPort = std::numeric_limits<std::uint16_t>::max();
  rank.port = variables.Find("MASTER_PORT") != nullptr ? variables.Number("MASTER_PORT", 1, kMaxPort) : port;
}

Rank FromTorchrun(const Environment& environment) {
  const Variables variables(environment, "torchrun");
  Rank rank = variables.RankOf("RANK", "WORLD_SIZE");
  if (rank.world > 1) {
    variables.Text("MASTER_ADDR");
    variables.Text("MASTER_PORT");
  }
  rank.local_rank = variables.Number("LOCAL_RANK", 0, rank.rank);
  rank.local_world = variables.Number("LOCAL_WORLD_SIZE", 1, 0);
  const std::string* served = variables.Find("TORCHELASTIC_USE_AGENT_STORE");
  rank.store_is_there = served != nullptr && EqualsIgnoreCase(*served, "true");
  if (const std::string* attempt = variables.Find("TORCHELASTIC_RESTART_COUNT")) rank.attempt = *attempt;
  FindMaster(variables, "", kPort, rank);
  return rank;
}

Rank FromOpenMpi(const Environment& environment) {
  const Variables variables(environment, "Open MPI");
  Rank rank = variables.RankOf("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
  rank.local_rank = variables.Number("OMPI_COMM_WORLD_LOCAL_RANK", 0);
  rank.local_world = variables.Number("OMPI_COMM_WORLD_LOCAL_SIZE", 1, 0);
  FindMaster(variables, "", kPort, rank);
  return rank;
}

/// Slurm's own list of the hosts of this step, or nothing.
std::string SlurmMaster(const Variables& variables) {
  for (const char* name : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"}) {
    if (const std::string* hosts = variables.Find(name)) return FirstHost(*hosts);
  }
  return {};
}

/// Jobs that share a host do not meet: the port follows from the job's number. Below the ports that the
/// kernel gives away by itself.
int SlurmPort(const Variables& variables) {
  constexpr std::int64_t kFirst = 10'000;
  constexpr std::int64_t kPorts = 20'000;
  const std::string* job = variables.Find("SLURM_JOB_ID");
  const std::string* step = variables.Find("SLURM_STEP_ID");
  const std::int64_t number = (job == nullptr ? 0 : ParseInt(Trim(*job)).value_or(0)) * 7 +
                              (step == nullptr ? 0 : ParseInt(Trim(*step)).value_or(0));
  return static_cast<int>(kFirst + (number % kPorts + kPorts) % kPorts);
}

Rank FromPmi(const Environment& environment) {
  const Variables variables(environment, "MPI");
  Rank rank = variables.RankOf("PMI_RANK", "PMI_SIZE");
  rank.local_world = variables.Number("MPI_LOCALNRANKS", 1, 0);
  const int fallback = variables.Number("SLURM_LOCALID", 0, 0);
  rank.local_rank = variables.Number("MPI_LOCALRANKID", 0, fallback);
  FindMaster(variables, SlurmMaster(variables), SlurmPort(variables), rank);
  return rank;
}

Rank FromSlurm(const Environment& environment) {
  const Variables variables(environment, "Slurm");
  const bool of_step = variables.Find("SLURM_STEP_NUM_TASKS") != nullptr;
  Rank rank = variables.RankOf("SLURM_PROCID", of_step ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS");
  rank.local_rank = variables.Number("SLURM_LOCALID", 0);
  rank.local_world = 0;
  // "2(x3),1": the numbers of tasks by node. One number is all of them.
  if (const std::string* tasks = variables.Find("SLURM_STEP_TASKS_PER_NODE")) {
    if (ParseInt(*tasks) == rank.world) rank.local_world = rank.world;
  }
  FindMaster(variables, SlurmMaster(variables), SlurmPort(variables), rank);
  return rank;
}

Rank FromCondor(const Environment& environment) {
  const Variables variables(environment, "HTCondor's parallel universe");
  Rank rank = variables.RankOf("_CONDOR_PROCNO", "_CONDOR_NPROCS");
  rank.local_world = 0;  // each node of a job sees its own devices alone: the first is its own
  FindMaster(variables, "", kPort, rank);
  return rank;
}

Rank FromSageMaker(const Environment& environment) {
  const Variables variables(environment, "SageMaker");
  const std::string& text = variables.Text("SM_HOSTS");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<std::string> hosts;
  if (json.is_array()) {
    for (const auto& host : json) {
      if (host.is_string()) hosts.push_back(host.get<std::string>());
    }
  }
  if (hosts.empty()) Fail("SM_HOSTS='" + Printable(text.substr(0, 60)) + "' is no JSON list of hosts");
  const std::string& own = variables.Text("SM_CURRENT_HOST");
  std::ranges::sort(hosts);  // all see them in the same order
  const auto found = std::ranges::find(hosts, own);
  if (found == hosts.end()) {
    Fail("SM_CURRENT_HOST='" + Printable(own.substr(0, 60)) + "' is not among SM_HOSTS, " +
         Printable(text.substr(0, 200)));
  }
  Rank rank;
  rank.told_by = "SageMaker";
  rank.start_here = std::max(1, variables.Number("SM_NUM_GPUS", 0, 0));
  rank.local_world = rank.start_here;
  rank.world = static_cast<int>(hosts.size()) * rank.start_here;
  rank.rank = static_cast<int>(found - hosts.begin()) * rank.start_here;
  FindMaster(variables, hosts.size() == 1 ? "127.0.0.1" : hosts.front(), kSageMakerPort, rank);
  return rank;
}

/// What stands in the last brackets of a list of hosts, up to its first number: "01-04,7" is "01".
std::string FirstOfRange(std::string_view range) {
  return std::string(range.substr(0, range.find_first_of(",-")));
}

}  // namespace

Environment CurrentEnvironment() {
  Environment variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string FirstHost(const std::string& hosts) {
  std::string host;
  std::string_view rest = Trim(hosts);
  while (!rest.empty() && rest.front() != ',') {
    if (rest.front() != '[') {
      host += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t close = rest.find(']');
    const std::string first = close == std::string_view::npos ? "" : FirstOfRange(rest.substr(1, close - 1));
    if (first.empty())
      Fail("'" + Printable(hosts.substr(0, 100)) + "' is no list of hosts as Slurm writes it");
    host += first;
    rest.remove_prefix(close + 1);
  }
  if (host.empty()) Fail("'" + Printable(hosts.substr(0, 100)) + "' is no list of hosts as Slurm writes it");
  return host;
}

Rank RankFrom(const Environment& environment) {
  if (IsSet(environment, "RANK") || IsSet(environment, "WORLD_SIZE")) return FromTorchrun(environment);
  if (IsSet(environment, "OMPI_COMM_WORLD_RANK") || IsSet(environment, "OMPI_COMM_WORLD_SIZE")) {
    return FromOpenMpi(environment);
  }
  if (IsSet(environment, "PMI_RANK") || IsSet(environment, "PMI_SIZE")) return FromPmi(environment);
  // sbatch and salloc set the job's variables for the script, which is one process; srun sets the step's.
  if (IsSet(environment, "SLURM_STEP_ID") || IsSet(environment, "SLURM_STEP_NUM_TASKS")) {
    return FromSlurm(environment);
  }
  if (IsSet(environment, "_CONDOR_PROCNO") || IsSet(environment, "_CONDOR_NPROCS"))
    return FromCondor(environment);
  if (IsSet(environment, "SM_HOSTS")) return FromSageMaker(environment);
  return {};
}

}  // namespace roost::yolo
