#include "roost/base/clock.h"

#include <gtest/gtest.h>

namespace roost {
namespace {

TEST(FormatDuration, UsesTheUnitThatAPersonWould) {
  using std::chrono::milliseconds;
  EXPECT_EQ("0.8s", FormatDuration(milliseconds(800)));
  EXPECT_EQ("42s", FormatDuration(milliseconds(42'000)));
  EXPECT_EQ("1m00s", FormatDuration(milliseconds(59'600)));
  EXPECT_EQ("3m07s", FormatDuration(milliseconds(187'000)));
  EXPECT_EQ("2h05m", FormatDuration(milliseconds(7'500'000)));
}

TEST(FormatTime, WritesUtcWhenAsked) {
  const Clock::WallTime time{std::chrono::seconds(1'700'000'000)};
  EXPECT_EQ("2023-11-14 22:13:20", FormatTime(time, "%Y-%m-%d %H:%M:%S", /*utc=*/true));
}

}  // namespace
}  // namespace roost
