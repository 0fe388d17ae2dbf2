#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/data/dataset.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DatasetYamlTest : public ::testing::Test {
 protected:
  DatasetYaml Read(const std::string& text) {
    test::WriteFile(file_, text);
    return ReadDatasetYaml(file_);
  }
  std::string FaultOf(const std::string& text) {
    try {
      Read(text);
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kBadData, error.code());
      return error.message().substr(folder_.path().string().size() + 1);
    }
    return "";
  }
  void Make(const std::string& name) { MakeDirectories(folder_.path() / name); }

  TemporaryDirectory folder_;
  Path file_ = folder_.path() / "data.yaml";
};

TEST_F(DatasetYamlTest, PathsAreBelowPathWhichIsBesideTheFile) {
  Make("signs/images/train");
  const DatasetYaml yaml = Read(
      "path: signs  # root\n"
      "train: images/train\n"
      "val: images/val\n"
      "names:\n  0: stop\n  1: yield\n");
  EXPECT_THAT(yaml.train, ElementsAre(folder_.path() / "signs/images/train"));
  EXPECT_THAT(yaml.val, ElementsAre(folder_.path() / "signs/images/val"));  // not there: said by who needs it
  EXPECT_THAT(yaml.test, IsEmpty());
  EXPECT_THAT(yaml.names, ElementsAre("stop", "yield"));
}

TEST_F(DatasetYamlTest, TrainMayBeAListAndNamesToo) {
  const DatasetYaml yaml = Read("train: [a, /b]\nval: c.txt\ntest:\nnc: 2\nnames: [stop, no]\n");
  EXPECT_THAT(yaml.train, ElementsAre(folder_.path() / "a", "/b"));
  EXPECT_THAT(yaml.val, ElementsAre(folder_.path() / "c.txt"));
  EXPECT_THAT(yaml.names, ElementsAre("stop", "no"));
}

TEST_F(DatasetYamlTest, FoldersThatExportersPutOneTooHighAreFound) {
  Make("valid/images");
  EXPECT_THAT(Read("train: ../train/images\nval: ../valid/images\nnames: [a]\n").val,
              ElementsAre(folder_.path() / "valid/images"));
}

TEST_F(DatasetYamlTest, NamesOfIdsThatTheMapLeavesOutAreMadeUp) {
  EXPECT_THAT(Read("names: {2: c, 0: a}\n").names, ElementsAre("a", "class1", "c"));
}

TEST_F(DatasetYamlTest, DownloadIsKeptButNotRun) {
  EXPECT_EQ("bash get.sh", Read("names: [a]\nval: v\ndownload: bash get.sh\n").download);
}

TEST_F(DatasetYamlTest, FaultsNameTheirLine) {
  EXPECT_THAT(FaultOf("names: [a]\nval: ''\n"), HasSubstr(":2: a path must not be empty"));
  EXPECT_THAT(FaultOf("train: [a\nnames: [x]\n"), HasSubstr("data.yaml:"));
  EXPECT_EQ("data.yaml:1: no 'names': a list of class names, or a map from class id to name",
            FaultOf("train: a\nval: b\n"));
  EXPECT_THAT(FaultOf("train: a\nnames: {}\n"), HasSubstr("data.yaml:2: no 'names'"));
  EXPECT_THAT(FaultOf("names:\n  0: a\n  x: b\n"), HasSubstr("data.yaml:3: class ids are whole numbers"));
  EXPECT_THAT(FaultOf("names:\n  -1: a\n"), HasSubstr("data.yaml:2: class ids"));
  EXPECT_THAT(FaultOf("names:\n  99999999999999999999: a\n"), HasSubstr("class ids"));
  EXPECT_THAT(FaultOf("names: [a, [b]]\n"), HasSubstr("data.yaml:1: a class name is a piece of text"));
  EXPECT_EQ("data.yaml:2: 'nc' is 3, but there are 2 names", FaultOf("names: [a, b]\nnc: 3\n"));
  EXPECT_THAT(FaultOf("names: [a]\nval: {x: y}\n"), HasSubstr("data.yaml:2: a path or a list of paths"));
  EXPECT_THAT(FaultOf("- a\n- b\n"), HasSubstr("not a dataset"));
  EXPECT_THAT(FaultOf(""), HasSubstr("not a dataset"));
  EXPECT_THAT(FaultOf("path: [a]\nnames: [a]\n"), HasSubstr("data.yaml:1: 'path'"));
}

TEST_F(DatasetYamlTest, AFileThatIsNotThereIsNoInput) {
  try {
    ReadDatasetYaml(folder_.path() / "none.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kNoInput, error.code());
    EXPECT_THAT(error.message(), HasSubstr("none.yaml"));
  }
}

}  // namespace
}  // namespace roost::yolo
