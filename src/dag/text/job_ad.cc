#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <sys/statvfs.h>
#include <unistd.h>

#include "dag/text/host.h"
#include "dag/text/quoting.h"
#include "roost/dag/submit.h"

namespace roost::dag {
namespace {

constexpr std::int64_t kVanilla = 5;
constexpr std::int64_t kLocal = 12;

void SetText(Ad& ad, std::string_view name, std::string text) { ad.Set(name, Value(std::move(text))); }

void SetFiles(const Job& job, Ad& ad) {
  const bool transfers = job.transfer != TransferFiles::kNo;
  SetText(ad, "ShouldTransferFiles",
          job.transfer == TransferFiles::kYes ? "YES"
          : transfers                         ? "IF_NEEDED"
                                              : "NO");
  if (transfers) {
    SetText(ad, "WhenToTransferOutput",
            job.transfer_output_when == TransferOutput::kOnExit      ? "ON_EXIT"
            : job.transfer_output_when == TransferOutput::kOnSuccess ? "ON_SUCCESS"
                                                                     : "NEVER");
  }
  if (!job.transfer_executable) ad.Set("TransferExecutable", false);
  if (!job.transfer_input.empty()) SetText(ad, "TransferInput", Join(job.transfer_input, ","));
  if (job.transfer_output) SetText(ad, "TransferOutput", Join(*job.transfer_output, ","));
  std::vector<std::string> remaps;
  for (const auto& [name, place] : job.output_remaps) {
    remaps.push_back(name);
    remaps.back().append("=").append(place);
  }
  if (!remaps.empty()) SetText(ad, "TransferOutputRemaps", Join(remaps, ";"));
}

void SetPolicy(const JobPolicy& policy, Ad& ad) {
  const std::pair<std::string_view, const std::optional<Expr>*> kExpressions[] = {
      {"OnExitHold", &policy.on_exit_hold},
      {"OnExitHoldReason", &policy.on_exit_hold_reason},
      {"OnExitHoldSubCode", &policy.on_exit_hold_subcode},
      {"OnExitRemove", &policy.on_exit_remove},
      {"PeriodicHold", &policy.periodic_hold},
      {"PeriodicHoldReason", &policy.periodic_hold_reason},
      {"PeriodicHoldSubCode", &policy.periodic_hold_subcode},
      {"PeriodicRelease", &policy.periodic_release},
      {"PeriodicRemove", &policy.periodic_remove},
      {"PeriodicVacate", &policy.periodic_vacate}};
  for (const auto& [name, expr] : kExpressions) {
    if (*expr) ad.Set(name, **expr);
  }
  if (policy.max_retries) ad.Set("JobMaxRetries", *policy.max_retries);
  if (policy.success_exit_code) ad.Set("JobSuccessExitCode", *policy.success_exit_code);
  if (policy.allowed_job_duration)
    ad.Set("AllowedJobDuration", std::int64_t{policy.allowed_job_duration->count()});
  if (policy.allowed_execute_duration) {
    ad.Set("AllowedExecuteDuration", std::int64_t{policy.allowed_execute_duration->count()});
  }
}

void SetRequest(const Job& job, Ad& ad) {
  ad.Set("RequestCpus", std::int64_t{job.request.cpus});
  if (job.request.memory_mb) ad.Set("RequestMemory", *job.request.memory_mb);
  if (job.request.disk_kb) ad.Set("RequestDisk", *job.request.disk_kb);
  if (job.request.gpus > 0) ad.Set("RequestGPUs", std::int64_t{job.request.gpus});
  for (const auto& [tag, amount] : job.request.custom) ad.Set("Request" + tag, amount);
  for (const auto& [name, expr] : job.request_expressions) ad.Set(name, expr);
}

void SetSystem(const HostFacts& host, Ad& ad) {
  SetText(ad, "Arch", host.arch);
  SetText(ad, "OpSys", "LINUX");
  SetText(ad, "OpSysLegacy", "LINUX");
  SetText(ad, "OpSysLongName", host.system_long);
  SetText(ad, "OpSysName", host.system);
  SetText(ad, "OpSysShortName", host.system);
  SetText(ad, "OpSysAndVer", host.system_and_version());
  ad.Set("OpSysMajorVer", host.major_version);
  ad.Set("OpSysVer", host.version);
}

template <typename Integer>
void TakeWhole(const Ad& ad, std::string_view attribute, std::int64_t now, Integer& amount) {
  const Value value = ad.Get(attribute, now);
  const auto* integer = std::get_if<std::int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  constexpr double kMost = 1e9;
  if (integer != nullptr && *integer >= 0 && *integer <= static_cast<std::int64_t>(kMost)) {
    amount = static_cast<int>(*integer);
  } else if (real != nullptr && *real >= 0 && *real <= kMost) {
    amount = static_cast<int>(std::ceil(*real));
  }
}

}  // namespace

Ad MakeJobAd(const Job& job) {
  Ad ad;
  ad.Set("ClusterId", std::int64_t{job.cluster});
  ad.Set("ProcId", std::int64_t{job.proc});
  SetText(ad, "MyType", "Job");
  if (!job.node.empty()) SetText(ad, "DAGNodeName", job.node);
  SetText(ad, "Cmd", job.executable.string());
  const auto arguments = OldArguments(job.arguments);
  SetText(ad, arguments ? "Args" : "Arguments", arguments ? *arguments : QuoteWords(job.arguments));
  SetText(ad, "Environment", QuoteWords(job.environment));
  SetText(ad, "Iwd", job.initial_dir.string());
  const auto stream = [&](std::string_view name, const Path& file) {
    SetText(ad, name, file.empty() ? "/dev/null" : file.string());
  };
  stream("In", job.input);
  stream("Out", job.output);
  stream("Err", job.error);
  if (!job.log.empty()) SetText(ad, "UserLog", (job.initial_dir / job.log).lexically_normal().string());
  ad.Set("JobUniverse", job.local ? kLocal : kVanilla);
  ad.Set("JobPrio", std::int64_t{job.priority});
  ad.Set("MinHosts", std::int64_t{1});
  ad.Set("MaxHosts", std::int64_t{1});
  const std::string& host = ThisHost().name;
  SetText(ad, "FileSystemDomain", host);
  SetText(ad, "UidDomain", host);
  for (const std::string& entry : job.environment) {
    if (entry.starts_with("USER=")) SetText(ad, "Owner", entry.substr(5));
  }
  SetRequest(job, ad);
  SetFiles(job, ad);
  SetPolicy(job.policy, ad);
  if (job.requirements) ad.Set("Requirements", *job.requirements);
  if (job.deferral) {
    ad.Set("DeferralTime", job.deferral->time);
    ad.Set("DeferralWindow", std::int64_t{job.deferral->window.count()});
  }
  if (job.container) {
    const bool docker = job.container->kind == Container::Kind::kDocker;
    SetText(ad, docker ? "DockerImage" : "ContainerImage", job.container->image);
    ad.Set(docker ? "WantDocker" : "WantContainer", true);
  }
  for (const auto& [name, text] : job.attributes) {
    if (auto expr = Expr::Parse(text)) ad.Set(name, *std::move(expr));
  }
  return ad;
}

Resources RequestOf(const Job& job, const Ad& job_ad, std::int64_t now) {
  Resources request = job.request;
  for (const auto& [name, expr] : job.request_expressions) {
    if (EqualsIgnoreCase(name, "RequestCpus")) {
      TakeWhole(job_ad, name, now, request.cpus);
      request.cpus = std::max(request.cpus, 1);
    } else if (EqualsIgnoreCase(name, "RequestGPUs")) {
      TakeWhole(job_ad, name, now, request.gpus);
    } else if (EqualsIgnoreCase(name, "RequestMemory")) {
      TakeWhole(job_ad, name, now, request.memory_mb);
    } else if (EqualsIgnoreCase(name, "RequestDisk")) {
      TakeWhole(job_ad, name, now, request.disk_kb);
    } else {
      TakeWhole(job_ad, name, now, request.custom[name.substr(std::string_view("Request").size())]);
    }
  }
  return request;
}

Ad MakeMachineAd(int cpus, std::optional<std::int64_t> memory_mb, int gpus) {
  Ad ad;
  SetText(ad, "MyType", "Machine");
  SetSystem(ThisHost(), ad);
  const std::string& host = ThisHost().name;
  SetText(ad, "Machine", host);
  SetText(ad, "Name", "slot1@" + host);
  SetText(ad, "FileSystemDomain", host);
  SetText(ad, "UidDomain", host);
  ad.Set("HasFileTransfer", true);
  for (const std::string_view name : {"Cpus", "TotalCpus", "TotalSlotCpus", "DetectedCpus"}) {
    ad.Set(name, std::int64_t{cpus});
  }
  constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;
  const std::int64_t physical_mb =
      static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) / (kMegabyte / ::sysconf(_SC_PAGESIZE));
  ad.Set("DetectedMemory", physical_mb);
  for (const std::string_view name : {"Memory", "TotalMemory", "TotalSlotMemory"}) {
    ad.Set(name, memory_mb.value_or(physical_mb));
  }
  struct statvfs disk {};
  if (::statvfs(".", &disk) == 0) {
    constexpr std::uint64_t kKilobyte = 1024;
    const auto free_kb = static_cast<std::int64_t>(std::uint64_t{disk.f_bavail} * disk.f_frsize / kKilobyte);
    for (const std::string_view name : {"Disk", "TotalDisk"}) ad.Set(name, free_kb);
  }
  for (const std::string_view name : {"GPUs", "TotalGPUs", "DetectedGPUs"}) ad.Set(name, std::int64_t{gpus});
  double load = 0;
  if (::getloadavg(&load, 1) == 1) ad.Set("LoadAvg", load);
  return ad;
}

}  // namespace roost::dag
