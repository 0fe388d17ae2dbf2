#include "yolo/detect/weights.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "roost/base/digest.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRelease = "https://github.com/ultralytics/yolov5/releases/download/v7.0/";

/// A detection model of the release. An empty digest: not known from enough sources to refuse a download
/// over.
struct OfficialModel {
  std::string_view name;
  std::string_view sha256;
};
constexpr std::array<OfficialModel, 10> kOfficialModels = {{
    {"yolov5n.pt", "4f180cf23ba0717ada0badd6c685026d73d48f184d00fc159c2641284b2ac0a3"},
    {"yolov5s.pt", "8b3b748c1e592ddd8868022e8732fde20025197328490623cc16c6f24d0782ee"},
    {"yolov5m.pt", "61d933360ba5a7733a36764996c800287d973889d875227f5beedd2473a97a56"},
    {"yolov5l.pt", ""},
    {"yolov5x.pt", ""},
    {"yolov5n6.pt", ""},
    {"yolov5s6.pt", ""},
    {"yolov5m6.pt", ""},
    {"yolov5l6.pt", ""},
    {"yolov5x6.pt", ""},
}};

const OfficialModel* FindOfficial(std::string_view name) {
  const auto* const found = std::find_if(kOfficialModels.begin(), kOfficialModels.end(),
                                         [&](const OfficialModel& model) { return model.name == name; });
  return found == kOfficialModels.end() ? nullptr : found;
}

std::optional<std::string> NonEmptyEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Path RecordOf(const Path& file) { return file.string() + ".sha256"; }

/// Notes the digest in a file that sha256sum(1) can check.
Result<void> Record(const Path& file, const std::string& digest) {
  return WriteFileAtomically(RecordOf(file), digest + "  " + file.filename().string() + "\n");
}

/// The digest in a file that sha256sum(1) can check, or nothing.
std::optional<std::string> RecordedDigest(const Path& file) {
  constexpr std::uint64_t kMaxRecord = 4096;
  const auto text = ReadFile(RecordOf(file), kMaxRecord);
  if (!text) return std::nullopt;
  const std::vector<std::string> words = SplitAny(*text, " \n");
  if (words.empty()) return std::nullopt;
  return words.front();
}

}  // namespace

Path BundledFolder() { return ExecutableDirectory().parent_path() / "share" / "roost" / "weights"; }

std::optional<Path> CacheFolder() {
  if (const auto folder = NonEmptyEnvironment("ROOST_CACHE_DIR")) return Path(*folder);
  if (const auto folder = NonEmptyEnvironment("XDG_CACHE_HOME")) return Path(*folder) / "roost";
  if (const auto folder = NonEmptyEnvironment("HOME")) return Path(*folder) / ".cache" / "roost";
  return std::nullopt;
}

std::optional<std::string> WeightsStore::KnownDigest(const std::string& name) {
  const OfficialModel* model = FindOfficial(name);
  if (model == nullptr || model->sha256.empty()) return std::nullopt;
  return std::string(model->sha256);
}

Path WeightsStore::Find(const std::string& name) const {
  std::error_code error;  // a file that may not be looked at: whoever reads it says so
  if (fs::status(name, error).type() != fs::file_type::not_found) return name;
  const bool is_plain = Path(name).filename() == name;
  if (is_plain && fs::exists(options_.bundled / name, error)) return options_.bundled / name;
  if (name == kBundledWeights) {
    throw Error("the weights that come with Roost are not at '" + (options_.bundled / name).string() + "'",
                ExitCode::kNoInput, "install Roost completely, or name other weights with --weights");
  }
  if (FindOfficial(name) == nullptr) {
    throw Error("no such weights: '" + name + "'", ExitCode::kNoInput,
                "--weights takes a .pt file, or one of yolov5{n,s,m,l,x}{,6}.pt (no folder) to download it");
  }
  if (!options_.cache) {
    throw Error("no place to keep '" + name + "': HOME is not set", ExitCode::kUsage,
                "set ROOST_CACHE_DIR to a folder for downloads, or give --weights a path to the file");
  }
  Path file = *options_.cache / name;
  if (!IsIntact(name, file)) Download(name, file);
  return file;
}

bool WeightsStore::IsIntact(const std::string& name, const Path& file) const {
  std::error_code error;
  if (!fs::exists(file, error)) return false;
  const std::string digest = DigestOfFile(DigestKind::kSha256, file).value();
  std::optional<std::string> expected = options_.known_digest(name);
  if (!expected) expected = RecordedDigest(file);
  if (!expected) {  // somebody put it there, as the error of an offline machine proposes
    options_.check(file);
    if (const auto recorded = Record(file, digest); !recorded) {  // a cache that others look after, read-only
      options_.say("later changes of '" + file.string() +
                   "' will not be noticed: " + recorded.error().message());
    }
    return true;
  }
  if (*expected == digest) return true;
  options_.say("'" + file.string() + "' is not what was downloaded (wrong digest): downloading it again");
  return false;
}

void WeightsStore::Download(const std::string& name, const Path& file) const {
  const std::string url = std::string(kRelease) + name;
  options_.say("downloading " + url + " to " + file.string());
  MakeDirectories(*options_.cache);
  AtomicFile download(file);
  if (const auto fetched = options_.fetch(url, download); !fetched) {
    throw Error("cannot download weights: " + fetched.error().message(), fetched.error().code(),
                "fetch " + url + " on a machine with network, then give --weights its path or put it at '" +
                    file.string() + "'");
  }
  const std::string digest = DigestOfFile(DigestKind::kSha256, download.temporary_path()).value();
  if (const auto known = options_.known_digest(name); known && *known != digest) {
    throw Error(
        "what came from " + url + " is not " + name + ": its SHA-256 is " + digest + ", not " + *known,
        ExitCode::kBadData, "a proxy or a portal may have answered in place of the server");
  }
  try {
    options_.check(download.temporary_path());
  } catch (const Error& error) {
    throw Error("what came from " + url + " cannot be used: " + error.message(), error.code());
  }
  Record(file, digest).value();
  download.Commit().value();
}

}  // namespace roost::yolo
