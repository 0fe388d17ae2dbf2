#include "upload/remotes/folder.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roost/base/clock.h"
#include "roost/base/digest.h"
#include "roost/base/text.h"

namespace roost::upload {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kTemporaryPrefix = ".yolo-upload.";
constexpr std::string_view kTemporarySuffix = ".part";
constexpr auto kAbandonedAfter = std::chrono::hours(24);
constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;
/// Read-back that differs, or a temporary file that somebody took away, is tried once more.
constexpr int kTries = 2;

/// errno values after which no other file can be written either.
bool ConcernsWholeDestination(int error_number) {
  constexpr std::array kValues = {ENOSPC, EDQUOT, EROFS, EIO, ESTALE, ENOTCONN, ENODEV, ENXIO};
  return std::find(kValues.begin(), kValues.end(), error_number) != kValues.end();
}

/// Returned for what concerns one file, thrown for what concerns them all.
Error DestinationError(int error_number, std::string_view action, const Path& path) {
  const Error error = ErrnoError(error_number, action, path);
  const bool permission = error.code() == ExitCode::kPermission;
  Error mine(error.message(), permission ? ExitCode::kPermission : ExitCode::kCannotCreate);
  if (ConcernsWholeDestination(error_number)) throw mine;
  return mine;
}

/// When the process `pid` started, in ticks since boot (field 22 of /proc/PID/stat, see proc(5)); empty where
/// there is no such process. Tells a process from a later one with the same number.
std::string StartOf(const std::string& pid) {
  const auto text = ReadFile("/proc/" + pid + "/stat");
  if (!text) return {};
  const auto end_of_name = text->rfind(')');
  if (end_of_name == std::string::npos) return {};
  const auto fields = SplitAny(std::string_view(*text).substr(end_of_name + 1), " \n");
  constexpr std::size_t kStart = 22 - 3;  // the first field after the name is number 3
  return fields.size() > kStart ? fields[kStart] : std::string();
}

/// "PID-START" of this process.
std::string ProcessMark() {
  const std::string pid = std::to_string(::getpid());
  return pid + "-" + StartOf(pid);
}

/// Whether the process `pid` of this host that started at `start` has ended. One that we may not look at is
/// taken to be alive.
bool IsGone(const std::string& pid, const std::string& start) {
  const auto number = ParseInt(pid);
  if (!number || *number <= 0) return false;
  if (::kill(static_cast<pid_t>(*number), 0) != 0 && errno == ESRCH) return true;
  const std::string found = StartOf(pid);
  return !found.empty() && found != start;
}

/// Whether a temporary file was left behind by a process that is gone.
bool IsLeftover(const fs::directory_entry& entry, Clock::WallTime now) {
  const std::string name = entry.path().filename().string();
  if (!name.starts_with(kTemporaryPrefix) || !name.ends_with(kTemporarySuffix)) return false;
  struct stat info {};
  if (::lstat(entry.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;

  const auto parts = Split(name, '.');  // "", "yolo-upload", host, pid-start, n, "part"
  if (parts.size() != 6) return false;
  const auto mark = Split(parts[3], '-');
  if (mark.size() != 2) return false;
  if (parts[2] == HostName() && IsGone(mark[0], mark[1])) return true;
  // The change time: the modification time is soon that of the source.
  const auto written = std::chrono::system_clock::from_time_t(info.st_ctim.tv_sec);
  return now - written > kAbandonedAfter;
}

/// A file under its temporary name; removed unless renamed.
class PartFile {
 public:
  explicit PartFile(Path path) : path_(std::move(path)) {}
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const Path& path() const { return path_; }
  void Renamed() { path_.clear(); }

 private:
  Path path_;
};

class Folder final : public Remote {
 public:
  Folder(Path root, const Clock& clock) : root_(std::move(root)), clock_(clock), mark_(ProcessMark()) {}

  std::string Name() const override { return "folder:" + root_.string(); }

  void CheckSource(const SourceRoot& root) const override {
    const Path source = fs::weakly_canonical(root.local);
    const Path here = fs::weakly_canonical(root_);
    if (fs::weakly_canonical(root.path.empty() ? root_ : root_ / root.path) == source) {
      throw Error("'" + root.local.string() + "' is itself what " + Name() + " would receive it as",
                  ExitCode::kUsage);
    }
    const auto [end_of_source, unused] =
        std::mismatch(source.begin(), source.end(), here.begin(), here.end());
    if (fs::is_directory(source) && end_of_source == source.end()) {
      throw Error("the destination " + Name() + " is inside '" + root.local.string() + "'", ExitCode::kUsage,
                  "Choose a folder outside of what is uploaded.");
    }
  }

  void Open() override {
    std::error_code unreadable;
    std::vector<Path> missing;
    for (Path at = root_; at.has_relative_path() && !fs::exists(at, unreadable); at = at.parent_path()) {
      missing.push_back(at);
    }
    MakeDirectories(root_);
    for (const Path& made : missing) SyncDirectory(made.parent_path());
    if (::access(root_.c_str(), W_OK | X_OK) != 0) {
      const Error error = ErrnoError(errno, "write to folder", root_);
      throw Error(error.message(), errno == EACCES ? ExitCode::kPermission : ExitCode::kCannotCreate);
    }
  }

  void RemoveLeftovers(const std::string& folder) override {
    std::error_code error;
    for (fs::directory_iterator entry(root_ / folder, error), end; !error && entry != end;
         entry.increment(error)) {
      if (IsLeftover(*entry, clock_.WallNow())) ::unlink(entry->path().c_str());
    }
  }

  Result<std::optional<Held>> Find(const SourceFile& file) override {
    const Path place = root_ / file.path;
    struct stat info {};
    if (::stat(place.c_str(), &info) != 0) {
      if (errno == ENOENT) return std::optional<Held>();
      return DestinationError(errno, "examine", place);
    }
    if (!S_ISREG(info.st_mode)) {
      return Error("'" + place.string() + "' is not a file, and a file of that name is to be sent",
                   ExitCode::kCannotCreate);
    }
    const auto source = StampOf(file.local);
    const bool is_source = source && source->device == info.st_dev && source->inode == info.st_ino;
    return std::optional(Held{static_cast<std::uint64_t>(info.st_size), is_source});
  }

  Result<bool> Matches(const std::string& path, SourceReader& source, Proof proof) override {
    const auto expected = source.Sha256();
    if (!expected) return expected.error();
    const Path place = root_ / path;
    if (proof == Proof::kOnDisk) {
      // Perhaps written a moment ago by somebody who did not sync.
      const FileDescriptor file(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
      if (!file.valid()) return false;
      if (::fsync(file.get()) != 0) return DestinationError(errno, "write", place);
      ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
    // What cannot be read here does not match: it is replaced.
    const auto found = DigestOfFile(DigestKind::kSha256, place);
    if (!found.ok() || *found != *expected) return false;
    if (proof == Proof::kOnDisk) {
      SyncDirectory(place.parent_path());
      SyncFolderNames(place.parent_path());
    }
    return true;
  }

  Result<void> Put(const std::string& path, SourceReader& source, const Moved& moved) override {
    const Path place = root_ / path;
    std::error_code error;
    fs::create_directories(place.parent_path(), error);
    if (error) return DestinationError(error.value(), "create folder", place.parent_path());
    SyncFolderNames(place.parent_path());
    for (int attempt = 1;; ++attempt) {
      auto outcome = TryPut(place, source, moved);
      if (!outcome) return outcome.error();
      if (*outcome) return {};
      if (attempt == kTries) {
        return Error("what was written for '" + place.string() + "' does not read back as it was sent",
                     ExitCode::kCannotCreate, "Check the disk or the mount of the destination.");
      }
    }
  }

 private:
  /// After this `folder` is still found when the power was cut: it is an entry of the folder above it, which
  /// is an entry of the next, up to the destination. Once for each: new ones, and those of a killed run.
  void SyncFolderNames(const Path& folder) {
    for (Path at = folder; synced_names_.insert(at).second; at = at.parent_path()) {
      SyncDirectory(at.parent_path());
      if (at == root_) return;
    }
  }

  /// False where what arrived is not what was sent.
  Result<bool> TryPut(const Path& place, SourceReader& source, const Moved& moved) {
    if (auto rewound = source.Rewind(); !rewound) return rewound.error();
    FileDescriptor file;
    Path temporary;
    do {
      temporary = place.parent_path() / NextTemporaryName();
      file = FileDescriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    } while (!file.valid() && errno == EEXIST);
    if (!file.valid()) return DestinationError(errno, "create", place);
    PartFile part(temporary);

    if (auto written = WriteContent(file.get(), place, source, moved); !written) return written.error();
    if (int failure = Sync(file, source.stamp()); failure != 0) {
      return DestinationError(failure, "write", place);
    }
    const auto sent = source.Sha256();
    if (!sent) return sent.error();
    const auto arrived = DigestOfFile(DigestKind::kSha256, temporary);
    if (!arrived.ok() || *arrived != *sent) return false;

    if (::rename(temporary.c_str(), place.c_str()) != 0) {
      // A run in another container with our host name cannot see our process and may have taken the
      // temporary file for a leftover.
      if (errno == ENOENT) return false;
      return DestinationError(errno, "write", place);
    }
    part.Renamed();
    SyncDirectory(place.parent_path());
    return true;
  }

  static Result<void> WriteContent(int fd, const Path& place, SourceReader& source, const Moved& moved) {
    std::string buffer(kPieceBytes, '\0');
    while (true) {
      const auto n = source.Read(buffer);
      if (!n) return n.error();
      if (*n == 0) return {};
      std::string_view piece(buffer.data(), *n);
      while (!piece.empty()) {
        const ssize_t written = ::write(fd, piece.data(), piece.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return DestinationError(errno, "write", place);
        piece.remove_prefix(static_cast<std::size_t>(written));
      }
      if (!moved(*n))
        return Error("stopped while sending '" + source.path().string() + "'", ExitCode::kTryAgain);
    }
  }

  /// Brings the file to the disk, and out of this machine's memory, so that reading it back means something.
  /// 0 or an errno.
  static int Sync(FileDescriptor& file, const FileStamp& stamp) {
    const timespec mtime{stamp.mtime_ns / 1'000'000'000, stamp.mtime_ns % 1'000'000'000};
    const std::array times = {mtime, mtime};
    ::futimens(file.get(), times.data());  // some shares keep no times: no reason to fail
    if (::fsync(file.get()) != 0) return errno;
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    return file.Close();
  }

  std::string NextTemporaryName() {
    return std::string(kTemporaryPrefix) + HostName() + "." + mark_ + "." + std::to_string(counter_++) +
           std::string(kTemporarySuffix);
  }

  Path root_;
  const Clock& clock_;
  std::string mark_;
  unsigned counter_ = 0;
  std::set<Path> synced_names_;
};

}  // namespace

std::unique_ptr<Remote> MakeFolder(const std::string& path, const Clock& clock) {
  if (path.empty()) throw Error("--to folder: needs a path", ExitCode::kUsage);
  std::error_code error;
  Path root = fs::weakly_canonical(fs::absolute(path), error);  // as the system reads ".." behind a link
  if (error) throw DestinationError(error.value(), "examine", path);
  if (!root.has_filename()) root = root.parent_path();  // "out/" is "out"
  return std::make_unique<Folder>(std::move(root), clock);
}

}  // namespace roost::upload
