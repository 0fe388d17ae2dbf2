#include "dag/run/lock.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

std::string Format(const LockRecord& record) {
  return "pid " + std::to_string(record.pid) + "\nstart " + record.start + "\nhost " + record.host +
         "\nrun_id " + record.run_id + "\nrescue " + std::to_string(record.rescue) + "\nscratch " +
         record.scratch.string() + "\nrescue_file " + record.rescue_file.string() + "\n";
}

LockRecord Parse(std::string_view text) {
  LockRecord record;
  for (const std::string& line : Split(text, '\n')) {
    const auto space = line.find(' ');
    if (space == std::string::npos) continue;
    const std::string name = line.substr(0, space);
    const std::string value = line.substr(space + 1);
    if (name == "pid") record.pid = static_cast<long>(ParseInt(value).value_or(0));
    if (name == "start") record.start = value;
    if (name == "host") record.host = value;
    if (name == "run_id") record.run_id = value;
    if (name == "rescue") record.rescue = static_cast<int>(ParseInt(value).value_or(0));
    if (name == "scratch") record.scratch = value;
    if (name == "rescue_file") record.rescue_file = value;
  }
  return record;
}

/// Field 22 of /proc/<pid>/stat, counted from the start of the machine, and which start that was; or nothing
/// where no such process lives.
std::string StartTime(long pid) {
  const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return {};
  // The second field is the program's name in parentheses and may hold anything: count from behind it.
  constexpr std::size_t kAfterName = 19;
  const std::vector<std::string> fields = SplitAny(stat->substr(stat->rfind(')') + 1), " \n");
  if (fields.size() <= kAfterName) return {};
  if (fields.front() == "Z") return {};  // dead, and only waits for somebody to take note
  const auto boot = ReadFile("/proc/sys/kernel/random/boot_id");
  return fields[kAfterName] + " " + std::string(boot ? Trim(*boot) : "");
}

Error Owned(const Path& file, const LockRecord& owner) {
  if (owner.pid == 0) {  // it has the lock and has not written its record yet
    return Error("another dagrun is just starting: it has '" + file.string() + "'", ExitCode::kFailed);
  }
  return Error(
      "already running: process " + std::to_string(owner.pid) + " on " + owner.host + " has '" +
          file.string() + "'",
      ExitCode::kFailed,
      owner.host == HostName()
          ? "Wait for it, or stop it with: kill " + std::to_string(owner.pid)
          : "If that host no longer runs it, remove the file and go on with: dagrun -DoRecovery (without it, "
            "finished nodes would run again).");
}

/// Between the id of a run and that of one nested in it.
constexpr char kNested = '/';

bool SameFile(int fd, const Path& path) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(fd, &open_file) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

/// flock(2) of `file`, open as `fd`. False where its owner has removed it meanwhile: look again. Throws Error
/// where another dagrun has it.
bool TakeLock(int fd, const Path& file) {
  // A process that a dagrun was starting when it was killed has the lock until its exec().
  constexpr std::chrono::seconds kUntilExec{5};
  const auto end = std::chrono::steady_clock::now() + kUntilExec;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    const auto text = ReadFile(file);
    if (!text) return false;
    const LockRecord owner = Parse(*text);
    if (OwnerAlive(owner) || std::chrono::steady_clock::now() > end) throw Owned(file, owner);
    ::poll(nullptr, 0, 5);
  }
  return SameFile(fd, file);
}

std::vector<pid_t> ProcessesOfRun(const std::string& run_id) {
  const std::string entry = "DAGRUN_RUN_ID=" + run_id;
  const std::string nested = entry + kNested;
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& folder : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto pid = ParseInt(folder.path().filename().string());
    if (!pid || *pid == ::getpid()) continue;
    auto environment = ReadFile(folder.path() / "environ");  // others' are not readable
    // In the midst of exec() a process has a program and no environment yet.
    for (int again = 0; again < 20 && environment && environment->empty(); ++again) {
      if (std::filesystem::read_symlink(folder.path() / "exe", ignored).empty()) break;  // of the kernel
      ::poll(nullptr, 0, 1);
      environment = ReadFile(folder.path() / "environ");
    }
    if (!environment) continue;
    for (const std::string& variable : Split(*environment, '\0')) {
      if (variable == entry || variable.starts_with(nested)) found.push_back(static_cast<pid_t>(*pid));
    }
  }
  return found;
}

}  // namespace

std::optional<LockRecord> ReadLock(const Path& file) {
  const auto text = ReadFile(file);
  if (!text) return std::nullopt;
  LockRecord record = Parse(*text);
  return record.pid > 0 ? std::optional(std::move(record)) : std::nullopt;
}

bool OwnerAlive(const LockRecord& record) {
  return record.host != HostName() || (!record.start.empty() && StartTime(record.pid) == record.start);
}

RunLock::RunLock(const Path& file) : file_(file) {
  do {
    fd_ = FileDescriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!fd_.valid()) {
      const Error reason = ErrnoError(errno, "create the lock", file);
      throw Error(reason.message(), ExitCode::kFailed);
    }
  } while (!TakeLock(fd_.get(), file));

  const std::string text = ReadFile(file).value();
  if (text.empty()) return;
  LockRecord record = Parse(text);
  // Where flock() does not reach (another host, some network file systems) the record is what there is.
  if (OwnerAlive(record)) throw Owned(file, record);
  if (record.run_id.empty()) {
    throw Error("the lock '" + file.string() + "' is damaged", ExitCode::kFailed,
                "Remove it and start again; give -DoRecovery to keep what the nodes log says is done.");
  }
  left_by_ = std::move(record);
}

void RunLock::Claim(LockRecord record) {
  record.pid = ::getpid();
  record.start = StartTime(record.pid);
  record.host = HostName();
  // Written over in place, since the descriptor carries the lock, and never empty in between: an empty file
  // means that there is nothing to recover.
  const std::string text = Format(record);
  if (::lseek(fd_.get(), 0, SEEK_SET) != 0) throw ErrnoError(errno, "write", file_);
  WriteAll(fd_.get(), text, file_).value();
  if (::ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0 || ::fsync(fd_.get()) != 0) {
    throw ErrnoError(errno, "write", file_);
  }
  // Without its name the file is lost in a power cut, and a missing lock means that nothing is to be
  // recovered.
  SyncDirectory(file_.parent_path());
}

void RunLock::Release() {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
  fd_.Close();
}

std::string NewRunId(const std::string& parent) {
  std::random_device random;
  const std::uint64_t high = random();
  char text[17] = {};
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(high << 32 | random()));
  return parent.empty() ? text : parent + kNested + text;
}

int KillProcessesOfRun(const std::string& run_id) {
  int killed = 0;
  // Again until none is found: one of them may have been starting another.
  for (int before = -1; killed != before;) {
    before = killed;
    for (const pid_t pid : ProcessesOfRun(run_id)) {
      const FileDescriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
      if (!pidfd.valid()) continue;  // it has ended meanwhile
      if (::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0) continue;
      ++killed;
      pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
      while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
      }
    }
  }
  return killed;
}

}  // namespace roost::dag
