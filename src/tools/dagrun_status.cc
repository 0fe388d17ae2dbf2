#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "dag/report/run_status.h"
#include "dagrun_commands.h"

namespace roost::tools {
namespace {

constexpr const char* kFooter = R"(
Tells from the files of a run (nodes log, lock, rescue file, metrics) how it stands: whether a dagrun works on it,
and of each node its state, tries, time, slot and what went wrong. It disturbs nobody and works from any terminal,
also long after the end. Of a DAG with many nodes it lists those that are under way or failed.

States: waiting ready queued running held post done failed futile

Examples:
  dagrun status workflow.dag
  dagrun status --watch workflow.dag
  dagrun status --json workflow.dag | jq -r '.nodes[] | select(.state == "failed") | .node'

Exit status: 0 told   64 wrong usage   65 a DAG that cannot be read   66 no such FILE)";

constexpr std::chrono::seconds kEvery{1};

}  // namespace

int StatusCommand(const Arguments& arguments) {
  std::vector<std::string> files;
  dag::StatusStyle style{.terminal = Terminal::Detect(STDOUT_FILENO)};
  bool json = false;
  bool watch = false;
  CLI::App app("Tells how a run stands, while it goes on or afterwards.", "dagrun status");
  app.footer(kFooter);
  app.add_option("FILE", files, "DAG files of the run")->required();
  app.add_flag("--all", style.all, "List every node");
  app.add_flag("--json", json, "Print one JSON document");
  app.add_flag("--watch", watch, "Tell it again every second, until the run is over");
  if (!ParseArguments(app, arguments)) return 0;
  for (const std::string& file : files) NeedFile(file);

  const SystemClock clock;
  while (true) {
    dag::RunRecord record;
    ReadRun({files.begin(), files.end()}, {}, record);
    std::string text = json ? FormatStatusJson(record) + "\n" : FormatStatus(record, style, clock.WallNow());
    const bool again = watch && record.running;
    // On a terminal each picture takes the place of the one before.
    if (watch && !json && style.terminal.interactive) text.insert(0, "\033[H\033[2J");
    PrintResult(text);
    if (!again) return 0;
    std::this_thread::sleep_for(kEvery);
  }
}

}  // namespace roost::tools
