#include "dag/run/job_files.h"

#include <algorithm>
#include <fstream>

#include "dag/run/expand.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr std::size_t kFailuresTold = 50;
constexpr std::size_t kJobsOfAFailure = 5;

Path InPlace(const Job& job, const Path& file) {
  return file.empty() || file == "/dev/null" ? Path() : (job.initial_dir / file).lexically_normal();
}

}  // namespace

std::vector<JobFiles> FilesOf(const RunRecord& record, NodeIndex node, int attempt,
                              const std::vector<std::string>& environment) {
  const auto& attempts = record.history->At(node).attempts;
  if (attempts.empty() || record.dag.At(node).noop || record.dag.At(node).kind == NodeKind::kSubdag)
    return {};
  const auto at = attempt < 0 ? attempts.size() - 1 : static_cast<std::size_t>(attempt);
  if (at >= attempts.size() || attempts[at].procs.empty()) return {};
  const Submission submission =
      JobsOf(record.dag, node, attempts[at].cluster, static_cast<int>(at), environment);
  if (HasErrors(submission.faults)) return {};
  std::vector<JobFiles> files;
  for (const ProcHistory& proc : attempts[at].procs) {
    const auto number = static_cast<std::size_t>(proc.id.proc);
    if (number >= submission.jobs.size()) continue;
    const Job& job = submission.jobs[number];
    files.push_back({proc.id, InPlace(job, job.output), InPlace(job, job.error), InPlace(job, job.log)});
  }
  return files;
}

std::string TailOfFile(const Path& file, std::size_t lines, std::size_t bytes) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return {};  // a FIFO would keep us waiting
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  if (!stream || size <= 0) return {};
  const std::streamoff wanted = std::min(size, static_cast<std::streamoff>(bytes));
  std::string text(static_cast<std::size_t>(wanted), '\0');
  stream.seekg(size - wanted);
  stream.read(text.data(), wanted);
  std::vector<std::string> kept;
  for (const std::string& line : SplitAny(text, "\n")) kept.push_back(Printable(line));
  if (kept.size() > lines) kept.erase(kept.begin(), kept.end() - static_cast<std::ptrdiff_t>(lines));
  return Join(kept, "\n");
}

std::vector<FailedNode> FailuresOf(const RunRecord& record, std::size_t most,
                                   const std::vector<std::string>& environment) {
  constexpr std::size_t kLines = 30;
  constexpr std::size_t kBytes = 8192;
  std::vector<FailedNode> failures;
  for (NodeIndex node = 0; node < record.dag.end() && failures.size() < most; ++node) {
    const NodeHistory& history = record.history->At(node);
    if (history.state != NodeHistory::State::kFailed) continue;
    FailedNode& failed = failures.emplace_back(FailedNode{.node = node});
    if (history.attempts.empty()) continue;
    const std::vector<JobFiles> files = FilesOf(record, node, -1, environment);
    for (const ProcHistory& proc : history.attempts.back().procs) {
      if (!proc.over() || proc.ok() || failed.jobs.size() == kJobsOfAFailure) continue;
      FailedJob& job = failed.jobs.emplace_back(
          FailedJob{.id = std::to_string(proc.id.cluster) + "." + std::to_string(proc.id.proc),
                    .what = proc.Describe()});
      const auto of_job = std::ranges::find(files, proc.id, &JobFiles::id);
      if (of_job == files.end()) continue;
      job.error = of_job->error;
      job.output = of_job->output;
      job.error_tail = TailOfFile(job.error, kLines, kBytes);
    }
  }
  return failures;
}

void WriteHtmlReport(const std::vector<Path>& files, const DagOptions& options,
                     const std::vector<std::string>& environment, const Path& page, const Clock& clock) {
  RunRecord record;
  ReadRun(files, options, record);
  const std::vector<FailedNode> failures = FailuresOf(record, kFailuresTold, environment);
  WriteFileAtomically(page, FormatHtmlReport(record, failures, clock.WallNow())).value();
}

}  // namespace roost::dag
