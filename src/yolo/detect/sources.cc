#include "yolo/detect/sources.h"

#include <algorithm>
#include <array>
#include <istream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

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
constexpr const char* kSupported =
    "pictures are bmp dng jpeg jpg mpo png tif tiff webp pfm files, videos asf avi gif m4v mkv mov mp4 mpeg "
    "mpg ts wmv";

constexpr std::uint64_t kMaxListBytes = std::uint64_t{1} << 30;

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

/// The target of a link that leads nowhere, or nothing.
std::optional<std::string> DanglingTarget(const Path& path) {
  std::error_code error;
  if (!fs::is_symlink(fs::symlink_status(path, error)) || fs::exists(path, error) || error) return {};
  return fs::read_symlink(path, error).string();
}

std::string DanglingText(const std::string& target) {
  return "it is a link to '" + target + "', which does not exist";
}

// Addresses.

/// "https" of "HTTPS://host/x"; empty where there is none.
std::string SchemeOf(std::string_view source) {
  const std::size_t end = source.find("://");
  return end == std::string_view::npos ? std::string() : ToLower(source.substr(0, end));
}

/// As messages may show it: addresses without their secrets.
std::string Shown(const std::string& source) {
  return SchemeOf(source).empty() ? source : DisplayUrl(source);
}

std::string PercentDecoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto value = [&](char digit) { return kDigits.find(ToLower(std::string(1, digit))); };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && value(text[i + 1]) < 16 && value(text[i + 2]) < 16) {
      decoded.push_back(static_cast<char>(value(text[i + 1]) * 16 + value(text[i + 2])));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

/// The last part of an address without its query, as a name for files: what the server's owner chose must
/// not lead out of a folder, hide or break a line.
std::string NameFor(const std::string& address) {
  std::string text = PercentDecoded(Shown(address));
  while (text.ends_with('/')) text.pop_back();
  std::string name = text.substr(text.rfind('/') + 1);
  // The reference's clean_str() for streams, and what no name should have.
  constexpr std::string_view kReplaced = "|@#!$%&()=?^*;:,><+\"'\\`";
  for (char& c : name) {
    if (kReplaced.find(c) != std::string_view::npos || (c >= 0 && c < 0x20) || c == 0x7F) c = '_';
  }
  constexpr std::size_t kLongest = 100;
  if (name.size() > kLongest) name.erase(0, name.size() - kLongest);  // the suffix stays
  if (name.starts_with('.')) name.insert(0, 1, '_');
  return name.empty() ? "stream" : name;
}

/// Results of runs below a source are no pictures to look at: a second run would detect on annotated copies.
bool HoldsResults(const Path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (IsBookkeeping(it->path())) return true;
  }
  return false;
}

/// FNV-1a, with the finish of MurmurHash3, without which its low bits are poor. Never to be changed: it says
/// which part of a job an input belongs to.
std::uint64_t StableHash(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCD;
  hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53;
  return hash ^ hash >> 33;
}

/// Addresses that differ in what may not be shown still differ.
std::string KeyFor(const std::string& address) {
  const std::string shown = Shown(address);
  return shown == address ? shown : shown + "#" + std::to_string(StableHash(address));
}

bool IsCamera(const std::string& source) {
  return !source.empty() && source.find_first_not_of("0123456789") == std::string::npos;
}

bool IsYouTube(std::string_view address) {
  std::string host = ToLower(DisplayUrl(address));
  host = host.substr(host.find("://") + 3);
  host = host.substr(0, host.find_first_of(":/"));
  return host == "youtube.com" || host == "www.youtube.com" || host == "youtu.be";
}

Error NoSuchSource(const std::string& source) {
  if (const auto target = DanglingTarget(source)) {
    return Error("cannot use '" + source + "': " + DanglingText(*target), ExitCode::kNoInput);
  }
  std::error_code error;
  if (fs::status(source, error).type() != fs::file_type::not_found && error) {
    return ErrnoError(error.value(), "open", source);
  }
  return Error("no such file or folder: '" + source + "'", ExitCode::kNoInput);
}

/// Adds what sources name, in the order they come.
class Collector {
 public:
  explicit Collector(bool recursive) : recursive_(recursive) {}

  /// Anything but a list. An Error where there is nothing of that name or of that kind.
  Result<void> Add(const std::string& source) {
    const Path path = Resolved(source);
    if (IsFolder(path)) return AddFolder(path);
    if (Exists(path)) {
      if (path.extension() == ".streams") return AddStreamsFile(path);
      if (!AddFile({.path = path, .key = source})) {
        AddUnusable(path, "neither a picture nor a video, by its suffix", source);
      }
      return {};
    }
    if (const std::string scheme = SchemeOf(source); !scheme.empty()) return AddAddress(source, scheme);
    if (IsCamera(source)) return AddStream(source), Result<void>();
    if (const std::string lower = ToLower(source); lower == "screen" || lower.starts_with("screen ")) {
      return Error("cannot read from '" + source + "': the screen is no source of yolo-detect",
                   ExitCode::kUsage, "record it with another program and give --source the video");
    }
    if (!HasWildcard(source)) return NoSuchSource(source);
    return AddGlob(path, source);
  }

  void AddUnusable(const Path& path, std::string why, std::string key) {
    if (!seen_.insert(path.native()).second) return;
    images_.push_back({.path = path, .unusable = std::move(why), .key = std::move(key)});
  }

  std::vector<Input> TakeInputs() {
    std::vector<Input> all = std::move(images_);
    std::move(videos_.begin(), videos_.end(), std::back_inserter(all));
    std::move(streams_.begin(), streams_.end(), std::back_inserter(all));
    return all;
  }

 private:
  /// False where its suffix is none of ours.
  bool AddFile(Input input) {
    const auto kind = KindOf(input.path);
    if (!kind) return false;
    if (IsAtomicTemporary(input.path) || !seen_.insert(input.path.native()).second) return true;
    input.kind = *kind;
    if (const auto target = DanglingTarget(input.path)) input.unusable = DanglingText(*target);
    (*kind == Input::Kind::kVideo ? videos_ : images_).push_back(std::move(input));
    return true;
  }

  Result<void> AddGlob(const Path& pattern, const std::string& source) {
    Path fixed;  // what comes before the first wildcard
    for (const Path& part : pattern) {
      if (HasWildcard(part.native())) break;
      fixed /= part;
    }
    const std::vector<Path> matches = Glob(pattern);
    if (matches.empty()) return Error("nothing matches '" + source + "'", ExitCode::kNoInput);
    for (const Path& match : matches) {
      if (!IsFolder(match)) AddFile({.path = match, .key = match.lexically_relative(fixed)});
    }
    return {};
  }

  Result<void> AddFolder(const Path& folder) {
    Tree tree;
    if (const auto error = Walk(folder, tree)) return *error;
    std::sort(tree.files.begin(), tree.files.end(),
              [](const Path& a, const Path& b) { return a.native() < b.native(); });
    bool any = false;
    for (const Path& file : tree.files) {
      const Path key = file.lexically_relative(folder);
      AddFile({.path = file, .below = recursive_ ? key.parent_path() : Path(), .key = key});
      any |= seen_.contains(file.native());  // maybe as an earlier source's
    }
    for (const auto& [sub_folder, why] : tree.unreadable) {
      AddUnusable(sub_folder, why, sub_folder.lexically_relative(folder));
    }
    if (!any && tree.unreadable.empty()) {
      std::string why = "there are no pictures in this folder";
      if (tree.has_folders && !recursive_) why += "; --recursive looks into its sub-folders, too";
      AddUnusable(folder, why, folder.filename());
    }
    return {};
  }

  struct Tree {
    std::vector<Path> files;  ///< with a dot in their name; hidden ones are left out
    std::vector<std::pair<Path, std::string>> unreadable;  ///< sub-folders, and why
    bool has_folders = false;
  };

  /// An Error where `folder` itself cannot be read.
  std::optional<Error> Walk(const Path& folder, Tree& tree) const {
    std::error_code error;
    std::vector<Path> below;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename();
      if (name.starts_with('.')) continue;
      std::error_code ignored;
      if (it->is_directory(ignored)) {
        tree.has_folders = true;
        if (!it->is_symlink(ignored)) below.push_back(it->path());
      } else if (name.find('.') != std::string::npos) {
        tree.files.push_back(it->path());
      }
    }
    if (error) return ErrnoError(error.value(), "read folder", folder);
    if (!recursive_) return std::nullopt;
    for (const Path& sub_folder : below) {
      if (HoldsResults(sub_folder)) continue;
      if (const auto why = Walk(sub_folder, tree)) tree.unreadable.emplace_back(sub_folder, why->message());
    }
    return std::nullopt;
  }

  Result<void> AddAddress(const std::string& address, const std::string& scheme) {
    const std::string shown = DisplayUrl(address);
    const bool web = scheme == "http" || scheme == "https";
    if (!web && scheme != "rtsp" && scheme != "rtsps" && scheme != "rtmp" && scheme != "rtmps") {
      return Error("cannot read from '" + shown + "': addresses begin with http, https, rtsp or rtmp",
                   ExitCode::kUsage);
    }
    if (web && IsYouTube(address)) {
      return Error("cannot read from '" + shown + "': this is a page that shows a video, not the video",
                   ExitCode::kUsage, "download it with another program and give --source the file");
    }
    const Path name = NameFor(address);
    const auto kind = web ? KindOf(name) : std::nullopt;
    if (!kind) {
      AddStream(address);
    } else if (seen_.insert(address).second) {
      (*kind == Input::Kind::kVideo ? videos_ : images_)
          .push_back(
              {.path = name, .kind = *kind, .origin = shown, .address = address, .key = KeyFor(address)});
    }
    return {};
  }

  void AddStream(const std::string& address) {
    if (!seen_.insert(address).second) return;
    // Streams are often called alike ("rtsp://cam1/live", "rtsp://cam2/live"); their results must not be.
    const Path name = NameFor(address);
    Path unique = name;
    for (int i = 2; !stream_names_.insert(unique.stem()).second; ++i) {
      unique = name.stem().string() + "_" + std::to_string(i) + name.extension().string();
    }
    streams_.push_back({.path = unique,
                        .kind = Input::Kind::kStream,
                        .origin = Shown(address),
                        .address = address,
                        .key = KeyFor(address)});
  }

  Result<void> AddStreamsFile(const Path& file) {
    const auto text = ReadRegularFile(file, kMaxListBytes);
    if (!text) return text.error();
    for (const std::string& line : Split(*text, '\n')) {
      const std::string entry(Trim(line));
      if (entry.empty() || entry.starts_with('#')) continue;
      if (!Exists(entry) && SchemeOf(entry).empty() && !IsCamera(entry)) {
        AddUnusable(Resolved(entry), "no such file (named in " + file.string() + ")", entry);
      } else {
        AddStream(entry);
      }
    }
    return {};
  }

  bool recursive_;
  std::vector<Input> images_;
  std::vector<Input> videos_;
  std::vector<Input> streams_;
  std::unordered_set<std::string> seen_;  // paths and addresses
  std::unordered_set<std::string> stream_names_;
};

/// The entries of a list, sorted as detect.py takes them.
std::vector<std::string> EntriesOf(std::string text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());

  std::vector<std::string> entries;
  if (text.find('\0') != std::string::npos) {
    entries = SplitAny(text, std::string_view("\0", 1));
  } else {
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
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::string ReadStandardInput(std::istream* in) {
  if (in == nullptr) throw Error("cannot read a list of inputs from '-' here", ExitCode::kUsage);
  std::string text;
  std::array<char, 65'536> buffer;
  while (in->read(buffer.data(), buffer.size()) || in->gcount() > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(in->gcount()));
    if (text.size() > kMaxListBytes) {
      throw Error("the list of inputs on standard input is larger than 1 GiB", ExitCode::kBadData);
    }
  }
  if (in->bad()) throw Error("cannot read the list of inputs from standard input", ExitCode::kNoInput);
  return text;
}

void AddList(std::string text, const std::string& list, Collector& collector) {
  for (const std::string& entry : EntriesOf(std::move(text))) {
    const auto added = collector.Add(entry);
    if (added) continue;
    const bool gone = added.error().code() == ExitCode::kNoInput && !DanglingTarget(entry);
    const Path path = SchemeOf(entry).empty() ? Resolved(entry) : Path(Shown(entry));
    collector.AddUnusable(path, (gone ? "no such file" : added.error().message()) + list, Shown(entry));
  }
}

bool IsUsable(const Input& input) { return input.unusable.empty(); }

Error NothingToDo(const std::vector<Input>& inputs, const std::vector<std::string>& sources) {
  if (inputs.size() == 1) {
    const Input& input = inputs.front();
    return Error("cannot use '" + input.path.string() + "': " + input.unusable, ExitCode::kNoInput,
                 kSupported);
  }
  const std::string why = inputs.empty() ? "no pictures found in '" : "there is nothing to use in '";
  return Error(why + Join(sources, "', '") + "'", ExitCode::kNoInput, kSupported);
}

}  // namespace

Inputs FindInputs(std::vector<std::string> sources, const SourceOptions& options) {
  std::sort(sources.begin(), sources.end());
  sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
  Inputs inputs;
  Collector collector(options.recursive);
  for (const std::string& source : sources) {
    if (source == "-") {
      AddList(ReadStandardInput(options.standard_input), " (named on standard input)", collector);
    } else if (Path(source).extension() == ".txt" && !IsFolder(source) && SchemeOf(source).empty()) {
      if (!Exists(source)) throw NoSuchSource(source);
      inputs.from_list = true;
      AddList(ReadRegularFile(source, kMaxListBytes).value(), " (named in " + source + ")", collector);
    } else {
      collector.Add(source).value();
    }
  }
  inputs.files = collector.TakeInputs();
  if (std::none_of(inputs.files.begin(), inputs.files.end(), IsUsable)) {
    throw NothingToDo(inputs.files, sources);
  }
  return inputs;
}

void FetchInputs(std::vector<Input>& inputs, const Fetcher& fetch, const Path& folder,
                 const std::function<void(const std::string&)>& say) {
  std::optional<Error> first_failure;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Input& input = inputs[i];
    if (input.address.empty() || input.kind == Input::Kind::kStream || !IsUsable(input)) continue;
    say("downloading " + input.origin);
    const Path place = folder / std::to_string(i);  // names need not differ
    MakeDirectories(place);
    input.path = place / input.path;
    AtomicFile file(input.path);
    const auto fetched = fetch(input.address, file);
    if (fetched) {
      file.Commit(AtomicFile::Sync::kNo).value();
    } else {
      input.unusable = fetched.error().message();
      if (!first_failure) first_failure = fetched.error();
    }
  }
  if (first_failure && std::none_of(inputs.begin(), inputs.end(), IsUsable)) throw *first_failure;
}

std::vector<Input> Shard(std::vector<Input> inputs, std::int64_t index, std::int64_t count) {
  ROOST_CHECK(0 <= index && index < count, "parts are counted from 0");
  const auto elsewhere = [&](const Input& input) {
    const bool live = input.kind == Input::Kind::kStream;
    const std::string name = live ? input.key : (input.below / input.path.stem()).native();
    return StableHash(name) % static_cast<std::uint64_t>(count) != static_cast<std::uint64_t>(index);
  };
  std::erase_if(inputs, elsewhere);
  return inputs;
}

}  // namespace roost::yolo
