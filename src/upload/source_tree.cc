#include "upload/source_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roost::upload {
namespace fs = std::filesystem;
namespace {

bool Matches(const std::string& pattern, const std::string& path) {
  const bool whole_path = pattern.find('/') != std::string::npos;
  const auto slash = path.rfind('/');
  const std::string subject = whole_path || slash == std::string::npos ? path : path.substr(slash + 1);
  return ::fnmatch(pattern.c_str(), subject.c_str(), FNM_PATHNAME) == 0;
}

/// Whether a pattern matches `path` or a folder that it is in.
bool MatchesWithParents(const std::vector<std::string>& patterns, const std::string& path) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
      if (Matches(pattern, path.substr(0, end))) return true;
    }
    return Matches(pattern, path);
  });
}

std::string Joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

const char* KindOf(mode_t mode) {
  if (S_ISFIFO(mode)) return "a named pipe, not a file";
  if (S_ISSOCK(mode)) return "a socket, not a file";
  return "a device, not a file";
}

/// What a copy of this tree by yolo-upload is called while it is under way.
bool IsTransferTemporary(const Path& path) {
  const std::string name = path.filename();
  return name.starts_with(".yolo-upload.") && name.ends_with(".part");
}

/// Walks one SOURCE after the other and collects.
class Lister {
 public:
  Lister(const Filter& filter, const Path& leave_out)
      : filter_(filter), include_matched_(filter.include.size()) {
    struct stat info {};
    if (!leave_out.empty() && ::stat(leave_out.c_str(), &info) == 0) leave_out_ = {info.st_dev, info.st_ino};
  }

  void List(const SourceRoot& root) {
    struct stat info {};
    if (::stat(root.local.c_str(), &info) != 0) throw ErrnoError(errno, "read", root.local);
    const Path entry = root.Entry();
    if (S_ISDIR(info.st_mode)) {
      folder_ = entry;
      ListFolder(root.local, root.path, "");
    } else {
      folder_ = entry.parent_path();
      ListEntry(root.local, root.path, root.path);
    }
  }

  SourceTree Finish() {
    std::sort(tree_.files.begin(), tree_.files.end(), [](const SourceFile& a, const SourceFile& b) {
      return std::tie(a.path, a.entry) < std::tie(b.path, b.entry);
    });
    // The same file named twice is one file.
    const auto end = std::unique(
        tree_.files.begin(), tree_.files.end(),
        [](const SourceFile& a, const SourceFile& b) { return a.path == b.path && a.entry == b.entry; });
    tree_.files.erase(end, tree_.files.end());
    const auto twin =
        std::adjacent_find(tree_.files.begin(), tree_.files.end(),
                           [](const SourceFile& a, const SourceFile& b) { return a.path == b.path; });
    if (twin != tree_.files.end()) {
      throw Error("'" + twin->local.string() + "' and '" + std::next(twin)->local.string() +
                      "' would both become '" + twin->path + "' at the destination",
                  ExitCode::kUsage, "Upload them in two runs to different destinations.");
    }
    for (std::size_t i = 0; i < include_matched_.size(); ++i) {
      if (!include_matched_[i]) tree_.idle_includes.push_back(filter_.include[i]);
    }
    return std::move(tree_);
  }

 private:
  /// `below`: the folder, relative to its SOURCE: what filters see.
  void ListFolder(const Path& local, const std::string& path, const std::string& below) {
    std::error_code error;
    fs::directory_iterator entries(local, error);
    while (!error && entries != fs::directory_iterator()) {
      const std::string name = entries->path().filename().string();
      ListEntry(entries->path(), Joined(path, name), Joined(below, name));
      entries.increment(error);
    }
    if (error) tree_.unusable.push_back({local, path, "cannot read the folder: " + error.message()});
  }

  void ListEntry(const Path& local, const std::string& path, const std::string& below) {
    struct stat info {};
    if (::lstat(local.c_str(), &info) != 0) return Refuse(local, path, below, std::strerror(errno));
    if (S_ISDIR(info.st_mode)) return ListFolder(local, path, below);

    const bool link = S_ISLNK(info.st_mode);
    if (link && ::stat(local.c_str(), &info) != 0) {
      return Refuse(local, path, below, std::string("a link that leads nowhere: ") + std::strerror(errno));
    }
    if (S_ISDIR(info.st_mode))
      return Refuse(local, path, below, "a link to a folder: such links are not followed");
    if (!S_ISREG(info.st_mode)) return Refuse(local, path, below, KindOf(info.st_mode));
    if (leave_out_ == std::pair(info.st_dev, info.st_ino) || IsBookkeeping(local)) return;
    NoteIncludes(below);
    if (!filter_.Takes(below)) return;
    if (IsAtomicTemporary(local) || IsTransferTemporary(local)) return tree_.half_written.push_back(local);
    tree_.files.push_back({local, folder_ / below, path, static_cast<std::uint64_t>(info.st_size), link});
  }

  void NoteIncludes(const std::string& below) {
    for (std::size_t i = 0; i < include_matched_.size(); ++i) {
      if (!include_matched_[i]) include_matched_[i] = MatchesWithParents({filter_.include[i]}, below);
    }
  }

  void Refuse(const Path& local, const std::string& path, const std::string& below, std::string reason) {
    if (filter_.Takes(below)) tree_.unusable.push_back({local, path, std::move(reason)});
  }

  const Filter& filter_;
  std::vector<bool> include_matched_;
  Path folder_;  ///< SourceRoot::Entry() of the folder that `below` is relative to
  std::optional<std::pair<dev_t, ino_t>> leave_out_;
  SourceTree tree_;
};

}  // namespace

bool Filter::Takes(const std::string& path) const {
  return (include.empty() || MatchesWithParents(include, path)) && !MatchesWithParents(exclude, path);
}

SourceRoot PlaceSource(const std::string& argument) {
  if (argument.empty()) throw Error("a SOURCE is empty", ExitCode::kUsage);
  struct stat info {};
  if (::stat(argument.c_str(), &info) != 0) throw ErrnoError(errno, "read", argument);
  const bool folder = S_ISDIR(info.st_mode);
  if (::access(argument.c_str(), folder ? R_OK | X_OK : R_OK) != 0) throw ErrnoError(errno, "read", argument);

  if (folder && argument.ends_with('/')) return {argument, ""};
  const Path name = Path(argument).filename();
  if (name != "." && name != "..") return {argument, name.string()};
  return {argument, fs::canonical(argument).filename().string()};
}

Path SourceRoot::Entry() const {
  std::error_code error;
  // "x/" names no entry: without the slash it does.
  const Path plain = local.has_filename() ? local : local.parent_path();
  const bool folder = fs::is_directory(local, error);
  const Path above = plain.has_parent_path() ? plain.parent_path() : Path(".");
  Path entry = folder ? fs::canonical(local, error) : fs::canonical(above, error) / plain.filename();
  if (error) throw ErrnoError(error.value(), "read", local);
  return entry;
}

void RefuseOverlaps(const std::vector<SourceRoot>& roots) {
  for (const SourceRoot& outer : roots) {
    const Path above = outer.Entry();
    for (const SourceRoot& inner : roots) {
      const Path below = inner.Entry();
      if (&outer == &inner || (above == below && outer.path == inner.path)) continue;
      if (std::mismatch(above.begin(), above.end(), below.begin(), below.end()).first != above.end())
        continue;
      throw Error("SOURCE '" + inner.local.string() + "' is " + (above == below ? "" : "inside ") +
                      "SOURCE '" + outer.local.string() +
                      "', and --delete-after-verify would delete it before it is sent twice",
                  ExitCode::kUsage, "Name each folder once.");
    }
  }
}

SourceTree ListSources(const std::vector<SourceRoot>& roots, const Filter& filter, const Path& leave_out) {
  Lister lister(filter, leave_out);
  for (const SourceRoot& root : roots) lister.List(root);
  return lister.Finish();
}

}  // namespace roost::upload
