#pragma once

#include <functional>
#include <optional>
#include <string>

#include "roost/base/files.h"

namespace roost::yolo {

/// GETs `url` into `file` and leaves it uncommitted.
using Fetcher = std::function<Result<void>(const std::string& url, AtomicFile& file)>;

/// Throws Error where `file` is not a checkpoint that can be used.
using CheckpointCheck = std::function<void(const Path& file)>;

/// The weights that come with Roost: a detector of road signs, the default of --weights.
inline constexpr const char* kBundledWeights = "roost-signs.pt";

/// share/roost/weights beside the folder of the running program.
Path BundledFolder();

/// Finds the file behind --weights. A file that Roost brings along, kBundledWeights, and the official YOLOv5
/// detection models need only be named: "yolov5n.pt"
/// that is not in the working directory is taken from a cache folder, and downloaded into it the first time.
///
/// What is in the cache is never trusted by its name. A model is compared with a digest each time it is used:
/// the one built in where we could confirm it from several independent publications, else the one recorded in
/// "<name>.sha256" when the model came (over TLS, or by the user's hand) and `check` accepted it. A file that
/// does not match is downloaded again.
class WeightsStore {
 public:
  struct Options {
    /// Where the weights are that come with Roost.
    Path bundled = BundledFolder();
    /// Where downloads are kept. Nothing = there is no place for them.
    std::optional<Path> cache;
    Fetcher fetch;
    CheckpointCheck check;
    /// Told what takes time.
    std::function<void(const std::string&)> say;
    /// Digests in place of the built-in table: name to SHA-256.
    std::function<std::optional<std::string>(const std::string& name)> known_digest = KnownDigest;
  };

  explicit WeightsStore(Options options) : options_(std::move(options)) {}

  /// An existing file. Throws Error: no input where there is none and the name is not an official one; try
  /// again where it could not be downloaded; bad data where the download is not what it should be.
  Path Find(const std::string& name) const;

  /// SHA-256 of an official model, or nothing where none is built in.
  static std::optional<std::string> KnownDigest(const std::string& name);

 private:
  bool IsIntact(const std::string& name, const Path& file) const;
  void Download(const std::string& name, const Path& file) const;
  Options options_;
};

/// $ROOST_CACHE_DIR, else $XDG_CACHE_HOME/roost, else $HOME/.cache/roost, else nothing.
std::optional<Path> CacheFolder();

}  // namespace roost::yolo
