// The customer's pipeline, with the files that the tree ships: detect jobs, then one upload.

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::set<std::string> NamesIn(const Path& folder) {
  std::set<std::string> names;
  if (!fs::exists(folder)) return names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

std::vector<std::string> FilesUnder(const Path& folder) {
  std::vector<std::string> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// A work folder as a user makes it: the shipped files, a list of picture folders, no HOME and no terminal.
class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() {
    const Path source = test::SourceDir();
    fs::copy(source / "dags", work() / "dags");
    fs::copy(source / "submit", work() / "submit");
    fs::create_directories(work() / "scripts");
    fs::create_directories(work() / "bin");
    for (const char* script : {"yolo.sh", "yolo-post.sh", "gdrive.sh"}) {
      fs::copy(source / "scripts" / script, work() / "scripts" / script);
    }
    for (const char* folder : {"a", "b"}) {
      fs::create_directories(work() / "pictures" / folder);
      test::WriteFile(work() / "pictures" / folder / "x.jpg", "picture");
    }
    ListFolders({"a", "b"});
  }

  const Path& work() const { return work_.path(); }

  void ListFolders(const std::vector<std::string>& folders) {
    std::string list;
    for (const std::string& folder : folders) list += (work() / "pictures" / folder).string() + "\n";
    test::WriteFile(work() / "dir.txt", list);
  }

  /// Stands in for yolo-detect where no weights are at hand: "detects" on every file of the source.
  void UseStandIn() {
    test::WriteScript(work() / "bin" / "yolo-detect", R"(#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in --weights) w=$2 ;; --source) s=$2 ;; --out) o=$2 ;; esac
  shift
done
[ -e "$w" ] || { echo "yolo-detect: cannot open weights '$w': No such file or directory" >&2; exit 66; }
mkdir -p "$o/labels"
for f in "$s"/*.jpg; do cp "$f" "$o/"; echo "0 0.5 0.5 1 1" >"$o/labels/$(basename "$f" .jpg).txt"; done
)");
  }

  test::CommandResult RunDag(const std::string& weights) {
    return test::RunCommand(
        {"env", "-u", "HOME", test::Program("dagrun").string(), "dags/yolo-gdrive.dag"}, work(),
        {"PATH=" + test::Program("").string() + ":/usr/bin:/bin", "ROOST_BIN=" + (work() / "bin").string(),
         "ROOST_WEIGHTS=" + weights, "ROOST_DESTINATION=folder:" + (work() / "delivered").string()});
  }

  TemporaryDirectory work_;
};

TEST_F(PipelineTest, DetectsOnEveryFolderAndShipsTheResults) {
  UseStandIn();
  test::WriteFile(work() / "w.pt", "weights");
  const auto run = RunDag((work() / "w.pt").string());
  ASSERT_EQ(0, run.status.value) << run.err;

  const auto delivered = NamesIn(work() / "delivered");
  ASSERT_EQ(2u, delivered.size());
  for (const std::string& folder : delivered) {
    EXPECT_THAT(FilesUnder(work() / "delivered" / folder), ElementsAre("labels/x.txt", "x.jpg"));
    EXPECT_EQ(FilesUnder(work() / "results" / folder), FilesUnder(work() / "delivered" / folder));
  }
}

TEST_F(PipelineTest, ASecondRunShipsItsOwnResultsAndLeavesTheFirstAlone) {
  UseStandIn();
  test::WriteFile(work() / "w.pt", "weights");
  ASSERT_EQ(0, RunDag((work() / "w.pt").string()).status.value);
  const auto first = NamesIn(work() / "delivered");

  ListFolders({"b"});
  const auto again = RunDag((work() / "w.pt").string());
  ASSERT_EQ(0, again.status.value) << again.err;
  auto both = NamesIn(work() / "delivered");
  EXPECT_EQ(3u, both.size());
  for (const std::string& folder : first) EXPECT_TRUE(both.contains(folder)) << folder;
}

TEST_F(PipelineTest, AFailedDetectJobFailsTheNodeAndARerunDoesWhatIsLeft) {
  UseStandIn();
  const auto failed = RunDag("/nonexistent/w.pt");
  EXPECT_EQ(1, failed.status.value);
  EXPECT_THAT(failed.err, HasSubstr("cannot open weights '/nonexistent/w.pt'"));
  EXPECT_THAT(failed.err, HasSubstr("yolo-gdrive.dag.rescue001"));
  EXPECT_TRUE(fs::exists(work() / "dags" / "yolo-gdrive.dag.rescue001"));
  EXPECT_THAT(NamesIn(work() / "delivered"), IsEmpty());

  test::WriteFile(work() / "w.pt", "weights");
  const auto rerun = RunDag((work() / "w.pt").string());
  EXPECT_EQ(0, rerun.status.value) << rerun.err;
  EXPECT_EQ(2u, NamesIn(work() / "delivered").size());
}

TEST_F(PipelineTest, AFailedUploadIsDoneAgainWithoutDetectingAgain) {
  UseStandIn();
  test::WriteFile(work() / "w.pt", "weights");
  test::WriteFile(work() / "delivered", "a file where the destination folder should be");
  EXPECT_EQ(1, RunDag((work() / "w.pt").string()).status.value);
  const auto detected = NamesIn(work() / "results");

  fs::remove(work() / "delivered");
  const auto rerun = RunDag((work() / "w.pt").string());
  EXPECT_EQ(0, rerun.status.value) << rerun.err;
  EXPECT_EQ(2u, NamesIn(work() / "delivered").size());
  for (const std::string& name : NamesIn(work() / "results")) {
    if (!name.starts_with("detect_")) continue;
    EXPECT_TRUE(detected.contains(name)) << "detected again: " << name;
  }
}

TEST_F(PipelineTest, WorksOnRealPicturesWithTheRealDetector) {
  ROOST_NEEDS_REFERENCE();
  if (!fs::exists(test::Program("yolo-detect"))) GTEST_SKIP() << "yolo-detect is not part of this build";
  const Path reference = *test::ReferenceDir();
  fs::copy(reference / "images" / "photos" / "bus.jpg", work() / "pictures" / "a" / "bus.jpg");
  fs::copy(reference / "images" / "photos" / "zidane.jpg", work() / "pictures" / "b" / "zidane.jpg");
  for (const char* folder : {"a", "b"}) fs::remove(work() / "pictures" / folder / "x.jpg");

  const auto run = RunDag((reference / "weights" / "yolov5n.pt").string());
  ASSERT_EQ(0, run.status.value) << run.err;
  std::vector<std::string> files = FilesUnder(work() / "delivered");
  ASSERT_EQ(6u, files.size());
  EXPECT_THAT(files[0], testing::EndsWith("bus.jpg"));
  EXPECT_THAT(files[1], testing::EndsWith("labels/bus.txt"));
  EXPECT_THAT(files[2], testing::EndsWith("run.json"));
  EXPECT_THAT(files[3], testing::EndsWith("labels/zidane.txt"));
  EXPECT_THAT(files[4], testing::EndsWith("run.json"));
  EXPECT_THAT(files[5], testing::EndsWith("zidane.jpg"));
}

}  // namespace
}  // namespace roost
