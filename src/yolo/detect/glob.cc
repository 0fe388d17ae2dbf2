#include "yolo/detect/glob.h"

#include <algorithm>
#include <set>
#include <system_error>

#include <fnmatch.h>

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

bool IsHidden(std::string_view name) { return name.starts_with('.'); }

/// Adds to `matches` what the pattern parts [part, end) match below `folder`.
class Matcher {
 public:
  explicit Matcher(std::vector<std::string> parts) : parts_(std::move(parts)) {}

  void Match(const Path& folder, std::size_t part) {
    if (part == parts_.size()) {
      matches_.insert(folder);
    } else if (parts_[part] == "**") {
      MatchAnyDepth(folder, part);
    } else if (HasWildcard(parts_[part])) {
      for (const fs::directory_entry& entry : Entries(folder)) {
        const std::string name = entry.path().filename();
        if (::fnmatch(parts_[part].c_str(), name.c_str(), FNM_PERIOD | FNM_NOESCAPE) == 0) {
          Match(entry.path(), part + 1);
        }
      }
    } else {
      std::error_code error;
      const Path path = folder / parts_[part];
      if (fs::exists(fs::symlink_status(path, error))) Match(path, part + 1);
    }
  }

  std::vector<Path> TakeMatches() { return {matches_.begin(), matches_.end()}; }

 private:
  /// Sorted by std::set as paths would compare part by part; we want plain bytes, as Python sorts text.
  struct ByBytes {
    bool operator()(const Path& a, const Path& b) const { return a.native() < b.native(); }
  };

  static std::vector<fs::directory_entry> Entries(const Path& folder) {
    std::vector<fs::directory_entry> entries;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      entries.push_back(*it);
    }
    return entries;
  }

  void MatchAnyDepth(const Path& folder, std::size_t part) {
    Match(folder, part + 1);
    const bool last = part + 1 == parts_.size();
    for (const fs::directory_entry& entry : Entries(folder)) {
      if (IsHidden(entry.path().filename().native())) continue;
      std::error_code error;
      // Links to folders are not followed: they may lead back up.
      if (entry.is_directory(error) && !entry.is_symlink(error)) {
        MatchAnyDepth(entry.path(), part);
      } else if (last) {
        matches_.insert(entry.path());
      }
    }
  }

  std::vector<std::string> parts_;
  std::set<Path, ByBytes> matches_;
};

}  // namespace

bool HasWildcard(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

std::vector<Path> Glob(const Path& pattern) {
  std::vector<std::string> parts;
  for (const Path& part : pattern.relative_path()) parts.push_back(part);
  Matcher matcher(std::move(parts));
  matcher.Match(pattern.root_path(), 0);
  return matcher.TakeMatches();
}

}  // namespace roost::yolo
