#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "dag/run/node_logs.h"
#include "dagrun_commands.h"
#include "roost/base/terminal.h"
#include "roost/base/text.h"

namespace roost::tools {
namespace {

constexpr const char* kFooter = R"(
Shows what the jobs of a node wrote, of the last attempt if no other is asked for: standard output and standard
error, unless one of them or --events is chosen. A single file is shown as it is; of several each is headed by its
name. On a terminal, control characters are replaced by '?'.

Examples:
  dagrun logs workflow.dag Detect
  dagrun logs workflow.dag Detect --stderr --follow     until the node is over
  dagrun logs workflow.dag Detect --events --attempt 0

Exit status: 0 shown   1 nothing is there yet   64 wrong usage, no such node   65 a DAG that cannot be read
             66 no such FILE)";

constexpr std::chrono::milliseconds kEvery{250};

std::string FitFor(const Terminal& terminal, std::string text) {
  if (!terminal.interactive) return text;
  std::vector<std::string> lines = Split(text, '\n');
  for (std::string& line : lines) {
    std::vector<std::string> cells = Split(line, '\t');
    for (std::string& cell : cells) cell = Printable(cell);
    line = Join(cells, "\t");
  }
  return Join(lines, "\n");
}

}  // namespace

int LogsCommand(const Arguments& arguments) {
  std::vector<std::string> words;
  dag::LogChoice choice;
  bool follow = false;
  int attempt = -1;
  int proc = -1;
  CLI::App app("Shows what the jobs of a node wrote.", "dagrun logs");
  app.footer(kFooter);
  app.add_option("FILE", words, "DAG files of the run, then the name of a node")->required()->expected(2, -1);
  app.add_flag("--stdout", choice.output, "Its standard output");
  app.add_flag("--stderr", choice.error, "Its standard error");
  app.add_flag("--events", choice.events, "Its records in the nodes log");
  app.add_option("--attempt", attempt, "Which attempt at the node, from 0")->check(CLI::NonNegativeNumber);
  app.add_option("--proc", proc, "Only the job of this number")->check(CLI::NonNegativeNumber);
  app.add_flag("-f,--follow", follow, "Go on as it writes more, until it is over");
  if (!ParseArguments(app, arguments)) return 0;
  const std::string node = words.back();
  words.pop_back();
  for (const std::string& file : words) NeedFile(file);
  if (!choice.output && !choice.error && !choice.events) choice.output = choice.error = true;
  if (attempt >= 0) choice.attempt = attempt;
  if (proc >= 0) choice.proc = proc;

  dag::NodeLogs logs({words.begin(), words.end()}, node, choice, OwnEnvironment());
  const Terminal terminal = Terminal::Detect(STDOUT_FILENO);
  bool any = false;
  while (true) {
    const std::string more = logs.More();
    any = any || !more.empty();
    PrintResult(FitFor(terminal, more));
    if (logs.over() || (!follow && more.empty())) break;
    if (follow && more.empty()) std::this_thread::sleep_for(kEvery);
  }
  if (!any) throw Error(logs.WhyNothing(), ExitCode::kFailed);
  return 0;
}

}  // namespace roost::tools
