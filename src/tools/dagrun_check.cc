#include <algorithm>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "dag/run/check.h"
#include "dagrun_commands.h"
#include "roost/base/terminal.h"

namespace roost::tools {
namespace {

constexpr const char* kFooter = R"(
Looks at the graph (cycles are shown as a path), at every submit file as its nodes would use it, and at the
files that they name: programs and scripts that would not start (missing, not executable, no #! line, no such
interpreter, CR LF), inputs, folders of outputs and logs, VARS that nothing uses, nested DAGs. What a script or
another node may still make is a warning.

Each finding is a line of standard output: FILE:LINE: MESSAGE.

Examples:
  dagrun check workflow.dag
  dagrun check --json workflow.dag | jq '.faults[].message'

Exit status: 0 nothing, or warnings only   64 wrong usage   65 mistakes found   66 no such FILE)";

std::string Summary(const dag::CheckResult& result, const std::vector<std::string>& files) {
  const auto errors = std::count_if(result.faults.begin(), result.faults.end(), [](const dag::Fault& fault) {
    return fault.severity == dag::Fault::Severity::kError;
  });
  const auto warnings = static_cast<std::ptrdiff_t>(result.faults.size()) - errors;
  const auto count = [](std::ptrdiff_t n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  std::string text =
      files.front() + ": " + count(result.nodes, "node") + ", " + count(result.jobs, "job") + ": ";
  text += errors == 0 ? "no mistakes found" : count(errors, "mistake");
  if (warnings > 0) text += ", " + count(warnings, "warning");
  return text + "\n";
}

std::string Line(const dag::Fault& fault, const Terminal& terminal) {
  std::string line = fault.Describe();
  if (const auto colon = line.find(": "); colon != std::string::npos) {
    const bool error = fault.severity == dag::Fault::Severity::kError;
    line = Styled(terminal, error ? Style::kRed : Style::kYellow, line.substr(0, colon)) + line.substr(colon);
  }
  return line + "\n";
}

}  // namespace

int CheckCommand(const Arguments& arguments) {
  std::vector<std::string> files;
  bool json = false;
  CLI::App app("Looks for mistakes in a DAG without running anything.", "dagrun check");
  app.footer(kFooter);
  app.add_option("FILE", files, "DAG files; several are one DAG")->required();
  app.add_flag("--json", json, "Print one JSON document");
  if (!ParseArguments(app, arguments)) return 0;

  for (const std::string& file : files) NeedFile(file);
  const dag::CheckResult result =
      dag::CheckDags({files.begin(), files.end()}, {.environment = OwnEnvironment()});
  std::string text;
  if (json) {
    text = dag::FormatCheckJson(result) + "\n";
  } else {
    const Terminal terminal = Terminal::Detect(STDOUT_FILENO);
    for (const dag::Fault& fault : result.faults) text += Line(fault, terminal);
    text += Summary(result, files);
  }
  PrintResult(text);
  return HasErrors(result.faults) ? static_cast<int>(ExitCode::kBadData) : 0;
}

}  // namespace roost::tools
