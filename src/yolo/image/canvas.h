#pragma once

#include <span>
#include <string>
#include <vector>

#include <opencv2/core.hpp>

#include "roost/yolo/image.h"

namespace roost::yolo {

/// A white sheet that plots are drawn on, twice as fine as the picture that comes of it. Lengths and places
/// are in pixels of the picture.
class Canvas {
 public:
  struct Place {
    double x = 0, y = 0;
  };
  struct Area {
    double left = 0, top = 0, right = 0, bottom = 0;
    double width() const { return right - left; }
    double height() const { return bottom - top; }
  };
  enum class Align { kLeft, kCenter, kRight };
  enum class Turn { kNone, kUpwards };

  explicit Canvas(Size size);

  Size size() const { return size_; }
  /// Points joined by a line, as far as it lies in `inside`.
  void Line(std::span<const Place> points, Color color, double width, const Area& inside);
  void Line(Place from, Place to, Color color, double width);
  void Dot(Place center, double radius, Color color, const Area& inside);
  void Fill(const Area& area, Color color);
  void Frame(const Area& area, Color color, double width, const Area& inside);

  /// `height` is that of capitals. Text is beside `place` as `align` says along its own direction, and
  /// centred on it across.
  void Text(const std::string& text, Place place, double height, Align align, Color color,
            Turn turn = Turn::kNone);
  static double TextWidth(const std::string& text, double height);

  Image Finish() const;

 private:
  cv::Mat Part(const Area& area);
  Size size_;
  cv::Mat sheet_;
};

}  // namespace roost::yolo
