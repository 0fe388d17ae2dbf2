#include "yolo/image/plot_heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "yolo/image/plot_axes.h"

namespace roost::yolo {
namespace {

using Align = Canvas::Align;
using Area = Canvas::Area;

/// White to dark blue, `value` from 0 to 1.
Color Blue(double value) {
  constexpr std::array<Color, 5> kStops = {
      {{255, 255, 255}, {239, 219, 198}, {214, 174, 107}, {181, 113, 33}, {107, 48, 8}}};
  const double scaled = std::clamp(value, 0.0, 1.0) * (kStops.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(scaled), kStops.size() - 2);
  const double part = scaled - static_cast<double>(below);
  Color color{};
  for (std::size_t i = 0; i < color.size(); ++i) {
    color[i] =
        static_cast<std::uint8_t>(std::lrint(kStops[below][i] * (1 - part) + kStops[below + 1][i] * part));
  }
  return color;
}

/// Names of rows or columns; numbers where there are none.
std::vector<std::string> NamesOr(const std::vector<std::string>& names, std::size_t count) {
  std::vector<std::string> all = names;
  while (all.size() < count) all.push_back(std::to_string(all.size()));
  return all;
}

class Drawing {
 public:
  Drawing(const HeatMap& map, Size size)
      : map_(map),
        canvas_(size),
        width_(static_cast<double>(size.width)),
        height_(static_cast<double>(size.height)) {
    for (const double value : map.values) {
      if (std::isfinite(value)) largest_ = std::max(largest_, value);
    }
    if (map.largest > 0) largest_ = map.largest;
    if (largest_ <= 0) largest_ = 1;
    PlaceArea();
  }

  Image Draw() {
    DrawCells();
    DrawRowNames();
    DrawColumnNames();
    DrawScale();
    canvas_.Frame(area_, kInk, 1, {0, 0, width_, height_});
    DrawSurroundings(canvas_, {map_.title, map_.x_label, map_.y_label}, area_);
    return canvas_.Finish();
  }

 private:
  static constexpr double kTop = 34;
  static constexpr double kScaleWidth = 18;
  static constexpr double kScaleRoom = 80;

  void PlaceArea() {
    const double most = std::min(width_, height_) / 4;
    const auto longest = [&](const std::vector<std::string>& names) {
      double width = 12;
      for (const std::string& name : names) width = std::max(width, Canvas::TextWidth(name, kTickHeight));
      return std::min(width, most);
    };
    if (!map_.y_axis) rows_ = NamesOr(map_.row_names, map_.rows);
    if (!map_.x_axis) columns_ = NamesOr(map_.column_names, map_.columns);
    row_room_ = map_.y_axis ? 30 : longest(rows_);
    column_room_ = map_.x_axis ? 16 : longest(columns_);
    area_ = {.left = row_room_ + 16 + (map_.y_label.empty() ? 0 : 20),
             .top = kTop,
             .right = width_ - kScaleRoom,
             .bottom = height_ - column_room_ - 14 - (map_.x_label.empty() ? 0 : 20)};
    if (!map_.square || map_.rows == 0 || map_.columns == 0) return;
    const double side = std::min(area_.width() / static_cast<double>(map_.columns),
                                 area_.height() / static_cast<double>(map_.rows));
    area_.right = area_.left + side * static_cast<double>(map_.columns);
    area_.bottom = area_.top + side * static_cast<double>(map_.rows);
  }

  double EdgeX(std::size_t column) const {
    return area_.left + area_.width() * static_cast<double>(column) / static_cast<double>(map_.columns);
  }
  double EdgeY(std::size_t row) const {
    return area_.top + area_.height() * static_cast<double>(row) / static_cast<double>(map_.rows);
  }

  void DrawCells() {
    for (std::size_t row = 0; row < map_.rows; ++row) {
      for (std::size_t column = 0; column < map_.columns; ++column) {
        const double value = map_.values[row * map_.columns + column];
        if (!std::isfinite(value)) continue;
        const Area cell{EdgeX(column), EdgeY(row), EdgeX(column + 1), EdgeY(row + 1)};
        canvas_.Fill(cell, Blue(value / largest_));
        if (map_.annotated) Annotate(value, cell);
      }
    }
  }

  void Annotate(double value, const Area& cell) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", value);
    const double height = std::min(kTickHeight, cell.width() / 5);
    if (height < 3) return;
    canvas_.Text(text, {(cell.left + cell.right) / 2, (cell.top + cell.bottom) / 2}, height, Align::kCenter,
                 value > largest_ / 2 ? kWhite : kInk);
  }

  void DrawRowNames() {
    if (map_.y_axis) {
      const Axes axes{{0, 1}, *map_.y_axis, area_};
      for (const Tick& tick : TicksIn(axes.y, 5)) {
        canvas_.Text(tick.text, {area_.left - 7, axes.ToY(tick.value)}, kTickHeight, Align::kRight, kInk);
      }
      return;
    }
    const double each = area_.height() / std::max<double>(static_cast<double>(rows_.size()), 1);
    for (std::size_t i = 0; i < map_.rows; i += StepFor(each)) {
      canvas_.Text(Shortened(rows_[i], kTickHeight, row_room_),
                   {area_.left - 7, (EdgeY(i) + EdgeY(i + 1)) / 2}, kTickHeight, Align::kRight, kInk);
    }
  }

  void DrawColumnNames() {
    if (map_.x_axis) {
      const Axes axes{*map_.x_axis, {0, 1}, area_};
      for (const Tick& tick : TicksIn(axes.x, 5)) {
        canvas_.Text(tick.text, {axes.ToX(tick.value), area_.bottom + 14}, kTickHeight, Align::kCenter, kInk);
      }
      return;
    }
    const double each = area_.width() / std::max<double>(static_cast<double>(columns_.size()), 1);
    for (std::size_t i = 0; i < map_.columns; i += StepFor(each)) {
      canvas_.Text(Shortened(columns_[i], kTickHeight, column_room_),
                   {(EdgeX(i) + EdgeX(i + 1)) / 2, area_.bottom + 6}, kTickHeight, Align::kRight, kInk,
                   Canvas::Turn::kUpwards);
    }
  }

  /// Every how many names one can be read.
  static std::size_t StepFor(double each) {
    return static_cast<std::size_t>(std::max(std::ceil((kTickHeight + 4) / each), 1.0));
  }

  /// Which colour is which number.
  void DrawScale() {
    constexpr int kSteps = 128;
    const Area scale{area_.right + 16, area_.top, area_.right + 16 + kScaleWidth, area_.bottom};
    const double step = scale.height() / kSteps;
    for (int i = 0; i < kSteps; ++i) {
      canvas_.Fill({scale.left, scale.bottom - (i + 1) * step, scale.right, scale.bottom - i * step},
                   Blue((i + 0.5) / kSteps));
    }
    canvas_.Frame(scale, kInk, 1, {0, 0, width_, height_});
    const Axes axes{{0, 1}, {0, largest_}, scale};
    for (const Tick& tick : TicksIn(axes.y, 5)) {
      canvas_.Text(tick.text, {scale.right + 6, axes.ToY(tick.value)}, kTickHeight, Align::kLeft, kInk);
    }
  }

  const HeatMap& map_;
  Canvas canvas_;
  double width_, height_;
  double largest_ = 0;
  double row_room_ = 0, column_room_ = 0;
  std::vector<std::string> rows_, columns_;
  Area area_;
};

}  // namespace

Image DrawHeatMap(const HeatMap& map, Size size) {
  ROOST_CHECK(map.values.size() == map.rows * map.columns, "a heat map with a number for each cell");
  return Drawing(map, size).Draw();
}

}  // namespace roost::yolo
