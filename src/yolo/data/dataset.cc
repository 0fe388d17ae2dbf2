#include "yolo/data/dataset.h"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "yolo/data/find_pictures.h"
#include "yolo/data/label_file.h"
#include "yolo/data/parallel.h"
#include "yolo/image/picture_size.h"

namespace roost::yolo {
namespace {

constexpr std::uint64_t kMaxLabelBytes = 256 << 20;
constexpr std::int64_t kLeastSide = 10;  // the reference takes no smaller pictures

/// What became of one picture.
struct Outcome {
  std::optional<Sample> sample;  ///< nothing: it cannot be used
  bool missing = false;
  bool empty = false;
  std::vector<std::string> warnings;
};

Outcome Unusable(const Path& image, const std::string& why) {
  return {.warnings = {image.string() + ": left out: " + why}};
}

/// Whether there is a label file. An Error where nobody can tell: a picture whose labels are out of reach is
/// no background.
Result<bool> IsThere(const Path& file) {
  struct ::stat status {};
  if (::stat(file.c_str(), &status) == 0) return S_ISREG(status.st_mode);
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoError(errno, "look at", file);
}

Outcome Look(const Path& image, const DatasetOptions& options) {
  const auto facts = ReadPictureFacts(image);
  if (!facts) return Unusable(image, facts.error().message());
  const Size size = facts->size;
  if (size.height < kLeastSide || size.width < kLeastSide) {
    return Unusable(image, "a picture of " + std::to_string(size.width) + "x" + std::to_string(size.height) +
                               " pixels; 10x10 is the least");
  }
  Outcome outcome{.sample = Sample{.image = image, .size = size}};
  if (facts->cut_short) {
    outcome.warnings.push_back(image.string() + ": the end of the JPEG is missing; part of it may be grey");
  }
  const Path file = LabelPathOf(image);
  const Result<bool> there = IsThere(file);
  if (!there) return Unusable(image, there.error().message());
  if (!*there) {
    outcome.missing = true;
    return outcome;
  }
  const auto text = ReadRegularFile(file, kMaxLabelBytes);
  if (!text) return Unusable(image, text.error().message());
  auto labels = ParseLabels(*text, file, options.single_cls ? 0 : options.classes);
  if (!labels) return Unusable(image, labels.error().message());
  if (labels->duplicates > 0) {
    outcome.warnings.push_back(file.string() + ": " + std::to_string(labels->duplicates) +
                               " lines that are there twice left out");
  }
  outcome.empty = labels->labels.empty();
  outcome.sample->labels = std::move(labels->labels);
  if (options.single_cls) {
    for (Label& label : outcome.sample->labels) label.class_id = 0;
  }
  return outcome;
}

}  // namespace

Dataset ReadDataset(const std::vector<Path>& sources, const DatasetOptions& options) {
  const std::vector<Path> pictures = FindPictures(sources);
  std::vector<Outcome> outcomes(pictures.size());
  ParallelFor(pictures.size(), WorkerCount(options.workers),
              [&](std::size_t i) { outcomes[i] = Look(pictures[i], options); });
  Dataset dataset;
  for (Outcome& outcome : outcomes) {
    dataset.missing += outcome.missing ? 1 : 0;
    dataset.empty += outcome.empty ? 1 : 0;
    dataset.corrupt += outcome.sample ? 0 : 1;
    if (outcome.sample) dataset.samples.push_back(std::move(*outcome.sample));
    for (std::string& warning : outcome.warnings) dataset.warnings.push_back(std::move(warning));
  }
  return dataset;
}

}  // namespace roost::yolo
