#pragma once

#include "yolo/image/plot.h"

namespace roost::yolo {

Image DrawHeatMap(const HeatMap& map, Size size);

}  // namespace roost::yolo
