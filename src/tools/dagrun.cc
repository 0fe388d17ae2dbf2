// dagrun: flags, wiring, exit code.

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "dag/report/json_reporter.h"
#include "dag/report/terminal_reporter.h"
#include "dag/run/dag_run.h"
#include "dag/run/job_files.h"
#include "dag/run/submitter_files.h"
#include "roost/base/error.h"
#include "roost/base/process.h"
#include "roost/base/terminal.h"
#include "tools/dagrun_commands.h"
#include "tools/dagrun_options.h"

namespace {

using namespace roost;       // NOLINT: this file is the program
using namespace roost::dag;  // NOLINT

/// Says what is wrong in the configuration; throws Error where it cannot be used.
void Report(const Faults& faults, Reporter& reporter) {
  for (const Fault& fault : faults) {
    if (fault.severity == Fault::Severity::kWarning) reporter.Warning(fault.Describe());
  }
  if (HasErrors(faults)) throw Error(FaultsError(faults).message(), ExitCode::kFailed);
}

/// With one file, -UseDagDir is the same as starting in its folder.
void EnterFolderOf(Path& file) {
  if (!file.has_parent_path()) return;
  std::error_code failed;
  std::filesystem::current_path(file.parent_path(), failed);
  if (failed) throw ErrnoError(failed.value(), "enter folder", file.parent_path());
  file = file.filename();
}

int Run(RunCommandLine line) {
  StopSignals signals;
  const SystemClock clock;
  TerminalReporter reporter(
      stderr,
      {.terminal = Terminal::Detect(STDERR_FILENO, line.color), .quiet = line.quiet, .clock = &clock});
  JsonReporter events(stdout);
  const Faults faults = Configure(line, tools::OwnEnvironment());
  for (const std::string& warning : line.warnings) reporter.Warning(warning);
  Report(faults, reporter);
  if (line.run.knobs.parse.use_dag_dir && line.run.dag_files.size() == 1) {
    EnterFolderOf(line.run.dag_files.front());
  }
  line.run.program = ExecutableDirectory() / "dagrun";
  line.run.observers = {&reporter};
  if (line.json) line.run.observers.push_back(&events);
  const auto run = [&](const RunOptions& options) {
    const int status = RunDag(
        options, reporter, [&signals] { return signals.Next(); }, clock);
    if (!line.report.empty()) {
      WriteHtmlReport(options.dag_files, options.knobs.parse, options.environment, line.report, clock);
    }
    return status;
  };
  return line.run.as_condor_submit_dag ? RunAsSubmitter(line.run, clock, std::cout, std::cerr, run)
                                       : run(line.run);
}

int Main(const Path& program, const std::vector<std::string>& words) {
  const auto called_as = CalledAsOf(program);
  if (called_as == CalledAs::kDagrun && !words.empty()) {
    if (const auto* command = tools::FindDagrunCommand(words.front())) {
      return command->run({words.begin() + 1, words.end()});
    }
  }
  RunCommandLine line = ParseRunCommandLine(words, called_as);
  if (line.help) {
    std::cout << RunHelp() << "\nOther commands, each with its own --help:\n"
              << tools::DescribeDagrunCommands();
    return 0;
  }
  if (line.version) {
    std::cout << "dagrun " << ROOST_VERSION << '\n';
    return 0;
  }
  return Run(std::move(line));
}

}  // namespace

int main(int argc, char** argv) {
  return roost::RunMain(roost::Path(argv[0]).filename().string(), [&] {
    return Main(argv[0], {argv + 1, argv + argc});
  });
}
