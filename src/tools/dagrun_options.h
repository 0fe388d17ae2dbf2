#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dag/run/dag_run.h"
#include "roost/base/terminal.h"

namespace roost::dag {

/// The name that the program was called by decides how strictly the command line is read.
enum class CalledAs {
  kDagrun,
  kCondorSubmitDag,  ///< options before files, usage errors end with status 1, as under HTCondor
};

CalledAs CalledAsOf(const Path& program_name);

/// The command line of a run: what RunDag() needs, and what the program itself does.
struct RunCommandLine {
  RunOptions run;
  std::optional<Path> config;  ///< -config
  /// What the command line says over the configuration, in its order.
  std::vector<std::function<void(DagmanKnobs&)>> knob_settings;
  bool quiet = false;
  bool json = false;
  ColorChoice color = ColorChoice::kAuto;
  Path report;  ///< --report
  bool help = false;
  bool version = false;
  std::vector<std::string> warnings;
};

/// Reads the words after the program's name. Throws Error (usage) for what cannot be meant. The knobs in
/// `run` are DAGMan's defaults until Configure().
RunCommandLine ParseRunCommandLine(const std::vector<std::string>& words, CalledAs called_as);

/// Settles the knobs and the environment of the run: CONFIG and ENV of its DAG files, -config, the variables
/// _CONDOR_DAGMAN_*, and over them the command line. `environment` is the program's own. A run that is nested
/// in another, which says so there, has no warnings left.
Faults Configure(RunCommandLine& line, std::vector<std::string> environment);

/// --help.
std::string RunHelp();
/// The options for the manual page, in troff.
std::string OptionsManual();
/// The options for shell completion, as they are usually spelled.
std::vector<std::string> OptionWords();

}  // namespace roost::dag
