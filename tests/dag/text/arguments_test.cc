#include <gtest/gtest.h>

#include "dag/text/arithmetic.h"
#include "roost/base/text.h"
#include "roost/dag/submit.h"

namespace roost::dag {
namespace {

/// "[a] [b c]", or "error: ..." in one text, so that a table of cases stays readable.
std::string Shown(const Result<std::vector<std::string>>& words) {
  if (!words) return "error: " + words.error().message();
  std::string text;
  for (const std::string& word : *words) text += "[" + word + "]";
  return text;
}

TEST(Arguments, AreSplitInTheOldAndTheNewSyntax) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"a b  c", "[a][b][c]"},
      {"a\\\"b 'c d' \\n", "[a\"b]['c][d'][\\n]"},
      {"a\"b",
       "error: a double quote within arguments must be written \\\", or all of them be put in quotes"},
      {"\"\"", ""},
      {"\"''\"", "[]"},
      {"\"a 'b  c' d\"", "[a][b  c][d]"},
      {"\"pre'mid dle'post\"", "[premid dlepost]"},
      {"\"'it''s' \"\"quoted\"\"\"", "[it's][\"quoted\"]"},
      {"  \"a\tb\"  ", "[a][b]"},
      {"\"a", "error: the quoted arguments must end with a double quote"},
      {"\"", "error: the quoted arguments must end with a double quote"},
      {"\"a\"b\"", "error: a double quote within the quoted arguments must be doubled (\"\")"},
      {"\"a 'b\"", "error: a single quote (') is not closed"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(expected, Shown(ParseArguments(text))) << text;
}

TEST(Environment, IsSplitInTheOldAndTheNewSyntax) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"A=1;B=two words; C =x", "[A=1][B=two words][C=x]"},
      {"A=1;;", "[A=1]"},
      {"A=1;A=2", "[A=2]"},
      {"A", "error: 'A' is not NAME=value"},
      {"=1", "error: '=1' is not NAME=value"},
      {"\"A=1 B='x y' C=''\"", "[A=1][B=x y][C=]"},
      {"\"A=a=b;c\"", "[A=a=b;c]"},
      {"\"A\"", "error: 'A' is not NAME=value"},
      {"\"A=1", "error: the quoted environment must end with a double quote"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(expected, Shown(ParseEnvironment(text))) << text;
}

TEST(Arithmetic, ComputesAsClassAdsDo) {
  const std::pair<const char*, double> cases[] = {{"7", 7},   {" 1 + 2 * 3 ", 7}, {"(1+2)*3", 9},
                                                  {"7/2", 3}, {"-7/2", -3},       {"7.0/2", 3.5},
                                                  {"7%4", 3}, {"max(2, 3)", 3},   {"1e3", 1000}};
  for (const auto& [text, expected] : cases) {
    const auto number = EvaluateNumber(text);
    ASSERT_TRUE(number.ok()) << text;
    EXPECT_EQ(expected, *number) << text;
  }
}

TEST(Arithmetic, RefusesWhatIsNoNumber) {
  for (const char* text :
       {"", "x", "1 2", "(1", "1)", "1/0", "1%0", "1 +", "\"1\"", "nan", "1e999", "2 == 2"}) {
    EXPECT_FALSE(EvaluateNumber(text).ok()) << text;
  }
  EXPECT_FALSE(EvaluateNumber(std::string(100'000, '(')).ok());
  EXPECT_FALSE(EvaluateInteger("1.5").ok());
}

}  // namespace
}  // namespace roost::dag
