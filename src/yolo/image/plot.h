#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "roost/yolo/image.h"

/// Charts for people: what training and measuring have to show. Values in, a picture out; what they look like
/// is decided here. Texts are ASCII, other characters become '?'. Numbers that are not finite are left out.
namespace roost::yolo {

/// Points joined by a line, left to right.
struct ChartLine {
  std::string label;  ///< in the legend; empty: not there
  std::vector<double> x, y;
  Color color{180, 119, 31};
  double width = 1.5;    ///< pixels
  bool markers = false;  ///< a dot at each point
};

/// Bars beside each other at 0, 1, 2, ...
struct ChartBars {
  std::vector<double> heights;
  std::vector<std::string> names;  ///< below them; empty: numbers
  std::vector<Color> colors;       ///< of each, from the start again where they are fewer; none: one for all
};

/// The outline of a rectangle.
struct ChartBox {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  Color color{180, 119, 31};
};

/// From the left (or bottom) end of an axis to the other; `first` may be the larger one.
struct AxisRange {
  double first = 0, last = 1;
};

struct Chart {
  std::string title, x_label, y_label;
  std::optional<AxisRange> x_range, y_range;  ///< nothing: as the data needs
  std::vector<ChartLine> lines;               ///< later ones over earlier ones
  std::optional<ChartBars> bars;
  std::vector<ChartBox> boxes;
};

/// A table of numbers as colours, white to dark blue.
struct HeatMap {
  std::string title, x_label, y_label;
  std::size_t rows = 0, columns = 0;
  std::vector<double> values;                        ///< [rows, columns], the first row on top
  std::vector<std::string> row_names, column_names;  ///< none: numbers, or nothing where there are axes
  double largest = 0;                                ///< what is darkest; 0: the largest value
  bool annotated = false;                            ///< the numbers in the cells, with two digits
  bool square = false;                               ///< cells have equal sides
  std::optional<AxisRange> x_axis, y_axis;  ///< with ticks along them instead of names, for histograms
};

using Panel = std::variant<Chart, HeatMap>;

/// `size` at least 200 x 200. Throws Error where OpenCV cannot draw it.
Image DrawPanel(const Panel& panel, Size size);

/// Panels side by side, row by row, each of `size`.
Image DrawPanels(const std::vector<Panel>& panels, std::size_t columns, Size size);

/// How often points fall into each of bins x bins cells of [0, 1] x [0, 1], y upwards.
HeatMap CountInCells(const std::vector<double>& x, const std::vector<double>& y, std::size_t bins);

/// Distinct colours for lines, by number.
Color LineColor(std::size_t i);

}  // namespace roost::yolo
