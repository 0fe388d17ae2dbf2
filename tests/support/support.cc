#include "support/support.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace roost::test {
namespace {

Path FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? Path(value) : Path();
}

}  // namespace

std::optional<Path> ReferenceDir() {
  const Path path = FromEnvironment("ROOST_REFERENCE_DIR");
  if (path.empty() || !std::filesystem::is_directory(path / "golden")) return std::nullopt;
  return path;
}

Path Program(const std::string& name) { return FromEnvironment("ROOST_BIN") / name; }

Path SourceDir() { return FromEnvironment("ROOST_SOURCE"); }

std::vector<std::string> EnvironmentWith(const std::vector<std::string>& extra) {
  std::vector<std::string> environment = extra;
  const auto replaced = [&](const std::string& entry) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    return std::any_of(extra.begin(), extra.end(), [&](const auto& e) { return e.starts_with(name); });
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!replaced(*entry)) environment.emplace_back(*entry);
  }
  return environment;
}

CommandResult RunCommand(const std::vector<std::string>& argv, const Path& directory,
                         const std::vector<std::string>& environment) {
  const TemporaryDirectory outputs("roost-command");
  ProcessOptions options;
  options.argv = argv;
  options.environment = EnvironmentWith(environment);
  options.working_directory = directory;
  options.output = outputs.path() / "out";
  options.error = outputs.path() / "err";
  auto process = Subprocess::Start(options);
  if (!process) throw process.error();
  const ExitStatus status = process->Wait();
  return {status, ReadText(outputs.path() / "out"), ReadText(outputs.path() / "err")};
}

void WriteFile(const Path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  ASSERT_TRUE(file.good()) << "cannot write " << path;
}

std::string ReadText(const Path& path) {
  auto text = ReadFile(path);
  if (!text) {
    ADD_FAILURE() << text.error().message();
    return {};
  }
  return *text;
}

void WriteScript(const Path& path, const std::string& text) {
  WriteFile(path, text);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all | std::filesystem::perms::group_read |
                                         std::filesystem::perms::group_exec |
                                         std::filesystem::perms::others_read |
                                         std::filesystem::perms::others_exec);
}

bool WaitUntil(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace roost::test
