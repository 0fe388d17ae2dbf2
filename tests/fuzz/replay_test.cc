// What the fuzzers begin with, through the functions they drive, in the plain build.
#include <functional>

#include <gtest/gtest.h>

#include "fuzz/seeds.h"
#include "fuzz/targets.h"
#include "roost/yolo/graph.h"
#include "yolo/model/checkpoint.h"
#include "yolo/model/pickle.h"
#include "yolo/model/torch_objects.h"
#include "yolo/model/zip.h"

namespace roost::fuzz {
namespace {

Bytes AsBytes(const std::string& text) { return std::as_bytes(std::span(text)); }

/// The seeds as they are, cut short everywhere and with single bytes changed: a very small fuzzer.
void Replay(const std::vector<Seed>& seeds, const std::function<void(Bytes)>& target) {
  constexpr std::size_t kPlaces = 200;
  for (const Seed& seed : seeds) {
    SCOPED_TRACE(seed.name);
    EXPECT_NO_THROW(target(AsBytes(seed.bytes)));
    const std::size_t step = seed.bytes.size() / kPlaces + 1;
    for (std::size_t at = 0; at < seed.bytes.size(); at += step) {
      EXPECT_NO_THROW(target(AsBytes(seed.bytes).first(at))) << "cut at " << at;
      for (const int change : {1, 0x80, 0xFF}) {
        std::string changed = seed.bytes;
        changed[at] = static_cast<char>(changed[at] ^ change);
        EXPECT_NO_THROW(target(AsBytes(changed))) << "byte " << at << " xor " << change;
      }
    }
  }
}

TEST(FuzzReplayTest, Unpickle) { Replay(PickleSeeds(), Unpickle); }
TEST(FuzzReplayTest, ReadZip) { Replay(ZipSeeds(), ReadZip); }
TEST(FuzzReplayTest, LoadNetwork) { Replay(CheckpointSeeds(), LoadNetwork); }

// Seeds that are refused at once would leave the fuzzers at the door.

TEST(FuzzReplayTest, PickleSeedsAreWellFormed) {
  for (const Seed& seed : PickleSeeds()) {
    yolo::pickle::Heap heap;
    yolo::TorchObjects objects;
    const auto read = [&] { return yolo::pickle::Unpickle(AsBytes(seed.bytes), objects, heap).bytes_used; };
    EXPECT_EQ(seed.bytes.size(), read()) << seed.name;
  }
}

TEST(FuzzReplayTest, ZipSeedsAreWellFormed) {
  for (const Seed& seed : ZipSeeds()) {
    const yolo::ZipArchive zip({AsBytes(seed.bytes), nullptr});
    for (const auto& entry : zip.entries()) EXPECT_NO_THROW(zip.Read(entry)) << seed.name;
  }
}

TEST(FuzzReplayTest, CheckpointSeedsAreNetworks) {
  for (const Seed& seed : CheckpointSeeds()) {
    if (seed.name == "pickle") continue;  // its container is made by the target
    const auto checkpoint = yolo::ReadCheckpoint({AsBytes(seed.bytes), nullptr});
    EXPECT_NO_THROW(yolo::InferShapes(yolo::Lower(*checkpoint.model), 640, 640)) << seed.name;
  }
}

}  // namespace
}  // namespace roost::fuzz
