#include <algorithm>
#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

/// Bytes of `file` from `offset` on, `most` at most.
Result<std::string> ReadAt(const FileDescriptor& file, std::uint64_t offset, std::size_t most,
                           const Path& path) {
  std::string text(most, '\0');
  std::size_t size = 0;
  while (size < most) {
    const ssize_t n = ::pread(file.get(), text.data() + size, most - size, static_cast<off_t>(offset + size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "read", path);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  return text;
}

/// For dates of the old form, which tell no year.
int ThisYear() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  return parts.tm_year + 1900;
}

}  // namespace

Result<bool> EventReader::Poll(const std::function<void(const JobEvent&)>& sink) {
  constexpr std::size_t kPiece = 1 << 20;
  const FileDescriptor file(::open(log_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid() && errno != ENOENT) return ErrnoError(errno, "open", log_);
  struct stat info {};
  if (file.valid() && ::fstat(file.get(), &info) != 0) return ErrnoError(errno, "examine", log_);
  if (file.valid() && !S_ISREG(info.st_mode)) {
    return Error("cannot read '" + log_.string() + "': not a regular file", ExitCode::kNoInput);
  }

  const bool another =
      inode_ != 0 && (info.st_ino != inode_ || static_cast<std::uint64_t>(info.st_size) < offset_);
  if (another) offset_ = 0;
  inode_ = info.st_ino;
  if (!file.valid()) return another;

  std::size_t piece = kPiece;
  while (true) {
    auto text = ReadAt(file, offset_, piece, log_);
    if (!text) return text.error();
    const std::size_t whole = ParseEvents(*text, sink, ThisYear());
    offset_ += whole;
    if (text->size() < piece || text->find('\0') != std::string::npos) return another;
    // An event longer than what was read: only a longer piece shows its end.
    piece = whole == 0 ? piece * 2 : kPiece;
  }
}

}  // namespace roost::dag
