#include "roost/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost {
namespace {

using ::testing::ElementsAre;

TEST(Text, TrimTakesWhiteSpaceFromBothEndsOnly) {
  EXPECT_EQ("a b", Trim(" \ta b\r\n"));
  EXPECT_EQ("", Trim(" \t"));
}

TEST(Text, SplitKeepsEmptyPiecesAndSplitAnyDropsThem) {
  EXPECT_THAT(Split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
  EXPECT_THAT(SplitAny(" a,, b ", ", "), ElementsAre("a", "b"));
}

TEST(Text, ParseIntTakesTheWholeTextOrNothing) {
  EXPECT_EQ(-12, ParseInt("-12"));
  EXPECT_EQ(std::nullopt, ParseInt("12x"));
  EXPECT_EQ(std::nullopt, ParseInt(""));
  EXPECT_EQ(std::nullopt, ParseInt("99999999999999999999"));
}

TEST(Text, ParseDoubleRefusesWhatIsNotAFiniteNumber) {
  EXPECT_EQ(0.25, ParseDouble("0.25"));
  EXPECT_EQ(std::nullopt, ParseDouble("nan"));
  EXPECT_EQ(std::nullopt, ParseDouble("0,25"));
}

TEST(Text, NamesAreComparedWithoutRegardToCase) {
  EXPECT_TRUE(EqualsIgnoreCase("Parent", "PARENT"));
  EXPECT_FALSE(EqualsIgnoreCase("Parent", "PARENTS"));
  EXPECT_FALSE(LessIgnoreCase()("ABC", "abc"));
  EXPECT_TRUE(LessIgnoreCase()("abc", "ABD"));
}

TEST(Text, PrintableReplacesControlCharactersAndBrokenUtf8) {
  EXPECT_EQ("caf\xC3\xA9", Printable("caf\xC3\xA9"));
  EXPECT_EQ("?[31mred", Printable("\033[31mred"));
  EXPECT_EQ("a?b", Printable("a\xFF"
                             "b"));
}

TEST(Text, FormatBytesKeepsTwoOrThreeDigits) {
  EXPECT_EQ("0 B", FormatBytes(0));
  EXPECT_EQ("999 B", FormatBytes(999));
  EXPECT_EQ("1.0 kB", FormatBytes(1000));
  EXPECT_EQ("1.5 kB", FormatBytes(1499));
  EXPECT_EQ("10 kB", FormatBytes(9990));
  EXPECT_EQ("999 kB", FormatBytes(999'499));
  EXPECT_EQ("1.0 MB", FormatBytes(999'500));
  EXPECT_EQ("18 EB", FormatBytes(UINT64_MAX));
}

TEST(Text, IsUtf8AcceptsWholeSequencesOnly) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("caf\xC3\xA9 \xF0\x9F\x98\x80"));
  EXPECT_FALSE(IsUtf8("caf\xC3"));
  EXPECT_FALSE(IsUtf8("\xA9"));
}

}  // namespace
}  // namespace roost
