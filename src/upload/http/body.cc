#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roost/upload/http.h"

namespace roost::http {
namespace {

class MemoryBody final : public Body {
 public:
  explicit MemoryBody(std::string text) : text_(std::move(text)) {}

  std::uint64_t size() const override { return text_.size(); }

  Result<std::size_t> Read(std::span<char> buffer) override {
    const std::size_t n = text_.copy(buffer.data(), buffer.size(), position_);
    position_ += n;
    return n;
  }

  Result<void> Seek(std::uint64_t offset) override {
    position_ = std::min<std::size_t>(offset, text_.size());
    return {};
  }

 private:
  std::string text_;
  std::size_t position_ = 0;
};

class FileRangeBody final : public Body {
 public:
  FileRangeBody(Path path, FileDescriptor file, std::uint64_t offset, std::uint64_t length)
      : path_(std::move(path)), file_(std::move(file)), offset_(offset), length_(length) {}

  std::uint64_t size() const override { return length_; }

  Result<std::size_t> Read(std::span<char> buffer) override {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), length_ - position_);
    if (wanted == 0) return std::size_t{0};
    ssize_t n = 0;
    do {
      n = ::pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(offset_ + position_));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return ErrnoError(errno, "read", path_);
    if (n == 0) return Error("'" + path_.string() + "' became shorter while it was sent");
    position_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }

  Result<void> Seek(std::uint64_t offset) override {
    position_ = std::min(offset, length_);
    return {};
  }

 private:
  Path path_;
  FileDescriptor file_;
  std::uint64_t offset_;
  std::uint64_t length_;
  std::uint64_t position_ = 0;
};

}  // namespace

std::unique_ptr<Body> TextBody(std::string text) { return std::make_unique<MemoryBody>(std::move(text)); }

Result<std::unique_ptr<Body>> FileBody(const Path& path, std::uint64_t offset, std::uint64_t length) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoError(errno, "examine", path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (offset > size || length > size - offset) {
    return Error("'" + path.string() + "' has " + std::to_string(size) +
                 " bytes, fewer than were to be sent");
  }
  return std::unique_ptr<Body>(std::make_unique<FileRangeBody>(path, std::move(file), offset, length));
}

}  // namespace roost::http
