// Writes the inputs that the fuzzers begin with into OUTPUT/{unpickle,read_zip,load_network}. With a second
// folder, also the pickles of the checkpoints in it: real ones say more than made ones.
#include <filesystem>
#include <iostream>

#include "fuzz/seeds.h"
#include "roost/base/files.h"
#include "yolo/model/zip.h"

namespace {

using roost::Path;
using roost::fuzz::Seed;

void Write(const Path& folder, const std::vector<Seed>& seeds) {
  std::filesystem::create_directories(folder);
  for (const Seed& seed : seeds) roost::WriteFileAtomically(folder / seed.name, seed.bytes).value();
}

std::vector<Seed> PicklesBelow(const Path& folder) {
  std::vector<Seed> seeds;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.path().extension() != ".pt") continue;
    const auto mapped = roost::MappedFile::Open(file.path());
    try {
      const roost::yolo::ZipArchive zip({mapped->bytes(), mapped});
      for (const auto& entry : zip.entries()) {
        constexpr std::uint64_t kWorthMutating = 200'000;  // bytes
        if (!entry.name.ends_with("/data.pkl") || entry.size > kWorthMutating) continue;
        const auto pickle = zip.Read(entry);
        seeds.push_back({"from-" + file.path().stem().string(),
                         {reinterpret_cast<const char*>(pickle.bytes.data()), pickle.bytes.size()}});
      }
    } catch (const roost::Error&) {
      // Some are broken on purpose.
    }
  }
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::cerr << "usage: write_seeds OUTPUT [FOLDER_OF_CHECKPOINTS]\n";
    return 64;
  }
  try {
    const Path output = argv[1];
    Write(output / "unpickle", roost::fuzz::PickleSeeds());
    Write(output / "read_zip", roost::fuzz::ZipSeeds());
    Write(output / "load_network", roost::fuzz::CheckpointSeeds());
    if (argc == 3) {
      const std::vector<Seed> pickles = PicklesBelow(argv[2]);
      Write(output / "unpickle", pickles);
      Write(output / "load_network", pickles);
    }
  } catch (const std::exception& error) {
    std::cerr << "write_seeds: " << error.what() << '\n';
    return 1;
  }
}
