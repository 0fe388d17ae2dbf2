#include <algorithm>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/scenes/write_dataset.h"

namespace roost::yolo::scenes {
namespace {

using testing::HasSubstr;

/// Every file below a folder, by its name from there.
std::map<std::string, std::string> FilesBelow(const Path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files[std::filesystem::relative(entry.path(), folder)] = test::ReadText(entry.path());
    }
  }
  return files;
}

class DatasetTest : public testing::Test {
 protected:
  Path Folder(const std::string& name) const { return folder_.path() / name; }
  std::map<std::string, std::string> Write(DatasetPlan plan) {
    plan.long_side = 160;
    WriteDataset(plan, nullptr);
    return FilesBelow(plan.out);
  }
  TemporaryDirectory folder_;
};

TEST_F(DatasetTest, ThreadsDoNotMatter) {
  const auto one = Write({.out = Folder("one"), .train = 9, .val = 3, .test = 2, .seed = 5, .workers = 1});
  const auto three =
      Write({.out = Folder("three"), .train = 9, .val = 3, .test = 2, .seed = 5, .workers = 3});
  EXPECT_EQ(one.size(), 2U * 14 + 1);
  EXPECT_EQ(one, three);
}

TEST_F(DatasetTest, ALargerOneBeginsWithTheSamePictures) {
  const auto small = Write({.out = Folder("small"), .train = 4, .val = 2, .seed = 1});
  const auto large = Write({.out = Folder("large"), .train = 7, .val = 5, .seed = 1});
  for (const auto& [name, content] : small) {
    ASSERT_TRUE(large.contains(name)) << name;
    EXPECT_EQ(content, large.at(name)) << name;
  }
}

TEST_F(DatasetTest, SeedsAndSplitsDiffer) {
  const auto one = Write({.out = Folder("one"), .train = 1, .val = 1, .seed = 1});
  const auto two = Write({.out = Folder("two"), .train = 1, .val = 1, .seed = 2});
  EXPECT_NE(one.at("images/train/000000.jpg"), two.at("images/train/000000.jpg"));
  EXPECT_NE(one.at("images/train/000000.jpg"), one.at("images/val/000000.jpg"));
}

TEST_F(DatasetTest, RunAgainItMakesGoodWhatIsMissing) {
  const DatasetPlan plan{.out = Folder("data"), .train = 4, .val = 1};
  const auto first = Write(plan);
  std::filesystem::remove(plan.out / "images/train/000002.jpg");
  test::WriteFile(plan.out / "labels/train/000001.txt", "half a li");
  // What a killed run leaves: the process cannot be there.
  test::WriteFile(plan.out / "images/train" / (".000003." + HostName() + ".2000000000.0.tmp.jpg"),
                  "half a pic");
  EXPECT_EQ(Write(plan), first);
}

TEST_F(DatasetTest, PartOfThePicturesIsBackground) {
  const DatasetCounts counts = WriteDataset(
      {.out = Folder("data"), .train = 150, .val = 0, .long_side = 64, .background_fraction = 0.3}, nullptr);
  EXPECT_EQ(counts.pictures, 150);
  EXPECT_NEAR(static_cast<double>(counts.background), 45, 17);  // three deviations
  EXPECT_EQ(
      WriteDataset({.out = Folder("none"), .train = 12, .val = 0, .long_side = 96, .background_fraction = 0},
                   nullptr)
          .background,
      0);
  const DatasetCounts all = WriteDataset(
      {.out = Folder("all"), .train = 12, .val = 0, .long_side = 96, .background_fraction = 1}, nullptr);
  EXPECT_EQ(all.background, 12);
  EXPECT_EQ(all.signs, 0);
}

TEST_F(DatasetTest, PicturesCanBeRead) {
  const DatasetPlan plan{.out = Folder("data"), .train = 2, .val = 0, .long_side = 200};
  WriteDataset(plan, nullptr);
  const auto image = ReadImage(plan.out / "images/train/000001.jpg");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(std::max(image->size().width, image->size().height), 200);
}

TEST_F(DatasetTest, YamlNamesWhatIsThere) {
  const auto files = Write({.out = Folder("data"), .train = 1, .val = 1});
  EXPECT_EQ(
      files.at("data.yaml"),
      "# Road scenes rendered by make-signs.\npath: .\ntrain: images/train\nval: images/val\ntest:\nnames:\n"
      "  0: stop sign\n  1: do not enter\n  2: pedestrian crossing\n  3: yield\n");
}

TEST_F(DatasetTest, YamlKeepsWhatAnEarlierRunWrote) {
  Write({.out = Folder("data"), .train = 1, .val = 1});
  const auto files = Write({.out = Folder("data"), .train = 0, .val = 0, .test = 1});
  EXPECT_THAT(files.at("data.yaml"),
              ::testing::HasSubstr("train: images/train\nval: images/val\ntest: images/test\n"));
}

class MakeSigns : public DatasetTest {
 protected:
  static test::CommandResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), test::Program("make-signs"));
    return test::RunCommand(arguments);
  }
};

TEST_F(MakeSigns, WritesADataset) {
  const auto result =
      Run({"--out", Folder("data"), "--count-train", "3", "--count-val", "2", "--size", "96"});
  EXPECT_TRUE(result.status.ok()) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("5 pictures"));
  EXPECT_EQ(FilesBelow(Folder("data")).size(), 11U);
}

TEST_F(MakeSigns, RefusesBadNumbers) {
  for (const std::vector<std::string>& bad : {std::vector<std::string>{"--count-train", "-1"},
                                              {"--count-val", "many"},
                                              {"--size", "0"},
                                              {"--background-fraction", "1.5"},
                                              {"--quality", "101"},
                                              {"--seed", "-3"},
                                              {"--count-train", "0", "--count-val", "0"}}) {
    std::vector<std::string> arguments{"--out", Folder("data"), "--workers", "1"};
    arguments.insert(arguments.end(), bad.begin(), bad.end());
    const auto result = Run(arguments);
    EXPECT_EQ(result.status.value, 64) << bad[0] << " " << bad[1] << ": " << result.err;
    EXPECT_FALSE(std::filesystem::exists(Folder("data"))) << bad[0];
  }
  EXPECT_EQ(Run({"--out", ""}).status.value, 64);
  EXPECT_EQ(Run({}).status.value, 64);
}

TEST_F(MakeSigns, SaysWhereItCannotWrite) {
  test::WriteFile(Folder("file"), "");
  const auto result = Run({"--out", Folder("file") / "data", "--count-train", "1", "--count-val", "0"});
  EXPECT_EQ(result.status.value, 73) << result.err;
  EXPECT_THAT(result.err, HasSubstr((Folder("file") / "data").string()));
}

}  // namespace
}  // namespace roost::yolo::scenes
