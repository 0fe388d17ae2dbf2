#include "yolo/image/canvas.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

constexpr double kFineness = 2;
constexpr int kFractionBits = 4;  // of OpenCV's fixed-point coordinates
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kCapitals = 21;  // pixels of the font at scale 1

cv::Scalar ToScalar(Color color) { return {double(color[0]), double(color[1]), double(color[2])}; }

int Whole(double value) { return static_cast<int>(std::lrint(value)); }

/// Fixed point; what lies far outside stays there without overflowing.
cv::Point Fixed(double x, double y) {
  constexpr double kFar = 1e5;
  const double unit = 1 << kFractionBits;
  return {Whole(std::clamp(x * kFineness, -kFar, kFar) * unit),
          Whole(std::clamp(y * kFineness, -kFar, kFar) * unit)};
}

int Thickness(double width) { return std::max(Whole(width * kFineness), 1); }

double ScaleOf(double height) { return height * kFineness / kCapitals; }
int StrokeOf(double height) { return std::max(Whole(height * kFineness / 9), 1); }

}  // namespace

Canvas::Canvas(Size size)
    : size_(size),
      sheet_(Whole(static_cast<double>(size.height) * kFineness),
             Whole(static_cast<double>(size.width) * kFineness), CV_8UC3, cv::Scalar::all(255)) {}

cv::Mat Canvas::Part(const Area& area) {
  const cv::Rect all(0, 0, sheet_.cols, sheet_.rows);
  const cv::Point first(Whole(area.left * kFineness), Whole(area.top * kFineness));
  const cv::Point last(Whole(area.right * kFineness) + 1, Whole(area.bottom * kFineness) + 1);
  return sheet_(cv::Rect(first, last) & all);
}

void Canvas::Line(std::span<const Place> points, Color color, double width, const Area& inside) {
  cv::Mat part = Part(inside);
  if (part.empty()) return;
  const double left = std::round(inside.left * kFineness) / kFineness;
  const double top = std::round(inside.top * kFineness) / kFineness;
  std::vector<cv::Point> fixed;
  const auto draw = [&] {
    if (fixed.size() == 1) fixed.push_back(fixed.front());
    if (!fixed.empty()) {
      cv::polylines(part, fixed, /*isClosed=*/false, ToScalar(color), Thickness(width), cv::LINE_AA,
                    kFractionBits);
    }
    fixed.clear();
  };
  for (const Place& point : points) {
    if (std::isfinite(point.x) && std::isfinite(point.y)) {
      fixed.push_back(Fixed(point.x - left, point.y - top));
    } else {
      draw();
    }
  }
  draw();
}

void Canvas::Line(Place from, Place to, Color color, double width) {
  const std::array<Place, 2> ends = {from, to};
  Line(ends, color, width, {0, 0, static_cast<double>(size_.width), static_cast<double>(size_.height)});
}

void Canvas::Dot(Place center, double radius, Color color, const Area& inside) {
  cv::Mat part = Part(inside);
  if (part.empty() || !std::isfinite(center.x) || !std::isfinite(center.y)) return;
  cv::circle(part, Fixed(center.x - inside.left, center.y - inside.top),
             Whole(radius * kFineness * (1 << kFractionBits)), ToScalar(color), cv::FILLED, cv::LINE_AA,
             kFractionBits);
}

void Canvas::Fill(const Area& area, Color color) { Part(area).setTo(ToScalar(color)); }

void Canvas::Frame(const Area& area, Color color, double width, const Area& inside) {
  const std::array<Place, 5> corners = {Place{area.left, area.top}, Place{area.right, area.top},
                                        Place{area.right, area.bottom}, Place{area.left, area.bottom},
                                        Place{area.left, area.top}};
  Line(corners, color, width, inside);
}

double Canvas::TextWidth(const std::string& text, double height) {
  return cv::getTextSize(text, kFont, ScaleOf(height), StrokeOf(height), nullptr).width / kFineness;
}

void Canvas::Text(const std::string& text, Place place, double height, Align align, Color color, Turn turn) {
  if (text.empty()) return;
  // On a sheet of its own: what is turned has to be, and the rest may as well.
  const int margin = StrokeOf(height) + 2;
  const cv::Size size = cv::getTextSize(text, kFont, ScaleOf(height), StrokeOf(height), nullptr);
  const int capitals = Whole(height * kFineness);
  const int descent = capitals / 2;
  cv::Mat own(capitals + 2 * descent, size.width + 2 * margin, CV_8UC3, cv::Scalar::all(255));
  cv::putText(own, text, {margin, descent + capitals}, kFont, ScaleOf(height), ToScalar(color),
              StrokeOf(height), cv::LINE_AA);
  if (turn == Turn::kUpwards) cv::rotate(own, own, cv::ROTATE_90_COUNTERCLOCKWISE);
  const int length = turn == Turn::kNone ? own.cols : own.rows;
  const int across = turn == Turn::kNone ? own.rows : own.cols;
  int before = margin;  // of the text, along its direction, up to `place`
  if (align == Align::kCenter) before = length / 2;
  if (align == Align::kRight) before = length - margin;
  const cv::Point at(Whole(place.x * kFineness), Whole(place.y * kFineness));
  const cv::Point corner = turn == Turn::kNone ? cv::Point(at.x - before, at.y - across / 2)
                                               : cv::Point(at.x - across / 2, at.y + before - length);
  const cv::Rect target = cv::Rect(corner, own.size()) & cv::Rect(0, 0, sheet_.cols, sheet_.rows);
  if (target.empty()) return;
  cv::Mat part = sheet_(target);
  const cv::Mat source = own(target - corner);
  const bool dark = color[0] + color[1] + color[2] < 384;
  if (dark) {
    cv::min(part, source, part);
  } else {  // light text: where it is, the sheet takes its colour
    cv::Mat mask;
    cv::putText(own = cv::Scalar::all(0), text, {margin, descent + capitals}, kFont, ScaleOf(height),
                ToScalar(color), StrokeOf(height), cv::LINE_AA);
    cv::max(part, own(target - corner), part);
  }
}

Image Canvas::Finish() const {
  cv::Mat picture;
  cv::resize(sheet_, picture, {static_cast<int>(size_.width), static_cast<int>(size_.height)}, 0, 0,
             cv::INTER_AREA);
  return FromMat(std::move(picture));
}

}  // namespace roost::yolo
