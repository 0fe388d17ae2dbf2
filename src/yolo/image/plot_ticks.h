#pragma once

#include <string>
#include <vector>

#include "yolo/image/plot.h"

namespace roost::yolo {

struct Tick {
  double value = 0;
  std::string text;
};

/// Round numbers in a range, about as many as asked for.
std::vector<Tick> TicksIn(AxisRange range, int about);

/// A range a little larger than the numbers; 0 to 1 where there are none.
AxisRange RangeAround(double least, double largest);

}  // namespace roost::yolo
