#include "dag/executors/sandbox.h"

#include <cerrno>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

constexpr int kOutputTransferError = 12;  // HTCondor's hold reason codes
constexpr int kInputTransferError = 13;
constexpr std::string_view kFileUrl = "file://";
constexpr std::string_view kJobAd = ".job.ad";

/// Copies bytes and mode of one file. Throws Error.
using CopyFile = void (*)(const Path& from, const Path& to);

/// Into the sandbox: nobody looks before the job starts, and it need not survive a power cut.
void CopyIn(const Path& from, const Path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) throw ErrnoError(error.value(), "copy", from);
}

/// Among the user's files: the copy appears whole or not at all. BringOut() syncs all of them at once.
void CopyOut(const Path& from, const Path& to) {
  // A job may leave anything in its folder: a FIFO must not make us wait for a writer.
  const FileDescriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!source.valid() || ::fstat(source.get(), &info) != 0) throw ErrnoError(errno, "read", from);
  if (!S_ISREG(info.st_mode)) throw Error("cannot copy '" + from.string() + "': it is not a regular file");
  AtomicFile copy(to);
  std::string buffer(1 << 20, '\0');
  while (true) {
    const ssize_t n = ::read(source.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw ErrnoError(errno, "read", from);
    if (n == 0) break;
    copy.Write(std::string_view(buffer.data(), static_cast<std::size_t>(n))).value();
  }
  if (::fchmod(copy.fd(), info.st_mode & 07777) != 0) throw ErrnoError(errno, "set the mode of", to);
  copy.Commit(AtomicFile::Sync::kNo).value();
}

void CopyTree(const Path& from, const Path& to, CopyFile copy);

void CopyContent(const Path& from, const Path& to, CopyFile copy) {
  MakeDirectories(to);
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    CopyTree(entry.path(), to / entry.path().filename(), copy);
  }
}

/// Links to folders are passed over: they may lead anywhere, also back up the tree.
void CopyTree(const Path& from, const Path& to, CopyFile copy) {
  if (fs::is_directory(from)) {
    if (fs::is_symlink(from)) return;
    CopyContent(from, to, copy);
  } else {
    copy(from, to);
  }
}

/// A file or folder to transfer. A '/' at its end means "what is in the folder".
struct Named {
  explicit Named(std::string_view name) {
    if (name.starts_with(kFileUrl)) name.remove_prefix(kFileUrl.size());
    if (name.find("://") != std::string_view::npos) {
      throw Error("cannot transfer '" + std::string(name) +
                  "': only files and file:// URLs can be transferred");
    }
    content_only = name.ends_with('/');
    while (name.size() > 1 && name.ends_with('/')) name.remove_suffix(1);
    path = Path(name).lexically_normal();
  }
  /// With preserve_relative_paths, the folders that its name goes through; those outside do not count.
  Path FolderIn(const Path& into, bool preserve_relative_paths) const {
    const bool inside = path.is_relative() && *path.begin() != "..";
    return preserve_relative_paths && inside ? into / path.parent_path() : into;
  }
  Path path;
  bool content_only = false;
};

/// Copies `name`, which is under `base` unless absolute, into the folder `into`, or to the `place` that was
/// given for it.
void CopyNamed(const Named& name, const Path& base, const Path& into, const std::optional<Path>& place,
               CopyFile copy) {
  const Path from = base / name.path;
  if (!fs::exists(from)) throw ErrnoError(ENOENT, "find", from);
  // What is named is followed, also through a link.
  if (!fs::is_directory(from)) {
    const Path to = place.value_or(into / from.filename());
    if (!place) MakeDirectories(into);
    copy(from, to);
  } else {
    CopyContent(from, place.value_or(name.content_only ? into : into / from.filename()), copy);
  }
}

/// Where transfer_output_remaps sends an output; nothing = to its own name.
std::optional<Path> Remapped(const Job& job, const Path& output) {
  for (const auto& [name, place] : job.output_remaps) {
    if (Path(name).lexically_normal() == output) return job.initial_dir / Named(place).path;
  }
  return std::nullopt;
}

template <typename Body>
std::optional<Refused> RefuseOnError(int code, Body&& body) {
  try {
    body();
    return std::nullopt;
  } catch (const Error& error) {
    return Refused{error.message(), code, 0};
  } catch (const fs::filesystem_error& error) {
    return Refused{error.what(), code, error.code().value()};
  }
}

}  // namespace

Sandbox::~Sandbox() { Remove(); }

void Sandbox::Open(std::string_view job_ad) {
  if (!ad_.valid()) {
    folder_ = name_;
    if (renamed_ > 0) folder_ += "." + std::to_string(renamed_);
    MakeDirectories(folder_);
    const Path ad = folder_ / kJobAd;
    ad_ = FileDescriptor(::open(ad.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!ad_.valid() || ::stat(folder_.c_str(), &made_folder_) != 0 || ::fstat(ad_.get(), &made_ad_) != 0) {
      throw ErrnoError(errno, "create", ad);
    }
  }
  const ssize_t size = ::pwrite(ad_.get(), job_ad.data(), job_ad.size(), 0);
  if (size != static_cast<ssize_t>(job_ad.size()) || ::ftruncate(ad_.get(), size) != 0) {
    throw ErrnoError(size < 0 ? errno : ENOSPC, "write", folder_ / kJobAd);
  }
}

void Sandbox::Empty() {
  at_start_.clear();
  if (!ad_.valid() || EmptiedForReuse()) return;
  Remove();
  // Something that the job left running may still write into it: the next one gets another folder.
  std::error_code ignored;
  if (fs::exists(folder_, ignored)) ++renamed_;
}

/// Nothing is in it but the ad, and both are the ones that were made, with their modes.
bool Sandbox::EmptiedForReuse() const {
  struct stat folder {};
  struct stat ad {};
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder_.c_str()), ::closedir);
  if (!listing || ::fstat(::dirfd(listing.get()), &folder) != 0 || ::fstat(ad_.get(), &ad) != 0) return false;
  if (folder.st_ino != made_folder_.st_ino || folder.st_mode != made_folder_.st_mode ||
      ad.st_mode != made_ad_.st_mode || ad.st_nlink != 1) {
    return false;
  }
  bool ad_in_place = false;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (name == kJobAd && entry->d_ino == ad.st_ino) {
      ad_in_place = true;
      continue;
    }
    std::error_code error;
    fs::remove_all(folder_ / name, error);
    if (error) return false;
  }
  return ad_in_place;
}

void Sandbox::Remove() {
  ad_ = FileDescriptor();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::optional<Refused> Sandbox::BringIn(const Job& job) {
  return RefuseOnError(kInputTransferError, [&] {
    if (job.transfer_executable && !job.executable.empty()) {
      const Path program = folder_ / job.executable.filename();
      CopyIn(job.executable, program);
      // HTCondor makes a transferred program executable whatever its mode was.
      using fs::perms;
      fs::permissions(program, perms::owner_exec | perms::group_exec | perms::others_exec,
                      fs::perm_options::add);
    }
    for (const std::string& input : job.transfer_input) {
      const Named name(input);
      const Path into = name.FolderIn(folder_, job.preserve_relative_paths);
      CopyNamed(name, job.initial_dir, into, std::nullopt, CopyIn);
    }
    at_start_ = StampTopFiles();
  });
}

std::optional<Refused> Sandbox::BringOut(const Job& job, const ExitStatus& status) const {
  if (job.transfer_output_when == TransferOutput::kNever) return std::nullopt;
  if (job.transfer_output_when == TransferOutput::kOnSuccess && !status.ok()) return std::nullopt;
  return RefuseOnError(kOutputTransferError, [&] {
    if (job.transfer_output) {
      for (const std::string& output : *job.transfer_output) {
        const Named name(output);
        const Path into = name.FolderIn(job.initial_dir, job.preserve_relative_paths);
        CopyNamed(name, folder_, into, Remapped(job, name.path), CopyOut);
      }
    } else {
      for (const auto& [name, stamp] : StampTopFiles()) {
        const auto before = at_start_.find(name);
        if (before != at_start_.end() && before->second == stamp) continue;
        CopyOut(folder_ / name, Remapped(job, name).value_or(job.initial_dir / name));
      }
    }
    // Before the end of the job is journalled: a job that counts as done has its results on disk.
    SyncFileSystem(job.initial_dir).value();
  });
}

std::map<std::string, Sandbox::Stamp> Sandbox::StampTopFiles() const {
  std::map<std::string, Stamp> stamps;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    const std::int64_t modified = static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000;
    stamps[entry.path().filename()] = {modified + info.st_mtim.tv_nsec, info.st_size, info.st_ino};
  }
  return stamps;
}

}  // namespace roost::dag
