#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "dag/run/job_files.h"
#include "dagrun_commands.h"

namespace roost::tools {
namespace {

constexpr const char* kFooter = R"(
Writes one HTML page about the current or last run: verdict and numbers, failures with the end of their stderr, a
timeline of the jobs by slot, the graph if it is small, the critical path, and all nodes in a table that can be
filtered and sorted. The page needs no other file and no network.

Examples:
  dagrun report workflow.dag -o report.html
  dagrun --report report.html workflow.dag      run it and write the page at the end

Exit status: 0 written   64 wrong usage   65 a DAG that cannot be read   66 no such FILE   73 cannot be written)";

}  // namespace

int ReportCommand(const Arguments& arguments) {
  std::vector<std::string> files;
  std::string page;
  CLI::App app("Writes a page about a run.", "dagrun report");
  app.footer(kFooter);
  app.add_option("FILE", files, "DAG files of the run")->required();
  app.add_option("-o,--output", page, "The page to write")->required()->type_name("PAGE");
  if (!ParseArguments(app, arguments)) return 0;
  for (const std::string& file : files) NeedFile(file);
  const SystemClock clock;
  dag::WriteHtmlReport({files.begin(), files.end()}, {}, OwnEnvironment(), page, clock);
  return 0;
}

}  // namespace roost::tools
