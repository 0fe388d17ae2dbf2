#include "dag/text/submit_commands.h"

#include "dag/text/suggest.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

// A name that ends with '*' stands for all that begin with it.
constexpr std::string_view kUsed[] = {
    "executable", "arguments", "args", "arguments2", "shell", "environment", "env", "environment2", "env2",
    "getenv", "get_env", "input", "stdin", "output", "stdout", "error", "stderr", "log", "initialdir",
    "initial_dir", "job_iwd", "universe", "request_cpus", "request_memory", "request_disk", "request_gpus",
    "should_transfer_files", "when_to_transfer_output", "transfer_executable", "transfer_input_files",
    "transfer_output_files", "notification", "submit_fail_empty_matches", "submit_warn_empty_matches",
    // Labels of the batch: nothing to do with how a job runs.
    "description", "batch_name", "batch_id", "job_batch_name", "allow_startup_script", "skip_filechecks"};

constexpr std::string_view kLater[] = {"hold",
                                       "noop_job",
                                       "noop_job_exit_code",
                                       "noop_job_exit_signal",
                                       "priority",
                                       "prio",
                                       "max_retries",
                                       "retry_until",
                                       "success_exit_code",
                                       "on_exit_*",
                                       "periodic_*",
                                       "allowed_execute_duration",
                                       "allowed_job_duration",
                                       "max_materialize",
                                       "max_idle",
                                       "materialize_max_idle",
                                       "kill_sig",
                                       "remove_kill_sig",
                                       "hold_kill_sig",
                                       "kill_sig_timeout",
                                       "job_max_vacate_time",
                                       "core_size",
                                       "stack_size",
                                       "deferral_*",
                                       "skip_if_dataflow",
                                       "requirements",
                                       "require_gpus",
                                       "gpus_minimum_*",
                                       "gpus_maximum_*",
                                       "cuda_version",
                                       "concurrency_limits",
                                       "transfer_output_remaps",
                                       "preserve_relative_paths",
                                       "transfer_input",
                                       "transfer_output",
                                       "transfer_error",
                                       "transfer_common_input",
                                       "retry_request_memory*",
                                       "request_*"};

constexpr std::string_view kIgnored[] = {"rank",
                                         "preferences",
                                         "nice_user",
                                         "keep_claim_idle",
                                         "job_lease_duration",
                                         "next_job_start_delay",
                                         "max_job_retirement_time",
                                         "want_graceful_removal",
                                         "accounting_group",
                                         "accounting_group_user",
                                         "match_list_length",
                                         "leave_in_queue",
                                         "run_as_owner",
                                         "load_profile",
                                         "notify_user",
                                         "email_attributes",
                                         "stream_*",
                                         "image_size",
                                         "disk_usage",
                                         "memory_usage",
                                         "max_transfer_*",
                                         "encrypt_*",
                                         "public_input_files",
                                         "manifest*",
                                         "checkpoint_*",
                                         "erase_output_and_error_on_restart",
                                         "transfer_checkpoint_files",
                                         "append_files",
                                         "fetch_files",
                                         "compress_files",
                                         "buffer_*",
                                         "file_remaps",
                                         "local_files",
                                         "x509userproxy",
                                         "use_x509userproxy",
                                         "use_scitokens",
                                         "scitokens_file",
                                         "log_xml",
                                         "ulog_execute_attrs",
                                         "dagman_log",
                                         "job_ad_information_attrs",
                                         "coresize",
                                         "java_*",
                                         "vm_*",
                                         "ec2_*",
                                         "gce_*",
                                         "azure_*",
                                         "grid_*",
                                         "batch_queue",
                                         "batch_project",
                                         "batch_runtime",
                                         "submit_match_directories",
                                         "mount_under_scratch"};

constexpr std::string_view kRefused[] = {
    "use_oauth_services", "exit_requirements", "output_destination", "transfer_plugins", "cron_*",
    "docker_*",           "container_*"};

template <std::size_t N>
bool Contains(const std::string_view (&names)[N], std::string_view command) {
  for (const std::string_view name : names) {
    const bool prefix = name.ends_with('*');
    const std::string_view known = prefix ? name.substr(0, name.size() - 1) : name;
    if (prefix && command.size() < known.size()) continue;
    if (EqualsIgnoreCase(prefix ? command.substr(0, known.size()) : command, known)) return true;
  }
  return false;
}

}  // namespace

CommandLevel LevelOf(std::string_view command) {
  if (Contains(kUsed, command)) return CommandLevel::kUsed;
  if (Contains(kLater, command)) return CommandLevel::kLater;
  if (Contains(kIgnored, command)) return CommandLevel::kIgnored;
  if (Contains(kRefused, command)) return CommandLevel::kRefused;
  return CommandLevel::kNone;
}

std::string SuggestCommand(std::string_view name) {
  Suggestion suggestion(name);
  for (const std::string_view known : kUsed) suggestion.Offer(known);
  for (const std::string_view known : kLater) {
    if (!known.ends_with('*')) suggestion.Offer(known);
  }
  return suggestion.Text();
}

}  // namespace roost::dag
