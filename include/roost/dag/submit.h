#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roost/base/clock.h"
#include "roost/base/files.h"
#include "roost/base/process.h"
#include "roost/base/text.h"
#include "roost/dag/classad.h"
#include "roost/dag/source.h"

namespace roost::dag {

/// What a job asks of the machine it runs on. Nothing = not asked for.
struct Resources {
  int cpus = 1;
  std::optional<std::int64_t> memory_mb;
  std::optional<std::int64_t> disk_kb;
  int gpus = 0;
  std::map<std::string, std::int64_t, LessIgnoreCase> custom;  ///< request_<tag>, by tag
};

/// When a job leaves the queue, is put on hold, let go or removed (spec: submit language 4.5). Expressions
/// are over the job ad; nothing = not given, and then on_exit_remove is true and all others are false.
struct JobPolicy {
  std::optional<Expr> on_exit_hold, on_exit_hold_reason, on_exit_hold_subcode;
  std::optional<Expr> on_exit_remove;  ///< with max_retries, retry_until and success_exit_code worked in
  /// What on_exit_remove then refers to as JobMaxRetries and JobSuccessExitCode.
  std::optional<std::int64_t> max_retries, success_exit_code;
  std::optional<Expr> periodic_hold, periodic_hold_reason, periodic_hold_subcode;
  std::optional<Expr> periodic_release, periodic_remove, periodic_vacate;
  std::optional<std::chrono::seconds> allowed_job_duration;      ///< from its first start; then held, code 46
  std::optional<std::chrono::seconds> allowed_execute_duration;  ///< of one run; then held, code 47

  /// Some periodic expression or duration is given, so the job has to be looked at from time to time.
  bool periodic() const {
    return periodic_hold || periodic_release || periodic_remove || periodic_vacate || allowed_job_duration ||
           allowed_execute_duration;
  }
};

/// deferral_time, deferral_window, deferral_prep_time.
struct Deferral {
  Expr time;                       ///< epoch seconds; not before
  std::chrono::seconds window{0};  ///< later than time + window: held, code 20
};

/// docker_image or container_image.
struct Container {
  enum class Kind { kDocker, kContainer };
  Kind kind = Kind::kContainer;
  std::string image;
};

/// should_transfer_files. On a shared file system kIfNeeded transfers nothing.
enum class TransferFiles { kNo, kIfNeeded, kYes };

/// when_to_transfer_output.
enum class TransferOutput { kOnExit, kOnSuccess, kNever };

/// One process of a cluster, every macro expanded: all that an executor needs to run it.
struct Job {
  int cluster = 0;
  int proc = 0;
  std::string node;  ///< DAG node name

  Path executable;  ///< absolute; not looked at: a missing program is for the executor to report
  std::vector<std::string> arguments;  ///< without the program
  /// From `environment` and `getenv`, "NAME=value"; what the executor adds (scratch folder, thread counts)
  /// goes below these.
  std::vector<std::string> environment;
  Path initial_dir;                ///< absolute, exists
  Path input, output, error, log;  ///< relative ones are under initial_dir; empty = /dev/null, or no log
  /// Universe local or scheduler: runs in place on the host of dagrun, beside the executor's slots.
  bool local = false;
  bool hold = false;  ///< submitted on hold
  bool skip_if_dataflow = false;
  /// $$(...) is left in executable, arguments, environment, streams: ExpandMatchTime() before the start.
  bool match_time_macros = false;
  int priority = 0;  ///< higher first among the idle jobs of the run
  Resources request;
  /// Requests that are more than a number, by attribute (RequestMemory, ...): `request` has what they came to
  /// at submission, RequestOf() what they come to later.
  std::map<std::string, Expr, LessIgnoreCase> request_expressions;

  TransferFiles transfer = TransferFiles::kIfNeeded;
  bool transfer_executable = true;
  /// transfer_input, transfer_output, transfer_error. False: the stream's file is one of the place where the
  /// job runs, not of initial_dir.
  bool transfer_stdin = true, transfer_stdout = true, transfer_stderr = true;
  bool preserve_relative_paths = false;
  /// transfer_input_files: relative ones are under initial_dir; "dir/" means what is in it, "dir" itself.
  std::vector<std::string> transfer_input;
  TransferOutput transfer_output_when = TransferOutput::kOnExit;
  /// transfer_output_files. Nothing: every new or changed file of the top folder; an empty list: none.
  std::optional<std::vector<std::string>> transfer_output;
  /// transfer_output_remaps: name in the sandbox, place (relative ones are under initial_dir).
  std::vector<std::pair<std::string, std::string>> output_remaps;

  std::map<std::string, std::string, LessIgnoreCase> attributes;  ///< +Attr and My.Attr, ClassAd text

  std::optional<ExitStatus> noop;  ///< noop_job: not run, ends like this at once
  JobPolicy policy;
  std::optional<Deferral> deferral;
  std::optional<Expr> requirements;    ///< over the machine's ad (TARGET) and the job's (MY)
  std::optional<int> max_materialize;  ///< procs of the cluster in the queue at once
  std::optional<int> max_idle;         ///< of those, idle ones
  int kill_signal = 15;                ///< kill_sig: the soft kill on eviction
  std::optional<int> remove_kill_signal, hold_kill_signal;        ///< in place of kill_signal
  std::optional<std::chrono::seconds> kill_timeout;               ///< from the soft kill to SIGKILL
  std::optional<std::int64_t> core_size_bytes, stack_size_bytes;  ///< resource limits
  std::optional<Container> container;
  std::string user_notes;  ///< submit_event_user_notes, submit_event_notes: further line of event 000
};

/// The ad that the job's expressions see: its attributes and what follows from the submit file (Cmd, Iwd,
/// ClusterId, RequestCpus, ...). What changes while it is queued (JobStatus, ExitCode, NumJobStarts, ...) is
/// for the queue to add.
Ad MakeJobAd(const Job& job);

/// What the job asks for now: `request`, with what is in `request_expressions` evaluated over its ad.
Resources RequestOf(const Job& job, const Ad& job_ad, std::int64_t now = 0);

/// The ad of this host as a machine: Arch, OpSys, Machine, Cpus, Memory, ... with what is given.
Ad MakeMachineAd(int cpus, std::optional<std::int64_t> memory_mb, int gpus);

/// Replaces $$(Attr), $$(Attr:default) and $$([expression]) throughout the job. An Error names an attribute
/// that the machine does not have.
Result<void> ExpandMatchTime(Job& job, const Ad& job_ad, const Ad& machine);

/// Name and value of a macro in force around the submit file.
struct Macro {
  std::string name;
  std::string value;
};

/// DAGMan submits in one of two ways, and they read queue statements differently.
enum class SubmitMethod {
  /// Its default: the first queue statement ends the description, slices are ignored, and an empty list of
  /// items queues one job with an empty item.
  kDirect,
  /// With DAGMAN_USE_DIRECT_SUBMIT = False: every queue statement counts, slices select, an empty list queues
  /// nothing.
  kCondorSubmit,
};

/// What reading one submit file may cost.
struct SubmitLimits {
  std::size_t jobs = 200'000;  ///< more in one cluster are a mistake, and would fill the memory
  /// Off: the text is taken for itself. An include, item file, command or pattern is a fault, and no folder
  /// is looked for.
  bool reach_outside = true;
};

/// What DAGMan puts around a submit file, and what of the outside world expansion may look at.
struct SubmitContext {
  int cluster = 0;
  std::string node;           ///< DAG node name
  Path directory;             ///< submission directory: the node's DIR or where dagrun was started; absolute
  std::vector<Macro> before;  ///< in force before the file: JOB, RETRY, DAG_STATUS, ..., VARS
  std::vector<Macro> after;   ///< set after the file, before queue: VARS APPEND
  std::vector<std::string> environment;  ///< of the submitter, "NAME=value": $ENV() and getenv
  SubmitMethod method = SubmitMethod::kDirect;
  Clock::WallTime time{};  ///< of the submission: $(SUBMIT_TIME), $(YEAR), $(MONTH), $(DAY)
  SubmitLimits limits;
  /// Something that runs before the job may make its initialdir: a missing one is a warning. For looking at a
  /// DAG that does not run yet.
  bool folders_may_come = false;
  int lines_before = 0;  ///< of the text, where it is an inline description within `file`
  /// Of $RANDOM_CHOICE() and $RANDOM_INTEGER(); nothing: the cluster number. Equal seeds give equal jobs.
  std::optional<std::uint64_t> seed;
};

/// The jobs that one submit file queues, proc 0 first. `faults` with an error: a permanent submit failure,
/// and `jobs` means nothing. Warnings name commands that were accepted without effect.
struct Submission {
  std::vector<Job> jobs;
  Faults faults;
};

/// Reads the text of a submit file (spec: HTCondor's submit description language) and expands its queue
/// statement, or statements. The text is read once, for all jobs of the cluster. Does I/O only where the text
/// asks for it: includes, item files and commands, matching, and a look whether initialdir exists.
Submission ExpandSubmit(std::string_view text, const std::string& file, const SubmitContext& context);

/// ReadFile + ExpandSubmit; a file that cannot be read is one fault. A relative `file` is under
/// context.directory.
Submission ReadSubmit(const Path& file, const SubmitContext& context);

/// Splits `arguments` in the new ("...") or old syntax. An Error says what is wrong with the quoting.
Result<std::vector<std::string>> ParseArguments(std::string_view text);
/// Splits `environment` in the new or old syntax into "NAME=value".
Result<std::vector<std::string>> ParseEnvironment(std::string_view text);

}  // namespace roost::dag
