#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "dag/run/expand.h"
#include "dagrun_commands.h"

namespace roost::tools {
namespace {

constexpr const char* kFooter = R"(
Shows what the jobs of a DAG come to when every macro is replaced, as in the first attempt of a run (the cluster
number is 1 here). Nothing is run.

Formats:
  text   for people: command, folder, files, environment, resources, policy
  json   a JSON object per node, one a line
  sh     a shell script that runs the jobs by hand, without retries and scripts

Examples:
  dagrun expand workflow.dag
  dagrun expand workflow.dag Detect --format sh | sh
  dagrun expand workflow.dag --format json | jq -r '.jobs[].executable' | sort -u

Exit status: 0 all is well   64 wrong usage   65 a DAG or submit file that cannot be used   66 no such FILE)";

dag::Dag Read(const std::vector<std::string>& files) {
  for (const std::string& file : files) NeedFile(file);
  dag::DagParse parse = dag::ReadDags({files.begin(), files.end()});
  if (HasErrors(parse.faults)) throw dag::FaultsError(parse.faults);
  return std::move(parse.dag);
}

}  // namespace

int ExpandCommand(const Arguments& arguments) {
  std::vector<std::string> words;
  std::string format = "text";
  CLI::App app("Shows the jobs that a DAG becomes.", "dagrun expand");
  app.footer(kFooter);
  app.add_option("FILE", words, "DAG files, then names of nodes (all nodes if none is named)")->required();
  app.add_option("--format", format, "text, json or sh")->check(CLI::IsMember({"text", "json", "sh"}));
  if (!ParseArguments(app, arguments)) return 0;
  const auto [files, names] = FilesAndNames(words);

  const dag::Dag graph = Read(files);
  const std::vector<std::string> environment = OwnEnvironment();
  if (format == "sh") PrintResult(dag::ShellPrologue());
  dag::Faults faults;
  for (const dag::NodeIndex node : ChooseNodes(graph, names)) {
    const dag::ExpandedNode expanded{node, JobsOf(graph, node, 1, 0, environment)};
    if (HasErrors(expanded.submission.faults)) {
      faults.insert(faults.end(), expanded.submission.faults.begin(), expanded.submission.faults.end());
      continue;
    }
    PrintResult(format == "text"   ? FormatExpandText(graph, expanded)
                : format == "json" ? FormatExpandJson(graph, expanded) + "\n"
                                   : FormatExpandShell(graph, expanded));
  }
  if (format == "sh") PrintResult(dag::ShellEpilogue());
  if (HasErrors(faults)) throw dag::FaultsError(faults);
  return 0;
}

}  // namespace roost::tools
