// What the fuzzers begin with, through the functions they drive, in the plain build.
#include <gtest/gtest.h>

#include "fuzz/replay.h"
#include "roost/yolo/graph.h"
#include "yolo/model/checkpoint.h"
#include "yolo/model/pickle.h"
#include "yolo/model/torch_objects.h"
#include "yolo/model/zip.h"

namespace roost::fuzz {
namespace {

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
