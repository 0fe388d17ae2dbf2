#include "roost/base/clock.h"

#include <cmath>
#include <cstdio>
#include <ctime>

namespace roost {

std::string FormatTime(Clock::WallTime time, const char* format, bool utc) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  if (utc) {
    ::gmtime_r(&seconds, &parts);
  } else {
    ::localtime_r(&seconds, &parts);
  }
  char text[128];
  return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

std::string FormatDuration(std::chrono::duration<double> duration) {
  const double seconds = duration.count();
  char text[64];
  if (seconds < 9.95) {
    std::snprintf(text, sizeof text, "%.1fs", seconds);
  } else if (seconds < 59.5) {
    std::snprintf(text, sizeof text, "%.0fs", seconds);
  } else if (seconds < 3599.5) {
    const long total = std::lround(seconds);
    std::snprintf(text, sizeof text, "%ldm%02lds", total / 60, total % 60);
  } else {
    const long minutes = std::lround(seconds / 60);
    std::snprintf(text, sizeof text, "%ldh%02ldm", minutes / 60, minutes % 60);
  }
  return text;
}

}  // namespace roost
