#include "yolo/scenes/write_dataset.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "roost/yolo/image.h"
#include "yolo/scenes/scene.h"
#include "yolo/scenes/sign_faces.h"

namespace roost::yolo::scenes {
namespace {

struct Split {
  std::string_view name;
  std::uint64_t number;  // goes into the seed
  std::int64_t pictures;
};

std::string FileName(std::int64_t index) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%06lld", static_cast<long long>(index));
  return text.data();
}

std::string ToText(const std::vector<Label>& labels) {
  std::string text;
  for (const Label& label : labels) {
    std::array<char, 128> line{};
    std::snprintf(line.data(), line.size(), "%d %.6f %.6f %.6f %.6f\n", static_cast<int>(label.class_id),
                  label.x, label.y, label.width, label.height);
    text += line.data();
  }
  return text;
}

/// Also the splits that an earlier run wrote.
std::string DataYaml(const Path& folder, const std::vector<Split>& splits) {
  std::string text = "# Road scenes rendered by make-signs.\npath: .\n";
  for (const Split& split : splits) {
    const std::string pictures = "images/" + std::string(split.name);
    std::error_code error;
    const bool there = split.pictures > 0 || (std::filesystem::exists(folder / pictures, error) &&
                                              !std::filesystem::is_empty(folder / pictures, error));
    text += std::string(split.name) + ":" + (there ? " " + pictures : "") + "\n";
  }
  text += "names:\n";
  for (std::size_t i = 0; i < kSignNames.size(); ++i) {
    text += "  " + std::to_string(i) + ": " + std::string(kSignNames.at(i)) + "\n";
  }
  return text;
}

/// Removes what a killed run left half-written in `folder`: a reader of datasets could take it for a picture.
void RemoveLeftovers(const Path& folder) {
  std::vector<Path> leftovers;
  std::error_code error;  // a folder that cannot be read may still be written
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (IsAtomicLeftover(it->path())) leftovers.push_back(it->path());
  }
  for (const Path& path : leftovers) std::filesystem::remove(path, error);
}

Scene Render(const DatasetPlan& plan, const Split& split, std::int64_t index) {
  Random random = Random(plan.seed).Fork(split.number).Fork(static_cast<std::uint64_t>(index));
  const std::uint64_t seed = random.Next();
  return RenderScene(seed,
                     {.long_side = plan.long_side, .background = random.Chance(plan.background_fraction)});
}

void WriteScene(const DatasetPlan& plan, const Split& split, std::int64_t index, const Scene& scene) {
  const std::string name = FileName(index);
  const auto jpeg = EncodeJpeg(scene.image, std::min(scene.quality, plan.quality));
  // The label file first: a picture without one would count as background.
  WriteFileAtomically(plan.out / "labels" / split.name / (name + ".txt"), ToText(scene.labels),
                      AtomicFile::Sync::kNo)
      .value();
  WriteFileAtomically(plan.out / "images" / split.name / (name + ".jpg"), jpeg.value(), AtomicFile::Sync::kNo)
      .value();
}

}  // namespace

DatasetCounts WriteDataset(const DatasetPlan& plan, const std::function<void(std::int64_t)>& progress) {
  const std::vector<Split> splits{{"train", 1, plan.train}, {"val", 2, plan.val}, {"test", 3, plan.test}};
  std::int64_t total = 0;
  for (const Split& split : splits) {
    if (split.pictures == 0) continue;
    for (const char* const kind : {"images", "labels"}) {
      MakeDirectories(plan.out / kind / split.name);
      RemoveLeftovers(plan.out / kind / split.name);
    }
    total += split.pictures;
  }
  MakeDirectories(plan.out);

  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;  // of what follows
  DatasetCounts counts;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::int64_t i = next++; i < total; i = next++) {
        std::int64_t index = i;
        auto split = splits.begin();
        while (index >= split->pictures) index -= (split++)->pictures;
        const Scene scene = Render(plan, *split, index);
        WriteScene(plan, *split, index, scene);
        const std::lock_guard lock(mutex);
        ++counts.pictures;
        counts.background += scene.labels.empty() ? 1 : 0;
        counts.signs += static_cast<std::int64_t>(scene.labels.size());
        if (progress) progress(counts.pictures);
      }
    } catch (...) {
      next = total;  // the others stop after the picture they are at
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    const auto cpus = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const int threads = plan.workers > 0 ? plan.workers : cpus;
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<std::size_t>(threads));
    for (int i = 0; i < threads; ++i) workers.emplace_back(work);
  }
  if (failure) std::rethrow_exception(failure);
  // Last: where it is, everything it names is there.
  WriteFileAtomically(plan.out / "data.yaml", DataYaml(plan.out, splits)).value();
  SyncFileSystem(plan.out).value();
  return counts;
}

}  // namespace roost::yolo::scenes
