#include "roost/base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/base/text.h"

namespace roost {
namespace {

constexpr std::array kStopSignals = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

// Written by the handler only; the one piece of state that a signal handler can reach.
std::array<volatile std::sig_atomic_t, NSIG> arrived_signals;

void RememberSignal(int signal) { arrived_signals[static_cast<std::size_t>(signal)] = 1; }

Path Under(const Path& directory, const Path& path) { return directory.empty() ? path : directory / path; }

/// Does not wait for the other end of a FIFO: that would stop the whole program.
Result<FileDescriptor> OpenForChild(const Path& path, int flags) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666));
  // The child gets it as anybody else would have opened it.
  if (file.valid()) ::fcntl(file.get(), F_SETFL, flags & O_APPEND);
  if (file.valid()) return file;
  const bool output = (flags & O_ACCMODE) == O_WRONLY;
  const Error error = ErrnoError(errno, output ? "create" : "open", path);
  return Error(error.message(), output ? ExitCode::kCannotCreate : error.code());
}

/// posix_spawn's attribute objects, released in every path.
struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

/// A soft limit that this process has while it starts a child, which inherits it: posix_spawn cannot set it.
class LimitForChild {
 public:
  LimitForChild(__rlimit_resource resource, const std::optional<std::int64_t>& bytes) : resource_(resource) {
    if (!bytes || ::getrlimit(resource_, &before_) != 0) return;
    rlimit limit = before_;
    limit.rlim_cur = std::min(static_cast<rlim_t>(*bytes), before_.rlim_max);
    changed_ = ::setrlimit(resource_, &limit) == 0;
  }
  ~LimitForChild() {
    if (changed_) ::setrlimit(resource_, &before_);
  }
  LimitForChild(const LimitForChild&) = delete;
  LimitForChild& operator=(const LimitForChild&) = delete;

 private:
  __rlimit_resource resource_;
  rlimit before_{};
  bool changed_ = false;
};

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// The file is there, and yet "No such file": it is its first line that names something missing.
Error NoInterpreter(const Path& script) {
  std::string line;
  std::getline(std::ifstream(script, std::ios::binary), line);
  const bool windows = line.ends_with('\r');
  if (windows) line.pop_back();
  return Error(
      "cannot run '" + script.string() + "': the interpreter in its first line, '" +
          Printable(line.substr(0, 200)) + (windows ? "\\r" : "") + "', does not exist",
      ExitCode::kFailed,
      windows ? "The file has Windows line ends. Take them out with: sed -i 's/\\r$//' " + script.string()
              : "");
}

std::chrono::microseconds ToMicroseconds(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

std::string ExitStatus::Describe() const {
  if (!signaled) return "exit code " + std::to_string(value);
  const char* name = ::strsignal(value);
  return "signal " + std::to_string(value) + " (" + (name != nullptr ? name : "unknown") + ")";
}

Result<Subprocess> Subprocess::Start(const ProcessOptions& options) {
  ROOST_CHECK(!options.argv.empty(), "a process needs a program");
  // Where our parent made us ignore SIGCHLD the kernel would reap children itself, and nobody could wait for
  // them.
  struct sigaction on_child {};
  if (::sigaction(SIGCHLD, nullptr, &on_child) == 0 && on_child.sa_handler == SIG_IGN)
    std::signal(SIGCHLD, SIG_DFL);
  const std::string& program = options.argv.front();
  if (!options.working_directory.empty() && ::access(options.working_directory.c_str(), X_OK) != 0) {
    return ErrnoError(errno, "enter folder", options.working_directory);
  }

  const int write_flags = O_WRONLY | O_CREAT | (options.append_output ? O_APPEND : O_TRUNC);
  const bool shared = !options.error.empty() && options.error == options.output;
  FileDescriptor input;
  FileDescriptor output;
  FileDescriptor error;
  struct Stream {
    int number;
    const Path& path;
    int flags;
    FileDescriptor& file;
  };
  const std::array<Stream, 3> streams = {Stream{STDIN_FILENO, options.input, O_RDONLY, input},
                                         Stream{STDOUT_FILENO, options.output, write_flags, output},
                                         Stream{STDERR_FILENO, options.error, write_flags, error}};
  SpawnPlan plan;
  if (!options.working_directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&plan.actions, options.working_directory.c_str());
  }
  for (const Stream& stream : streams) {
    if (stream.path.empty()) continue;
    if (stream.number == STDERR_FILENO && shared) {
      posix_spawn_file_actions_adddup2(&plan.actions, STDOUT_FILENO, STDERR_FILENO);
    } else if (stream.path == "/dev/null") {  // that cannot go wrong: no need to have it open here
      posix_spawn_file_actions_addopen(&plan.actions, stream.number, "/dev/null", O_RDWR, 0);
    } else {
      auto file = OpenForChild(Under(options.working_directory, stream.path), stream.flags);
      if (!file) return file.error();
      stream.file = std::move(*file);
      posix_spawn_file_actions_adddup2(&plan.actions, stream.file.get(), stream.number);
    }
  }

  sigset_t all_signals;
  sigset_t no_signals;
  sigfillset(&all_signals);
  sigemptyset(&no_signals);
  posix_spawnattr_setsigdefault(&plan.attributes, &all_signals);
  posix_spawnattr_setsigmask(&plan.attributes, &no_signals);
  posix_spawnattr_setpgroup(&plan.attributes, 0);
  posix_spawnattr_setflags(&plan.attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  const std::vector<char*> argv = Pointers(options.argv);
  std::vector<char*> environment;
  if (options.environment) environment = Pointers(*options.environment);
  pid_t pid = 0;
  const LimitForChild core(RLIMIT_CORE, options.core_bytes);
  const LimitForChild stack(RLIMIT_STACK, options.stack_bytes);
  const int failure = ::posix_spawnp(&pid, program.c_str(), &plan.actions, &plan.attributes, argv.data(),
                                     options.environment ? environment.data() : environ);
  if (failure != 0) {
    const Path script = Under(options.working_directory, program);
    if (failure == ENOENT && program.find('/') != std::string::npos && ::access(script.c_str(), F_OK) == 0) {
      return NoInterpreter(script);
    }
    const Error reason = ErrnoError(failure, "run", program);
    const bool no_interpreter = failure == ENOEXEC;
    return Error(
        reason.message(), ExitCode::kFailed,
        no_interpreter ? "A script must begin with a line like #!/bin/sh that names its interpreter." : "");
  }

  FileDescriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    const int reason = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return ErrnoError(reason, "watch", program);
  }
  return Subprocess(pid, std::move(pidfd));
}

bool Subprocess::Signal(int signal) const { return ::kill(-pid_, signal) == 0; }

namespace {

std::optional<ExitStatus> WaitFor(pid_t pid, int flags, ResourceUsage* usage) {
  int status = 0;
  struct rusage used {};
  pid_t result = 0;
  do {
    result = ::wait4(pid, &status, flags, &used);
  } while (result < 0 && errno == EINTR);
  if (result != pid) return std::nullopt;
  if (usage != nullptr) {
    *usage = {ToMicroseconds(used.ru_utime), ToMicroseconds(used.ru_stime), used.ru_maxrss};
  }
  if (WIFSIGNALED(status)) return ExitStatus{true, WTERMSIG(status)};
  return ExitStatus{false, WEXITSTATUS(status)};
}

}  // namespace

std::optional<ExitStatus> Subprocess::TryWait(ResourceUsage* usage) { return WaitFor(pid_, WNOHANG, usage); }

ExitStatus Subprocess::Wait(ResourceUsage* usage) {
  const auto status = WaitFor(pid_, 0, usage);
  ROOST_CHECK(status.has_value(), "a process is waited for once");
  return *status;
}

Result<CapturedRun> RunAndCapture(ProcessOptions options, std::size_t limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return ErrnoError(errno, "make a pipe for", options.argv.at(0));
  FileDescriptor reader(ends[0]);
  FileDescriptor writer(ends[1]);
  options.output = "/proc/self/fd/" + std::to_string(writer.get());
  auto process = Subprocess::Start(options);
  writer.Close();
  if (!process) return process.error();

  CapturedRun run;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t n = ::read(reader.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const std::size_t room = limit - std::min(limit, run.output.size());
    run.output.append(buffer, std::min(room, static_cast<std::size_t>(n)));
  }
  run.status = process->Wait();
  return run;
}

ProcessSet::ProcessSet() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.valid()) throw ErrnoError(errno, "create", "epoll instance");
}

ProcessSet::~ProcessSet() {
  for (auto& [pid, process] : running_) {
    process.Signal(SIGKILL);
    process.Wait();
  }
}

Result<pid_t> ProcessSet::Start(const ProcessOptions& options) {
  auto process = Subprocess::Start(options);
  if (!process) return process.error();
  const pid_t pid = process->pid();
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(pid);
  ROOST_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, process->pidfd(), &event) == 0, "watching a process");
  running_.emplace(pid, std::move(*process));
  return pid;
}

void ProcessSet::Signal(pid_t pid, int signal) {
  if (const auto it = running_.find(pid); it != running_.end()) it->second.Signal(signal);
}

std::vector<ProcessSet::Finished> ProcessSet::Wait(Clock::TimePoint deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  const auto timeout = std::clamp(left, milliseconds(0), milliseconds(1000 * 3600));

  // The mask is that of this thread without the stop signals: they get through here and nowhere else.
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for (const int signal : kStopSignals) sigdelset(&mask, signal);

  std::array<epoll_event, 64> events{};
  const int n = ::epoll_pwait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                              static_cast<int>(timeout.count()), &mask);
  std::vector<Finished> finished;
  for (int i = 0; i < n; ++i) {
    const auto pid = static_cast<pid_t>(events[static_cast<std::size_t>(i)].data.u64);
    const auto it = running_.find(pid);
    if (it == running_.end()) continue;
    // What it started in the background must not outlive it: it would go on writing into files that count as
    // done. Before it is reaped, since until then nobody else can have its number.
    it->second.Signal(SIGKILL);
    ResourceUsage usage;
    if (const auto status = it->second.TryWait(&usage)) {
      running_.erase(it);  // closes the descriptor, which takes it out of the epoll set
      finished.push_back({pid, *status, usage});
    }
  }
  return finished;
}

StopSignals::StopSignals() {
  struct sigaction remember {};
  remember.sa_handler = RememberSignal;
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kStopSignals) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    // Ignored on entry, as under nohup or for a command in the background of a script: stays so.
    if (before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &remember, nullptr);
    sigaddset(&set, signal);
    watched_.push_back(signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : watched_) {
    std::signal(signal, SIG_IGN);  // also drops what is pending
    sigaddset(&set, signal);
  }
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int StopSignals::Next() {
  sigset_t pending;
  sigemptyset(&pending);
  for (const int signal : watched_) {
    auto& arrived = arrived_signals[static_cast<std::size_t>(signal)];
    if (arrived != 0) {
      arrived = 0;
      return signal;
    }
    sigaddset(&pending, signal);
  }
  // Those that wait because nobody has let them through since they were sent.
  const timespec now{0, 0};
  return std::max(0, ::sigtimedwait(&pending, nullptr, &now));
}

}  // namespace roost
