#include "dag/run/submitter_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>
#include <set>
#include <string_view>
#include <vector>

#include "dag/run/cluster_numbers.h"
#include "roost/base/text.h"
#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

// The version of condor_submit_dag whose files these are like: condor_dagman looks at it.
constexpr std::string_view kSubmitterVersion = "$CondorVersion: 23.9.6 2026-07-12 $";

constexpr std::string_view kRule =
    "-----------------------------------------------------------------------\n";

// What condor_dagman says first.
constexpr std::string_view kGreeting = "Executing condor dagman ... \n";

constexpr std::array kSuffixes = {".condor.sub", ".lib.out", ".lib.err", ".dagman.log"};

/// Names of the files beside the primary DAG file.
Path Beside(const RunOptions& options, std::string_view suffix) {
  return options.dag_files.front().string() + std::string(suffix);
}

Path DebugLog(const RunOptions& options) {
  const Path log = Beside(options, ".dagman.out");
  return options.outfile_dir.empty() ? log : options.outfile_dir / log.filename();
}

/// The number of the rescue file that the run will go on from, or 0.
int RescueNumber(const RunOptions& options) {
  if (options.rescue_from > 0) return options.rescue_from;
  if (options.force || !options.load_save.empty() || !options.knobs.auto_rescue) return 0;
  return NewestRescue(RescueBase(options.dag_files));
}

bool Exists(const Path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

bool GoesOn(const RunOptions& options) {
  return RescueNumber(options) > 0 || !options.load_save.empty() || !options.rescue_file.empty() ||
         options.do_recovery || Exists(Beside(options, ".lock"));
}

/// Says which files are in the way; nothing where none is.
bool FilesInTheWay(const RunOptions& options, std::ostream& err) {
  if (options.force || options.update_submit || GoesOn(options)) return false;
  bool any = false;
  for (const char* suffix : kSuffixes) {
    const Path file = Beside(options, suffix);
    if (!Exists(file)) continue;
    err << "ERROR: \"" << file.string() << "\" already exists.\n";
    any = true;
  }
  if (any) {
    err << "\nSome file(s) needed by condor_dagman already exist. Either:\n- Rename them\n"
           "- Use the \"-f\" option to force them to be overwritten\n\tor\n"
           "- Use the \"-update_submit\" option to update the submit file and continue.\n\n";
  }
  return any;
}

/// One word of `arguments` or `environment` in HTCondor's quoting, within the double quotes around them all.
std::string Quoted(std::string_view word) {
  std::string quoted;
  for (const char c : word) {
    if (c == ' ' || c == '\t') {
      quoted += std::string("'") + c + "'";
    } else if (c == '\'') {
      quoted += "''''";
    } else if (c == '"') {
      quoted += "\"\"";
    } else {
      quoted.push_back(c);
    }
  }
  return quoted.empty() ? "''" : quoted;
}

std::string QuotedList(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  quoted.reserve(words.size());
  for (const std::string& word : words) quoted.push_back(Quoted(word));
  return "\"" + Join(quoted, " ") + "\"";
}

std::string FindDagman(const RunOptions& options) {
  if (!options.submit_file.dagman.empty()) return options.submit_file.dagman.string();
  for (const std::string& entry : options.environment) {
    if (!entry.starts_with("PATH=")) continue;
    for (const std::string& folder : Split(std::string_view(entry).substr(5), ':')) {
      const Path candidate = Path(folder) / "condor_dagman";
      if (!folder.empty() && Exists(candidate)) return candidate.string();
    }
  }
  return "/usr/bin/condor_dagman";
}

/// condor_dagman's command line.
class Arguments {
 public:
  void Add(std::initializer_list<std::string_view> words) {
    words_.insert(words_.end(), words.begin(), words.end());
  }
  void AddNumber(std::string_view option, int value) { Add({option, std::to_string(value)}); }
  void AddLimit(std::string_view option, int value, int standard) {
    if (value != standard) AddNumber(option, value);
  }
  void AddPath(std::string_view option, const Path& path) {
    if (!path.empty()) Add({option, path.string()});
  }
  void AddIf(bool given, std::string_view option) {
    if (given) Add({option});
  }
  void AddAll(const std::vector<std::string>& words) {
    words_.insert(words_.end(), words.begin(), words.end());
  }
  std::string Text() const { return QuotedList(words_); }

 private:
  std::vector<std::string> words_;
};

std::string DagmanArguments(const RunOptions& options) {
  const DagmanKnobs& knobs = options.knobs;
  const DagmanKnobs standard;
  Arguments arguments;
  arguments.Add({"-p", "0", "-f", "-l", "."});
  if (options.submit_file.debug_level) arguments.AddNumber("-Debug", *options.submit_file.debug_level);
  arguments.AddPath("-Lockfile", Beside(options, ".lock"));
  for (const Path& file : options.dag_files) arguments.AddPath("-Dag", file);
  arguments.AddNumber("-MaxIdle", knobs.max_idle);
  arguments.AddLimit("-MaxJobs", knobs.max_jobs, standard.max_jobs);
  arguments.AddLimit("-MaxPre", knobs.max_pre, standard.max_pre);
  arguments.AddLimit("-MaxPost", knobs.max_post, standard.max_post);
  arguments.AddLimit("-MaxHold", knobs.max_hold, standard.max_hold);
  arguments.AddIf(knobs.always_run_post, "-AlwaysRunPost");
  arguments.Add({"-CsdVersion", kSubmitterVersion});
  arguments.AddPath("-dagman", FindDagman(options));
  arguments.AddPath("-outfile_dir", options.outfile_dir);
  arguments.AddIf(knobs.parse.use_dag_dir, "-UseDagDir");
  arguments.AddNumber("-AutoRescue", knobs.auto_rescue ? 1 : 0);
  arguments.AddNumber("-DoRescueFrom", options.rescue_from);
  arguments.AddPath("-RescueFile", options.rescue_file);
  arguments.AddPath("-load_save", options.load_save);
  arguments.AddIf(options.do_recovery, "-DoRecovery");
  arguments.AddLimit("-Priority", options.priority, 0);
  arguments.AddIf(options.verbose, "-verbose");
  arguments.AddAll(options.submit_file.arguments);
  arguments.AddIf(options.update_submit, "-update_submit");
  return arguments.Text();
}

std::string DagmanEnvironment(const RunOptions& options) {
  std::vector<std::string> variables = {"_CONDOR_DAGMAN_LOG=" + DebugLog(options).string(),
                                        "_CONDOR_MAX_DAGMAN_LOG=0"};
  if (!options.submit_file.config.empty()) {
    variables.push_back("_CONDOR_DAGMAN_CONFIG_FILE=" + options.submit_file.config.string());
  }
  for (const std::string& pair : options.submit_file.insert_env) variables.push_back(pair);
  for (const auto& [name, value] : options.preamble.environment_set) {
    variables.push_back(name);
    variables.back().append("=").append(value);
  }
  return QuotedList(variables);
}

std::string InheritedVariables(const RunOptions& options) {
  if (options.submit_file.import_env) return "True";
  std::string names =
      "CONDOR_CONFIG,_CONDOR_*,PATH,PYTHONPATH,PERL*,PEGASUS_*,TZ,HOME,USER,LANG,LC_ALL,BEARER_TOKEN,"
      "BEARER_TOKEN_FILE,XDG_RUNTIME_DIR";
  for (const auto* more : {&options.submit_file.include_env, &options.preamble.environment_get}) {
    for (const std::string& name : *more) names += "," + name;
  }
  return names;
}

/// P.dagman.log: the run as a job among others.
class LifeLog {
 public:
  LifeLog(Path file, int cluster, const Clock& clock) : log_(std::move(file)), clock_(clock) {
    id_.cluster = cluster;
  }

  /// An earlier run that was killed left its job without an end, and condor_wait waiting for it.
  void CloseLostRuns() {
    std::set<JobId> open;
    ParseEvents(ReadFile(log_.path()).value(), [&](const JobEvent& event) {
      if (event.type == EventType::kSubmit) open.insert(event.id);
      if (event.type == EventType::kTerminated || event.type == EventType::kAborted) open.erase(event.id);
    });
    for (const JobId& id : open) Write(EventType::kAborted, id, "dagrun was interrupted");
  }

  void Started() {
    Write(EventType::kSubmit, id_, "<dagrun-local>");
    Write(EventType::kExecute, id_, "<dagrun-local>");
  }

  void Ended(int exit_code) {
    JobEvent event = EventNow(EventType::kTerminated, id_);
    event.status.value = exit_code;
    log_.Append(FormatEvent(event), AppendFile::Sync::kYes).value();
  }

 private:
  JobEvent EventNow(EventType type, const JobId& id) const {
    JobEvent event;
    event.type = type;
    event.id = id;
    event.time = clock_.WallNow();
    return event;
  }

  void Write(EventType type, const JobId& id, const char* text) {
    JobEvent event = EventNow(type, id);
    event.text = text;
    log_.Append(FormatEvent(event)).value();
  }

  AppendFile log_;
  JobId id_;
  const Clock& clock_;
};

void RemoveEarlier(const RunOptions& options) {
  for (const char* suffix : kSuffixes) {
    std::error_code error;
    fs::remove(Beside(options, suffix), error);
    if (error) throw ErrnoError(error.value(), "remove", Beside(options, suffix));
  }
}

void Announce(const RunOptions& options, std::ostream& out) {
  const auto line = [&](std::string_view what, const Path& file) {
    out << what << std::string(51 - what.size(), ' ') << ": " << file.string() << '\n';
  };
  out << '\n';
  if (const int rescue = RescueNumber(options); rescue > 0) out << "Running rescue DAG " << rescue << '\n';
  out << kRule;
  line("File for submitting this DAG to HTCondor", Beside(options, ".condor.sub"));
  line("Log of DAGMan debugging messages", DebugLog(options));
  line("Log of HTCondor library output", Beside(options, ".lib.out"));
  line("Log of HTCondor library error messages", Beside(options, ".lib.err"));
  line("Log of the life of condor_dagman itself", Beside(options, ".dagman.log"));
  out << '\n';
  if (options.no_submit) {
    out << "-no_submit given, not submitting DAG to HTCondor. You can do this with:\n\"condor_submit "
        << Beside(options, ".condor.sub").string() << "\"\n";
  }
  out << kRule << std::flush;
}

}  // namespace

std::string FormatCondorSub(const RunOptions& options) {
  const auto name = [&](std::string_view suffix) { return Beside(options, suffix).string(); };
  std::vector<std::string> files;
  for (const Path& file : options.dag_files) files.push_back(file.string());
  std::string text =
      "# Filename: " + name(".condor.sub") + "\n# Generated by condor_submit_dag " + Join(files, " ") + " \n";
  const auto add = [&](std::string_view command, const std::string& value) {
    std::string padded(command);
    padded.resize(std::max<std::size_t>(padded.size(), 11), ' ');
    text += padded + " = " + value + "\n";
  };
  add("universe", "scheduler");
  add("executable", FindDagman(options));
  add("getenv", InheritedVariables(options));
  add("output", name(".lib.out"));
  add("error", name(".lib.err"));
  add("log", name(".dagman.log"));
  if (!options.batch_name.empty()) add("batch_name", options.batch_name);
  add("remove_kill_sig", "SIGUSR1");
  text += "My.OtherJobRemoveRequirements = \"DAGManJobId =?= $(cluster)\"\n";
  const std::string on_exit =
      "(ExitSignal =?= 11 || (ExitCode =!= UNDEFINED && ExitCode >=0 && ExitCode <= 2))";
  text += "# The schedd starts DAGMan again when it was killed or ended in an unusual way.\n";
  add("on_exit_remove", on_exit);
  add("copy_to_spool", "False");
  add("arguments", DagmanArguments(options));
  add("environment", DagmanEnvironment(options));
  if (!options.submit_file.notification.empty()) add("notification", options.submit_file.notification);
  if (options.priority != 0) add("priority", std::to_string(options.priority));
  for (const auto& [attribute, value] : options.preamble.job_attributes) {
    text.append("My.").append(attribute).append(" = ").append(value).append("\n");
  }
  for (const std::string& line : options.submit_file.append_lines) text += line + "\n";
  return text + "queue\n";
}

int RunAsSubmitter(RunOptions options, const Clock& clock, std::ostream& out, std::ostream& err,
                   const std::function<int(const RunOptions&)>& run) {
  if (!Exists(options.dag_files.front())) {
    throw Error("there is no DAG file '" + options.dag_files.front().string() + "'", ExitCode::kFailed);
  }
  if (FilesInTheWay(options, err)) return static_cast<int>(ExitCode::kFailed);
  if (options.force) RemoveEarlier(options);
  WriteFileAtomically(Beside(options, ".condor.sub"), FormatCondorSub(options)).value();
  if (options.no_submit) {
    Announce(options, out);
    return 0;
  }
  if (options.parent_dag_id != 0) {
    // A job of the outer run: that one keeps its log, and has its output in P.lib.out.
    out << kGreeting << std::flush;
    return run(options);
  }
  if (options.dag_id == 0) options.dag_id = ClusterNumbers(options.dag_files.front().parent_path(), 1).Next();
  LifeLog log(Beside(options, ".dagman.log"), options.dag_id, clock);
  log.CloseLostRuns();
  WriteFileAtomically(Beside(options, ".lib.out"), kGreeting).value();
  WriteFileAtomically(Beside(options, ".lib.err"), "").value();
  log.Started();
  out << "Submitting job(s).\n1 job(s) submitted to cluster " << options.dag_id << ".\n";
  Announce(options, out);
  try {
    const int exit_code = run(options);
    log.Ended(exit_code);
    return exit_code;
  } catch (...) {
    log.Ended(static_cast<int>(ExitCode::kFailed));
    throw;
  }
}

}  // namespace roost::dag
