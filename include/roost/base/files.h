#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "roost/base/error.h"

namespace roost {

using Path = std::filesystem::path;

/// Owns a file descriptor. close() errors are ignored by the destructor: where they matter call Close().
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  /// 0, or the errno of close(): on NFS the first place where "disk full" may show.
  int Close();

 private:
  int fd_ = -1;
};

/// The whole file. An Error names the file; with `limit` set, larger files are refused unread.
Result<std::string> ReadFile(const Path& path, std::uint64_t limit = UINT64_MAX);

/// ReadFile of a regular file only: a pipe or a device, on which reading could wait for ever, is an Error (no
/// input).
Result<std::string> ReadRegularFile(const Path& path, std::uint64_t limit = UINT64_MAX);

/// Writes all bytes or says why not (short writes and EINTR are handled). `path` is for the message only.
Result<void> WriteAll(int fd, std::string_view bytes, const Path& path);

/// A file that appears whole or not at all: written beside its name, synced, renamed. Until Commit() the
/// name is untouched, and what was written is removed by the destructor. The temporary name starts with a dot
/// and carries host, process and a counter, so two hosts on one NFS directory never meet.
class AtomicFile {
 public:
  /// Throws Error when the file cannot be created.
  explicit AtomicFile(Path path);
  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Result<void> Write(std::string_view bytes);
  enum class Sync { kNo, kYes };
  /// Syncs, closes and renames. An Error leaves the old file (or none) under the name. With Sync::kNo the
  /// file appears whole, but survives a power cut only after the caller's own SyncFileSystem(): for many
  /// files at once.
  Result<void> Commit(Sync sync = Sync::kYes);

  const Path& path() const { return path_; }
  /// Where the bytes are before Commit(), for writers that need a name (keeps the extension of `path`).
  const Path& temporary_path() const { return temporary_; }
  int fd() const { return file_.get(); }

 private:
  Path path_;
  Path temporary_;
  FileDescriptor file_;
};

/// AtomicFile in one call.
Result<void> WriteFileAtomically(const Path& path, std::string_view bytes,
                                 AtomicFile::Sync sync = AtomicFile::Sync::kYes);

/// By its name, a temporary file of some AtomicFile: no result of anybody.
bool IsAtomicTemporary(const Path& path);

/// By its name (".roost-..."), what a program of Roost notes about its own work beside its results.
bool IsBookkeeping(const Path& path);

/// A temporary file of an AtomicFile that nobody will commit any more: its process on this host is gone, or,
/// of another host, it has not been written for a day.
bool IsAtomicLeftover(const Path& path);

/// fsync of a directory, so that a rename in it survives a power cut. Errors of file systems that cannot do
/// this are ignored.
void SyncDirectory(const Path& directory);

/// Everything written to the file system of `directory` so far is on disk when this returns (syncfs(2)).
Result<void> SyncFileSystem(const Path& directory);

/// A file opened for appending: each Append() is one write() on an O_APPEND descriptor.
class AppendFile {
 public:
  enum class Sync { kNo, kYes };
  /// Creates the file where missing (not its folder). Throws Error.
  explicit AppendFile(Path path);
  Result<void> Append(std::string_view record, Sync sync = Sync::kNo);
  /// Everything appended so far survives a power cut.
  Result<void> Flush();
  const Path& path() const { return path_; }

 private:
  Path path_;
  FileDescriptor file_;
};

/// A whole file mapped read-only; the bytes stay valid while any copy of the pointer lives.
class MappedFile {
 public:
  /// Throws Error. An empty file maps to an empty span.
  static std::shared_ptr<const MappedFile> Open(const Path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// mkdir -p. Throws Error.
void MakeDirectories(const Path& path);

/// Folder of the running program (/proc/self/exe).
Path ExecutableDirectory();

/// Short host name, as used in the names of temporary files.
std::string HostName();

/// A new folder under $TMPDIR (or /tmp), removed with its content by the destructor.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(std::string_view prefix = "roost");
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const Path& path() const { return path_; }

 private:
  Path path_;
};

}  // namespace roost
