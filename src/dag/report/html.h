#pragma once

#include <string>
#include <string_view>

#include "dag/report/history.h"
#include "dag/report/run_numbers.h"

namespace roost::dag {

/// `text` as content or attribute value of HTML and SVG: whatever it holds, it stays text. Control characters
/// and bytes that are not UTF-8 become U+FFFD.
std::string Escaped(std::string_view text);

/// A number as CSS and SVG want it, one decimal.
std::string Decimal(double value);

/// "0:00", "12:34", "3:02:01": time since the run began.
std::string ClockTime(Seconds since);

/// What each piece of the page is made of.
struct PageFacts {
  const RunRecord& record;
  RunNumbers numbers;
  std::vector<NodeIndex> critical;  ///< CriticalPath()
  Clock::WallTime now;
};

/// Bars of the jobs by slot over time, as SVG.
std::string TimelineSvg(const PageFacts& facts);

/// The graph from left to right, as SVG, where it is small enough to be looked at; else empty.
std::string GraphSvg(const PageFacts& facts);

/// Style sheet and script of the page.
std::string_view PageStyle();
std::string_view PageScript();

}  // namespace roost::dag
