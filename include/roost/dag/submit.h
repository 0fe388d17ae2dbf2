#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roost/base/clock.h"
#include "roost/base/files.h"
#include "roost/base/text.h"
#include "roost/dag/source.h"

namespace roost::dag {

/// What a job asks of the machine it runs on. Nothing = not asked for.
struct Resources {
  int cpus = 1;
  std::optional<std::int64_t> memory_mb;
  std::optional<std::int64_t> disk_kb;
  int gpus = 0;
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
  Resources request;

  TransferFiles transfer = TransferFiles::kIfNeeded;
  bool transfer_executable = true;
  /// transfer_input_files: relative ones are under initial_dir; "dir/" means what is in it, "dir" itself.
  std::vector<std::string> transfer_input;
  TransferOutput transfer_output_when = TransferOutput::kOnExit;
  /// transfer_output_files. Nothing: every new or changed file of the top folder; an empty list: none.
  std::optional<std::vector<std::string>> transfer_output;

  std::map<std::string, std::string, LessIgnoreCase> attributes;  ///< +Attr and My.Attr, ClassAd text
};

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
