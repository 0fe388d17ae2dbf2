#include "yolo/data/find_pictures.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <system_error>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxListBytes = std::uint64_t{4} << 30;

/// The reference's IMG_FORMATS.
bool IsPictureName(const Path& path) {
  constexpr std::array<std::string_view, 10> kSuffixes = {".bmp", ".dng", ".jpeg", ".jpg",  ".mpo",
                                                          ".png", ".tif", ".tiff", ".webp", ".pfm"};
  const std::string suffix = ToLower(path.extension().string());
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

bool IsHidden(const Path& path) { return path.filename().native().starts_with('.'); }

/// `above`: the folder and those that it was come through, without links, so that links cannot lead round for
/// ever.
void AddFolder(const Path& folder, std::vector<Path>& above, std::vector<Path>& pictures) {
  std::error_code error;
  Path real = fs::canonical(folder, error);
  if (!error && std::find(above.begin(), above.end(), real) != above.end()) return;
  above.push_back(std::move(real));
  // A folder that cannot be read ends the program: what is in it must not go missing without a word.
  fs::directory_iterator it(folder, error);
  for (const fs::directory_iterator end; !error && it != end; it.increment(error)) {
    std::error_code ignored;  // a file that went away meanwhile
    if (IsHidden(it->path())) continue;
    if (it->is_directory(ignored)) {
      AddFolder(it->path(), above, pictures);
    } else if (IsPictureName(it->path()) && it->is_regular_file(ignored)) {
      pictures.push_back(it->path());
    }
  }
  if (error) throw ErrnoError(error.value(), "read folder", folder);
  above.pop_back();
}

void AddList(const Path& file, std::vector<Path>& pictures) {
  constexpr std::string_view kHere = "./";
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::string text = ReadRegularFile(file, kMaxListBytes).value();
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  for (const std::string& line : Split(text, '\n')) {
    const std::string_view name = Trim(line);
    if (name.empty() || !IsPictureName(name)) continue;
    Path picture = name.starts_with(kHere) ? file.parent_path() / name.substr(kHere.size()) : Path(name);
    // Lists that were made in another folder mostly mean their own.
    std::error_code error;
    if (picture.is_relative() && !fs::exists(picture, error)) picture = file.parent_path() / picture;
    pictures.push_back(fs::absolute(picture).lexically_normal());
  }
}

std::string Names(const std::vector<Path>& sources) {
  std::string names;
  for (const Path& source : sources) names += (names.empty() ? "'" : ", '") + source.string() + "'";
  return names;
}

}  // namespace

std::vector<Path> FindPictures(const std::vector<Path>& sources) {
  std::vector<Path> pictures;
  for (const Path& source : sources) {
    const Path path = fs::absolute(source);
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status)) {
      std::vector<Path> above;
      AddFolder(path, above, pictures);
    } else if (!fs::exists(status)) {
      throw ErrnoError(error ? error.value() : ENOENT, "find the pictures of the dataset:", path);
    } else if (IsPictureName(path)) {
      pictures.push_back(path);
    } else {
      AddList(path, pictures);
    }
  }
  if (pictures.empty()) {
    throw Error("no pictures in " + (sources.empty() ? "the dataset" : Names(sources)), ExitCode::kNoInput,
                "a folder with pictures below it, or a text file with a picture in each line, is wanted");
  }
  std::sort(pictures.begin(), pictures.end(),
            [](const Path& a, const Path& b) { return a.native() < b.native(); });
  pictures.erase(std::unique(pictures.begin(), pictures.end()), pictures.end());
  return pictures;
}

}  // namespace roost::yolo
