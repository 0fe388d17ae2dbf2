#pragma once

#include <chrono>
#include <string>

namespace roost {

/// Where time comes from. Handed to whoever needs it, so that tests can move it by hand.
class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using WallTime = std::chrono::system_clock::time_point;

  virtual ~Clock() = default;
  /// Monotonic, for durations and deadlines.
  virtual TimePoint Now() const = 0;
  /// For people and logs.
  virtual WallTime WallNow() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
  WallTime WallNow() const override { return std::chrono::system_clock::now(); }
};

/// strftime(3) of `time` in the local time zone, or in UTC.
std::string FormatTime(Clock::WallTime time, const char* format, bool utc = false);

/// "0.8s", "42s", "3m07s", "2h05m".
std::string FormatDuration(std::chrono::duration<double> duration);

}  // namespace roost
