#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "dag/run/graph.h"
#include "dagrun_commands.h"

namespace roost::tools {
namespace {

constexpr const char* kFooter = R"(
Draws the graph of a DAG. Where there is a run, the nodes show how they stand. SVG needs graphviz.

Examples:
  dagrun graph workflow.dag | dot -Tpng > workflow.png
  dagrun graph workflow.dag --format svg -o workflow.svg

Exit status: 0 drawn   1 no graphviz   64 wrong usage   65 a DAG that cannot be read   66 no such FILE
             73 cannot be written)";

}  // namespace

int GraphCommand(const Arguments& arguments) {
  std::vector<std::string> files;
  std::string format = "dot";
  std::string output;
  CLI::App app("Draws the graph of a DAG.", "dagrun graph");
  app.footer(kFooter);
  app.add_option("FILE", files, "DAG files; several are one DAG")->required();
  app.add_option("--format", format, "dot or svg")->check(CLI::IsMember({"dot", "svg"}));
  app.add_option("-o,--output", output, "Write to FILE in place of standard output")->type_name("FILE");
  if (!ParseArguments(app, arguments)) return 0;
  for (const std::string& file : files) NeedFile(file);

  dag::RunRecord record;
  ReadRun({files.begin(), files.end()}, {}, record);
  std::string text = GraphText(record);
  if (format == "svg") text = dag::GraphPicture(text);
  if (output.empty()) {
    PrintResult(text);
  } else {
    WriteFileAtomically(output, text).value();
  }
  return 0;
}

}  // namespace roost::tools
