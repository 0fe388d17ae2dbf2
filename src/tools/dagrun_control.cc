// hold, release, rm and halt: what a running dagrun is asked from another terminal.

#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "dag/report/history.h"
#include "dag/run/control.h"
#include "dagrun_commands.h"

namespace roost::tools {
namespace {

using Action = dag::ControlRequest::Action;

constexpr const char* kFooter = R"(
Asks the dagrun that runs FILE on this host. A target is the name of a node, a cluster (12) or a job (12.0); without
one all jobs are meant.

Examples:
  dagrun hold workflow.dag Detect        its jobs stop and wait
  dagrun release workflow.dag Detect     they may run again
  dagrun rm workflow.dag 12.3            one job is removed, which its node counts as a failure
  dagrun rm workflow.dag                 the whole run ends, with a rescue file

Exit status: 0 asked   1 no dagrun runs FILE   64 wrong usage   66 no such FILE)";

constexpr const char* kHaltFooter = R"(
Starts nothing new in the run of FILE: jobs and POST scripts that run go on to their end. If nothing is left to wait
for, the run ends with a rescue file. It is the file FILE.halt that says so, as under DAGMan.

Examples:
  dagrun halt workflow.dag
  dagrun halt --resume workflow.dag

Exit status: 0 done   1 no dagrun runs FILE, or it is not halted   64 wrong usage   66 no such FILE)";

bool IsJobNumber(const std::string& word) {
  return word.find_first_not_of("0123456789.") == std::string::npos;
}

/// Throws Error (usage) for a name that is no node of the DAG. Names of several files in one run have the
/// number of their file in front ("0.A") and are left to the run.
void NeedTargets(const Arguments& words) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!IsJobNumber(words[i])) names.push_back(words[i]);
  }
  if (names.empty()) return;
  const dag::Dag graph = dag::ReadDag(words.front()).dag;
  for (const std::string& name : names) {
    const auto dot = name.find('.');
    const bool of_several = dot != std::string::npos && IsJobNumber(name.substr(0, dot));
    if (graph.Find(name) >= 0 || of_several) continue;
    throw Error("there is no node '" + name + "' in '" + words.front() + "'", ExitCode::kUsage);
  }
}

int Ask(Action action, const char* name, const char* what, const Arguments& arguments) {
  std::vector<std::string> words;
  std::string reason = "asked for by dagrun " + std::string(name);
  CLI::App app(what, "dagrun " + std::string(name));
  app.footer(kFooter);
  app.add_option("FILE", words, "The DAG file, then nodes or jobs")->required();
  app.add_option("--reason", reason, "Why, for the event log");
  if (!ParseArguments(app, arguments)) return 0;
  NeedFile(words.front());
  NeedTargets(words);
  if (words.size() == 1) words.emplace_back();
  for (std::size_t i = 1; i < words.size(); ++i) {
    dag::SendRequest(words.front(), {.action = action, .target = words[i], .reason = reason});
  }
  return 0;
}

}  // namespace

int HoldCommand(const Arguments& arguments) {
  return Ask(Action::kHold, "hold", "Puts jobs of a running DAG on hold.", arguments);
}

int ReleaseCommand(const Arguments& arguments) {
  return Ask(Action::kRelease, "release", "Lets held jobs of a running DAG go on.", arguments);
}

int RemoveCommand(const Arguments& arguments) {
  return Ask(Action::kRemove, "rm", "Removes jobs of a running DAG, or ends it.", arguments);
}

int HaltCommand(const Arguments& arguments) {
  std::string file;
  bool resume = false;
  CLI::App app("Starts nothing new in a running DAG.", "dagrun halt");
  app.footer(kHaltFooter);
  app.add_option("FILE", file, "The DAG file")->required();
  app.add_flag("--resume", resume, "Go on");
  if (!ParseArguments(app, arguments)) return 0;
  NeedFile(file);
  const Path halt = file + ".halt";
  if (resume) {
    std::error_code error;
    if (!std::filesystem::remove(halt, error)) throw Error("'" + file + "' is not halted");
    return 0;
  }
  if (!dag::IsRunning(file)) throw Error("no dagrun runs '" + file + "'");
  WriteFileAtomically(halt, "").value();
  return 0;
}

}  // namespace roost::tools
