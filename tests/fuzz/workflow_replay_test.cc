// The text cases of the parsers, what once broke them, and the reference where it is there, through the
// functions that the fuzzers drive, in the plain build.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "fuzz/replay.h"
#include "support/support.h"

namespace roost::fuzz {
namespace {

/// The files below `folder`, of the tests' cases or of the reference, whose names end like one of `endings`.
std::vector<Seed> Files(const Path& folder, const std::vector<std::string>& endings) {
  std::vector<Seed> seeds;
  if (!std::filesystem::is_directory(folder)) return seeds;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const auto ends_name = [&](const std::string& ending) { return name.ends_with(ending); };
    if (!entry.is_regular_file() || std::none_of(endings.begin(), endings.end(), ends_name)) continue;
    seeds.push_back({entry.path().lexically_relative(folder), test::ReadText(entry.path())});
  }
  std::sort(seeds.begin(), seeds.end(), [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

std::vector<Seed> Cases(const std::string& folder, const std::string& ending) {
  std::vector<Seed> seeds = Files(test::SourceDir() / "tests/cases" / folder, {ending});
  EXPECT_FALSE(seeds.empty()) << "no seeds in " << folder;
  return seeds;
}

std::vector<Seed> Golden(const std::vector<std::string>& endings) {
  return test::ReferenceDir() ? Files(*test::ReferenceDir() / "golden/htcondor", endings)
                              : std::vector<Seed>();
}

/// Without mutations: there are many, and the cases above are mutated.
void ReplayAsTheyAre(const std::vector<Seed>& seeds, const std::function<void(Bytes)>& target) {
  for (const Seed& seed : seeds) {
    SCOPED_TRACE(seed.name);
    EXPECT_NO_THROW(target(AsBytes(seed.bytes)));
  }
}

TEST(FuzzReplayTest, ParseDag) {
  Replay(Cases("dag/parse", ".dag"), ParseDag);
  Replay(Cases("fuzz/parse_dag", ""), ParseDag);
  ReplayAsTheyAre(Golden({".dag"}), ParseDag);
}

TEST(FuzzReplayTest, ApplyRescue) {
  Replay(Cases("fuzz/apply_rescue", ""), ApplyRescue);
  ReplayAsTheyAre(Golden({".rescue001", ".rescue002"}), ApplyRescue);
}

TEST(FuzzReplayTest, ExpandSubmit) {
  Replay(Cases("dag/submit", ".sub"), ExpandSubmit);
  Replay(Cases("fuzz/expand_submit", ""), ExpandSubmit);
  ReplayAsTheyAre(Golden({".sub"}), ExpandSubmit);
}

TEST(FuzzReplayTest, ParseEvents) {
  Replay(Cases("fuzz/parse_events", ""), ParseEvents);
  ReplayAsTheyAre(Golden({".log"}), ParseEvents);
}

TEST(FuzzReplayTest, EvaluateExpression) {
  Replay(Cases("fuzz/evaluate_expression", ""), EvaluateExpression);
}

}  // namespace
}  // namespace roost::fuzz
