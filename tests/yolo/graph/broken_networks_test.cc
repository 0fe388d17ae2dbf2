#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/yolo/graph.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

/// Reads a checkpoint up to the point where an engine would be opened, at the size detect.py would use.
Graph Prepare(const Path& file) {
  const Checkpoint checkpoint = LoadCheckpoint(file);
  Graph graph = Lower(*checkpoint.model);
  InferShapes(graph, 640, 640);
  return graph;
}

TEST(BrokenNetworksTest, EachIsRefusedOrAcceptedAsTheReferenceExpects) {
  ROOST_NEEDS_REFERENCE();
  const Path folder = *test::ReferenceDir() / "golden/checkpoints/bad";
  std::ifstream expectations_file(folder / "expect.json");
  const auto expectations = nlohmann::json::parse(expectations_file);
  int seen = 0;
  for (const auto& [file, expected] : expectations.items()) {
    if (!file.starts_with("struct_")) continue;
    SCOPED_TRACE(file + ": " + expected.dump());
    ++seen;
    const std::string expect = expected["expect"];
    try {
      Prepare(folder / file);
      EXPECT_FALSE(expect == "error" || expect.starts_with("error naming")) << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kBadData, error.code());
      EXPECT_EQ(std::string::npos, error.message().find('\n'));
      EXPECT_TRUE(expect.find("error") != std::string::npos) << error.message();
      if (expect.starts_with("error naming")) {
        EXPECT_NE(std::string::npos, error.message().find("models.common.Foo")) << error.message();
      }
    }
  }
  EXPECT_GT(seen, 40);
}

}  // namespace
}  // namespace roost::yolo
