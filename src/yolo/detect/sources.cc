#include "yolo/detect/sources.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_set>

#include "roost/base/text.h"
#include "yolo/detect/glob.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

// The reference's IMG_FORMATS and VID_FORMATS.
constexpr std::array<std::string_view, 10> kImageSuffixes = {"bmp", "dng", "jpeg", "jpg",  "mpo",
                                                             "png", "tif", "tiff", "webp", "pfm"};
constexpr std::array<std::string_view, 11> kVideoSuffixes = {"asf", "avi",  "gif", "m4v", "mkv", "mov",
                                                             "mp4", "mpeg", "mpg", "ts",  "wmv"};
constexpr const char* kSupported = "pictures are bmp dng jpeg jpg mpo png tif tiff webp pfm files";

std::optional<Input::Kind> KindOf(const Path& path) {
  const std::string name = path.filename();
  const std::string suffix = ToLower(std::string_view(name).substr(name.rfind('.') + 1));
  if (std::find(kImageSuffixes.begin(), kImageSuffixes.end(), suffix) != kImageSuffixes.end())
    return Input::Kind::kImage;
  if (std::find(kVideoSuffixes.begin(), kVideoSuffixes.end(), suffix) != kVideoSuffixes.end())
    return Input::Kind::kVideo;
  return std::nullopt;
}

bool Exists(const Path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool IsFolder(const Path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// Absolute, with links resolved as far as the path exists: what detect.py shows and names outputs after.
Path Resolved(const Path& path) {
  std::error_code error;
  Path resolved = fs::weakly_canonical(fs::absolute(path), error);
  return error ? fs::absolute(path) : resolved;
}

/// A camera number, a stream, the screen or an address: sources of detect.py that are no files.
bool IsLiveSource(const std::string& source) {
  const std::string lower = ToLower(source);
  const bool number = !source.empty() && source.find_first_not_of("0123456789") == std::string::npos;
  return number || lower.find("://") != std::string::npos || lower.starts_with("screen") ||
         lower.ends_with(".streams");
}

/// Adds files to either list, in the order they come.
class Collector {
 public:
  /// A file, folder or glob. False where there is nothing of that name.
  bool Add(const std::string& source) {
    const Path path = Resolved(source);
    if (IsFolder(path)) {
      AddFolder(path);
    } else if (Exists(path)) {
      AddFile(path);
    } else if (HasWildcard(source)) {
      const std::vector<Path> matches = Glob(path);
      for (const Path& match : matches) {
        if (!IsFolder(match)) AddFile(match);
      }
      return !matches.empty();
    } else {
      return false;
    }
    return true;
  }

  void AddUnusable(const Path& path, std::string why) {
    if (!seen_.insert(Resolved(path).native()).second) return;
    images_.push_back({Resolved(path), Input::Kind::kImage, std::move(why)});
  }

  /// Something exists to be opened.
  bool any_file() const {
    return !videos_.empty() ||
           std::any_of(images_.begin(), images_.end(), [](const Input& i) { return i.unusable.empty(); });
  }

  std::vector<Input> TakeFiles() {
    std::vector<Input> files = std::move(images_);
    files.insert(files.end(), videos_.begin(), videos_.end());
    return files;
  }

 private:
  void AddFolder(const Path& folder) {
    std::error_code error;
    std::vector<Path> paths;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename();
      if (name.starts_with('.') || name.find('.') == std::string::npos || IsFolder(it->path())) continue;
      paths.push_back(it->path());
    }
    if (error) throw ErrnoError(error.value(), "read folder", folder);
    std::sort(paths.begin(), paths.end(),
              [](const Path& a, const Path& b) { return a.native() < b.native(); });
    for (const Path& path : paths) AddFile(path);
  }

  void AddFile(const Path& path) {
    const auto kind = KindOf(path);
    if (!kind || IsAtomicTemporary(path) || !seen_.insert(path.native()).second) return;
    if (*kind == Input::Kind::kVideo) {
      videos_.push_back({path, *kind, "videos are not supported yet"});
    } else {
      images_.push_back({path, *kind, {}});
    }
  }

  std::vector<Input> images_;
  std::vector<Input> videos_;
  std::unordered_set<std::string> seen_;
};

/// The entries of a list file, sorted as detect.py takes them.
std::vector<std::string> ReadList(const Path& list) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;
  std::string text = ReadRegularFile(list, kMaxBytes).value();
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());

  std::vector<std::string> entries;
  for (const std::string& line : Split(text, '\n')) {
    const std::string entry(Trim(line));
    if (entry.empty()) continue;
    // detect.py splits at every white space, so that a name with a space never works there; here it does.
    if (Exists(entry) || (HasWildcard(entry) && !Glob(Resolved(entry)).empty())) {
      entries.push_back(entry);
    } else {
      for (std::string& word : SplitAny(entry, " \t\r\v\f")) entries.push_back(std::move(word));
    }
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

Error NoSuchSource(const std::string& source) {
  std::error_code error;
  if (fs::status(source, error).type() != fs::file_type::not_found && error) {
    return ErrnoError(error.value(), "open", source);
  }
  return Error("no such file or folder: '" + source + "'", ExitCode::kNoInput);
}

}  // namespace

Inputs FindInputs(std::vector<std::string> sources) {
  std::sort(sources.begin(), sources.end());
  Inputs inputs;
  Collector collector;
  for (const std::string& source : sources) {
    if (!Exists(source) && IsLiveSource(source)) {
      throw Error(
          "cannot read from '" + source + "': cameras, streams and web addresses are not supported yet",
          ExitCode::kUsage);
    }
    if (Path(source).extension() == ".txt" && !IsFolder(source)) {
      if (!Exists(source)) throw NoSuchSource(source);
      inputs.from_list = true;
      for (const std::string& entry : ReadList(source)) {
        if (!collector.Add(entry)) collector.AddUnusable(entry, "no such file (named in " + source + ")");
      }
    } else if (!collector.Add(source)) {
      throw HasWildcard(source) ? Error("nothing matches '" + source + "'", ExitCode::kNoInput)
                                : NoSuchSource(source);
    }
  }
  const bool nothing_to_open = !collector.any_file();
  inputs.files = collector.TakeFiles();
  if (nothing_to_open) {
    const std::string why = inputs.files.empty() ? "no pictures found in '" : "none of the files exists in '";
    throw Error(why + Join(sources, "', '") + "'", ExitCode::kNoInput, kSupported);
  }
  return inputs;
}

}  // namespace roost::yolo
