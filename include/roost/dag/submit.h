#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// One process of a cluster, every macro expanded: all that an executor needs to run it.
struct Job {
  int cluster = 0;
  int proc = 0;
  std::string node;  ///< DAG node name

  Path executable;                     ///< absolute
  std::vector<std::string> arguments;  ///< without the program
  /// From `environment` and `getenv`, "NAME=value"; what the executor adds (scratch folder, thread counts)
  /// goes below these.
  std::vector<std::string> environment;
  Path initial_dir;                ///< absolute, exists
  Path input, output, error, log;  ///< relative ones are under initial_dir; empty = /dev/null, or no log
  Resources request;

  TransferFiles transfer = TransferFiles::kIfNeeded;
  bool transfer_executable = true;
  std::vector<std::string> transfer_input;  ///< transfer_input_files
  std::optional<std::vector<std::string>>
      transfer_output;  ///< nothing: every new or changed file of the top folder

  std::map<std::string, std::string, LessIgnoreCase> attributes;  ///< +Attr and My.Attr, ClassAd text
};

/// Name and value of a macro in force around the submit file.
struct Macro {
  std::string name;
  std::string value;
};

/// What DAGMan puts around a submit file, and what of the outside world expansion may look at.
struct SubmitContext {
  int cluster = 0;
  std::string node;           ///< DAG node name
  Path directory;             ///< submission directory: the node's DIR or where dagrun was started; absolute
  std::vector<Macro> before;  ///< in force before the file: JOB, RETRY, DAG_STATUS, ..., VARS
  std::vector<Macro> after;   ///< set after the file, before queue: VARS APPEND
  std::vector<std::string> environment;  ///< of the submitter, "NAME=value": $ENV() and getenv
};

/// The jobs that one submit file queues, proc 0 first. `faults` with an error: a permanent submit failure,
/// and `jobs` means nothing. Warnings name commands that were accepted without effect.
struct Submission {
  std::vector<Job> jobs;
  Faults faults;
};

/// Reads the text of a submit file (spec: HTCondor's submit description language, as DAGMan's direct
/// submission reads it) and expands the first queue statement. Does I/O only where the text asks for it: item
/// files, matching.
Submission ExpandSubmit(std::string_view text, const std::string& file, const SubmitContext& context);

/// ReadFile + ExpandSubmit; a file that cannot be read is one fault.
Submission ReadSubmit(const Path& file, const SubmitContext& context);

/// Splits `arguments` in the new ("...") or old syntax. An Error says what is wrong with the quoting.
Result<std::vector<std::string>> ParseArguments(std::string_view text);
/// Splits `environment` in the new or old syntax into "NAME=value".
Result<std::vector<std::string>> ParseEnvironment(std::string_view text);

}  // namespace roost::dag
