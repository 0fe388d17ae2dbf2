#include "roost/dag/submit.h"

#include <algorithm>
#include <chrono>

#include "dag/text/host.h"
#include "dag/text/job_builder.h"
#include "dag/text/submit_commands.h"
#include "dag/text/submit_reader.h"

namespace roost::dag {
namespace {

/// Other numbers for each job, and the same ones whenever the job is expanded again.
std::uint64_t RandomSeed(const SubmitContext& context, int proc) {
  const std::uint64_t seed = context.seed.value_or(static_cast<std::uint64_t>(context.cluster));
  return seed * 1'000'003 + static_cast<std::uint64_t>(proc);
}

/// Reads one submit file and makes its jobs. Used for one file.
class Submitter {
 public:
  Submitter(const SubmitContext& context, Faults& faults)
      : context_(context),
        faults_(faults),
        directory_(context.directory.string()),
        macros_(context.environment, directory_),
        builder_(macros_, context, faults) {}

  std::vector<Job> Submit(std::string_view text, const std::string& file);

 private:
  void Predefine(const std::string& file);
  void Expand(const Queue& queue, const SourceLine& where);
  void WarnOfCommands();

  const SubmitContext& context_;
  Faults& faults_;
  std::string directory_;
  MacroSet macros_;
  JobBuilder builder_;
  std::vector<Job> jobs_;
  SourceLine last_queue_;
};

std::vector<Job> Submitter::Submit(std::string_view text, const std::string& file) {
  Predefine(file);
  SubmitReader reader(macros_, context_, faults_,
                      [this](const Queue& queue, const SourceLine& where) { Expand(queue, where); });
  reader.Read(text, file);
  if (!reader.queued() && !HasErrors(faults_)) {
    Queue once;
    once.items.emplace_back();
    Expand(once, {file, 0});
  }
  WarnOfCommands();
  if (jobs_.empty() && !HasErrors(faults_)) AddError(faults_, last_queue_, "this queues no jobs");
  return std::move(jobs_);
}

void Submitter::Predefine(const std::string& file) {
  const auto set = [this](std::string_view name, const std::string& value) { macros_.Set(name, value, {}); };
  const HostFacts& host = ThisHost();
  set("ARCH", host.arch);
  set("OPSYS", "LINUX");
  set("OPSYSNAME", host.system);
  set("OPSYSANDVER", host.system_and_version());
  set("OPSYSMAJORVER", std::to_string(host.major_version));
  set("OPSYSVER", std::to_string(host.version));
  set("IsLinux", "true");
  set("IsWindows", "false");
  set("SUBMIT_FILE", file);
  set("SUBMIT_TIME", std::to_string(std::chrono::system_clock::to_time_t(context_.time)));
  const std::string date = FormatTime(context_.time, "%Y%m%d");
  set("YEAR", date.substr(0, 4));
  set("MONTH", date.substr(4, 2));
  set("DAY", date.substr(6));
  for (const Macro& macro : context_.before) set(macro.name, macro.value);

  const std::string cluster = std::to_string(context_.cluster);
  macros_.SetLive("Cluster", cluster);
  macros_.SetLive("ClusterId", cluster);
  macros_.SetLive("Node", "");  // of the parallel universe only
}

void Submitter::Expand(const Queue& queue, const SourceLine& where) {
  last_queue_ = where;
  if (HasErrors(faults_)) return;
  const std::size_t wanted = static_cast<std::size_t>(queue.count) * queue.items.size();
  const std::size_t most = context_.limits.jobs;
  if (static_cast<std::size_t>(queue.count) > most || jobs_.size() + wanted > most) {
    AddError(faults_, where, "this queues more than " + std::to_string(most) + " jobs");
    return;
  }
  for (const Macro& macro : context_.after) macros_.Set(macro.name, macro.value, {});

  jobs_.reserve(jobs_.size() + wanted);
  for (const Queue::Item& item : queue.items) {
    for (std::size_t i = 0; i < queue.variables.size(); ++i)
      macros_.SetLive(queue.variables[i], item.values[i]);
    macros_.SetLive("ItemIndex", std::to_string(item.row));
    macros_.SetLive("Row", std::to_string(item.row));
    for (std::int64_t step = 0; step < queue.count; ++step) {
      const auto proc = static_cast<int>(jobs_.size());
      const std::string process = std::to_string(proc);
      macros_.SetLive("Step", std::to_string(step));
      macros_.SetLive("Process", process);
      macros_.SetLive("ProcId", process);
      macros_.SetLive("JobId", std::to_string(context_.cluster) + "." + process);
      macros_.SeedRandom(RandomSeed(context_, proc));
      jobs_.push_back(builder_.Build(proc, where));
      if (HasErrors(faults_)) return;  // the next job would say the same
    }
  }
}

/// What the file sets without effect: commands that do nothing here, and names that nothing ever asked for.
void Submitter::WarnOfCommands() {
  for (const auto& [name, entry] : macros_.entries()) {
    const bool attribute = EqualsIgnoreCase(std::string_view(name).substr(0, 3), "MY.");
    if (entry.where.line == 0 || attribute) continue;
    switch (LevelOf(name)) {
      case CommandLevel::kUsed:
        break;
      case CommandLevel::kIgnored:
        AddWarning(faults_, entry.where, "'" + name + "' has no effect here");
        break;
      case CommandLevel::kRefused:
        AddError(faults_, entry.where, "'" + name + "' is not supported, and the job may depend on it");
        break;
      case CommandLevel::kNone:
        if (entry.used || jobs_.empty()) break;
        AddWarning(faults_, entry.where,
                   "'" + name + " = " + Printable(entry.value) + "' was not used: is it a typo?" +
                       SuggestCommand(name));
        break;
    }
  }
}

}  // namespace

Submission ExpandSubmit(std::string_view text, const std::string& file, const SubmitContext& context) {
  Submission submission;
  submission.jobs = Submitter(context, submission.faults).Submit(text, file);
  std::stable_sort(submission.faults.begin(), submission.faults.end(),
                   [](const Fault& a, const Fault& b) { return a.where.line < b.where.line; });
  return submission;
}

Submission ReadSubmit(const Path& file, const SubmitContext& context) {
  const auto text = ReadFile(context.directory / file);
  if (text) return ExpandSubmit(*text, file.string(), context);
  Submission submission;
  AddError(submission.faults, {file.string(), 0}, text.error().message());
  return submission;
}

}  // namespace roost::dag
