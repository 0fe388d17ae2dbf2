#include "roost/base/files.h"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roost {
namespace fs = std::filesystem;

namespace {

/// All that is left to read of a file that is open. `size` is what to expect.
Result<std::string> ReadToEnd(const FileDescriptor& file, std::uint64_t size, std::uint64_t limit,
                              const Path& path) {
  const auto too_large = [&] {
    return Error("'" + path.string() + "' is larger than " + std::to_string(limit) + " bytes",
                 ExitCode::kBadData);
  };
  if (size > limit) return too_large();
  std::string text;
  if (size > 0) text.reserve(static_cast<std::size_t>(size) + 1);
  char buffer[64 * 1024];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "read", path);
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > limit) return too_large();
  }
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() { Close(); }

int FileDescriptor::Close() {
  if (fd_ < 0) return 0;
  const int fd = std::exchange(fd_, -1);
  return ::close(fd) == 0 ? 0 : errno;
}

Result<std::string> ReadFile(const Path& path, std::uint64_t limit) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoError(errno, "examine", path);
  if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "read", path);
  return ReadToEnd(file, static_cast<std::uint64_t>(info.st_size), limit, path);
}

Result<std::string> ReadRegularFile(const Path& path, std::uint64_t limit) {
  // Without O_NONBLOCK the open() of a named pipe waits for somebody who writes.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoError(errno, "examine", path);
  if (!S_ISREG(info.st_mode)) {
    return Error("cannot read '" + path.string() + "': not a regular file", ExitCode::kNoInput);
  }
  return ReadToEnd(file, static_cast<std::uint64_t>(info.st_size), limit, path);
}

Result<void> WriteAll(int fd, std::string_view bytes, const Path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

namespace {

Path TemporaryNameFor(const Path& path) {
  static std::atomic<unsigned> counter{0};  // makes names unique within the process, carries no state
  const std::string name = "." + path.stem().string().substr(0, 100) + "." + HostName() + "." +
                           std::to_string(::getpid()) + "." + std::to_string(counter++) + ".tmp" +
                           path.extension().string();
  return path.parent_path() / name;
}

struct TemporaryOwner {
  std::string_view host;
  pid_t process = 0;
};

/// Who made a file with this name, where TemporaryNameFor() made the name: ".<stem>.<host>.<process>.<n>.tmp"
/// and at most one suffix.
std::optional<TemporaryOwner> OwnerOfTemporary(std::string_view name) {
  if (!name.starts_with('.')) return std::nullopt;
  const auto take_last = [&]() -> std::string_view {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return {};
    const std::string_view part = name.substr(dot + 1);
    name = name.substr(0, dot);
    return part;
  };
  const auto to_number = [](std::string_view text) -> std::optional<pid_t> {
    pid_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
  };
  const std::string_view whole = name;
  for (const int suffixes : {0, 1}) {
    name = whole;
    if (suffixes == 1) take_last();
    if (take_last() != "tmp" || !to_number(take_last())) continue;
    const std::optional<pid_t> process = to_number(take_last());
    const std::string_view host = take_last();
    if (process.value_or(0) > 0 && !host.empty() && !name.empty()) return TemporaryOwner{host, *process};
  }
  return std::nullopt;
}

/// Errors of creating an output say "cannot create", whatever errno suggests for inputs.
Error CreateError(int error_number, std::string_view action, const Path& path) {
  const Error error = ErrnoError(error_number, action, path);
  const ExitCode code =
      error.code() == ExitCode::kPermission ? ExitCode::kPermission : ExitCode::kCannotCreate;
  return Error(error.message(), code);
}

}  // namespace

AtomicFile::AtomicFile(Path path) : path_(std::move(path)), temporary_(TemporaryNameFor(path_)) {
  file_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file_.valid()) throw CreateError(errno, "create", path_);
}

AtomicFile::~AtomicFile() {
  if (file_.valid()) {
    file_.Close();
    ::unlink(temporary_.c_str());
  }
}

Result<void> AtomicFile::Write(std::string_view bytes) { return WriteAll(file_.get(), bytes, path_); }

Result<void> AtomicFile::Commit(Sync sync) {
  if (sync == Sync::kYes && ::fsync(file_.get()) != 0) return CreateError(errno, "write", path_);
  FileDescriptor file = std::move(file_);
  int error_number = file.Close();
  if (error_number == 0 && ::rename(temporary_.c_str(), path_.c_str()) != 0) error_number = errno;
  if (error_number != 0) {
    ::unlink(temporary_.c_str());
    return CreateError(error_number, "write", path_);
  }
  if (sync == Sync::kYes) SyncDirectory(path_.parent_path());
  return {};
}

Result<void> WriteFileAtomically(const Path& path, std::string_view bytes, AtomicFile::Sync sync) {
  try {
    AtomicFile file(path);
    if (auto written = file.Write(bytes); !written) return written;
    return file.Commit(sync);
  } catch (const Error& error) {
    return error;
  }
}

bool IsAtomicTemporary(const Path& path) { return OwnerOfTemporary(path.filename().native()).has_value(); }

bool IsBookkeeping(const Path& path) { return path.filename().native().starts_with(".roost-"); }

bool IsAtomicLeftover(const Path& path) {
  const std::string name = path.filename();
  const std::optional<TemporaryOwner> owner = OwnerOfTemporary(name);
  if (!owner) return false;
  if (owner->host == HostName()) return ::kill(owner->process, 0) != 0 && errno == ESRCH;
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - written > std::chrono::hours(24);
}

void SyncDirectory(const Path& directory) {
  const FileDescriptor folder(
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) ::fsync(folder.get());
}

Result<void> SyncFileSystem(const Path& directory) {
  const FileDescriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::syncfs(folder.get()) != 0) return CreateError(errno, "write", directory);
  return {};
}

AppendFile::AppendFile(Path path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (!file_.valid()) throw CreateError(errno, "open", path_);
}

Result<void> AppendFile::Append(std::string_view record, Sync sync) {
  if (auto written = WriteAll(file_.get(), record, path_); !written) return written;
  return sync == Sync::kYes ? Flush() : Result<void>();
}

Result<void> AppendFile::Flush() {
  if (::fdatasync(file_.get()) != 0 && errno != EINVAL) return CreateError(errno, "write", path_);
  return {};
}

std::shared_ptr<const MappedFile> MappedFile::Open(const Path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw ErrnoError(errno, "open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw ErrnoError(errno, "examine", path);
  if (S_ISDIR(info.st_mode)) throw ErrnoError(EISDIR, "read", path);

  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile({}));
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) throw ErrnoError(errno, "map", path);
  return std::shared_ptr<const MappedFile>(new MappedFile({static_cast<const std::byte*>(address), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MakeDirectories(const Path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  std::error_code ignored;  // is_directory() without it throws where the path may not be looked at
  if (error && !fs::is_directory(path, ignored)) throw CreateError(error.value(), "create folder", path);
}

Path ExecutableDirectory() { return fs::read_symlink("/proc/self/exe").parent_path(); }

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  const std::string host = name;
  return host.substr(0, host.find('.'));
}

TemporaryDirectory::TemporaryDirectory(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern =
      (Path(base != nullptr && *base != '\0' ? base : "/tmp") / prefix).string() + ".XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw CreateError(errno, "create a folder like", pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace roost
