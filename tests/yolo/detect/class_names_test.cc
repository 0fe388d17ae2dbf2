#include "yolo/detect/class_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ClassNamesTest : public ::testing::Test {
 protected:
  std::vector<std::string> Read(const std::string& yaml) {
    test::WriteFile(file_, yaml);
    return ReadClassNames(file_);
  }
  std::string MessageOf(const std::string& yaml) {
    try {
      Read(yaml);
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kBadData, error.code());
      return error.message();
    }
    return "no error";
  }
  TemporaryDirectory folder_;
  Path file_ = folder_.path() / "data.yaml";
};

TEST_F(ClassNamesTest, NamesAreAListOrAMap) {
  EXPECT_THAT(Read("nc: 2\nnames: [cat, 'dog house']\n"), ElementsAre("cat", "dog house"));
  EXPECT_THAT(Read("names:\n  2: bird\n  0: cat\n"), ElementsAre("cat", "class1", "bird"));
}

TEST_F(ClassNamesTest, WhatIsWrongIsSaidWithFileAndLine) {
  EXPECT_THAT(MessageOf("path: x\n"), HasSubstr("data.yaml:1: no 'names'"));
  EXPECT_THAT(MessageOf("just text"), HasSubstr("no 'names'"));
  EXPECT_THAT(MessageOf("a: 1\nnames: {x: cat}\n"), HasSubstr("data.yaml:2: "));
  EXPECT_THAT(MessageOf("names:\n  -1: cat\n"), HasSubstr("data.yaml:2: class id -1"));
  EXPECT_THAT(MessageOf("names: [a, [b]]\n"), HasSubstr("data.yaml:1: "));
  EXPECT_THAT(MessageOf("names: [a\n"), HasSubstr("data.yaml:"));
}

TEST_F(ClassNamesTest, NamesTheReaderMadeUpAreRecognised) {
  EXPECT_TRUE(AreNamesMadeUp({"class0", "class1"}));
  EXPECT_FALSE(AreNamesMadeUp({"class0", "cat"}));
}

}  // namespace
}  // namespace roost::yolo
