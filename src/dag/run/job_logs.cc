#include "dag/run/job_logs.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace roost::dag {
namespace {

constexpr std::size_t kMostOpen = 64;

/// On NFS O_APPEND does not keep two writers apart. The lock of a whole file, where one can be had.
class WriterLock {
 public:
  WriterLock(int fd, bool wanted) : fd_(wanted ? fd : -1) { Set(F_WRLCK); }
  ~WriterLock() { Set(F_UNLCK); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  void Set(short type) const {
    if (fd_ < 0) return;
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    while (::fcntl(fd_, F_SETLKW, &lock) != 0 && errno == EINTR) {
    }
  }
  int fd_;
};

/// What has to come before the next event: nothing, or, where a full disk or a power cut took the end of the
/// last one, what ends that.
std::string_view Mending(int fd, off_t size) {
  constexpr std::string_view kEnd = "...\n";
  char tail[kEnd.size()];
  if (size <= 0) return {};
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(kEnd.size()));
  const ssize_t read = ::pread(fd, tail, kEnd.size(), from);
  if (read <= 0) return {};
  const std::string_view last(tail, static_cast<std::size_t>(read));
  if (last == kEnd) return {};
  return last.ends_with('\n') ? "...\n" : "\n...\n";
}

}  // namespace

void JobLogs::Add(const Path& path, std::string_view event) {
  Log& log = logs_[path];
  if (log.pending.empty()) written_to_.push_back(path);
  log.pending += event;
  log.last_used = ++uses_;
  // At once, so that whoever named a log that cannot be is told while the job starts.
  if (!log.file.valid() && !told_.contains(path)) Open(path, log);
  if (logs_.size() > kMostOpen) CloseTheLeastUsed();
}

void JobLogs::WriteOut() {
  for (const Path& path : std::exchange(written_to_, {})) {
    if (const auto it = logs_.find(path); it != logs_.end()) Write(path, it->second);
  }
}

std::optional<Error> JobLogs::TakeError() {
  if (errors_.empty()) return std::nullopt;
  std::optional<Error> error = std::move(errors_.front());
  errors_.pop_front();
  return error;
}

bool JobLogs::Open(const Path& path, Log& log) {
  log.file = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  struct stat info {};
  if (!log.file.valid() || ::fstat(log.file.get(), &info) != 0) {
    Fail(path, ErrnoError(errno, "write the event log", path));
    log.file.Close();
    return false;
  }
  log.device = info.st_dev;
  log.inode = info.st_ino;
  struct statfs system {};
  log.on_nfs = ::fstatfs(log.file.get(), &system) == 0 && system.f_type == NFS_SUPER_MAGIC;
  if (S_ISREG(info.st_mode)) log.pending.insert(0, Mending(log.file.get(), info.st_size));
  return true;
}

void JobLogs::Write(const Path& path, Log& log) {
  if (log.pending.empty()) return;
  struct stat named {};
  const bool replaced = !log.file.valid() || ::stat(path.c_str(), &named) != 0 || named.st_ino != log.inode ||
                        named.st_dev != log.device;
  const bool open = !replaced || Open(path, log);
  const std::string text = std::exchange(log.pending, {});
  if (!open) return;
  const WriterLock turn(log.file.get(), log.on_nfs);
  if (const auto written = WriteAll(log.file.get(), text, path); !written) {
    Fail(path, written.error());
    log.file.Close();  // opened again, it shows how much of it was written
  }
}

void JobLogs::CloseTheLeastUsed() {
  const auto least =
      std::ranges::min_element(logs_, {}, [](const auto& entry) { return entry.second.last_used; });
  Write(least->first, least->second);
  logs_.erase(least);
}

void JobLogs::Fail(const Path& path, const Error& error) {
  if (told_.insert(path).second) errors_.push_back(error);
}

}  // namespace roost::dag
