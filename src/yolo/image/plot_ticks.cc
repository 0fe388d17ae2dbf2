#include "yolo/image/plot_ticks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace roost::yolo {

std::vector<Tick> TicksIn(AxisRange range, int about) {
  const double low = std::min(range.first, range.last);
  const double high = std::max(range.first, range.last);
  std::vector<Tick> ticks;
  if (!(high > low) || !std::isfinite(high - low)) return ticks;
  const double rough = (high - low) / std::max(about, 1);
  const double decade = std::pow(10, std::floor(std::log10(rough)));
  double step = decade;
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    step = decade * factor;
    if (step >= rough * 0.999) break;
  }
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; (first + i) * step <= high + step * 1e-9 && i < 1000; ++i) {
    double value = (first + i) * step;
    if (std::abs(value) < step * 1e-9) value = 0;
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    ticks.push_back({value, text});
  }
  return ticks;
}

AxisRange RangeAround(double least, double largest) {
  if (!(least <= largest)) return {0, 1};
  const double room = largest > least ? (largest - least) * 0.05 : std::max(std::abs(least) * 0.05, 0.5);
  return {least - room, largest + room};
}

}  // namespace roost::yolo
