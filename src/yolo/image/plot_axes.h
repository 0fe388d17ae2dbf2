#pragma once

#include <string>
#include <vector>

#include "yolo/image/canvas.h"
#include "yolo/image/plot.h"
#include "yolo/image/plot_ticks.h"

namespace roost::yolo {

// Measures of plots, in pixels.
inline constexpr double kTitleHeight = 11;  // of capitals
inline constexpr double kLabelHeight = 9;
inline constexpr double kTickHeight = 8.5;
inline constexpr Color kInk{40, 40, 40};
inline constexpr Color kGridColor{228, 228, 228};
inline constexpr Color kWhite{255, 255, 255};

/// From values to places on a canvas.
struct Axes {
  AxisRange x, y;
  Canvas::Area area;

  double ToX(double value) const { return area.left + (value - x.first) / (x.last - x.first) * area.width(); }
  double ToY(double value) const {
    return area.bottom - (value - y.first) / (y.last - y.first) * area.height();
  }
};

/// What is written around the area of a plot.
struct Surroundings {
  std::string title, x_label, y_label;
};
void DrawSurroundings(Canvas& canvas, const Surroundings& texts, const Canvas::Area& area);

/// "some long na..", not wider than `width`.
std::string Shortened(const std::string& text, double height, double width);

}  // namespace roost::yolo
