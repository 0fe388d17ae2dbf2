#include "dag/run/dataflow.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace roost::dag {
namespace {

using FileTime = std::filesystem::file_time_type;

std::optional<FileTime> ModifiedAt(const Path& file) {
  std::error_code error;
  const FileTime time = std::filesystem::last_write_time(file, error);
  if (error) return std::nullopt;
  return time;
}

/// Where an output of the job ends up.
Path PlaceOf(const Job& job, const std::string& output) {
  const auto remap =
      std::ranges::find(job.output_remaps, output, &std::pair<std::string, std::string>::first);
  if (remap != job.output_remaps.end()) return job.initial_dir / remap->second;
  const Path name(output);
  return job.initial_dir /
         (job.transfer == TransferFiles::kYes && !job.preserve_relative_paths ? name.filename() : name);
}

}  // namespace

bool OutputsAreNewer(const Job& job) {
  if (!job.transfer_output || job.transfer_output->empty()) return false;
  auto oldest_output = FileTime::max();
  for (const std::string& output : *job.transfer_output) {
    const auto time = ModifiedAt(PlaceOf(job, output));
    if (!time) return false;
    oldest_output = std::min(oldest_output, *time);
  }
  const auto older = [&](const Path& input) {
    const auto time = ModifiedAt(input);
    return time && *time < oldest_output;
  };
  return older(job.executable) && (job.input.empty() || older(job.initial_dir / job.input)) &&
         std::ranges::all_of(job.transfer_input,
                             [&](const std::string& input) { return older(job.initial_dir / input); });
}

}  // namespace roost::dag
