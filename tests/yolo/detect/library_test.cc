// The library as somebody else's project meets it: installed, found by CMake, linked, run.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/detect/tiny_detector.h"

namespace roost {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LibraryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Path build = test::Program("").parent_path().parent_path();
    Run({ROOST_CMAKE, "--install", build.string(), "--prefix", prefix_.string()});
  }

  /// Stops the test where the command fails, and shows why.
  static void Run(const std::vector<std::string>& argv) {
    const auto result = test::RunCommand(argv);
    ASSERT_TRUE(result.status.ok()) << argv[1] << '\n' << result.out << result.err;
  }
  void Build(const Path& source) {
    Run({ROOST_CMAKE, "-S", source.string(), "-B", build_.string(), "-DCMAKE_BUILD_TYPE=Release",
         "-DCMAKE_CXX_COMPILER=" ROOST_CXX, "-DCMAKE_PREFIX_PATH=" + prefix_.string()});
    if (!HasFatalFailure()) Run({ROOST_CMAKE, "--build", build_.string()});
  }

  TemporaryDirectory folder_;
  Path prefix_ = folder_.path() / "prefix";
  Path build_ = folder_.path() / "build";
};

TEST_F(LibraryTest, TheExampleBuildsAgainstAnInstallationAndDetects) {
  ASSERT_NO_FATAL_FAILURE(Build(test::SourceDir() / "docs/examples/detect"));
  const Path weights = folder_.path() / "tiny.pt";
  const Path picture = folder_.path() / "picture.png";
  test::WriteFile(weights, test::TinyDetector());
  test::WriteFile(picture, test::CellPicture("r../..b"));

  const auto found = test::RunCommand({(build_ / "detect").string(), weights.string(), picture.string()});
  EXPECT_TRUE(found.status.ok()) << found.err;
  EXPECT_THAT(found.out, HasSubstr("red "));
  EXPECT_THAT(found.out, HasSubstr("blue "));

  const auto missing = test::RunCommand({(build_ / "detect").string(), "none.pt", picture.string()});
  EXPECT_EQ(66, missing.status.value);
  EXPECT_THAT(missing.err, StartsWith("detect: cannot read weights 'none.pt'"));
}

TEST_F(LibraryTest, EveryInstalledHeaderStandsAlone) {
  const Path source = folder_.path() / "headers";
  std::filesystem::create_directories(source);
  std::string files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(prefix_ / "include")) {
    if (!entry.is_regular_file()) continue;
    const std::string header = entry.path().lexically_relative(prefix_ / "include").string();
    const std::string file = "header" + std::to_string(files.size()) + ".cc";
    test::WriteFile(source / file, "#include \"" + header + "\"\n");
    files += " " + file;
  }
  test::WriteFile(source / "CMakeLists.txt",
                  "cmake_minimum_required(VERSION 3.25)\nproject(headers LANGUAGES CXX)\n"
                  "find_package(roost REQUIRED)\nadd_library(headers OBJECT" +
                      files + ")\ntarget_link_libraries(headers PRIVATE roost::yolo)\n");
  Build(source);
}

}  // namespace
}  // namespace roost
