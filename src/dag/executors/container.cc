#include "dag/executors/container.h"

#include <array>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr std::string_view kDockerUrl = "docker://";

Path FindOnPath(std::string_view name, const std::vector<std::string>& environment) {
  constexpr std::string_view kPath = "PATH=";
  for (const std::string& entry : environment) {
    if (!entry.starts_with(kPath)) continue;
    for (const std::string& folder : SplitAny(std::string_view(entry).substr(kPath.size()), ":")) {
      Path program = Path(folder) / name;
      if (::access(program.c_str(), X_OK) == 0) return program;
    }
  }
  return {};
}

}  // namespace

std::optional<ContainerRuntime> ContainerRuntime::Find(const std::vector<std::string>& environment) {
  constexpr std::array<std::pair<std::string_view, Kind>, 4> kRuntimes = {{{"apptainer", Kind::kApptainer},
                                                                           {"singularity", Kind::kApptainer},
                                                                           {"docker", Kind::kDocker},
                                                                           {"podman", Kind::kDocker}}};
  for (const auto& [name, kind] : kRuntimes) {
    if (Path program = FindOnPath(name, environment); !program.empty()) {
      return ContainerRuntime(kind, std::move(program));
    }
  }
  return std::nullopt;
}

std::vector<std::string> ContainerRuntime::Command(const Container& container, bool entry_point,
                                                   const ProcessOptions& process, const Shown& shown) const {
  std::vector<std::string> command = kind_ == Kind::kApptainer
                                         ? Apptainer(container, entry_point, process, shown)
                                         : Docker(container, process, shown);
  command.insert(command.end(), process.argv.begin() + (entry_point ? 1 : 0), process.argv.end());
  return command;
}

/// It hands the environment on by itself.
std::vector<std::string> ContainerRuntime::Apptainer(const Container& container, bool entry_point,
                                                     const ProcessOptions& process,
                                                     const Shown& shown) const {
  std::vector<std::string> command = {program_.string(), entry_point ? "run" : "exec"};
  for (const Path& folder : {shown.scratch, process.working_directory, shown.program}) {
    if (folder.empty()) continue;
    command.insert(command.end(), {"--bind", folder.string()});
  }
  command.insert(command.end(), {"--pwd", process.working_directory.string()});
  if (shown.gpus) command.emplace_back("--nv");
  const bool from_registry =
      container.kind == Container::Kind::kDocker && container.image.find("://") == std::string::npos;
  command.push_back((from_registry ? std::string(kDockerUrl) : std::string()) + container.image);
  return command;
}

/// Files that the job makes are to belong to whoever started dagrun. --init passes signals on.
std::vector<std::string> ContainerRuntime::Docker(const Container& container, const ProcessOptions& process,
                                                  const Shown& shown) const {
  std::vector<std::string> command = {program_.string(),
                                      "run",
                                      "--rm",
                                      "--init",
                                      "--interactive",
                                      "--user",
                                      std::to_string(::getuid()) + ":" + std::to_string(::getgid())};
  for (const Path& folder : {shown.scratch, process.working_directory, shown.program}) {
    if (folder.empty()) continue;
    command.insert(command.end(), {"--volume", folder.string() + ":" + folder.string()});
  }
  command.insert(command.end(), {"--workdir", process.working_directory.string()});
  if (shown.gpus) command.insert(command.end(), {"--gpus", "all"});
  if (process.environment) {
    // By name: the values are in the environment of the command itself, and not for everybody to see.
    for (const std::string& entry : *process.environment) {
      const std::string name = entry.substr(0, entry.find('='));
      if (name != "PATH" && name != "HOME") command.insert(command.end(), {"--env", name});
    }
  }
  std::string image = container.image;
  if (image.starts_with(kDockerUrl)) image.erase(0, kDockerUrl.size());
  command.push_back(std::move(image));
  return command;
}

}  // namespace roost::dag
