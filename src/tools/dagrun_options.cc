#include "tools/dagrun_options.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "dag/run/dagman_config.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

enum class Group { kThrottles, kGoingOn, kNodes, kMachine, kOutput, kSubmitter, kCondorOnly };

struct GroupTitle {
  Group group;
  std::string_view title;
};
constexpr GroupTitle kGroups[] = {
    {Group::kThrottles, "How much at once (0 = no limit)"},
    {Group::kGoingOn, "Beginning afresh or going on"},
    {Group::kNodes, "How nodes are run"},
    {Group::kMachine, "This machine"},
    {Group::kOutput, "What is said and written"},
    {Group::kSubmitter, "As condor_submit_dag"},
    {Group::kCondorOnly, "For HTCondor only: accepted, with one warning"},
};

/// An option that was given, and its value ("" where it takes none).
struct Given {
  std::string_view name;
  std::string value;
};

/// What else is to be known of an option.
struct Marks {
  bool inherited = false;  ///< handed on to the runs of SUBDAG EXTERNAL nodes
  bool first_run = false;  ///< not part of the command that goes on after a failure
  bool hidden = false;     ///< not shown: it is refused, or between a run and those nested in it
};

struct Option {
  std::string_view name;   ///< as it is usually spelled
  std::string_view alias;  ///< a short form, or ""
  std::string_view value;  ///< what stands for its value in help; "" = takes none
  Group group;
  std::string_view text;
  void (*apply)(RunCommandLine&, const Given&);
  Marks marks = {};
};

int Number(const Given& given, int least = 0, int most = 1'000'000'000) {
  const auto value = ParseInt(given.value);
  if (!value || *value < least || *value > most) {
    std::string range = " from " + std::to_string(least);
    if (most != 1'000'000'000) range += " to " + std::to_string(most);
    throw Error(std::string(given.name) + " takes a whole number" + range + ", not '" + given.value + "'",
                ExitCode::kUsage);
  }
  return static_cast<int>(*value);
}

template <int DagmanKnobs::*knob>
void SetNumber(RunCommandLine& line, const Given& given) {
  line.knob_settings.emplace_back([value = Number(given)](DagmanKnobs& knobs) { knobs.*knob = value; });
}

template <bool DagmanKnobs::*knob, bool value>
void SetFlag(RunCommandLine& line, const Given& /*given*/) {
  line.knob_settings.emplace_back([](DagmanKnobs& knobs) { knobs.*knob = value; });
}

void SetSubmitMethod(RunCommandLine& line, const Given& given) {
  const SubmitMethod method = Number(given, 0, 1) == 0 ? SubmitMethod::kCondorSubmit : SubmitMethod::kDirect;
  line.knob_settings.emplace_back([method](DagmanKnobs& knobs) { knobs.submit_method = method; });
}

void SetAutoRescue(RunCommandLine& line, const Given& given) {
  line.knob_settings.emplace_back(
      [value = Number(given) != 0](DagmanKnobs& knobs) { knobs.auto_rescue = value; });
}

void UseDagDir(RunCommandLine& line, const Given& /*given*/) {
  line.knob_settings.emplace_back([](DagmanKnobs& knobs) { knobs.parse.use_dag_dir = true; });
}

/// "A=1;B=2", or with another character that is no part of a name in front: ",A=1,B=2".
void InsertEnvironment(RunCommandLine& line, const Given& given) {
  char delimiter = ';';
  std::string_view pairs = Trim(given.value);
  if (!pairs.empty() && std::isalnum(static_cast<unsigned char>(pairs[0])) == 0 && pairs[0] != '_') {
    delimiter = pairs[0];
    pairs.remove_prefix(1);
  }
  for (const std::string& pair : Split(pairs, delimiter)) {
    const std::string_view trimmed = Trim(pair);
    if (trimmed.empty()) continue;
    if (trimmed.find('=') == std::string_view::npos || trimmed[0] == '=') {
      throw Error("-insert_env takes NAME=value pairs, not '" + std::string(trimmed) + "'", ExitCode::kUsage);
    }
    line.run.submit_file.insert_env.emplace_back(trimmed);
  }
}

void InsertSubmitFile(RunCommandLine& line, const Given& given) {
  const std::string text = ReadRegularFile(given.value).value();
  std::vector<std::string> lines = Split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  auto& all = line.run.submit_file.append_lines;
  all.insert(all.end(), lines.begin(), lines.end());
}

void CondorOnly(RunCommandLine& line, const Given& given) { line.warnings.emplace_back(given.name); }

/// HTCondor acts on it; it goes into P.condor.sub.
void CondorArgument(RunCommandLine& line, const Given& given) {
  line.run.submit_file.arguments.emplace_back(given.name);
  if (!given.value.empty()) line.run.submit_file.arguments.push_back(given.value);
  CondorOnly(line, given);
}

/// For options after which nobody expects the DAG to run.
[[noreturn]] void Refuse(const std::string& option, const std::string& hint) {
  throw Error(option + " is not supported", ExitCode::kUsage, hint);
}

// clang-format off
const std::vector<Option>& Options() {
  using L = RunCommandLine;
  using G = const Given;
  constexpr Marks kInherited{.inherited = true};
  constexpr Marks kFirstRun{.first_run = true};
  static const std::vector<Option> options = {
      {"-maxjobs", "", "N", Group::kThrottles, "nodes with jobs under way", SetNumber<&DagmanKnobs::max_jobs>},
      {"-maxidle", "", "N", Group::kThrottles, "submit nothing more while N jobs wait for a free slot (1000)", SetNumber<&DagmanKnobs::max_idle>},
      {"-maxpre", "", "N", Group::kThrottles, "PRE scripts (20)", SetNumber<&DagmanKnobs::max_pre>},
      {"-maxpost", "", "N", Group::kThrottles, "POST scripts (20)", SetNumber<&DagmanKnobs::max_post>},
      {"-maxhold", "", "N", Group::kThrottles, "HOLD scripts (20)", SetNumber<&DagmanKnobs::max_hold>},

      {"-force", "-f", "", Group::kGoingOn, "start afresh: rescue files are renamed to .old", [](L& l, G&) { l.run.force = true; }, kFirstRun},
      {"-AutoRescue", "", "0|1", Group::kGoingOn, "go on from the newest rescue file (1)", SetAutoRescue, kInherited},
      {"-DoRescueFrom", "", "N", Group::kGoingOn, "go on from rescue file N; newer ones are renamed to .old", [](L& l, G& g) { l.run.rescue_from = Number(g); }, {.inherited = true, .first_run = true}},
      {"-RescueFile", "", "FILE", Group::kGoingOn, "go on from this rescue file", [](L& l, G& g) { l.run.rescue_file = g.value; }, kFirstRun},
      {"-load_save", "", "FILE", Group::kGoingOn, "go on from a file that SAVE_POINT_FILE wrote", [](L& l, G& g) { l.run.load_save = g.value; }, kFirstRun},
      {"-DoRecovery", "", "", Group::kGoingOn, "go on from the nodes log even if no lock was left", [](L& l, G&) { l.run.do_recovery = true; }, kFirstRun},

      {"-AlwaysRunPost", "", "", Group::kNodes, "run the POST script even if PRE failed", SetFlag<&DagmanKnobs::always_run_post, true>},
      {"-DontAlwaysRunPost", "", "", Group::kNodes, "do not, whatever the configuration says", SetFlag<&DagmanKnobs::always_run_post, false>},
      {"-Priority", "", "N", Group::kNodes, "added to the priority of every node", [](L& l, G& g) { l.run.priority = Number(g, -1'000'000'000); }},
      {"-UseDagDir", "", "", Group::kNodes, "each DAG file's paths are relative to its own folder", UseDagDir, kInherited},
      {"-SubmitMethod", "", "0|1", Group::kNodes, "read queue statements as condor_submit (0) or as DAGMan itself (1)", SetSubmitMethod, kInherited},
      {"-config", "", "FILE", Group::kNodes, "DAGMAN_* settings for this run", [](L& l, G& g) { l.config = g.value; }},
      {"-insert_env", "", "K=V;K=V", Group::kNodes, "environment variables for scripts and jobs", InsertEnvironment, kInherited},
      {"-batch-name", "", "NAME", Group::kNodes, "a name for all jobs of the run", [](L& l, G& g) { l.run.batch_name = g.value; }, kInherited},
      {"-DryRun", "", "", Group::kNodes, "go through the DAG without running its jobs and scripts", [](L& l, G&) { l.run.dry_run = true; }, kFirstRun},

      {"--cpus", "", "N", Group::kMachine, "CPUs for jobs (those of this process)", [](L& l, G& g) { l.run.cpus = Number(g, 1); }, kInherited},
      {"--memory", "", "MB", Group::kMachine, "memory for jobs (not counted unless given)", [](L& l, G& g) { l.run.memory_mb = Number(g, 1); }, kInherited},
      {"--gpus", "", "N", Group::kMachine, "GPUs for jobs (all of this machine)", [](L& l, G& g) { l.run.gpus = Number(g); }, kInherited},

      {"--quiet", "-q", "", Group::kOutput, "say only what went wrong", [](L& l, G&) { l.quiet = true; }},
      {"-verbose", "-v", "", Group::kOutput, "say more", [](L& l, G&) { l.run.verbose = true; }, kInherited},
      {"--json", "", "", Group::kOutput, "a JSON object a line on standard output for all that happens", [](L& l, G&) { l.json = true; }},
      {"--color", "", "WHEN", Group::kOutput, "auto, always or never", [](L& l, G& g) { l.color = ParseColorChoice(g.value); }},
      {"--report", "", "FILE", Group::kOutput, "at the end, write a page about the run", [](L& l, G& g) { l.report = g.value; }},
      {"--node-status-file", "", "FILE", Group::kOutput, "keep the state of every node there, as NODE_STATUS_FILE does", [](L& l, G& g) { l.run.node_status_file = g.value; }},
      {"-outfile_dir", "", "DIR", Group::kOutput, "folder of FILE.dag.dagman.out", [](L& l, G& g) { l.run.outfile_dir = g.value; }, kInherited},
      {"--help", "-h", "", Group::kOutput, "print this and exit", [](L& l, G&) { l.help = true; }},
      {"--version", "", "", Group::kOutput, "print the version and exit", [](L& l, G&) { l.version = true; }},

      {"--submitter-files", "", "", Group::kSubmitter, "write the files that condor_submit_dag writes", [](L& l, G&) { l.run.as_condor_submit_dag = true; }},
      {"--dag-id", "", "N", Group::kSubmitter, "its number, given by the run that it is nested in", [](L& l, G& g) { l.run.dag_id = Number(g, 1); }, {.first_run = true, .hidden = true}},
      {"--parent-dag-id", "", "N", Group::kSubmitter, "number of the run that it is nested in", [](L& l, G& g) { l.run.parent_dag_id = Number(g, 1); }, {.first_run = true, .hidden = true}},
      {"-no_submit", "", "", Group::kSubmitter, "write them and run nothing", [](L& l, G&) { l.run.as_condor_submit_dag = l.run.no_submit = true; }, kFirstRun},
      {"-update_submit", "", "", Group::kSubmitter, "write them anew where they exist", [](L& l, G&) { l.run.update_submit = true; }},
      {"-append", "-a", "LINE", Group::kSubmitter, "a further line of FILE.dag.condor.sub", [](L& l, G& g) { l.run.submit_file.append_lines.push_back(g.value); }},
      {"-insert_sub_file", "", "FILE", Group::kSubmitter, "further lines, from a file", InsertSubmitFile},
      {"-import_env", "", "", Group::kSubmitter, "hand on the whole environment (always done here)", [](L& l, G&) { l.run.submit_file.import_env = true; }, kInherited},
      {"-include_env", "", "A,B", Group::kSubmitter, "hand on these variables (always done here)", [](L& l, G& g) { l.run.submit_file.include_env = SplitAny(g.value, ", "); }, kInherited},

      {"-notification", "", "WHEN", Group::kCondorOnly, "e-mail", [](L& l, G& g) { l.run.submit_file.notification = g.value; CondorOnly(l, g); }, kInherited},
      {"-suppress_notification", "", "", Group::kCondorOnly, "e-mail", CondorArgument, kInherited},
      {"-dont_suppress_notification", "", "", Group::kCondorOnly, "e-mail", CondorArgument, kInherited},
      {"-debug", "", "N", Group::kCondorOnly, "detail of FILE.dag.dagman.out", [](L& l, G& g) { l.run.submit_file.debug_level = Number(g); CondorOnly(l, g); }},
      {"-dagman", "", "FILE", Group::kCondorOnly, "the condor_dagman to run", [](L& l, G& g) { l.run.submit_file.dagman = g.value; CondorOnly(l, g); }},
      {"-AllowVersionMismatch", "", "", Group::kCondorOnly, "versions of HTCondor", CondorArgument, kInherited},
      {"-remote", "-r", "NAME", Group::kCondorOnly, "where to submit", CondorOnly},
      {"-schedd-daemon-ad-file", "", "FILE", Group::kCondorOnly, "where to submit", CondorOnly},
      {"-schedd-address-file", "", "FILE", Group::kCondorOnly, "where to submit", CondorOnly},
      {"-do_recurse", "", "", Group::kCondorOnly, "submit files of nested DAGs", CondorArgument, kInherited},
      {"-no_recurse", "", "", Group::kCondorOnly, "submit files of nested DAGs", CondorOnly},
      {"-batch-id", "", "ID", Group::kCondorOnly, "batches of jobs", CondorOnly, kInherited},
      {"-valgrind", "", "", Group::kCondorOnly, "run condor_dagman under valgrind", CondorOnly},
      {"-Dot", "", "", Group::kSubmitter, "", [](L&, G&) { Refuse("-Dot", "dagrun graph FILE.dag draws it."); }, {.hidden = true}},
      {"-DumpRescue", "", "", Group::kSubmitter, "", [](L&, G&) { Refuse("-DumpRescue", "dagrun --dry-run FILE.dag goes through it."); }, {.hidden = true}},
  };
  return options;
}
// clang-format on

/// The letters and digits of a name: dashes, underscores and case do not count.
std::string Bare(std::string_view name) {
  std::string bare = ToLower(name);
  std::erase_if(bare, [](char c) { return c == '-' || c == '_'; });
  return bare;
}

/// The option that `word` names, whole or by an unambiguous beginning.
const Option& Find(std::string_view word) {
  const std::string wanted = Bare(word);
  std::vector<const Option*> fitting;
  for (const Option& option : Options()) {
    if (Bare(option.name) == wanted || (!option.alias.empty() && Bare(option.alias) == wanted)) return option;
    if (!option.marks.hidden && Bare(option.name).starts_with(wanted)) fitting.push_back(&option);
  }
  if (fitting.empty() || wanted.size() < 2) {
    throw Error("unknown option '" + std::string(word) + "'", ExitCode::kUsage,
                "dagrun --help lists the options.");
  }
  if (fitting.size() > 1) {
    throw Error("'" + std::string(word) + "' may be " + std::string(fitting[0]->name) + " or " +
                    std::string(fitting[1]->name),
                ExitCode::kUsage);
  }
  return *fitting.front();
}

/// How to give `word` to a shell.
std::string ShellWord(const std::string& word) {
  const auto plain =
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+@%");
  if (plain == std::string::npos && !word.empty()) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

class Parser {
 public:
  Parser(const std::vector<std::string>& words, CalledAs called_as)
      : words_(words), strict_(called_as == CalledAs::kCondorSubmitDag) {
    line_.run.rerun_command = strict_ ? "condor_submit_dag" : "dagrun";
    line_.run.as_condor_submit_dag = strict_;
  }

  RunCommandLine Parse() {
    bool only_files = false;
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (!only_files && word == "--") {
        only_files = true;
      } else if (only_files || word.size() < 2 || word[0] != '-') {
        line_.run.dag_files.emplace_back(word);
        line_.run.rerun_command += " " + ShellWord(word);
      } else {
        ParseOption(word);
      }
    }
    RefuseContradictions();
    Finish();
    return std::move(line_);
  }

 private:
  void ParseOption(const std::string& word) {
    if (strict_ && !line_.run.dag_files.empty()) {
      throw Error("'" + word + "' follows a DAG file: options come before them", ExitCode::kUsage);
    }
    const std::size_t first = next_ - 1;
    const auto equals = word.find('=');
    const Option& option = Find(std::string_view(word).substr(0, equals));
    Given given{option.name, ""};
    if (option.value.empty()) {
      if (equals != std::string::npos) {
        throw Error("'" + word + "': this option takes no value", ExitCode::kUsage);
      }
    } else if (equals != std::string::npos) {
      given.value = word.substr(equals + 1);
    } else if (next_ < words_.size()) {
      given.value = words_[next_++];
    } else {
      throw Error(
          "'" + word + "' needs a value: " + std::string(option.name) + " " + std::string(option.value),
          ExitCode::kUsage);
    }
    option.apply(line_, given);
    Remember(option, given, first);
  }

  void Remember(const Option& option, const Given& given, std::size_t first) {
    given_.push_back(option.name);
    if (!option.marks.first_run) {
      for (std::size_t i = first; i < next_; ++i) line_.run.rerun_command += " " + ShellWord(words_[i]);
    }
    if (!option.marks.inherited) return;
    line_.run.inherited_words.emplace_back(option.name);
    if (!option.value.empty()) line_.run.inherited_words.push_back(given.value);
  }

  bool IsGiven(std::string_view name) const {
    return std::find(given_.begin(), given_.end(), name) != given_.end();
  }

  void RefuseContradictions() const {
    constexpr std::pair<std::string_view, std::string_view> kContradictions[] = {
        {"-DoRecovery", "-load_save"},
        {"-DoRescueFrom", "-load_save"},
        {"-DoRescueFrom", "-RescueFile"},
        {"-RescueFile", "-load_save"},
        {"-AlwaysRunPost", "-DontAlwaysRunPost"},
        {"-suppress_notification", "-dont_suppress_notification"},
        {"-do_recurse", "-no_recurse"}};
    for (const auto& [one, other] : kContradictions) {
      if (!IsGiven(one) || !IsGiven(other)) continue;
      throw Error(std::string(one) + " and " + std::string(other) + " contradict each other",
                  ExitCode::kUsage);
    }
  }

  void Finish() {
    if (line_.run.dag_files.empty() && !line_.help && !line_.version) {
      throw Error("which DAG file?", ExitCode::kUsage, "dagrun --help shows the usage.");
    }
    if (line_.run.as_condor_submit_dag) {
      // Of a nested run, whose first attempt has written the files already.
      line_.run.inherited_words.insert(line_.run.inherited_words.end(),
                                       {"--submitter-files", "-update_submit"});
    }
    if (line_.run.parent_dag_id != 0) line_.warnings.clear();  // who started this run has been told
    if (line_.warnings.empty()) return;
    std::string all = "without effect here, as only HTCondor knows what to do with it: ";
    line_.warnings = {all + Join(line_.warnings, ", ")};
  }

  const std::vector<std::string>& words_;
  bool strict_;
  std::size_t next_ = 0;
  RunCommandLine line_;
  std::vector<std::string_view> given_;
};

void SetVariable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(name + "="); });
  environment.push_back(name + "=" + value);
}

bool IsSet(const std::vector<std::string>& environment, const std::string& name) {
  return std::any_of(environment.begin(), environment.end(),
                     [&](const std::string& entry) { return entry.starts_with(name + "="); });
}

std::string Usage(const Option& option) {
  std::string usage(option.name);
  if (!option.alias.empty()) usage += ", " + std::string(option.alias);
  if (!option.value.empty()) usage += " " + std::string(option.value);
  return usage;
}

std::vector<const Option*> OptionsOf(Group group) {
  std::vector<const Option*> shown;
  for (const Option& option : Options()) {
    if (option.group == group && !option.marks.hidden) shown.push_back(&option);
  }
  return shown;
}

std::string Troff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '-') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

constexpr std::string_view kBeforeOptions =
    R"(Runs a DAG of jobs, as HTCondor's DAGMan would, on this machine.

Usage: dagrun [options] FILE.dag...

Options may be written with one or two dashes, in any case, and shortened as long as they are
unambiguous: condor_submit_dag's are known by their names there. Called by the name condor_submit_dag,
dagrun takes its place, and stays until the DAG has ended.
)";

constexpr std::string_view kAfterOptions = R"(
Examples:
  dagrun yolo.dag                    run it; again after a failure: only what is left
  dagrun --cpus 4 -maxjobs 2 x.dag   two nodes at a time, four CPUs
  dagrun -f x.dag                    run everything again
  dagrun --dry-run x.dag             go through it without running anything
  dagrun --report run.html x.dag y.dag   two DAGs as one run, and a page about it

Exit status: 0 all nodes done, 1 something failed or could not start, 2 stopped from outside,
64 wrong options (1 as condor_submit_dag); with ABORT-DAG-ON, what it says.
)";

}  // namespace

CalledAs CalledAsOf(const Path& program_name) {
  return program_name.filename() == "condor_submit_dag" ? CalledAs::kCondorSubmitDag : CalledAs::kDagrun;
}

RunCommandLine ParseRunCommandLine(const std::vector<std::string>& words, CalledAs called_as) {
  try {
    return Parser(words, called_as).Parse();
  } catch (const Error& error) {
    if (called_as == CalledAs::kDagrun) throw;
    throw Error(error.message(), ExitCode::kFailed, error.hint());
  }
}

Faults Configure(RunCommandLine& line, std::vector<std::string> environment) {
  RunOptions& run = line.run;
  DagOptions before;  // what the files themselves configure cannot change how they are found
  DagmanKnobs from_command_line;
  for (const auto& set : line.knob_settings) set(from_command_line);
  before.use_dag_dir = from_command_line.parse.use_dag_dir;
  run.preamble = ReadPreamble(run.dag_files, before);
  Faults faults = run.preamble.faults;
  run.knobs = ReadKnobs(run.preamble, line.config, environment, faults);
  for (const auto& set : line.knob_settings) set(run.knobs);
  if (line.config) {
    run.submit_file.config = *line.config;
  } else if (!run.preamble.configs.empty()) {
    run.submit_file.config = run.preamble.configs.front().first;
  }
  for (const std::string& pair : run.submit_file.insert_env) {
    SetVariable(environment, pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
  }
  for (const auto& [name, value] : run.preamble.environment_set) SetVariable(environment, name, value);
  for (const std::string& name : run.preamble.environment_get) {
    if (IsSet(environment, name)) continue;
    AddWarning(faults, {run.dag_files.front().string(), 0},
               "ENV GET " + name + ": there is no such variable");
  }
  run.environment = std::move(environment);
  return faults;
}

std::string RunHelp() {
  constexpr std::size_t kColumn = 27;
  std::string help(kBeforeOptions);
  for (const auto& [group, title] : kGroups) {
    help += "\n" + std::string(title) + ":\n";
    for (const Option* option : OptionsOf(group)) {
      std::string left = "  " + Usage(*option) + "  ";
      if (left.size() < kColumn) left.resize(kColumn, ' ');
      help += left + std::string(option->text) + "\n";
    }
  }
  return help += kAfterOptions;
}

std::string OptionsManual() {
  std::string manual;
  for (const auto& [group, title] : kGroups) {
    manual += ".SS " + std::string(title) + "\n";
    for (const Option* option : OptionsOf(group)) {
      manual += ".TP\n.B " + Troff(Usage(*option)) + "\n" + Troff(option->text) + "\n";
    }
  }
  return manual;
}

std::vector<std::string> OptionWords() {
  std::vector<std::string> words;
  for (const Option& option : Options()) {
    if (option.marks.hidden) continue;
    words.emplace_back(option.name);
    if (!option.alias.empty()) words.emplace_back(option.alias);
  }
  return words;
}

}  // namespace roost::dag
