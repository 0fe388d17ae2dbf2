#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "roost/base/clock.h"
#include "roost/base/error.h"
#include "roost/base/files.h"

namespace roost {

/// What to start. Nothing is interpreted by a shell.
struct ProcessOptions {
  /// argv[0] is the program: with a '/' used as it is (relative to `working_directory`), else looked up in
  /// PATH.
  std::vector<std::string> argv;
  /// "NAME=value"; nothing = the environment of this process.
  std::optional<std::vector<std::string>> environment;
  /// Empty = that of this process.
  Path working_directory;
  /// Relative paths are under `working_directory`. Outputs are truncated, or appended to with
  /// `append_output`; equal names share one descriptor. An empty `output` or `error` = that of this process.
  Path input = "/dev/null";
  Path output = "/dev/null";
  Path error = "/dev/null";
  bool append_output = false;
  /// Resource limits; nothing = those of this process. No more than this process may have itself.
  std::optional<std::int64_t> core_bytes;
  std::optional<std::int64_t> stack_bytes;
};

/// How a process ended.
struct ExitStatus {
  bool signaled = false;
  int value = 0;  ///< exit code, or signal number where `signaled`

  bool ok() const { return !signaled && value == 0; }
  /// "exit code 3" or "signal 9 (Killed)".
  std::string Describe() const;
};

/// What a process and its waited-for children used.
struct ResourceUsage {
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  long max_rss_kb = 0;
};

/// A child process, in a process group of its own (group id = pid), signals at their defaults. The destructor
/// does not kill: it reaps when the process has ended and leaves it running otherwise.
class Subprocess {
 public:
  /// An Error names the program or file and nothing was started; a missing interpreter line (ENOEXEC) comes
  /// with a hint.
  static Result<Subprocess> Start(const ProcessOptions& options);

  pid_t pid() const { return pid_; }
  /// Readable when the process has ended (pidfd_open(2)).
  int pidfd() const { return pidfd_.get(); }

  /// Sends `signal` to the whole process group. False where nobody was there to receive it.
  bool Signal(int signal) const;

  /// How it ended, or nothing when it still runs. After an answer the process is gone.
  std::optional<ExitStatus> TryWait(ResourceUsage* usage = nullptr);
  /// Blocks until it ends.
  ExitStatus Wait(ResourceUsage* usage = nullptr);

 private:
  Subprocess(pid_t pid, FileDescriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  FileDescriptor pidfd_;
};

/// Runs a command to its end and returns what it wrote to stdout (at most `limit` bytes are kept).
struct CapturedRun {
  ExitStatus status;
  std::string output;
};
Result<CapturedRun> RunAndCapture(ProcessOptions options, std::size_t limit = 64 << 20);

/// Waits for many processes at once, in time that does not depend on how many run.
class ProcessSet {
 public:
  struct Finished {
    pid_t pid = 0;
    ExitStatus status;
    ResourceUsage usage;
  };

  ProcessSet();
  /// Kills what still runs (SIGKILL to each group) and reaps it.
  ~ProcessSet();

  Result<pid_t> Start(const ProcessOptions& options);
  /// Signals the process group of `pid`, a member of this set.
  void Signal(pid_t pid, int signal);
  std::size_t size() const { return running_.size(); }

  /// What has ended since the last call, in no particular order, each with what it had started in the
  /// background killed. Blocks until something ends, `deadline` passes, or a signal held back by StopSignals
  /// arrives (then possibly nothing is returned).
  std::vector<Finished> Wait(Clock::TimePoint deadline);

 private:
  FileDescriptor epoll_;
  std::map<pid_t, Subprocess> running_;
};

/// Turns SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 from interruptions at any instant into something to ask
/// for between two steps. While an object lives these signals are blocked; ProcessSet::Wait lets them
/// through. Those that were ignored before (nohup) stay ignored. When it goes they are ignored: its work is
/// over and the program about to end, which a late signal must not turn into a death. One object in a
/// program's life; SIGPIPE is ignored as well, so that a closed pipe is a write error and not an end.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The next signal that arrived and was not asked about yet, or 0.
  int Next();

 private:
  std::vector<int> watched_;  ///< those that were not ignored before
};

}  // namespace roost
