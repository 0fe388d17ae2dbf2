// dagrun: flags, wiring, exit code.

#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "dag/report/terminal_reporter.h"
#include "dag/run/check.h"
#include "dag/run/dag_run.h"
#include "roost/base/error.h"
#include "roost/base/process.h"
#include "roost/base/terminal.h"
#include "roost/base/text.h"

namespace {

using namespace roost;       // NOLINT: this file is the program
using namespace roost::dag;  // NOLINT

constexpr std::string_view kHelp =
    R"(Runs a DAG of jobs, as HTCondor's DAGMan would, on this machine.

Usage: dagrun [options] FILE.dag
       dagrun check FILE.dag         look for mistakes without running anything

Options may be written with one or two dashes, in any case, as for condor_submit_dag.
  -maxjobs N           at most N nodes with jobs under way (0 = no limit)
  -maxidle N           submit nothing more while N jobs wait for a free slot (1000)
  -maxpre N, -maxpost N  at most N PRE or POST scripts at once (20)
  -AlwaysRunPost       run the POST script even if PRE failed (-DontAlwaysRunPost)
  -force, -f           start afresh: rescue files are renamed to .old
  -AutoRescue 0|1      go on from the newest rescue file (1)
  -DoRescueFrom N      go on from rescue file N; newer ones are renamed to .old
  -DoRecovery          go on from the nodes log even if no lock was left
  -UseDagDir           work in the folder of the DAG file
  --cpus N             CPUs for jobs (those of this process)
  --memory MB          memory for jobs (not counted unless given)
  --gpus N             GPUs for jobs (all of this machine)
  --node-status-file FILE  write the state of every node there at the end
  --quiet, -q          say only what went wrong
  --color auto|always|never
  --version, --help

Examples:
  dagrun yolo.dag                   run it; again after a failure: only what is left
  dagrun --cpus 4 -maxjobs 2 x.dag  two nodes at a time, four CPUs
  dagrun -f x.dag                   run everything again

Exit status: 0 all nodes done, 1 something failed or could not start, 2 stopped by a signal,
64 wrong options. check: 0 fine, 65 mistakes found.
)";

struct CommandLine {
  RunOptions run;
  bool use_dag_dir = false;
  bool quiet = false;
  ColorChoice color = ColorChoice::kAuto;
  bool help = false;
  bool version = false;
  bool check = false;
  std::vector<std::string> files;
  std::vector<std::string> ignored;  ///< options that only mean something to HTCondor
};

/// `apply` gets the value, or "" where the option takes none.
struct Option {
  std::string_view name;
  bool takes_value;
  std::function<void(const std::string&)> apply;
};

int Number(std::string_view option, const std::string& text, int least) {
  const auto value = ParseInt(text);
  if (!value || *value < least || *value > 1'000'000'000) {
    throw Error("-" + std::string(option) + " takes a whole number from " + std::to_string(least) +
                    ", not '" + text + "'",
                ExitCode::kUsage);
  }
  return static_cast<int>(*value);
}

std::vector<Option> OptionsFor(CommandLine& line) {
  RunOptions& run = line.run;
  const auto number = [](std::string_view name, auto& target, int least = 0) {
    return Option{name, true,
                  [name, &target, least](const std::string& text) { target = Number(name, text, least); }};
  };
  const auto flag = [](std::string_view name, bool& target, bool value = true) {
    return Option{name, false, [&target, value](const std::string&) { target = value; }};
  };
  std::vector<Option> options = {
      number("maxjobs", run.knobs.max_jobs),
      number("maxidle", run.knobs.max_idle),
      number("maxpre", run.knobs.max_pre),
      number("maxpost", run.knobs.max_post),
      flag("alwaysrunpost", run.knobs.always_run_post),
      flag("dontalwaysrunpost", run.knobs.always_run_post, false),
      flag("force", run.force),
      flag("f", run.force),
      {"autorescue", true,
       [&run](const std::string& text) { run.knobs.auto_rescue = Number("AutoRescue", text, 0) != 0; }},
      number("dorescuefrom", run.rescue_from),
      flag("dorecovery", run.do_recovery),
      flag("usedagdir", line.use_dag_dir),
      number("cpus", run.cpus, 1),
      number("memory", run.memory_mb, 1),
      number("gpus", run.gpus),
      {"node-status-file", true, [&run](const std::string& text) { run.node_status_file = text; }},
      flag("quiet", line.quiet),
      flag("q", line.quiet),
      {"color", true, [&line](const std::string& text) { line.color = ParseColorChoice(text); }},
      flag("help", line.help),
      flag("h", line.help),
      flag("version", line.version),
  };
  // Accepted so that a condor_submit_dag command line works as it is.
  for (const std::string_view name :
       {"verbose", "suppress_notification", "dont_suppress_notification", "import_env", "update_submit",
        "do_recurse", "no_recurse", "allowversionmismatch"}) {
    options.push_back({name, false, [&line, name](const std::string&) { line.ignored.emplace_back(name); }});
  }
  for (const std::string_view name : {"notification", "debug", "batch-name", "priority", "submitmethod",
                                      "maxhold", "append", "include_env", "insert_env", "dagman", "remote"}) {
    options.push_back({name, true, [&line, name](const std::string&) { line.ignored.emplace_back(name); }});
  }
  return options;
}

/// The option called `name`, whole or by an unambiguous beginning.
const Option& Find(const std::vector<Option>& options, const std::string& name, const std::string& word) {
  std::vector<const Option*> fitting;
  for (const Option& option : options) {
    if (option.name == name) return option;
    if (option.name.starts_with(name)) fitting.push_back(&option);
  }
  if (fitting.size() == 1 && name.size() > 1) return *fitting.front();
  const std::string what = fitting.empty() || name.size() < 2 ? "unknown option '" : "ambiguous option '";
  throw Error(what + word + "'", ExitCode::kUsage, "dagrun --help lists the options.");
}

CommandLine Parse(const std::vector<std::string>& words) {
  CommandLine line;
  const std::vector<Option> options = OptionsFor(line);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      if (word == "check" && line.files.empty() && !line.check) {
        line.check = true;
      } else {
        line.files.push_back(word);
      }
      continue;
    }
    std::string name = ToLower(word.substr(word.starts_with("--") ? 2 : 1));
    const auto equals = name.find('=');
    const bool attached = equals != std::string::npos;
    name = name.substr(0, equals);
    const Option& option = Find(options, name, word);
    if (!option.takes_value) {
      if (attached) throw Error("'" + word + "': this option takes no value", ExitCode::kUsage);
      option.apply("");
    } else if (attached) {
      option.apply(word.substr(word.find('=') + 1));
    } else if (i + 1 < words.size()) {
      option.apply(words[++i]);
    } else {
      throw Error("'" + word + "' needs a value", ExitCode::kUsage);
    }
  }
  return line;
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

/// The command that goes on after a failure: this one, without what would make it start afresh.
std::string RerunCommand(const std::vector<std::string>& words) {
  std::string command = "dagrun";
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string lower = ToLower(words[i]);
    if (lower == "-f" || lower == "--f" || lower == "-force" || lower == "--force") continue;
    if (lower == "-dorescuefrom" || lower == "--dorescuefrom") {
      ++i;
      continue;
    }
    command += " " + ShellWord(words[i]);
  }
  return command;
}

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return environment;
}

int Check(const Path& file) {
  const CheckResult result = CheckDag(file, OwnEnvironment());
  for (const Fault& fault : result.faults) std::cerr << fault.Describe() << '\n';
  if (HasErrors(result.faults)) return static_cast<int>(ExitCode::kBadData);
  std::cout << file.string() << ": " << result.nodes << " nodes, " << result.jobs
            << " jobs: no mistakes found\n";
  return 0;
}

int Main(const std::vector<std::string>& words) {
  CommandLine line = Parse(words);
  if (line.help) {
    std::cout << kHelp;
    return 0;
  }
  if (line.version) {
    std::cout << "dagrun " << ROOST_VERSION << '\n';
    return 0;
  }
  if (line.files.size() != 1) {
    throw Error(
        line.files.empty() ? "which DAG file?" : "more than one DAG file at a time is not supported yet",
        ExitCode::kUsage, "dagrun --help shows the usage.");
  }
  Path file = line.files.front();
  if (line.use_dag_dir && file.has_parent_path()) {
    std::error_code failed;
    std::filesystem::current_path(file.parent_path(), failed);
    if (failed) throw ErrnoError(failed.value(), "enter folder", file.parent_path());
    file = file.filename();
  }
  if (line.check) return Check(file);

  StopSignals signals;
  TerminalReporter reporter(stderr,
                            {.terminal = Terminal::Detect(STDERR_FILENO, line.color), .quiet = line.quiet});
  for (const std::string& name : line.ignored) reporter.Warning("-" + name + " has no effect here");
  line.run.dag_files = {file};
  line.run.environment = OwnEnvironment();
  line.run.rerun_command = RerunCommand(words);
  const SystemClock clock;
  return RunDag(
      line.run, reporter, [&signals] { return signals.Next(); }, clock);
}

}  // namespace

int main(int argc, char** argv) {
  return roost::RunMain("dagrun", [&] { return Main({argv + 1, argv + argc}); });
}
