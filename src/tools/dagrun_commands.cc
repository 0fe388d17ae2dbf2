#include "dagrun_commands.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "roost/base/error.h"

namespace roost::tools {
namespace {

constexpr std::array kCommands = {
    DagrunCommand{"check", "look for mistakes without running anything", CheckCommand},
    DagrunCommand{"expand", "show the jobs that a DAG becomes", ExpandCommand},
    DagrunCommand{"graph", "draw the graph", GraphCommand},
    DagrunCommand{"status", "tell how a run stands", StatusCommand},
    DagrunCommand{"logs", "show what the jobs of a node wrote", LogsCommand},
    DagrunCommand{"report", "write a page about a run", ReportCommand},
    DagrunCommand{"hold", "put jobs of a running DAG on hold", HoldCommand},
    DagrunCommand{"release", "let held jobs go on", ReleaseCommand},
    DagrunCommand{"rm", "remove jobs, or end the run", RemoveCommand},
    DagrunCommand{"halt", "start nothing new, or go on", HaltCommand},
};

}  // namespace

const DagrunCommand* FindDagrunCommand(std::string_view name) {
  const auto* found = std::ranges::find(kCommands, name, &DagrunCommand::name);
  return found == kCommands.end() ? nullptr : found;
}

std::string DescribeDagrunCommands() {
  constexpr std::size_t kNameWidth = 9;
  std::string text;
  for (const DagrunCommand& command : kCommands) {
    text.append("  dagrun ").append(command.name);
    text.append(kNameWidth - std::min(kNameWidth, command.name.size()), ' ');
    text.append(command.summary).append("\n");
  }
  return text;
}

bool ParseArguments(CLI::App& app, Arguments words) {
  try {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the end
    app.parse(std::move(words));
  } catch (const CLI::Success& answered) {
    app.exit(answered);
    return false;
  } catch (const CLI::ParseError& error) {
    throw Error(error.what(), ExitCode::kUsage, "See " + app.get_name() + " --help.");
  }
  return true;
}

void PrintResult(std::string_view text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!whole || std::fflush(stdout) != 0) throw ErrnoError(errno, "write", "standard output");
}

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return environment;
}

void NeedFile(const Path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw Error("there is no DAG file '" + file.string() + "'", ExitCode::kNoInput);
  }
}

FilesAndNodes FilesAndNames(const Arguments& words) {
  FilesAndNodes sorted;
  for (const std::string& word : words) {
    std::error_code ignored;
    const bool file =
        sorted.files.empty() || (sorted.nodes.empty() && std::filesystem::is_regular_file(word, ignored));
    (file ? sorted.files : sorted.nodes).push_back(word);
  }
  return sorted;
}

}  // namespace roost::tools
