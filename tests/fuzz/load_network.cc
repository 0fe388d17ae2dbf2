#include <string_view>

#include "fuzz/guard.h"
#include "fuzz/targets.h"
#include "roost/yolo/graph.h"
#include "yolo/model/checkpoint.h"
#include "yolo/model/forged_checkpoint.h"
#include "yolo/model/torch_objects.h"

namespace roost::fuzz {
namespace {

bool IsContainer(std::string_view bytes) {
  constexpr std::string_view kLegacyNumber = "\x8a\x0a\x6c\xfc\x9c\x46";  // behind protocol and frame
  return bytes.starts_with("PK") || bytes.substr(0, 20).find(kLegacyNumber) != std::string_view::npos;
}

/// A zip container of this pickle and the storages that it declares; nothing where they are too large to be
/// worth it.
std::string Contain(std::string_view pickle) {
  constexpr std::size_t kMostStorage = 4'000'000;
  // 16 as a float: fit for a stride, an anchor, a weight.
  constexpr std::string_view kPattern{"\0\0\x80\x41", 4};

  yolo::pickle::Heap heap;
  yolo::TorchObjects objects;
  MayRefuse([&] { yolo::pickle::Unpickle(std::as_bytes(std::span(pickle)), objects, heap); });
  std::vector<test::ZipEntry> entries = {{.name = "best/data.pkl", .content = std::string(pickle)}};
  std::size_t total = 0;
  for (const auto& [key, storage] : objects.storages()) {
    const std::size_t element = yolo::SizeOf(storage->dtype);
    const auto numel = static_cast<std::size_t>(storage->key_numel);
    if (numel > (kMostStorage - total) / element) return {};
    total += numel * element;
    std::string content;
    while (content.size() < numel * element) content += kPattern;
    content.resize(numel * element);
    entries.push_back({.name = "best/data/" + std::string(key), .content = std::move(content)});
  }
  return test::Zip(entries);
}

}  // namespace

void LoadNetwork(Bytes bytes) {
  const std::string_view given(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string contained;
  if (!IsContainer(given)) {
    contained = Contain(given);
    bytes = std::as_bytes(std::span(contained));
  }
  MayRefuse([&] {
    const yolo::Checkpoint checkpoint = yolo::ReadCheckpoint({bytes, nullptr});
    const yolo::Graph graph = yolo::Lower(*checkpoint.model);
    constexpr std::int64_t kSide = 640;
    yolo::InferShapes(graph, kSide, kSide);
    yolo::InferShapes(yolo::Optimize(graph), kSide, kSide);
  });
}

}  // namespace roost::fuzz
