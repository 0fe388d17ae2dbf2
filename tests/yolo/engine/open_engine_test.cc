#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/engine.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Graph SmallGraph() {
  Graph g;
  g.Activate(g.Input(1), {ActivationKind::kReLU}, "act");
  return g;
}

/// Sets ROOST_ENGINE_DIR for one test.
class EngineDir {
 public:
  explicit EngineDir(const Path& path) { ::setenv("ROOST_ENGINE_DIR", path.c_str(), 1); }
  ~EngineDir() { ::unsetenv("ROOST_ENGINE_DIR"); }
  EngineDir(const EngineDir&) = delete;
  EngineDir& operator=(const EngineDir&) = delete;
};

Error ErrorOf(const std::string& name, const EngineOptions& options) {
  try {
    OpenEngine(name, SmallGraph(), options);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "opened";
  return Error("");
}

TEST(OpenEngineTest, FindsTheModuleBesideTheProgram) {
  const auto engine = OpenEngine("torch", SmallGraph(), {.device = "cpu"});
  EXPECT_THAT(engine->Description(), StartsWith("torch "));
}

TEST(OpenEngineTest, TheDescriptionNamesDeviceAndThreads) {
  const auto engine = OpenEngine("torch", SmallGraph(), {.device = "cpu", .threads = 2});
  EXPECT_THAT(engine->Description(), HasSubstr("CPU (2 threads)"));
}

TEST(OpenEngineTest, RefusesAnUnknownEngineAndListsTheKnownOnes) {
  const Error error = ErrorOf("../torch", {});
  EXPECT_EQ(ExitCode::kUsage, error.code());
  EXPECT_THAT(error.message(), HasSubstr("unknown engine '../torch'"));
  EXPECT_THAT(error.hint(), HasSubstr("torch"));
}

TEST(OpenEngineTest, SaysWhereItLookedForTheModule) {
  const TemporaryDirectory empty;
  const EngineDir dir(empty.path());
  const Error error = ErrorOf("torch", {});
  EXPECT_THAT(error.message(), HasSubstr("no roost_engine_torch.so in " + empty.path().string()));
  EXPECT_THAT(error.hint(), HasSubstr("ROOST_ENGINE_DIR"));
}

TEST(OpenEngineTest, RefusesAFileThatIsNoModule) {
  const TemporaryDirectory folder;
  test::WriteFile(folder.path() / "roost_engine_torch.so", "not a shared object");
  const EngineDir dir(folder.path());
  EXPECT_THAT(ErrorOf("torch", {}).message(), HasSubstr("cannot open the engine"));
}

TEST(OpenEngineTest, RefusesALibraryThatIsNoEngine) {
  const TemporaryDirectory folder;
  std::filesystem::create_symlink("/lib/x86_64-linux-gnu/libz.so.1", folder.path() / "roost_engine_torch.so");
  if (!std::filesystem::exists(folder.path() / "roost_engine_torch.so")) GTEST_SKIP() << "no libz.so.1 here";
  const EngineDir dir(folder.path());
  EXPECT_THAT(ErrorOf("torch", {}).message(), HasSubstr("not of this version of Roost"));
}

TEST(OpenEngineTest, RefusesADeviceThatIsNone) {
  for (const std::string device : {"tpu", "-1", "0,1", "cuda:", "cpu0"}) {
    const Error error = ErrorOf("torch", {.device = device});
    EXPECT_EQ(ExitCode::kUsage, error.code()) << device;
    EXPECT_THAT(error.message(), HasSubstr("unknown device '" + device + "'"));
  }
}

TEST(OpenEngineTest, AsksForCudaOnlyWhereThereIsSome) {
  const std::string description = OpenEngine("torch", SmallGraph(), {})->Description();
  if (description.find("CUDA") != std::string::npos) {
    EXPECT_THAT(ErrorOf("torch", {.device = "99"}).message(), HasSubstr("no CUDA device 99"));
    return;
  }
  for (const std::string device : {"0", "cuda", "cuda:0", "CUDA:1"}) {
    const Error error = ErrorOf("torch", {.device = device});
    EXPECT_THAT(error.message(), HasSubstr("there is no CUDA here"));
    EXPECT_THAT(error.hint(), HasSubstr("--device cpu"));
  }
}

}  // namespace
}  // namespace roost::yolo
