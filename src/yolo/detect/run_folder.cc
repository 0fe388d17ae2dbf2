#include "yolo/detect/run_folder.h"

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRuns = 1'000'000;  // a bound, so that a file system that answers nonsense ends the search

/// False where something of that name exists.
bool Claim(const Path& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return true;
  if (errno == EEXIST) return false;
  const Error error = ErrnoError(errno, "create folder", path);
  throw Error(error.message(),
              error.code() == ExitCode::kPermission ? ExitCode::kPermission : ExitCode::kCannotCreate);
}

/// The folder to use, made by us or not.
std::pair<Path, bool> Choose(const RunFolderOptions& options) {
  if (!options.exact.empty() || options.exist_ok) {
    Path path = options.exact.empty() ? options.project / options.name : options.exact;
    if (path.has_parent_path()) MakeDirectories(path.parent_path());
    // Of two processes that come here together, one has made it.
    const bool made = ::mkdir(path.c_str(), 0777) == 0;
    if (!made) MakeDirectories(path);  // says what is wrong, if anything
    return {std::move(path), made};
  }
  const Path first = options.project / options.name;
  MakeDirectories(first.parent_path());
  if (Claim(first)) return {first, true};
  for (int n = 2; n <= kMaxRuns; ++n) {
    Path next = first;
    next += std::to_string(n);
    if (Claim(next)) return {std::move(next), true};
  }
  throw Error("no free folder name after '" + first.string() + "'", ExitCode::kCannotCreate,
              "give another --name or --project");
}

/// What killed runs left, half-written: nobody wants it, and it would be uploaded with the results.
void RemoveLeftovers(const Path& folder) {
  std::vector<Path> leftovers;
  std::error_code error;  // a folder that cannot be read may still be written: CheckWritable() finds out
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end; it.increment(error)) {
    if (IsAtomicLeftover(it->path())) leftovers.push_back(it->path());
  }
  for (const Path& path : leftovers) fs::remove(path, error);
}

/// Finds out before hours of work, and not after, that the folder cannot be written.
void CheckWritable(const Path& folder) { const AtomicFile probe(folder / "probe"); }

}  // namespace

RunFolder RunFolder::Create(const RunFolderOptions& options) {
  auto [path, made] = Choose(options);
  RunFolder folder(std::move(path), made);
  if (options.labels) {
    MakeDirectories(folder.labels());
    std::error_code error;  // a folder that cannot be read: not known to be new
    folder.labels_are_new_ = fs::is_empty(folder.labels(), error) && !error;
  }
  if (!made) {
    RemoveLeftovers(folder.path());
  }
  CheckWritable(options.labels ? folder.labels() : folder.path());
  return folder;
}

void RunFolder::RemoveIfUnused(const Path& manifest) const {
  std::error_code ignored;  // remove() refuses folders that hold something
  if (!made_) return;
  if (!manifest.empty()) fs::remove(manifest, ignored);
  fs::remove(labels(), ignored);
  fs::remove(path_, ignored);
}

}  // namespace roost::yolo
