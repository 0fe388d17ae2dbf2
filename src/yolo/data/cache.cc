#include "yolo/data/cache.h"

#include <algorithm>
#include <system_error>

#include "roost/base/text.h"
#include "yolo/data/npy.h"
#include "yolo/image/warp.h"

namespace roost::yolo {
namespace {

/// load_image(): the longer side becomes `imgsz`, the other is cut off to whole pixels.
Size ScaledSize(Size size, std::int64_t imgsz) {
  const double ratio = static_cast<double>(imgsz) / static_cast<double>(std::max(size.height, size.width));
  const auto scaled = [&](std::int64_t side) {
    return std::max(static_cast<std::int64_t>(static_cast<double>(side) * ratio), std::int64_t{1});
  };
  return {scaled(size.height), scaled(size.width)};
}

Path DecodedPath(Path picture) { return picture.replace_extension(".npy"); }

/// Whether `decoded` is there and was written after the picture was.
bool IsFresh(const Path& decoded, const Path& picture) {
  std::error_code error;
  const auto written = std::filesystem::last_write_time(decoded, error);
  if (error) return false;
  const auto changed = std::filesystem::last_write_time(picture, error);
  return !error && written >= changed;
}

}  // namespace

std::optional<std::uint64_t> AvailableMemory() {
  const auto text = ReadFile("/proc/meminfo");
  if (!text) return std::nullopt;
  for (const std::string& line : Split(*text, '\n')) {
    const auto words = SplitAny(line, " \t");
    if (words.size() < 2 || words[0] != "MemAvailable:") continue;
    const auto kilobytes = ParseInt(words[1]);
    if (!kilobytes || *kilobytes < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*kilobytes) * 1024;
  }
  return std::nullopt;
}

PictureStore::PictureStore(const Dataset& dataset, const Options& options)
    : dataset_(dataset), options_(options) {
  if (options_.cache != Cache::kRam) return;
  std::uint64_t bytes = 0;
  for (const Sample& sample : dataset.samples) {
    const Size scaled = ScaledSize(sample.size, options_.imgsz);
    bytes += static_cast<std::uint64_t>(scaled.height * scaled.width * 3);
  }
  constexpr double kMostOfMemory = 0.8;
  if (options_.memory && static_cast<double>(bytes) > kMostOfMemory * static_cast<double>(*options_.memory)) {
    warnings_.push_back("pictures are not kept in memory: all of them take " + FormatBytes(bytes) +
                        ", more than 80% of the " + FormatBytes(*options_.memory) + " that are free");
    options_.cache = Cache::kNone;
    return;
  }
  slots_ = std::vector<Slot>(dataset.samples.size());
}

std::vector<std::string> PictureStore::warnings() const {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

Result<std::shared_ptr<const Image>> PictureStore::Load(std::size_t sample) {
  const Path& path = dataset_.samples.at(sample).image;
  const auto load = [&]() -> Result<std::shared_ptr<const Image>> {
    auto image = LoadScaled(path);
    if (!image) return image.error();
    return std::make_shared<const Image>(std::move(*image));
  };
  if (slots_.empty()) return load();
  // Whoever needs the same picture meanwhile waits for it, rather than decoding it again.
  Slot& slot = slots_.at(sample);
  const std::lock_guard lock(slot.mutex);
  if (!slot.picture) {
    auto loaded = load();
    if (!loaded) return loaded.error();
    slot.picture = *std::move(loaded);
  }
  return slot.picture;
}

Result<Image> PictureStore::LoadScaled(const Path& path) {
  auto decoded = options_.cache == Cache::kDisk ? LoadDecoded(path) : ReadImage(path);
  if (!decoded) return decoded.error();
  const Size size = decoded->size();
  const std::int64_t longer = std::max(size.height, size.width);
  if (longer == options_.imgsz) return decoded;
  const bool average = !options_.augment && longer > options_.imgsz;
  return Resize(*decoded, ScaledSize(size, options_.imgsz), average);
}

Result<Image> PictureStore::LoadDecoded(const Path& path) {
  const Path decoded = DecodedPath(path);
  if (IsFresh(decoded, path)) {
    // One that cannot be used (cut off, of another program) is written anew.
    if (auto image = ReadNpyImage(decoded)) return image;
  }
  auto image = ReadImage(path);
  if (image) WriteDecoded(*image, decoded);
  return image;
}

void PictureStore::WriteDecoded(const Image& image, const Path& path) {
  {
    const std::lock_guard lock(mutex_);
    if (!disk_works_) return;
  }
  const auto written = WriteNpyImage(image, path);
  if (written) return;
  const std::lock_guard lock(mutex_);
  if (!disk_works_) return;
  disk_works_ = false;
  warnings_.push_back("decoded pictures are not kept on disk any more: " + written.error().message());
}

}  // namespace roost::yolo
