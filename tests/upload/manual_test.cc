// What people read and type must be what the programs know.

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost {
namespace {

constexpr std::string_view kFlagCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// Words like "--save-txt" and "-maxjobs" in `text`.
std::set<std::string> FlagsIn(const std::string& text) {
  std::set<std::string> flags;
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    const bool starts_word =
        begin == 0 || std::string_view(" ,\n[(\"").find(text[begin - 1]) != std::string::npos;
    if (text[begin] != '-' || !starts_word) continue;
    const std::size_t end = std::min(text.find_first_not_of(kFlagCharacters, begin), text.size());
    const std::string flag = text.substr(begin, end - begin);
    if (flag.find_first_not_of('-') != std::string::npos) flags.insert(flag);
    begin = end;
  }
  return flags;
}

std::string Without(std::string text, const std::string& what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.erase(at, what.size());
  return text;
}

class ManualTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(test::Program(GetParam())))
      GTEST_SKIP() << GetParam() << " is not built here";
    const auto run = test::RunCommand({test::Program(GetParam()).string(), "--help"});
    ASSERT_EQ(0, run.status.value) << run.err;
    for (const std::string& line : Split(run.out, '\n')) {
      if (Trim(line).starts_with('-')) help_.merge(FlagsIn(line));  // elsewhere flags are used, not described
    }
    ASSERT_TRUE(help_.contains("--version") && help_.size() > 5) << run.out;
  }

  std::set<std::string> help_;
};

TEST_P(ManualTest, TheManualPageDescribesEveryFlagOfTheHelp) {
  const std::string page =
      Without(test::ReadText(test::SourceDir() / "docs/man" / (std::string(GetParam()) + ".1")), "\\");
  const std::set<std::string> described = FlagsIn(page);
  for (const std::string& flag : help_) EXPECT_TRUE(described.contains(flag)) << flag;
}

TEST_P(ManualTest, BashCompletesEveryLongFlagOfTheHelp) {
  const std::string script = "source '" + (test::SourceDir() / "configs/completion/roost.bash").string() +
                             "'; COMP_WORDS=(" + GetParam() + " -); COMP_CWORD=1; COMPREPLY=(); " +
                             "$(complete -p " + GetParam() + " | sed 's/.*-F \\([^ ]*\\).*/\\1/'); " +
                             "printf '%s\\n' \"${COMPREPLY[@]}\"";
  const auto run = test::RunCommand({"bash", "-c", script});
  ASSERT_EQ(0, run.status.value) << run.err;
  const std::set<std::string> offered = FlagsIn(run.out);
  for (const std::string& flag : help_) {
    const bool is_short = flag.size() == 2;
    EXPECT_TRUE(is_short || offered.contains(flag)) << flag;
  }
  for (const std::string& flag : offered) EXPECT_TRUE(help_.contains(flag)) << flag << " is no flag";
}

INSTANTIATE_TEST_SUITE_P(Programs, ManualTest,
                         ::testing::Values("yolo-detect", "yolo-val", "yolo-train", "make-signs", "dagrun",
                                           "yolo-upload"),
                         [](const auto& program) {
                           std::string name = program.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace roost
