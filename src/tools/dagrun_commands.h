#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "roost/base/files.h"

namespace CLI {
class App;
}

namespace roost::tools {

using Arguments = std::vector<std::string>;

/// `dagrun NAME ...`: something about a DAG other than running it. Returns the exit status; throws Error.
struct DagrunCommand {
  std::string_view name;
  std::string_view summary;  ///< for the help of dagrun itself
  int (*run)(const Arguments& arguments);
};

/// The subcommand of this name, or null.
const DagrunCommand* FindDagrunCommand(std::string_view name);

/// A line for each subcommand, for the help.
std::string DescribeDagrunCommands();

/// Parses the words behind the subcommand. False where help was asked for and printed; throws Error (usage).
bool ParseArguments(CLI::App& app, Arguments words);

/// Prints a result to stdout. Throws Error where it cannot be written (a full disk).
void PrintResult(std::string_view text);

/// The environment of this process, "NAME=value".
std::vector<std::string> OwnEnvironment();

/// Throws Error (no input) where there is no such DAG file.
void NeedFile(const Path& file);

/// DAG files, then names of nodes: what is a file that exists is one as long as no name came before it, and
/// the first word always is.
struct FilesAndNodes {
  Arguments files;
  Arguments nodes;
};
FilesAndNodes FilesAndNames(const Arguments& words);

int CheckCommand(const Arguments& arguments);
int ExpandCommand(const Arguments& arguments);
int GraphCommand(const Arguments& arguments);
int HaltCommand(const Arguments& arguments);
int HoldCommand(const Arguments& arguments);
int LogsCommand(const Arguments& arguments);
int ReleaseCommand(const Arguments& arguments);
int RemoveCommand(const Arguments& arguments);
int ReportCommand(const Arguments& arguments);
int StatusCommand(const Arguments& arguments);

}  // namespace roost::tools
