#include "upload/source_reader.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roost::upload {
namespace {

FileStamp StampOf(const struct stat& info) {
  return {info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size),
          std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

}  // namespace

std::optional<FileStamp> StampOf(const Path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return StampOf(info);
}

Result<SourceReader> SourceReader::Open(const Path& path) {
  // O_NONBLOCK: a named pipe that took the place of the file must not make us wait for a writer.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return ErrnoError(errno, "read", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoError(errno, "examine", path);
  if (!S_ISREG(info.st_mode)) return Error("'" + path.string() + "' is no longer a regular file");
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return SourceReader(path, std::move(file), StampOf(info));
}

Result<std::size_t> SourceReader::Read(std::span<char> buffer) {
  if (!sha256_.empty()) return std::size_t{0};
  ssize_t n = 0;
  do {
    n = ::read(file_.get(), buffer.data(), buffer.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return Fail(ErrnoError(errno, "read", path_));
  if (n > 0) {
    size_ += static_cast<std::uint64_t>(n);
    digest_.Update(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    return static_cast<std::size_t>(n);
  }

  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return Fail(ErrnoError(errno, "examine", path_));
  if (StampOf(info) != stamp_) {
    return Fail(Error("'" + path_.string() + "' changed while it was read", ExitCode::kFailed,
                      "Upload results when the job that writes them is done."));
  }
  sha256_ = digest_.Finish();
  return std::size_t{0};
}

Result<void> SourceReader::Rewind() {
  if (::lseek(file_.get(), 0, SEEK_SET) != 0) return Fail(ErrnoError(errno, "read", path_));
  digest_ = Digest(DigestKind::kSha256);
  sha256_.clear();
  size_ = 0;
  return {};
}

Result<std::string> SourceReader::Sha256() {
  std::string buffer(std::size_t{256} * 1024, '\0');
  while (sha256_.empty()) {
    const auto n = Read(buffer);
    if (!n) return n.error();
  }
  return sha256_;
}

Error SourceReader::Fail(Error error) {
  failed_ = true;
  return error;
}

}  // namespace roost::upload
