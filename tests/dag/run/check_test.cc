#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

CommandResult Check(const Path& folder, const std::vector<std::string>& words) {
  std::vector<std::string> argv = {Program("dagrun").string(), "check"};
  argv.insert(argv.end(), words.begin(), words.end());
  return RunCommand(argv, folder);
}

/// tests/cases/dag/check: a folder for each fault, with a DAG that has no other.
std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(SourceDir() / "tests/cases/dag/check")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class CheckCase : public ::testing::TestWithParam<std::string> {};

/// A line of x.expect that ends in "..." says how the line begins: its wording is somebody else's.
TEST_P(CheckCase, NamesTheFaultAndItsLine) {
  const Path folder = SourceDir() / "tests/cases/dag/check" / GetParam();
  const CommandResult result = Check(folder, {"x.dag"});
  const std::vector<std::string> said = SplitAny(result.out, "\n");
  const std::vector<std::string> expected = SplitAny(ReadText(folder / "x.expect"), "\n");
  ASSERT_EQ(said.size(), expected.size()) << result.out;
  bool mistakes = false;
  for (std::size_t i = 0; i < said.size(); ++i) {
    const std::string& line = expected[i];
    if (line.ends_with("...")) {
      EXPECT_THAT(said[i], ::testing::StartsWith(line.substr(0, line.size() - 3)));
    } else {
      EXPECT_EQ(said[i], line);
    }
    mistakes = mistakes || (i + 1 < said.size() && said[i].find(": warning: ") == std::string::npos);
  }
  EXPECT_EQ(result.status.value, mistakes ? 65 : 0);
  EXPECT_EQ(result.err, "");
}

INSTANTIATE_TEST_SUITE_P(Folders, CheckCase, ::testing::ValuesIn(Cases()),
                         [](const auto& folder) { return folder.param; });

TEST(CheckTest, JsonHasTheSameFaults) {
  const Path folder = SourceDir() / "tests/cases/dag/check/no_shebang";
  const auto document = nlohmann::json::parse(Check(folder, {"--json", "x.dag"}).out);
  EXPECT_EQ(document["ok"], false);
  ASSERT_EQ(document["faults"].size(), 1U);
  EXPECT_EQ(document["faults"][0]["file"], "a.sub");
  EXPECT_EQ(document["faults"][0]["line"], 1);
  EXPECT_EQ(document["faults"][0]["severity"], "error");
  EXPECT_THAT(document["faults"][0]["message"], HasSubstr("no #! line"));
}

TEST(CheckTest, ManyNodesWithTheSameFaultAreOneFindingAndACount) {
  const TemporaryDirectory folder;
  std::string dag;
  for (int i = 0; i < 100; ++i) {
    const std::string node = "N" + std::to_string(i);
    dag += "JOB " + node + " a.sub\nVARS " + node + " picture=\"" + node + ".jpg\"\n";
  }
  WriteFile(folder.path() / "x.dag", dag);
  WriteFile(folder.path() / "a.sub", "executable = /bin/true\ninput = $(picture)\nqueue\n");
  const CommandResult result = Check(folder.path(), {"x.dag"});
  EXPECT_EQ(SplitAny(result.out, "\n").size(), 4U) << result.out;
  EXPECT_THAT(result.out, HasSubstr("N2.jpg"));
  EXPECT_THAT(result.out, HasSubstr("and 97 more like this"));
  EXPECT_THAT(result.out, Not(HasSubstr("N3.jpg")));
}

TEST(CheckTest, WritesNothing) {
  const TemporaryDirectory folder;
  WriteFile(folder.path() / "x.dag", "JOB A a.sub\n");
  WriteFile(folder.path() / "a.sub", "executable = /bin/true\noutput = a.out\nlog = a.log\nqueue\n");
  EXPECT_EQ(Check(folder.path(), {"x.dag"}).status.value, 0);
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder.path())) left.insert(entry.path().filename());
  EXPECT_EQ(left, (std::set<std::string>{"a.sub", "x.dag"}));
}

TEST(CheckTest, WhatIsNoDagFileIsSaid) {
  const TemporaryDirectory folder;
  EXPECT_EQ(Check(folder.path(), {"nosuch.dag"}).status.value, 66);
  EXPECT_EQ(Check(folder.path(), {}).status.value, 64);
  EXPECT_EQ(Check(folder.path(), {"--frobnicate", "x.dag"}).status.value, 64);
}

}  // namespace
}  // namespace roost::test
