#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "roost/base/clock.h"
#include "roost/base/files.h"
#include "roost/base/process.h"

namespace roost::test {

/// Folder with golden/, images/ and weights/ of the reference, or nothing where the tests run without it.
std::optional<Path> ReferenceDir();

/// Ends the running test as skipped, and says why, where there is no reference folder.
#define ROOST_NEEDS_REFERENCE()                                                                 \
  if (!::roost::test::ReferenceDir()) {                                                         \
    GTEST_SKIP() << "needs the reference data: set ROOST_REFERENCE_DIR (cmake or environment)"; \
  }                                                                                             \
  static_assert(true)

/// A program that this build made ("dagrun").
Path Program(const std::string& name);

/// Root of the source tree.
Path SourceDir();

/// What a finished command left behind.
struct CommandResult {
  ExitStatus status;
  std::string out;
  std::string err;
};

/// Runs a command to its end, with stdin at /dev/null and stdout and stderr in files (never a terminal).
/// `environment` entries ("NAME=value") are added to this process's own.
CommandResult RunCommand(const std::vector<std::string>& argv, const Path& directory = {},
                         const std::vector<std::string>& environment = {});

/// The environment of this process with `extra` entries in place of those of the same name.
std::vector<std::string> EnvironmentWith(const std::vector<std::string>& extra);

void WriteFile(const Path& path, const std::string& text);
/// Fails the test when it cannot be read.
std::string ReadText(const Path& path);
/// Writes a script and makes it executable.
void WriteScript(const Path& path, const std::string& text);

/// Waits until `condition` holds, looking again as often as the machine allows without spinning; false after
/// `limit`.
bool WaitUntil(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(60));

/// Time that moves when told to.
class FakeClock final : public Clock {
 public:
  TimePoint Now() const override { return now_; }
  WallTime WallNow() const override { return wall_; }
  void Advance(std::chrono::milliseconds by) {
    now_ += by;
    wall_ += by;
  }

 private:
  TimePoint now_{std::chrono::seconds(1000)};
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
};

}  // namespace roost::test
