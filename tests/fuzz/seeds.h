#pragma once

#include <string>
#include <vector>

namespace roost::fuzz {

/// One input to begin with; `name` is fit for a file.
struct Seed {
  std::string name;
  std::string bytes;
};

/// Well-formed inputs, small, that between them use every feature their target reads.
std::vector<Seed> PickleSeeds();
std::vector<Seed> ZipSeeds();
std::vector<Seed> CheckpointSeeds();

}  // namespace roost::fuzz
