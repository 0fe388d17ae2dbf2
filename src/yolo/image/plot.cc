#include "yolo/image/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "yolo/image/mat.h"
#include "yolo/image/plot_axes.h"
#include "yolo/image/plot_heat_map.h"

namespace roost::yolo {
namespace {

using Align = Canvas::Align;
using Area = Canvas::Area;
using Place = Canvas::Place;

constexpr double kLegendLine = 18;    // pixels from one entry to the next
constexpr double kLegendSample = 24;  // of the line's own picture
constexpr double kTop = 34;

/// The least and the largest of the numbers that it has seen.
struct Extent {
  double least = std::numeric_limits<double>::infinity();
  double largest = -std::numeric_limits<double>::infinity();
  void Add(double value) {
    if (!std::isfinite(value)) return;
    least = std::min(least, value);
    largest = std::max(largest, value);
  }
};

AxisRange RangeOfX(const Chart& chart) {
  if (chart.x_range) return *chart.x_range;
  if (chart.bars) return {-0.6, static_cast<double>(chart.bars->heights.size()) - 0.4};
  Extent extent;
  for (const ChartLine& line : chart.lines)
    std::for_each(line.x.begin(), line.x.end(), [&](double x) { extent.Add(x); });
  for (const ChartBox& box : chart.boxes) {
    extent.Add(box.x1);
    extent.Add(box.x2);
  }
  return RangeAround(extent.least, extent.largest);
}

AxisRange RangeOfY(const Chart& chart) {
  if (chart.y_range) return *chart.y_range;
  Extent extent;
  for (const ChartLine& line : chart.lines)
    std::for_each(line.y.begin(), line.y.end(), [&](double y) { extent.Add(y); });
  for (const ChartBox& box : chart.boxes) {
    extent.Add(box.y1);
    extent.Add(box.y2);
  }
  if (!chart.bars) return RangeAround(extent.least, extent.largest);
  extent.Add(0);
  for (const double height : chart.bars->heights) extent.Add(height);
  return {extent.least, std::max(extent.largest * 1.05, extent.least + 1e-9)};
}

/// The entries of the legend that there is room for.
std::vector<const ChartLine*> LegendOf(const Chart& chart, double room) {
  std::vector<const ChartLine*> entries;
  for (const ChartLine& line : chart.lines) {
    if (!line.label.empty()) entries.push_back(&line);
  }
  // The last one is drawn on top, and mostly is what the chart is about: it is always there.
  const auto fit = static_cast<std::size_t>(std::max(room / kLegendLine, 1.0));
  if (entries.size() > fit)
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(fit) - 1, entries.end() - 1);
  return entries;
}

void DrawLegend(Canvas& canvas, const std::vector<const ChartLine*>& entries, Place corner, double width) {
  double y = corner.y + kLegendLine / 2;
  for (const ChartLine* line : entries) {
    canvas.Line({corner.x, y}, {corner.x + kLegendSample, y}, line->color, line->width);
    canvas.Text(Shortened(line->label, kTickHeight, width - kLegendSample - 6),
                {corner.x + kLegendSample + 6, y}, kTickHeight, Align::kLeft, kInk);
    y += kLegendLine;
  }
}

double WidthOfLegend(const std::vector<const ChartLine*>& entries, double most) {
  double width = 0;
  for (const ChartLine* line : entries) {
    width = std::max(width, kLegendSample + 6 + Canvas::TextWidth(line->label, kTickHeight));
  }
  return std::min(width, most);
}

void DrawGrid(Canvas& canvas, const Axes& axes, const std::vector<Tick>& x_ticks,
              const std::vector<Tick>& y_ticks) {
  const Area& area = axes.area;
  for (const Tick& tick : x_ticks) {
    const double x = axes.ToX(tick.value);
    canvas.Line({x, area.top}, {x, area.bottom}, kGridColor, 1);
    canvas.Text(tick.text, {x, area.bottom + 14}, kTickHeight, Align::kCenter, kInk);
  }
  for (const Tick& tick : y_ticks) {
    const double y = axes.ToY(tick.value);
    canvas.Line({area.left, y}, {area.right, y}, kGridColor, 1);
    canvas.Text(tick.text, {area.left - 7, y}, kTickHeight, Align::kRight, kInk);
  }
}

void DrawBars(Canvas& canvas, const ChartBars& bars, const Axes& axes) {
  constexpr double kHalf = 0.4;
  for (std::size_t i = 0; i < bars.heights.size(); ++i) {
    if (!std::isfinite(bars.heights[i])) continue;
    const double at = static_cast<double>(i);
    Area bar{axes.ToX(at - kHalf), axes.ToY(std::max(bars.heights[i], 0.0)), axes.ToX(at + kHalf),
             axes.ToY(std::min(bars.heights[i], 0.0))};
    bar.top = std::max(bar.top, axes.area.top);
    const Color color = bars.colors.empty() ? LineColor(0) : bars.colors[i % bars.colors.size()];
    if (bar.height() > 0) canvas.Fill(bar, color);
  }
}

/// The names below bars: as many as can be read, upwards where they are long.
void DrawBarNames(Canvas& canvas, const std::vector<std::string>& names, const Axes& axes, double room) {
  const double each = axes.area.width() / std::max<double>(static_cast<double>(names.size()), 1);
  const auto step = static_cast<std::size_t>(std::max(std::ceil((kTickHeight + 5) / each), 1.0));
  double longest = 0;
  for (const std::string& name : names) longest = std::max(longest, Canvas::TextWidth(name, kTickHeight));
  const bool level = longest < each - 6;
  for (std::size_t i = 0; i < names.size(); i += step) {
    const double x = axes.ToX(static_cast<double>(i));
    if (level) {
      canvas.Text(names[i], {x, axes.area.bottom + 14}, kTickHeight, Align::kCenter, kInk);
    } else {
      canvas.Text(Shortened(names[i], kTickHeight, room), {x, axes.area.bottom + 6}, kTickHeight,
                  Align::kRight, kInk, Canvas::Turn::kUpwards);
    }
  }
}

void DrawLines(Canvas& canvas, const std::vector<ChartLine>& lines, const Axes& axes) {
  for (const ChartLine& line : lines) {
    std::vector<Place> places;
    for (std::size_t i = 0; i < std::min(line.x.size(), line.y.size()); ++i) {
      places.push_back({axes.ToX(line.x[i]), axes.ToY(line.y[i])});
    }
    canvas.Line(places, line.color, line.width, axes.area);
    if (!line.markers) continue;
    for (const Place& place : places) canvas.Dot(place, line.width * 1.5, line.color, axes.area);
  }
}

Image DrawChart(const Chart& chart, Size size) {
  Canvas canvas(size);
  const auto width = static_cast<double>(size.width);
  const auto height = static_cast<double>(size.height);
  Axes axes{RangeOfX(chart), RangeOfY(chart), {}};
  const bool has_names = chart.bars && !chart.bars->names.empty();
  const double name_room = has_names ? std::min(height / 4, 110.0) : 12;
  axes.area = {.top = kTop, .bottom = height - 14 - name_room - (chart.x_label.empty() ? 0 : 20)};

  const std::vector<Tick> y_ticks = TicksIn(axes.y, std::max(static_cast<int>(axes.area.height() / 60), 4));
  double tick_width = 0;
  for (const Tick& tick : y_ticks)
    tick_width = std::max(tick_width, Canvas::TextWidth(tick.text, kTickHeight));
  axes.area.left = 16 + tick_width + (chart.y_label.empty() ? 0 : 20);
  const auto legend = LegendOf(chart, axes.area.height());
  const double legend_width = WidthOfLegend(legend, width / 3);
  axes.area.right = width - 22 - (legend.empty() ? 0 : legend_width + 16);
  const std::vector<Tick> x_ticks =
      has_names ? std::vector<Tick>()
                : TicksIn(axes.x, std::max(static_cast<int>(axes.area.width() / 80), 3));

  DrawGrid(canvas, axes, x_ticks, y_ticks);
  if (chart.bars) DrawBars(canvas, *chart.bars, axes);
  for (const ChartBox& box : chart.boxes) {
    canvas.Frame({axes.ToX(box.x1), axes.ToY(box.y1), axes.ToX(box.x2), axes.ToY(box.y2)}, box.color, 1,
                 axes.area);
  }
  DrawLines(canvas, chart.lines, axes);
  const Area sheet{0, 0, width, height};
  canvas.Frame(axes.area, kInk, 1, sheet);
  if (has_names) DrawBarNames(canvas, chart.bars->names, axes, name_room);
  DrawLegend(canvas, legend, {axes.area.right + 16, axes.area.top}, legend_width);
  DrawSurroundings(canvas, {chart.title, chart.x_label, chart.y_label}, axes.area);
  return canvas.Finish();
}

}  // namespace

Color LineColor(std::size_t i) {
  // Tableau's ten, blue first, as BGR: apart from each other also for most who see few colours.
  constexpr std::array<Color, 10> kColors = {{{180, 119, 31},
                                              {14, 127, 255},
                                              {44, 160, 44},
                                              {40, 39, 214},
                                              {189, 103, 148},
                                              {75, 86, 140},
                                              {194, 119, 227},
                                              {127, 127, 127},
                                              {34, 189, 188},
                                              {207, 190, 23}}};
  return kColors[i % kColors.size()];
}

Image DrawPanel(const Panel& panel, Size size) {
  constexpr std::int64_t kLeast = 200;
  ROOST_CHECK(size.height >= kLeast && size.width >= kLeast, "a plot too small for its texts");
  try {
    if (const auto* chart = std::get_if<Chart>(&panel)) return DrawChart(*chart, size);
    return DrawHeatMap(std::get<HeatMap>(panel), size);
  } catch (const cv::Exception& error) {
    throw Error("cannot draw a plot: " + FirstLine(error));
  }
}

Image DrawPanels(const std::vector<Panel>& panels, std::size_t columns, Size size) {
  const std::size_t rows = (panels.size() + columns - 1) / columns;
  Image picture({size.height * static_cast<std::int64_t>(std::max<std::size_t>(rows, 1)),
                 size.width * static_cast<std::int64_t>(columns)},
                kWhite);
  cv::Mat sheet = AsMat(picture);
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const Image panel = DrawPanel(panels[i], size);
    const cv::Rect place(static_cast<int>(size.width) * static_cast<int>(i % columns),
                         static_cast<int>(size.height) * static_cast<int>(i / columns),
                         static_cast<int>(size.width), static_cast<int>(size.height));
    AsMat(panel).copyTo(sheet(place));
  }
  return picture;
}

HeatMap CountInCells(const std::vector<double>& x, const std::vector<double>& y, std::size_t bins) {
  HeatMap map{.rows = bins, .columns = bins, .x_axis = AxisRange{0, 1}, .y_axis = AxisRange{0, 1}};
  map.values.resize(bins * bins, 0.0);
  const auto cell = [&](double value) {
    const double scaled = std::clamp(value, 0.0, 1.0) * static_cast<double>(bins);
    return std::min(static_cast<std::size_t>(scaled), bins - 1);
  };
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (std::isfinite(x[i]) && std::isfinite(y[i])) ++map.values[(bins - 1 - cell(y[i])) * bins + cell(x[i])];
  }
  return map;
}

}  // namespace roost::yolo
