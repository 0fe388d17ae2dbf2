#include "yolo/train/hyperparameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/error.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;

TEST(Hyperparameters, AreReadByName) {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "hyp.yaml";
  test::WriteFile(file, "lr0: 0.0032  # initial\nmosaic: 0.5\nanchors: 3\nfl_gamma: 0.0\n");
  const Hyperparameters read = ReadHyperparameters(file);
  EXPECT_EQ(read.lr0, 0.0032);
  EXPECT_EQ(read.augmentation.mosaic, 0.5);
  EXPECT_EQ(read.anchors, 3);
  EXPECT_EQ(read.box, 0.05) << "what the file leaves out keeps its usual value";
}

TEST(Hyperparameters, AreWrittenAsTheyAreRead) {
  const TemporaryDirectory folder;
  Hyperparameters some;
  ASSERT_TRUE(some.Set("hsv_h", 0.123));
  ASSERT_TRUE(some.Set("lrf", 0.2));
  test::WriteFile(folder.path() / "hyp.yaml", ToYaml(some));
  EXPECT_EQ(ReadHyperparameters(folder.path() / "hyp.yaml").All(), some.All());
}

TEST(Hyperparameters, NameTheLineThatIsWrong) {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "hyp.yaml";
  const auto message = [&](const std::string& text) {
    test::WriteFile(file, text);
    try {
      ReadHyperparameters(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadData);
      return error.message();
    }
    return std::string("accepted");
  };
  EXPECT_THAT(message("lr0: 0.1\nlr1: 3\n"), HasSubstr("hyp.yaml:2: there is no hyperparameter 'lr1'"));
  EXPECT_THAT(message("lr0: fast\n"), HasSubstr("hyp.yaml:1: 'lr0' is no number"));
  EXPECT_THAT(message("lr0: .nan\n"), HasSubstr("hyp.yaml:1: 'lr0' is no number"));
  EXPECT_THAT(message("- 1\n"), HasSubstr("holds no hyperparameters"));
}

}  // namespace
}  // namespace roost::yolo
